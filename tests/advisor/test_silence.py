"""What a user refused is not suggested again without much more evidence, and nobody else is silenced."""

import pytest

from tests.advisor.conftest import World, lowered, suggested, threshold


def test_what_nobody_decides_expires(world: World) -> None:
    """After 30 days a suggestion is closed as expired; not a day earlier."""
    number = suggested(world, threshold(0.35))
    world.wait(29)
    assert world.advisor.settle() == []
    world.wait(1)
    (settled,) = world.advisor.settle()
    assert (settled.suggestion_id, settled.outcome) == (number, "expired")
    assert suggested(world, threshold(0.35)) != number


@pytest.mark.parametrize("way", ["rejected", "undone"])
def test_what_was_refused_needs_twice_the_evidence(world: World, way: str) -> None:
    """The same is suggested again only when at least twice as many executions speak for it as then."""
    number = suggested(world, lowered(executions=30))
    if way == "rejected":
        world.advisor.reject(number, "only slow on Mondays")
    else:
        world.advisor.accept(number)
        world.advisor.undo(number)
    waiting, silent = world.advisor.advise([lowered(executions=59)])
    assert waiting == []
    assert way in silent[0].why
    assert "60 executions" in silent[0].why
    assert suggested(world, lowered(executions=60)) > number


def test_a_rejection_outlives_its_evidence(world: World) -> None:
    """What was rejected is measured by the same number after its evidence was compacted."""
    world.advisor.reject(suggested(world, lowered(executions=30)))
    world.wait(100)
    world.advice.compaction().run("katie")
    assert world.advice.outcomes.all("katie")[0].evidence_summary is None
    assert "60 executions" in world.advisor.advise([lowered(executions=59)])[1][0].why
    assert suggested(world, lowered(executions=60))


def test_a_type_that_is_always_rejected_is_not_suggested(world: World) -> None:
    """Five rejections of a type and no acceptance silence it, whatever speaks for it; other types go on."""
    for number in range(5):
        world.advice.record("katie", "reduce_source", f"source {number}", "rejected")
    waiting, silent = world.advisor.advise([lowered(executions=900), threshold(0.35)])
    assert [one.suggestion_type for one in waiting] == ["amend_setting"]
    assert silent[0].why == "you rejected all 5 suggestions of this type"
    world.advice.record("katie", "reduce_source", "source 9", "accepted")
    assert len(world.advisor.advise([lowered(executions=900)])[0]) == 2


def test_rejections_of_others_silence_nobody(world: World) -> None:
    """What another user rejects is still suggested to this one."""
    for number in range(9):
        world.advice.record("preston", "reduce_source", f"source {number}", "rejected")
    assert suggested(world, lowered())


def test_a_value_that_was_rejected_elsewhere_is_remembered(world: World) -> None:
    """A rejection that was recorded without a count of executions is not overruled by any."""
    world.advice.record("katie", "reduce_source", "cognee in relationship", "rejected")
    waiting, silent = world.advisor.advise([lowered(executions=10_000)])
    assert waiting == []
    assert "rejected" in silent[0].why
