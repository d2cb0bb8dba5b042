"""Copies are complete, in both directions, and statistics are the same in both databases."""

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


def test_damage_is_found(database: Database) -> None:
    """A table that is not there any more is told."""
    database.run("DROP TABLE approvals")
    assert any("approvals" in problem for problem in check(database, SCHEMA, TABLES))
