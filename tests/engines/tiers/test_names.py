"""Memory knows the names of those it has heard of."""

from pathlib import Path

from memory_router.engines.tiers.names import names_in_memories
from memory_router.engines.tiers.store import MemoryStore


def test_names_are_capitalised_words_within_a_sentence(tmp_path: Path) -> None:
    """The first word of a sentence is no name, and neither is a German noun."""
    database = str(tmp_path / "memory.db")
    store = MemoryStore.open(database)
    store.remember("The dog of the user is called Biscuit")
    store.remember("Das ist der Hund von unserem Nachbarn")
    store.close()
    assert names_in_memories(database) == {"biscuit"}


def test_without_memories_there_are_no_names(tmp_path: Path) -> None:
    """Nobody has to have remembered anything."""
    assert names_in_memories(str(tmp_path / "none.db")) == frozenset()
