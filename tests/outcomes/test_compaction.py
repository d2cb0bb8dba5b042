"""Compaction drops nothing that is not proved to be archived, and changes neither profiles nor what is found."""

import gzip
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.errors import AdviceError, StoreError
from memory_router.outcomes import compaction
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.retrieval import read, tokens
from memory_router.outcomes.schema import SCHEMA
from memory_router.outcomes.search import OutcomeSelection
from memory_router.outcomes.store import OUTCOMES, OutcomeStore
from memory_router.storage import files
from memory_router.storage.database import Database, open_database
from memory_router.text import embedding
from tests.outcomes.conftest import NOW

_DROPPED: dict[str, Any] = dict.fromkeys(("user_reason", "config_before", "config_after", "evidence_summary"))
CONFIG = {f"source {number}": 1.0 for number in range(40)}


def record(advice: OutcomeMemory, number: int, day: str, user: str = "ann") -> None:
    """Record an outcome with everything that one can have, and nothing that follows from it."""
    advice.outcomes.record(
        user,
        ("add_topic", "reduce_source")[number % 2],
        f"thing {number}",
        ("rejected", "accepted", "accepted")[number % 3],
        reason="I like their gaming coverage",
        config_before=CONFIG,
        config_after={**CONFIG, "source 1": 0.5},
        evidence=[{"url": f"https://example.com/{number}/{one}", "title": "A title " * 8} for one in range(5)],
        decided_at=f"{day}T10:00:00Z",
        key=f"{user} {number}",
    )


def fill(advice: OutcomeMemory, old: int, new: int) -> None:
    """Record old outcomes and new ones."""
    for number in range(old + new):
        record(advice, number, "2025-11-01" if number < old else "2026-01-20")


def size(advice: OutcomeMemory) -> int:
    """Return how many bytes of values the tables of suggestions and outcomes hold."""
    tables = ("suggestion_outcomes", "config_suggestions")
    rows = [row for table in tables for row in advice.database.rows(f"SELECT * FROM {table}")]
    values = [value for row in rows for value in row.values() if value]
    return sum(len(value if isinstance(value, bytes) else str(value)) for value in values)


def test_what_is_old_is_small_and_found(advice: OutcomeMemory) -> None:
    """Of 150 outcomes, 125 of them old, 70 % of the size goes; profile, core, tags and meaning stay (seed 003)."""
    fill(advice, 125, 25)
    before = advice.outcomes.profile("ann"), advice.outcomes.all("ann")
    everything, ids = size(advice), range(1, 151)
    read_before = sum(tokens(one) for one in read(advice.database, "detail", OutcomeSelection("ann"), ids=ids).results)
    compacted = advice.compaction().run("ann")
    profile, outcomes = advice.outcomes.profile("ann"), advice.outcomes.all("ann")
    assert (compacted.outcomes, len(compacted.archives)) == (125, 1)
    assert profile == before[0]._replace(compacted_through="2025-11-01T10:00:00.000Z")
    assert advice.outcomes.recompute("ann") == profile
    assert outcomes == [one._replace(**_DROPPED) for one in before[1][:125]] + before[1][125:]
    assert size(advice) <= 0.3 * everything
    read_after = sum(tokens(one) for one in read(advice.database, "detail", OutcomeSelection("ann"), ids=ids).results)
    assert read_after <= 0.3 * read_before
    for text in ("thing 7", "games"):
        assert read(advice.database, "search", OutcomeSelection("ann"), text=text).results
    assert read(advice.database, "search", OutcomeSelection("ann"), text="thing 7").results[0]["id"] == 8
    assert advice.compaction().run("ann").outcomes == 0


