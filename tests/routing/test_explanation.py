"""A decision is explained in one sentence, whoever made it."""

import pytest

from memory_router.routing.config import Signal, Step, TableRule
from memory_router.routing.plan import Plan
from memory_router.routing.rules import MatchedOverride, RuleMatch

RULE = TableRule("decision_recall", 3, Step("lossless"), (), ())
SIGNAL = Signal("decide", strong=True, phrases=("decided",))


def override(source: str, similarity: float | None) -> MatchedOverride:
    """Return a rule beside the table."""
    return MatchedOverride("05726fef", source, "Process payroll PDFs", similarity, False, False, {})


@pytest.mark.parametrize(
    ("match", "sentence"),
    [
        (
            RuleMatch(RULE, SIGNAL, (0, 7), ()),
            "Rule 3 (decision_recall) takes it because of 'decided', a strong signal (decide).",
        ),
        (RuleMatch(RULE, None, None, (), source="default"), "No signal matched, so rule 3 (decision_recall) takes it."),
        (RuleMatch(RULE, None, None, (), source="choice"), "The caller chose rule 3 (decision_recall)."),
        (RuleMatch(None, None, None, (Step("qmd", "search"),), source="choice"), "The caller chose qmd:search."),
        (
            RuleMatch(None, None, None, (), source="learned", routing_rule=override("learned", 0.98)),
            "The learned rule 05726fef takes it: the question is like 'Process payroll PDFs' (similarity 0.98).",
        ),
        (
            RuleMatch(None, None, (0, 7), (), source="manual", routing_rule=override("manual", None)),
            "The manual rule 05726fef takes it: its pattern matches 'decided'.",
        ),
    ],
)
def test_each_decision_has_its_sentence(match: RuleMatch, sentence: str) -> None:
    """The table, the default, the caller, a learned and a manual rule each say what they are and why."""
    assert Plan("decided anything", match).explanation == sentence
