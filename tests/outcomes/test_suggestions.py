"""A suggestion waits until it is decided, once; what became of it is an outcome."""

import pytest

from memory_router.errors import AdviceError
from memory_router.outcomes.memory import OutcomeMemory


def test_a_decision_is_an_outcome(advice: OutcomeMemory) -> None:
    """A decided suggestion waits no longer, and its outcome carries evidence and configuration."""
    made = advice.suggest(
        "ann", "add_topic", "rust", reason="read often", evidence={"rate": 0.9}, config_before={"a": 1}
    )
    assert advice.suggestions.pending("ann") == [made]
    recorded = advice.decide(made.suggestion_id, "accepted", reason="yes", config_after={"a": 1, "rust": 1})
    (outcome,) = advice.outcomes.all("ann")
    assert recorded.is_new
    assert (outcome.suggestion_id, outcome.user_reason, outcome.evidence_summary) == (
        made.suggestion_id,
        "yes",
        {"rate": 0.9},
    )
    assert (outcome.config_before, outcome.config_after) == ({"a": 1}, {"a": 1, "rust": 1})
    assert advice.suggestions.get(made.suggestion_id).status == "accepted"
    assert advice.suggestions.pending("ann") == []


def test_a_suggestion_is_decided_once(advice: OutcomeMemory) -> None:
    """The same decision again changes nothing; another one, or one about nothing, is refused."""
    made = advice.suggest("ann", "add_topic", "rust")
    advice.decide(made.suggestion_id, "rejected")
    assert not advice.decide(made.suggestion_id, "rejected").is_new
    with pytest.raises(AdviceError, match="is rejected already"):
        advice.decide(made.suggestion_id, "accepted")
    with pytest.raises(AdviceError, match="no suggestion 99"):
        advice.decide(99, "accepted")
    with pytest.raises(AdviceError, match="not an outcome"):
        advice.decide(advice.suggest("ann", "add_topic", "go").suggestion_id, "perhaps")
    assert [one.outcome for one in advice.outcomes.all("ann")] == ["rejected"]
    assert [one.suggestion_value for one in advice.suggestions.pending("ann")] == ["go"]


def test_nobody_has_to_decide(advice: OutcomeMemory) -> None:
    """What waited too long expires, and what another replaces is superseded; neither counts as a decision."""
    old, other = (advice.suggest("ann", "add_topic", value) for value in ("rust", "go"))
    advice.supersede(old.suggestion_id, other.suggestion_id)
    assert advice.expire(1) == []
    assert advice.expire(0) == [other.suggestion_id]
    assert [one.outcome for one in advice.outcomes.all("ann")] == ["superseded", "expired"]
    stats = advice.outcomes.profile("ann").acceptance_stats["add_topic"]
    assert (stats["accepted"], stats["rejected"], stats["expired"], stats["superseded"]) == (0, 0, 1, 1)


def test_one_of_two_decides(advice: OutcomeMemory) -> None:
    """What somebody else undid is not undone twice, and what was undone is not accepted by a late second process."""
    made = advice.suggest("ann", "add_topic", "rust")
    with pytest.raises(AdviceError, match="is not accepted any more"):
        advice.suggestions.undo(made.suggestion_id)
    advice.decide(made.suggestion_id, "accepted")
    advice.suggestions.undo(made.suggestion_id)
    with pytest.raises(AdviceError, match="is not accepted any more"):
        advice.suggestions.undo(made.suggestion_id)
    assert advice.suggestions.get(made.suggestion_id).status == "undone"
