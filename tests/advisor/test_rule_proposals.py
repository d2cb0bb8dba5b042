"""What was learned and waits is proposed when it is sure enough and learning is not off."""

from pathlib import Path
from typing import Any

import pytest

from memory_router import paths
from memory_router.advisor import rule_proposals
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.rule import OverrideRule
from memory_router.routing.config import Config
from memory_router.routing.config_file import load
from tests.learning.conftest import NOW

CONFIG = load(paths.bundled("router-config.json"))
RESULTS = {"mean_ms": 90.0, "mean_ms_now": 2500.0, "executions": 120, "worse_at_most": 0.031}
CYCLE = Cycle("dream-1", "routing_rule_tweak", {"fallback_threshold": 0.35}, RESULTS, True, NOW)


def rule(**changes: Any) -> OverrideRule:
    """Return a learned rule that waits for approval."""
    blank = OverrideRule(
        "d9a87292", "process payroll PDFs", "text", "qmd:search", ("totalrecall",), 60, 0.97, 0.0, 40.0, 0.78,
        True, True, "proposed", False, None, {}, None, NOW, NOW,
    )  # fmt: skip
    return blank._replace(**changes)


def in_mode(mode: str) -> Config:
    """Return the bundled configuration with learning in another mode."""
    return CONFIG._replace(learning=CONFIG.learning._replace(mode=mode))


def test_a_sure_rule_that_waits_is_proposed() -> None:
    """The proposal says what the rule takes and where it sends it, and is as strong as the rule is sure."""
    (found,) = rule_proposals.of_rules([rule()], CONFIG)
    assert (found.type, found.value, found.strength, found.executions) == ("approve_rule", "d9a87292", 0.78, 60)
    assert [one._asdict() for one in found.changes] == [
        {"what": "rule", "name": "d9a87292", "old": "proposed", "new": "approved"}
    ]
    assert "process payroll PDFs" in found.reason
    assert rule_proposals.kept_back([rule()], None, CONFIG) == []


@pytest.mark.parametrize("changes", [{"state": "approved"}, {"state": "rejected"}, {"auto_generated": False}])
def test_rules_that_do_not_wait_are_neither_proposed_nor_told(changes: dict[str, Any]) -> None:
    """A rule that somebody decided on, or wrote, needs no word."""
    assert rule_proposals.of_rules([rule(**changes)], CONFIG) == []
    assert rule_proposals.kept_back([rule(**changes)], None, CONFIG) == []


@pytest.mark.parametrize(
    ("mode", "sureness", "why"),
    [("off", 0.9, "learning is off"), ("suggest", 0.6, "0.60")],
)
def test_a_rule_that_is_kept_back_says_why(mode: str, sureness: float, why: str) -> None:
    """With learning off, without confidence, or where no approval is needed, nothing is proposed and the cause told."""
    one = rule(confidence_score=sureness)
    assert rule_proposals.of_rules([one], in_mode(mode)) == []
    (silence,) = rule_proposals.kept_back([one], None, in_mode(mode))
    assert why in silence.why


def test_a_dream_is_proposed_until_it_is_in_force(tmp_path: Path) -> None:
    """The latest dream's change is proposed with what stands there now, and no more once it does."""
    own = OwnConfig(str(tmp_path / "router-config.json"), paths.bundled("router-config.json"))
    (found,) = rule_proposals.of_dream(CYCLE, own, CONFIG)
    assert found.type == "amend_setting"
    assert found.changes[0]._asdict() == {"what": "amendment", "name": "fallback_threshold", "old": 0.4, "new": 0.35}
    assert found.strength == pytest.approx(0.969)
    own.write([("fallback_threshold", 0.35)], ".before", [0.4])
    assert rule_proposals.of_dream(CYCLE, own, CONFIG) == []


def test_no_dream_no_proposal(tmp_path: Path) -> None:
    """A dream that is not to be promoted, no dream, or learning off propose nothing."""
    own = OwnConfig(str(tmp_path / "router-config.json"), paths.bundled("router-config.json"))
    assert rule_proposals.of_dream(None, own, CONFIG) == []
    assert rule_proposals.of_dream(CYCLE._replace(promote=False), own, CONFIG) == []
    assert rule_proposals.of_dream(CYCLE, own, in_mode("off")) == []
    assert [one.type for one in rule_proposals.kept_back([], CYCLE, in_mode("off"))] == ["amend_setting"]
