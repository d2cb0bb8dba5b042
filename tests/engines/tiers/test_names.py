"""Memory knows the names of those it has heard of."""

from pathlib import Path

import pytest

from memory_router import paths
from memory_router.engines.tiers.names import names_in_memories
from memory_router.engines.tiers.store import MemoryStore


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything lie in a folder of the test."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path))


def test_names_are_capitalised_words_within_a_sentence() -> None:
    """The first word of a sentence is no name, and neither is a German noun."""
    store = MemoryStore.open(paths.memory_db())
    store.remember("The dog of the user is called Biscuit")
    store.remember("Das ist der Hund von unserem Nachbarn")
    store.close()
    assert names_in_memories() == {"biscuit"}


def test_without_memories_there_are_no_names() -> None:
    """Nobody has to have remembered anything."""
    assert names_in_memories() == frozenset()
