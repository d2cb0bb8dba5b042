"""Copies are complete, in both directions, and statistics are the same in both databases."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.savings import statistics
from memory_router.learning.schema import SCHEMA, TABLES
from memory_router.routing.config import Learning
from memory_router.storage.database import Database, open_database
from memory_router.storage.transfer import check, copy
from tests.learning.conftest import NOW, attempt, execution

DAY = 86_400


def fill(database: Database, url: str, folder: Path, clock: Callable[[], float]) -> None:
    """Store two executions and a rule."""
    ExecutionStore(database, clock).add(
        [
            execution(1, "process payroll PDFs", attempt("qmd:search", accepted=True, cost_usd=0.01)),
            execution(2, "auth", started_at=NOW - 8 * DAY, routing_confidence=0.9, source="manual"),
        ]
    )
    RuleStore(database, rule_cache(str(folder / "rules.json"), url), clock).add("process payroll PDFs", ["qmd:search"])


def test_copies_are_complete(database: Database, url: str, tmp_path: Path, clock: Callable[[], float]) -> None:
    """Everything that one database holds comes out of the other as it went in; a second copy adds nothing."""
    fill(database, url, tmp_path, clock)
    other = open_database(f"sqlite:{tmp_path}/other.db", SCHEMA)
    assert {one.table: one.added for one in copy(database, other, TABLES) if one.rows} == {
        "executions": 2,
        "routing_rules": 1,
    }
    assert ExecutionStore(other).newest() == ExecutionStore(database).newest()
    assert ExecutionStore(other).requests() == ExecutionStore(database).requests()
    assert sum(one.added for one in copy(database, other, TABLES)) == 0
    assert sum(one.added for one in copy(other, database, TABLES)) == 0
    assert check(other, SCHEMA, TABLES) == check(database, SCHEMA, TABLES) == []
    other.close()


def test_copies_reach_postgresql(empty_postgres: str, tmp_path: Path, clock: Callable[[], float]) -> None:
    """A team's database takes in what one machine learned, and its rules route from there."""
    own = open_database(f"sqlite:{tmp_path}/memory.db", SCHEMA)
    url = f"sqlite:{tmp_path}/memory.db"
    cache = rule_cache(str(tmp_path / "rules.json"), url)
    fill(own, url, tmp_path, clock)
    team = open_database(empty_postgres, SCHEMA)
    copy(own, team, TABLES)
    assert ExecutionStore(team).newest() == ExecutionStore(own).newest()
    assert RuleStore(team, cache).all() == RuleStore(own, cache).all()
    nearest = team.rows("SELECT request_pattern FROM routing_rules ORDER BY request_embedding <=> request_embedding")
    assert [row["request_pattern"] for row in nearest] == ["process payroll PDFs"]
    own.close()
    team.close()


def test_statistics_are_the_seeds(database: Database, url: str, tmp_path: Path, clock: Callable[[], float]) -> None:
    """Weeks begin on Mondays, hits are routes at 0.85 and above, savings are against an LLM's routing."""
    fill(database, url, tmp_path, clock)
    found = statistics(database, Learning(), clock)
    assert [week.avg_confidence for week in found.weeks] == pytest.approx([0.9, 0.7])
    assert [week.total_requests for week in found.weeks] == [1, 1]
    # 2026-09-07 and 2026-09-21 are Mondays.
    assert [week.week for week in found.weeks] == [1_788_739_200, 1_789_948_800]
    assert [(day.cache_hits, day.total_requests, day.cache_hit_rate) for day in found.days] == [(0, 1, 0), (1, 1, 100)]
    assert found.success_rate == 1
    assert (found.savings.requests, found.savings.cost_usd) == (2, 0.01)
    assert found.savings.llm_cost_usd == pytest.approx(0.07)
    assert found.savings.llm_duration_ms == found.savings.duration_ms + 1700


def test_what_a_user_calls_useless_saves_nothing(database: Database, clock: Callable[[], float]) -> None:
    """An answer with few stars was no good answer, whatever its relevance, and one with many was."""
    store = ExecutionStore(database, clock)
    store.add(
        [
            execution(1, "good"),
            execution(2, "useless", user_satisfaction=1),
            execution(3, "better than it seemed", status="failed", user_satisfaction=5),
            execution(4, "poor", status="failed"),
        ]
    )
    found = statistics(database, Learning(), clock)
    assert (found.savings.requests, found.savings.answered, found.success_rate) == (4, 2, 0.5)


PATTERNS = """
    SELECT request_pattern, based_on_executions, confidence_score, success_rate, avg_cost_usd
    FROM routing_rules WHERE auto_generated = true ORDER BY based_on_executions DESC LIMIT 10
"""
CONFIDENCE = """
    SELECT DATE_TRUNC('week', started_at) as week, AVG(routing_confidence) as avg_confidence, COUNT(*) as total_requests
    FROM executions WHERE started_at >= NOW() - INTERVAL '90 days' GROUP BY week ORDER BY week ASC
"""
HITS = """
    SELECT DATE_TRUNC('day', started_at) as date,
      SUM(CASE WHEN routing_confidence >= 0.85 THEN 1 ELSE 0 END) as cache_hits, COUNT(*) as total_requests,
      ROUND(100.0 * SUM(CASE WHEN routing_confidence >= 0.85 THEN 1 ELSE 0 END) / COUNT(*), 2) as cache_hit_rate
    FROM executions WHERE started_at >= NOW() - INTERVAL '30 days' GROUP BY date ORDER BY date DESC
"""


def test_the_seeds_queries_run_on_postgresql(empty_postgres: str) -> None:
    """Seed 000, Monitoring Queries: as they are written, in any client, over what was asked just now."""
    import psycopg

    team = open_database(empty_postgres, SCHEMA)
    ExecutionStore(team).add([execution(1, "process payroll", started_at=time.time(), routing_confidence=0.9)])
    team.close()
    with psycopg.connect(empty_postgres) as connection:
        assert connection.execute(PATTERNS).fetchall() == []
        ((_, confidence, asked),) = connection.execute(CONFIDENCE).fetchall()
        ((_, hits, number, rate),) = connection.execute(HITS).fetchall()
    assert (confidence, asked) == (0.9, 1)
    assert (hits, number, rate) == (1, 1, 100)


def test_times_survive_as_timestamps(database: Database, clock: Callable[[], float]) -> None:
    """A time is read as it was written, to the microsecond, and pages go on exactly behind it."""
    store = ExecutionStore(database, clock)
    moments = [NOW - 10 + number / 7 for number in range(5)]
    store.add([execution(number, f"request {number}", started_at=at) for number, at in enumerate(moments)])
    first, *others = store.newest(5)
    assert first.started_at == pytest.approx(moments[-1], abs=1e-6)
    assert store.newest(5, after=(first.started_at, first.id)) == others
    assert [one.started_at for one in store.all()] == pytest.approx(moments, abs=1e-6)
    assert len(list(store.judged(float("-inf")))) == 0


def test_damage_is_found(database: Database) -> None:
    """A table that is not there any more is told."""
    database.run("DROP TABLE approvals")
    assert any("approvals" in problem for problem in check(database, SCHEMA, TABLES))
