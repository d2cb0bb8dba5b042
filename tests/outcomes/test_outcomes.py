"""Profiles follow from outcomes, whatever their order, and bad outcomes leave nothing behind."""

import itertools
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.errors import AdviceError
from memory_router.outcomes import profile
from memory_router.outcomes.memory import OutcomeMemory, open_outcomes
from memory_router.outcomes.schema import SCHEMA
from memory_router.outcomes.store import OUTCOMES, OutcomeStore
from memory_router.storage.database import Database, open_database
from tests.conftest import Home
from tests.outcomes.conftest import NOW

SEED = {"add_topic": (8, 2), "remove_topic": (1, 5), "boost_source": (4, 3), "reduce_source": (0, 6)}
_TIMES = st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2027, 1, 1)).map(lambda at: at.isoformat())
_OUTCOMES = st.tuples(st.sampled_from([*SEED, "change_hue"]), st.sampled_from(OUTCOMES), _TIMES)

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def quick() -> Iterator[Database]:
    """Return one SQLite database for all examples of a property."""
    with tempfile.TemporaryDirectory() as folder:
        opened = open_database(f"sqlite:{folder}/memory.db", SCHEMA)
        yield opened
        opened.close()


def count(database: Database) -> int:
    """Return how many outcomes there are."""
    return int(database.rows("SELECT count(*) AS number FROM suggestion_outcomes")[0]["number"])


def test_the_seeds_profile_comes_out(advice: OutcomeMemory) -> None:
    """The decisions of the seed's example give its rates, confidences and patterns."""
    for name, (accepted, rejected) in SEED.items():
        for number in range(accepted + rejected):
            outcome = "accepted" if number < accepted else "rejected"
            advice.record("abc123", name, f"value {number}", outcome)
    found = advice.outcomes.profile("abc123")
    told = {name: (one["rate"], one["confidence"]) for name, one in found.acceptance_stats.items()}
    assert told == {
        "add_topic": (0.8, "high"),
        "boost_source": (0.5714, "medium"),
        "reduce_source": (0.0, "high"),
        "remove_topic": (0.1667, "medium"),
    }
    assert found.patterns == {
        "never_reduce_sources": True,
        "open_to_new_topics": True,
        "protective_of_existing_config": True,
        "prefers_additions_over_removals": True,
    }


@settings(max_examples=40)
@given(many=st.lists(_OUTCOMES, max_size=25), seed=st.integers(0, 99))
def test_profiles_do_not_depend_on_the_way(quick: Database, many: Any, seed: int) -> None:
    """Recorded one by one in any order, or computed at once from all: the profile is the same."""
    store, user = OutcomeStore(quick, lambda: NOW), f"user {next(_NUMBERS)}"
    for number, (name, outcome, at) in enumerate(random.Random(seed).sample(many, len(many))):
        store.record(user, name, "value", outcome, decided_at=at, key=f"{user} {number}")
    rows = [
        {"suggestion_type": name, "outcome": outcome, "created_at": at, "decided_at": at} for name, outcome, at in many
    ]
    tally = profile.tally_of(rows)
    found = store.profile(user)
    assert found.acceptance_stats == profile.acceptance_stats(tally)
    assert (found.patterns, found.trends) == (profile.patterns(tally), profile.trends(tally))
    assert found.total_outcomes == len(many)
    assert store.recompute(user) == found


def test_an_outcome_counts_once(advice: OutcomeMemory) -> None:
    """The same key, the same suggestion or the same content again changes nothing and says so."""
    first = advice.record("ann", "add_topic", "kubernetes", "accepted", key="a")
    again = advice.record("ann", "add_topic", "something else", "rejected", key="a")
    assert (again.is_new, again.outcome_id) == (False, first.outcome_id)
    assert advice.record("ann", "add_topic", "rust", "accepted").is_new
    assert not advice.record("ann", "add_topic", "rust", "accepted").is_new
    assert advice.outcomes.profile("ann").total_outcomes == 2


def test_late_outcomes_find_their_place(advice: OutcomeMemory) -> None:
    """An outcome of an earlier day, recorded later, is listed by its day and moves no end."""
    advice.record("ann", "add_topic", "new", "accepted", decided_at="2026-01-20T00:00:00Z")
    advice.record("ann", "add_topic", "old", "accepted", decided_at="2025-12-01T12:00:00+02:00")
    assert [one.suggestion_value for one in advice.outcomes.all("ann")] == ["old", "new"]
    assert advice.outcomes.all("ann")[0].decided_at == "2025-12-01T10:00:00.000Z"
    assert advice.outcomes.profile("ann").last_outcome_at == "2026-01-20T00:00:00.000Z"