@pytest.mark.skipif(embedding.load() is None, reason="word vectors are not installed")
def test_what_is_compacted_is_found_by_meaning(advice: OutcomeMemory) -> None:
    """A question that shares no word with a compacted outcome still finds it first."""
    for value in ("kubernetes", "football", "gardening"):
        advice.outcomes.record("ann", "add_topic", value, "rejected", decided_at="2025-01-01T00:00:00Z")
    assert advice.compaction().run("ann").outcomes == 3
    for text, value in (("soccer matches", "football"), ("flowers and vegetables", "gardening")):
        hits = read(advice.database, "search", OutcomeSelection("ann"), text=text).results
        assert hits[0]["snippet"] == f"add_topic: {value} → rejected"


def test_the_archive_holds_everything(advice: OutcomeMemory, tmp_path: Path) -> None:
    """Every dropped value stands in the archive that the detail of an outcome names."""
    fill(advice, 3, 1)
    before = advice.outcomes.all("ann")
    advice.compaction(after=1).run("ann")
    (one,) = read(advice.database, "detail", OutcomeSelection("ann"), ids=[2]).results
    entries = list(compaction.read_archive(str(tmp_path / "archive"), one["archive"]))
    assert [entry["outcome_id"] for entry in entries] == [1, 2, 3]
    assert [{name: entry[name] for name in before[0]._fields} for entry in entries] == [
        one._asdict() for one in before[:3]
    ]
    assert os.stat(tmp_path / "archive" / one["archive"]).st_mode & 0o077 == 0
    with pytest.raises(AdviceError, match="cannot be read"):
        list(compaction.read_archive(str(tmp_path / "archive"), "../../etc/passwd"))


def test_it_is_due_by_number_or_by_size(advice: OutcomeMemory) -> None:
    """A user's hundredth old outcome makes it due, or the first megabyte; new outcomes do not."""
    fill(advice, 99, 20)
    assert not advice.compaction().is_due("ann")
    record(advice, 999, "2025-11-02")
    assert advice.compaction().is_due("ann")
    for number in range(5):
        advice.outcomes.record(
            "bob", "add_topic", f"{number}", "rejected", evidence="x" * 240_000, decided_at="2025-11-01T00:00:00Z"
        )
    assert advice.compaction().is_due("bob")
    assert advice.compaction().users() == ["ann", "bob"]


def test_recording_compacts_what_is_due(advice: OutcomeMemory) -> None:
    """The outcome that makes it due is recorded, and then the old ones are compacted."""
    fill(advice, 100, 0)
    advice.record("ann", "add_topic", "rust", "accepted")
    assert advice.outcomes.profile("ann").compacted_through == "2025-11-01T10:00:00.000Z"
    assert advice.outcomes.all("ann")[0].evidence_summary is None
    assert advice.notes == []


def test_a_folder_that_refuses_costs_a_note(advice: OutcomeMemory, tmp_path: Path) -> None:
    """Where no archive can be written, the outcome is recorded, nothing is dropped, and it is told."""
    fill(advice, 100, 0)
    (tmp_path / "archive").write_text("in the way")
    assert advice.record("ann", "add_topic", "rust", "accepted").is_new
    assert "archive" in advice.notes[0]
    assert all(one.evidence_summary for one in advice.outcomes.all("ann")[:100])


