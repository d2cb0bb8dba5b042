"""Give tests of the advisor both databases, with a real PostgreSQL behind one of them, and an advisor to one user."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memory_router import paths
from memory_router.advisor.advisor import Advisor
from memory_router.advisor.appliers import Folders, Targets
from memory_router.advisor.proposal import Proposal, ValueChange
from memory_router.learning.amendments import AmendmentStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.priors import PriorStore
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA as LEARNING
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.schema import SCHEMA
from memory_router.outcomes.validation import iso
from memory_router.storage.database import open_database
from tests.learning.conftest import empty_postgres, postgres_server, url

__all__ = ["empty_postgres", "postgres_server", "url"]

BUNDLED = paths.bundled("router-config.json")
NOON = datetime(2026, 9, 20, 12, tzinfo=UTC)


class World(NamedTuple):
    """An advisor with everything around it."""

    advisor: Advisor
    advice: OutcomeMemory
    own: Path
    rules: RuleStore
    amendments: AmendmentStore
    indexed: set[str]
    days: list[int]

    def wait(self, days: int) -> None:
        """Let days pass."""
        self.days.append(days)

    def setting(self, name: str) -> Any:
        """Return what a setting is now."""
        return OwnConfig(str(self.own), BUNDLED).value(name)

    def write(self, name: str, value: Any) -> None:
        """Change a setting as a person would."""
        own = OwnConfig(str(self.own), BUNDLED)
        own.write([(name, value)], ".before", [own.value(name)])


@pytest.fixture
def world(url: str, tmp_path: Path) -> Iterator[World]:
    """Return an advisor to a user without a configuration of their own, on each kind of database in turn."""
    days: list[int] = []

    def now() -> str:
        return iso(NOON + timedelta(days=sum(days)))

    learning, database = open_database(url, LEARNING), open_database(url, SCHEMA)
    own = tmp_path / "config" / "router-config.json"
    rules = RuleStore(learning, rule_cache(str(tmp_path / "rules.json"), url))
    amendments = AmendmentStore(learning, str(own), BUNDLED, "katie")
    indexed: set[str] = set()
    folders = Folders(lambda: sorted(indexed), indexed.add, indexed.discard)
    targets = Targets(
        OwnConfig(str(own), BUNDLED), amendments, rules, PriorStore(learning, rules.changing), folders, "katie"
    )
    advice = OutcomeMemory(database, str(tmp_path / "patterns.md"), str(tmp_path / "archive"), now)
    yield World(Advisor(advice, targets, "katie"), advice, own, rules, amendments, indexed, days)
    database.close()
    learning.close()


def lowered(executions: int = 30, strength: float = 0.9, rule: str = "relationship") -> Proposal:
    """Return the proposal to ask cognee last."""
    changes = (
        ValueChange("setting", f"rules.{rule}.primary", "cognee", "qmd:vsearch"),
        ValueChange("setting", f"rules.{rule}.fallback", ["qmd:vsearch", "totalrecall"], ["totalrecall", "cognee"]),
    )
    return Proposal("reduce_source", f"cognee in {rule}", "It fails.", changes, strength, executions, {"rule": rule})


def threshold(value: float, strength: float = 0.5, kind: str = "amend_setting") -> Proposal:
    """Return the proposal of another threshold."""
    change = ValueChange("setting", "fallback_threshold", 0.4, value)
    return Proposal(kind, f"fallback_threshold = {value}", "It is faster.", (change,), strength, 60, {})


def of_folder(folder: str) -> Proposal:
    """Return the proposal to index a folder."""
    return Proposal(
        "add_folder", folder, "It is asked about.", (ValueChange("folder", folder, False, True),), 0.5, 5, {}
    )


def suggested(world: World, *proposals: Proposal) -> int:
    """Suggest, and return the id of the only suggestion."""
    ((found,), _) = world.advisor.advise(proposals)
    return found.suggestion_id