def test_any_application_has_its_own_types(advice: OutcomeMemory) -> None:
    """A type that the seed does not know is as good as its own."""
    advice.record("ann", "change_hue", "blue", "accepted")
    assert advice.outcomes.profile("ann").acceptance_stats["change_hue"]["accepted"] == 1


_CIRCLE: list[Any] = []
_CIRCLE.append(_CIRCLE)
_DEEP: Any = []
for _ in range(20_000):
    _DEEP = [_DEEP]


@pytest.mark.parametrize(
    "bad",
    [
        {"suggestion_type": "Add Topic"},
        {"suggestion_type": ""},
        {"suggestion_value": "  "},
        {"suggestion_value": "x" * 2000},
        {"outcome": "liked"},
        {"decided_at": "yesterday"},
        {"decided_at": "0001-01-01T00:00:00+14:00"},
        {"evidence": {"rate": float("nan")}},
        {"evidence": [float("inf")]},
        {"evidence": {"bytes": b"x"}},
        {"evidence": _CIRCLE},
        {"evidence": _DEEP},
        {"evidence": "x" * 300_000},
        {"config_before": {1, 2}},
        {"reason": "x" * 20_000},
        {"suggestion_id": 7},
    ],
    ids=lambda bad: next(iter(bad)),
)
def test_bad_outcomes_leave_nothing_behind(advice: OutcomeMemory, bad: dict[str, Any]) -> None:
    """What cannot be kept is refused with a reason, and nothing of it is stored."""
    good = {"user_id": "ann", "suggestion_type": "add_topic", "suggestion_value": "rust", "outcome": "accepted"}
    with pytest.raises(AdviceError) as refused:
        advice.record(**{**good, **bad})
    assert refused.value.fix
    assert count(advice.database) == 0
    assert advice.outcomes.profile("ann").total_outcomes == 0


def test_secrets_are_not_kept(advice: OutcomeMemory) -> None:
    """What looks like a secret is in no column: of reasons, values, evidence and configurations, however deep."""
    token, password = "ghp_" + "a1B2" * 9, "hunter2x!"
    advice.record(
        "ann",
        "add_topic",
        f"topic {token}",
        "rejected",
        reason=f"my password: {password}",
        evidence={"nested": [{"note": f"see {token}"}], "password": password},
        config_before={"api_key": "sdkfjh23423khsdkf", token: 1},
    )
    suggestion = advice.suggest("ann", "add_topic", token, reason=token, change={"password": password})
    advice.decide(suggestion.suggestion_id, "accepted", config_after={"password": password})
    kept = str(
        [advice.database.rows(f"SELECT * FROM {table}") for table in ("suggestion_outcomes", "config_suggestions")]
    )
    assert "[redacted:github-token]" in kept
    assert not any(secret in kept for secret in (token, password, "sdkfjh23423khsdkf", token.lower()))


def test_hostile_text_is_kept_as_text(advice: OutcomeMemory) -> None:
    """Quotes, escapes, NUL and halves of characters neither break a statement nor are lost but for the last two."""
    value = "'); DROP TABLE suggestion_outcomes; --\x1b[2J"
    advice.record("o'brien", "add_topic", value + "\0\ud800", "rejected", evidence={"a\0": "\ud800"})
    assert advice.outcomes.all("o'brien")[0].suggestion_value == value + "?"


def test_the_seeds_query_runs_as_it_is(tmp_path: Path) -> None:
    """The statement of the seed's tag-based search works on the tables, in SQLite's own shell of Python."""
    opened = open_database(f"sqlite:{tmp_path}/memory.db", SCHEMA)
    OutcomeStore(opened).record("ann", "reduce_source", "theverge", "rejected")
    opened.close()
    connection = sqlite3.connect(tmp_path / "memory.db")
    rows = connection.execute(
        "SELECT outcome_id, suggestion_type, suggestion_value, outcome, julianday('now') - julianday(created_at)"
        " as days_ago FROM suggestion_outcomes WHERE user_id = ? AND suggestion_type IN (?, ?, ?)"
        " AND outcome IN (?, ?) ORDER BY created_at DESC LIMIT ?",
        ("ann", "reduce_source", "boost_source", "add_topic", "rejected", "accepted", 5),
    ).fetchall()
    connection.close()
    assert [row[:4] for row in rows] == [(1, "reduce_source", "theverge", "rejected")]
    assert 0 <= rows[0][4] < 1


def test_each_thread_opens_its_own(own_home: Home) -> None:
    """Threads that record at once, each through what it opened, lose nothing, and the profile counts all of it."""

    def record(thread: int) -> None:
        with open_outcomes() as outcomes:
            for number in range(5):
                outcomes.record("katie", "add_topic", f"topic {thread} {number}", "accepted")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(record, range(2)))
    with open_outcomes() as outcomes:
        assert outcomes.outcomes.profile("katie").acceptance_stats["add_topic"]["accepted"] == 10
