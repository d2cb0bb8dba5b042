"""Suggestions, outcomes and profiles are copied whole, also where others have taken the same numbers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory_router.outcomes import memory
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.retrieval import read
from memory_router.outcomes.schema import SCHEMA, TABLES
from memory_router.outcomes.search import OutcomeSelection
from memory_router.outcomes.store import OutcomeStore
from memory_router.storage.database import Database, open_database
from memory_router.storage.transfer import check
from tests.outcomes.conftest import NOW


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Database]:
    """Return the advice tables of another machine."""
    opened = open_database(f"sqlite:{tmp_path}/other.db", SCHEMA)
    yield opened
    opened.close()


def fill(advice: OutcomeMemory) -> None:
    """Let ann decide, on this machine; one of her outcomes is compacted, one suggestion waits."""
    advice.record("ann", "reduce_source", "theverge", "rejected", evidence=[1], decided_at="2025-01-01T00:00:00Z")
    advice.compaction().run("ann")
    made = advice.suggest("ann", "add_topic", "kubernetes", evidence={"rate": 0.9})
    advice.decide(made.suggestion_id, "accepted", config_after={"kubernetes": 1.0})
    advice.suggest("ann", "add_topic", "rust")


@pytest.mark.parametrize("direction", ["there", "back"])
def test_copies_are_complete(advice: OutcomeMemory, other: Database, tmp_path: Path, direction: str) -> None:
    """Numbers that are taken are given anew, references follow, a second copy adds nothing, searches find."""
    own, theirs = (advice.database, other) if direction == "there" else (other, advice.database)
    mine, team = (OutcomeMemory(one, f"{tmp_path}/p.md", f"{tmp_path}/archive", lambda: NOW) for one in (own, theirs))
    fill(mine)
    team.record("bob", "add_topic", "go", "accepted")
    team.record("ann", "add_topic", "music", "rejected")
    copied = memory.copy_outcomes(own, theirs)
    assert {one.table: (one.rows, one.added) for one in copied} == {
        "config_suggestions": (3, 3),
        "suggestion_outcomes": (2, 2),
        "user_preference_profiles": (1, 0),
    }
    assert sum(one.added for one in memory.copy_outcomes(own, theirs)) == 0
    outcomes = {one.suggestion_value: one for one in team.outcomes.all("ann")}
    assert set(outcomes) == {"theverge", "kubernetes", "music"}
    for one in outcomes.values():
        assert team.suggestions.get(one.suggestion_id).suggestion_value == one.suggestion_value
    assert outcomes["kubernetes"].evidence_summary == {"rate": 0.9}
    assert [one.suggestion_value for one in team.suggestions.pending("ann")] == ["rust"]
    assert check(theirs, SCHEMA, TABLES) == check(own, SCHEMA, TABLES) == []
    for text in ("theverge", "kubernetes"):
        hits = read(theirs, "search", OutcomeSelection("ann"), text=text, now=NOW).results
        assert text in hits[0]["snippet"]


def test_profiles_follow_from_both(advice: OutcomeMemory, other: Database) -> None:
    """Where both know a user, the profile counts the outcomes of both, and compaction's mark is kept where it was."""
    fill(advice)
    store = OutcomeStore(other, lambda: NOW)
    store.record("ann", "add_topic", "music", "rejected")
    memory.copy_outcomes(advice.database, other)
    found = store.profile("ann")
    assert found.total_outcomes == 3
    assert found == store.recompute("ann")
    assert (found.acceptance_stats["add_topic"]["accepted"], found.acceptance_stats["add_topic"]["rejected"]) == (1, 1)


def test_what_is_decided_after_a_copy_is_decided_there(advice: OutcomeMemory, other: Database) -> None:
    """A suggestion that waited when it was copied waits no longer once its outcome is copied, too."""
    made = advice.suggest("ann", "add_topic", "rust")
    memory.copy_outcomes(advice.database, other)
    advice.decide(made.suggestion_id, "rejected")
    memory.copy_outcomes(advice.database, other)
    assert other.rows("SELECT status FROM config_suggestions") == [{"status": "rejected"}]
    assert OutcomeStore(other).profile("ann").total_outcomes == 1


def test_lost_references_are_found(advice: OutcomeMemory) -> None:
    """An outcome whose suggestion is gone is told, where the database itself lets that happen."""
    if advice.database.dialect == "postgresql":
        pytest.skip("PostgreSQL refuses it")
    fill(advice)
    advice.database.run("DELETE FROM config_suggestions WHERE suggestion_value = 'theverge'")
    assert check(advice.database, SCHEMA, TABLES) == [
        "suggestion_outcomes: 1 rows have a suggestion_id that is not there"
    ]
