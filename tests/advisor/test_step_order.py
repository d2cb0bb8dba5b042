"""What was asked says which sources stand in the wrong place, and how surely."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory_router import paths
from memory_router.advisor import step_order
from memory_router.advisor.proposal import Proposal
from memory_router.advisor.step_order import Chain, chain_of, dropped, lowered, raised, reordered
from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.learning.own_config import OwnConfig
from memory_router.routing.config import Config, TableRule
from memory_router.routing.config_file import load
from tests.learning.conftest import attempt, execution

BUNDLED = paths.bundled("router-config.json")
CONFIG = load(BUNDLED)


def failed(step: str, code: str = "QUERY_TIMEOUT") -> AttemptRecord:
    """Return an attempt that ended in an error after its whole deadline."""
    return AttemptRecord(step, "error", 0.0, 5000, 5000, code, accepted=False)


def asked(times: int, rule: str, *attempts: AttemptRecord, start: int = 0, **changes: object) -> list[Execution]:
    """Return executions of one rule that all went the same way."""
    return [
        execution(start + number, f"question {start + number}", *attempts, rule=rule, **changes)
        for number in range(times)
    ]


def of_type(kind: str, executions: list[Execution], config: Config = CONFIG) -> list[Proposal]:
    """Return the proposals of one type."""
    return [one for one in step_order.proposals(executions, config) if one.type == kind]


def changed(proposal: Proposal) -> dict[str, tuple[object, object]]:
    """Return what a proposal changes: old and new by setting."""
    return {one.name: (one.old, one.new) for one in proposal.changes}


def test_a_failing_source_is_put_last() -> None:
    """A source that nearly always times out is put behind those that answer; evidence and change are exact."""
    executions = asked(30, "relationship", failed("cognee"), attempt("qmd:vsearch", accepted=True))
    (found,) = of_type("reduce_source", executions)
    assert (found.value, found.executions) == ("cognee in relationship", 30)
    assert changed(found) == {
        "rules.relationship.primary": ("cognee", "qmd:vsearch"),
        "rules.relationship.fallback": (["qmd:vsearch", "totalrecall"], ["totalrecall", "cognee"]),
    }
    assert 0.8 < found.strength < 1
    assert found.evidence["steps"]["cognee"]["codes"] == {"QUERY_TIMEOUT": 30}
    assert "QUERY_TIMEOUT" in found.reason
    assert "5000 ms" in found.reason


@pytest.mark.parametrize(("failures", "successes"), [(19, 0), (19, 6)])
def test_little_or_mixed_evidence_proposes_nothing(failures: int, successes: int) -> None:
    """Fewer than 20 attempts, or failures that may be every other one, put nobody last."""
    executions = asked(failures, "relationship", failed("cognee"))
    executions += asked(successes, "relationship", attempt("cognee", accepted=True), start=100)
    assert of_type("reduce_source", executions) == []


def test_the_last_source_is_not_put_last() -> None:
    """A source that fails where nothing comes after it has no lower place."""
    executions = asked(30, "relationship", attempt("cognee", accepted=True), failed("totalrecall"))
    assert of_type("reduce_source", executions) == []


def test_a_good_fallback_is_raised() -> None:
    """A fallback that answers what the first source does not is asked first."""
    executions = asked(
        30, "decision_recall", attempt("lossless", accepted=False), attempt("totalrecall", accepted=True)
    )
    (found,) = of_type("boost_source", executions)
    assert found.value == "totalrecall in decision_recall"
    assert changed(found) == {
        "rules.decision_recall.primary": ("lossless", "totalrecall"),
        "rules.decision_recall.fallback": (["totalrecall", "qmd:search"], ["lossless", "qmd:search"]),
    }


def test_a_fallback_that_helps_now_and_then_stays() -> None:
    """Where the first source answers most questions, a good fallback is where it belongs."""
    executions = asked(60, "decision_recall", attempt("lossless", accepted=True))
    executions += asked(
        30, "decision_recall", attempt("lossless", accepted=False), attempt("totalrecall", accepted=True), start=100
    )
    assert step_order.proposals(executions, CONFIG) == []


def test_an_answer_that_was_refused_is_none() -> None:
    """One star says that an accepted answer was no answer."""
    good = asked(30, "decision_recall", attempt("lossless", accepted=True))
    refused = [one._replace(user_satisfaction=1) for one in good]
    assert step_order.notes(good, CONFIG) == []
    assert len(step_order.notes(refused, CONFIG)) == 1


def test_a_rule_that_never_answers_gets_a_source_that_does() -> None:
    """What answers elsewhere is asked first by a rule that no source of its own ever answered."""
    executions = asked(25, "relationship", *(attempt(step, accepted=False) for step in ("cognee", "qmd:vsearch")))
    executions += asked(25, "exact_symbol", attempt("qmd:search", accepted=True), start=100)
    (found,) = of_type("boost_source", executions)
    assert changed(found)["rules.relationship.primary"] == ("cognee", "qmd:search")
    assert changed(found)["rules.relationship.fallback"][1] == ["cognee", "qmd:vsearch", "totalrecall"]


def test_a_rule_that_nothing_mends_is_told() -> None:
    """Where no other source does better, no change is proposed, and the rule is told with the causes."""
    executions = asked(25, "relationship", failed("cognee", "NOT_CONFIGURED"), attempt("totalrecall", accepted=False))
    assert of_type("boost_source", executions) == []
    (first, *_) = step_order.notes(executions, CONFIG)
    assert "relationship" in first
    assert "NOT_CONFIGURED 25 times" in first


def test_a_useless_fallback_is_taken_out() -> None:
    """A fallback that never gave the answer is asked no more by the rules that others answer."""
    tries = (attempt("cognee", accepted=False), attempt("qmd:vsearch", accepted=False))
    executions = asked(20, "relationship", *tries, attempt("totalrecall", accepted=True))
    executions += asked(20, "relationship", attempt("cognee", accepted=True), start=100)
    executions += asked(20, "relationship", *tries, attempt("totalrecall", accepted=True), start=200)
    (found,) = of_type("remove_source", executions)
    assert found.value == "qmd:vsearch"
    assert changed(found) == {"rules.relationship.fallback": (["qmd:vsearch", "totalrecall"], ["totalrecall"])}


def test_a_source_that_is_passed_over_is_told() -> None:
    """A source whose turn came and that was not asked is not ready; where it had no turn nothing is wrong."""
    executions = asked(25, "relationship", attempt("qmd:vsearch", accepted=True))
    assert [note.split()[0] for note in step_order.notes(executions, CONFIG)] == ["cognee"]


@pytest.mark.parametrize("changes", [{"source": "choice"}, {"source": "learned"}, {"status": "governance_blocked"}])
def test_only_what_the_table_routed_speaks_of_it(changes: dict[str, Any]) -> None:
    """What a caller chose, a learned rule took or nobody approved says nothing about the table."""
    executions = asked(30, "relationship", failed("cognee"), **changes)
    assert step_order.proposals(executions, CONFIG) == []


@pytest.mark.parametrize("order", [raised, lowered, dropped], ids=lambda order: order.__name__)
@pytest.mark.parametrize("rule", CONFIG.rules, ids=lambda rule: rule.id)
def test_other_orders_are_valid(
    rule: TableRule, order: Callable[[str], Callable[[Chain], Chain]], tmp_path: Path
) -> None:
    """Whichever step is moved, the file stays valid, and no chain, also no signal's, asks a step twice or loses one."""
    own = OwnConfig(str(tmp_path / "router-config.json"), BUNDLED)
    for step in chain_of(rule):
        if order is dropped and len(chain_of(rule)) == 1:
            continue
        changes = reordered(rule, order(step))
        (tmp_path / "router-config.json").unlink(missing_ok=True)
        own.write([(one.name, one.new) for one in changes], ".before", [one.old for one in changes])
        after = next(one for one in load(own.own if os.path.exists(own.own) else BUNDLED).rules if one.id == rule.id)
        for signal, moved in [(None, None), *zip(rule.signals, after.signals, strict=True)]:
            before_chain, chain = set(map(str, rule.steps(signal))), [str(one) for one in after.steps(moved)]
            assert len(set(chain)) == len(chain)
            gone = {step} if order is dropped else set()
            # A signal's own chain also begins with what its rule asks first now.
            assert before_chain - gone <= set(chain) <= before_chain | {chain[0]}