def test_a_damaged_archive_is_found_before_anything_is_dropped(
    advice: OutcomeMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that keeps something else than was written costs an error and no outcome."""
    fill(advice, 3, 0)
    whole = files.write_whole
    for damage in (lambda content: content[:-9], lambda content: gzip.compress(b"{}\n")):
        monkeypatch.setattr(
            compaction, "write_whole", lambda path, content, damage=damage: whole(path, damage(content))
        )
        with pytest.raises(StoreError, match="nothing was dropped"):
            advice.compaction().run("ann")
        assert all(one.evidence_summary for one in advice.outcomes.all("ann"))
    monkeypatch.setattr(compaction, "write_whole", whole)
    assert advice.compaction().run("ann").outcomes == 3


_KILLED = """
import os, signal, sys
from memory_router.outcomes import compaction
from memory_router.outcomes import compaction
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.schema import SCHEMA
from memory_router.storage.database import open_database
from memory_router.storage.sqlite_database import SqliteDatabase

folder, moment, now = sys.argv[1:]
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
def die_after(work):
    return lambda *given, **named: (work(*given, **named), die())
if moment == "while writing":
    compaction.os.fsync = die
elif moment == "before the archive is there":
    compaction.os.replace = die
elif moment == "once the archive is there":
    compaction.os.replace = die_after(os.replace)
elif moment == "before dropping":
    compaction.OutcomeCompaction._drop = die
elif moment == "while dropping":
    SqliteDatabase.run_all = die_after(SqliteDatabase.run_all)
elif moment == "before the mark":
    compaction.OutcomeStore.recompute_within = die
elif moment == "once dropped":
    compaction.OutcomeCompaction._drop = die_after(compaction.OutcomeCompaction._drop)
database = open_database(f"sqlite:{folder}/memory.db", SCHEMA)
OutcomeMemory(database, f"{folder}/p.md", f"{folder}/archive", lambda: now).compaction().run("ann")
"""


@pytest.mark.parametrize(
    "moment",
    [
        *("while writing", "before the archive is there", "once the archive is there", "before dropping"),
        *("while dropping", "before the mark", "once dropped"),
    ],
)
def test_killed_at_any_moment_nothing_is_lost(tmp_path: Path, moment: str) -> None:
    """After a kill everything is in the database, or small there and whole in an archive; the next run completes it."""
    database = open_database(f"sqlite:{tmp_path}/memory.db", SCHEMA)
    advice = OutcomeMemory(database, f"{tmp_path}/p.md", f"{tmp_path}/archive", lambda: NOW)
    fill(advice, 5, 1)
    before, profile = advice.outcomes.all("ann"), advice.outcomes.profile("ann")
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), moment, NOW], check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    rows = database.rows("SELECT archive FROM suggestion_outcomes WHERE decided_at < '2026'")
    is_dropped = [row["archive"] is not None for row in rows]
    assert is_dropped in ([True] * 5, [False] * 5)
    if not any(is_dropped):
        assert advice.outcomes.all("ann") == before
        assert advice.outcomes.profile("ann") == profile
    advice.compaction().run("ann")
    names = {
        row["archive"] for row in database.rows("SELECT archive FROM suggestion_outcomes WHERE decided_at < '2026'")
    }
    entries = [entry for name in names for entry in compaction.read_archive(f"{tmp_path}/archive", name)]
    assert [entry["evidence_summary"] for entry in entries] == [one.evidence_summary for one in before[:5]]
    assert advice.outcomes.profile("ann") == profile._replace(compacted_through="2025-11-01T10:00:00.000Z")
    database.close()


@settings(max_examples=15)
@given(
    many=st.lists(
        st.tuples(st.sampled_from(["add_topic", "reduce_source"]), st.sampled_from(OUTCOMES), st.integers(1, 27)),
        min_size=1,
        max_size=12,
    ),
    days=st.integers(1, 60),
)
def test_profiles_do_not_change(tmp_path_factory: pytest.TempPathFactory, many: Any, days: int) -> None:
    """Whatever was decided and is old, the profile is the same after compaction, and follows from what stays."""
    folder = tmp_path_factory.mktemp("compaction")
    database: Database = open_database(f"sqlite:{folder}/memory.db", SCHEMA)
    advice = OutcomeMemory(database, f"{folder}/p.md", f"{folder}/archive", lambda: NOW)
    for number, (name, outcome, day) in enumerate(many):
        at = f"20{25 + day % 2}-{1 if day % 2 else 12:02}-{day:02}T00:00:00Z"
        advice.outcomes.record("ann", name, "value", outcome, evidence=[1], decided_at=at, key=f"{number}")
    before = advice.outcomes.profile("ann")
    advice.compaction(kept_days=days).run("ann")
    after = advice.outcomes.profile("ann")
    assert after._replace(compacted_through=None) == before
    database.run("DELETE FROM user_preference_profiles")
    assert OutcomeStore(database, lambda: NOW).recompute("ann") == before
    database.close()
