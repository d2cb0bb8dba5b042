"""Suggestions of each type are carried out as they are shown: rules, dreams, folders."""

from collections.abc import Callable
from pathlib import Path

import pytest

from memory_router.advisor.appliers import Targets
from memory_router.advisor.proposal import Proposal, ValueChange
from memory_router.errors import AdviceError
from tests.advisor.conftest import World, lowered, of_folder, suggested, threshold


def test_a_rule_is_approved_and_taken_back(world: World) -> None:
    """Accepting approves the learned rule in the user's name, undoing lets it wait again."""
    rule = world.rules.add("process payroll PDFs", ["qmd:search"])
    rule = world.rules.edit(rule.id, auto_generated=True, state="proposed")
    proposal = Proposal(
        "approve_rule", rule.id, "It is sure.", (ValueChange("rule", rule.id, "proposed", "approved"),), 0.8, 60, {}
    )
    number = suggested(world, proposal)
    world.advisor.accept(number)
    assert (world.rules.get(rule.id).state, world.rules.get(rule.id).created_by) == ("approved", "katie")
    world.advisor.undo(number)
    assert world.rules.get(rule.id).state == "proposed"
    again = suggested(world, proposal._replace(executions=120))
    world.rules.remove(rule.id)
    with pytest.raises(AdviceError, match="is null now"):
        world.advisor.accept(again)
    assert [one.outcome for one in world.advisor.settle()] == ["superseded"]


def test_a_rule_that_somebody_approved_meanwhile_is_accepted(world: World) -> None:
    """What was done in another way is recorded as accepted, and changes nothing."""
    rule = world.rules.add("process payroll PDFs", ["qmd:search"])
    world.rules.edit(rule.id, auto_generated=True, state="proposed")
    change = ValueChange("rule", rule.id, "proposed", "approved")
    suggested(world, Proposal("approve_rule", rule.id, "It is sure.", (change,), 0.8, 60, {}))
    world.rules.set_state(rule.id, "approved", "preston")
    assert [one.outcome for one in world.advisor.settle()] == ["accepted"]
    assert world.rules.get(rule.id).created_by == "preston"


def test_a_dream_becomes_amendments(world: World) -> None:
    """A dream's change is promoted as such, so that it is listed among the amendments, and reverted by undoing."""
    results = {"mean_ms": 90.0}
    changes = (
        ValueChange("amendment", "fallback_threshold", 0.4, 0.35),
        ValueChange("amendment", "fallback_delay_ms", None, 200),
    )
    evidence = {"cycle_id": "dream-1", "test_results": results}
    number = suggested(world, Proposal("amend_setting", "both", "It is faster.", changes, 0.9, 60, evidence))
    world.advisor.accept(number)
    assert {one.setting: one.new_value for one in world.amendments.all()} == {
        "fallback_threshold": 0.35,
        "fallback_delay_ms": 200,
    }
    assert (world.setting("fallback_threshold"), world.setting("fallback_delay_ms")) == (0.35, 200)
    world.advisor.undo(number)
    assert not world.own.exists()
    assert all(one.reverted_at for one in world.amendments.all())


def test_a_folder_is_indexed_and_forgotten(world: World, tmp_path: Path) -> None:
    """Accepting indexes the folder, undoing forgets it; one that is gone is superseded."""
    folder = tmp_path / "payroll"
    folder.mkdir()
    number = suggested(world, of_folder(str(folder)))
    world.advisor.accept(number)
    assert world.indexed == {str(folder)}
    world.advisor.undo(number)
    assert world.indexed == set()
    suggested(world, of_folder(str(folder))._replace(executions=10))
    folder.rmdir()
    assert [one.outcome for one in world.advisor.settle()] == ["superseded"]


def test_patterns_follow_decisions(world: World, tmp_path: Path) -> None:
    """Decisions make the profile, and with it the patterns that people can read."""
    for number in range(5):
        world.advisor.reject(suggested(world, threshold(0.3 + number / 100)))
    assert world.advice.outcomes.profile("katie").patterns == {"never_amend_settings": True}
    assert "amend_setting" in (tmp_path / "patterns.md").read_text()


@pytest.mark.parametrize("back", [False, True])
def test_a_diff_shows_exactly_what_is_written(world: World, back: bool) -> None:
    """The diff's lines are those in which the files before and after differ."""
    number = suggested(world, lowered())
    targets: Targets = world.advisor._targets
    if back:
        world.advisor.accept(number)
    before = world.own.read_text().splitlines() if back else []
    lines = targets.diff(world.advice.suggestions.get(number), back=back).splitlines()[2:]
    decide: Callable[[int], object] = world.advisor.undo if back else world.advisor.accept
    decide(number)
    after = [] if back else world.own.read_text().splitlines()
    assert not world.own.exists() or not back
    (removed, added) = ([line[1:] for line in lines if line[0] == sign] for sign in "-+")
    assert (removed, added) == (before, after)
