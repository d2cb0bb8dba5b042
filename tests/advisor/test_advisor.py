"""Suggestions are made once, carried out whole or not at all, taken back, and not repeated to who refuses them."""

import json
import os

import pytest

from memory_router.advisor.advisor import Advisor
from memory_router.advisor.proposal import encoded
from memory_router.errors import AdviceError, AmendmentError, ConfigError
from memory_router.learning.own_config import OwnConfig
from memory_router.routing.config_file import load
from tests.advisor.conftest import BUNDLED, World, lowered, of_folder, suggested, threshold


def test_a_suggestion_is_made_once(world: World) -> None:
    """While it waits the same is not suggested again, and keeps its id, evidence and change."""
    first, _ = world.advisor.advise([lowered()])
    again, silent = world.advisor.advise([lowered(executions=90)])
    assert again == first
    assert silent == []
    (one,) = first
    assert one.evidence_summary == {"strength": 0.9, "executions": 30, "rule": "relationship"}
    assert one.change["changes"][0] == {
        "what": "setting",
        "name": "rules.relationship.primary",
        "old": "cognee",
        "new": "qmd:vsearch",
    }
    assert one.config_before == {
        "rules.relationship.primary": "cognee",
        "rules.relationship.fallback": ["qmd:vsearch", "totalrecall"],
    }
    assert not world.own.exists()


def test_the_strongest_come_first_and_few_at_once(world: World) -> None:
    """At most five wait, the strongest of what was proposed; the others are told with the cause."""
    many = [threshold(0.3, 0.1 * number, f"try_{number}") for number in range(8)]
    apart = [one._replace(changes=(one.changes[0]._replace(name=f"x{i}"),)) for i, one in enumerate(many)]
    waiting, silent = world.advisor.advise(apart)
    assert [one.suggestion_type for one in waiting] == ["try_7", "try_6", "try_5", "try_4", "try_3"]
    assert [one.type for one in silent] == ["try_2", "try_1", "try_0"]
    assert "enough" in silent[0].why


def test_what_changes_the_same_waits(world: World) -> None:
    """Two changes of one rule's chain are not offered at once: the weaker one waits for the decision."""
    other = lowered(strength=0.5)._replace(type="boost_source", changes=(lowered().changes[1],))
    waiting, silent = world.advisor.advise([other, lowered()])
    assert [one.suggestion_type for one in waiting] == ["reduce_source"]
    assert silent[0].why == f"suggestion {waiting[0].suggestion_id} changes the same and waits"


def test_newer_evidence_replaces_what_waits(world: World) -> None:
    """A proposal of another value for the same setting closes the older suggestion of its type, and takes its place."""
    older = suggested(world, threshold(0.3))
    (newer,), silent = world.advisor.advise([threshold(0.35)])
    assert (newer.suggestion_value, silent) == ("fallback_threshold = 0.35", [])
    assert world.advice.suggestions.get(older).status == "superseded"


def test_accepting_changes_the_file_and_is_recorded(world: World) -> None:
    """The user's file holds the change and nothing else; the outcome holds before, after, evidence and reason."""
    number = suggested(world, lowered())
    assert world.advisor.accept(number, "it is not installed").status == "accepted"
    rule = next(one for one in load(str(world.own)).rules if one.id == "relationship")
    assert [str(step) for step in rule.steps(None)] == ["qmd:vsearch", "totalrecall", "cognee"]
    (written,) = json.loads(world.own.read_text())["rules"]
    assert written.keys() == {"id", "primary", "fallback"}
    (outcome,) = world.advice.outcomes.all("katie")
    assert (outcome.outcome, outcome.user_reason, outcome.suggestion_id) == ("accepted", "it is not installed", number)
    assert outcome.config_before["rules.relationship.primary"] == "cognee"
    assert outcome.config_after["rules.relationship.primary"] == "qmd:vsearch"
    assert outcome.evidence_summary["executions"] == 30


def test_undoing_restores_the_file(world: World) -> None:
    """What stood there before stands there again, to the letter, and the copy that was kept until then is gone."""
    number = suggested(world, lowered())
    world.write("fallback_threshold", 0.5)
    before = world.own.read_text()
    world.advisor.accept(number)
    copy = world.own.with_name(f"router-config.json.before-suggestion-{number}")
    assert copy.read_text() == before
    assert world.advisor.last_accepted().suggestion_id == number
    assert world.advisor.undo(number).status == "undone"
    assert world.own.read_text() == before
    assert not copy.exists()
    with pytest.raises(AdviceError, match="No accepted suggestion"):
        world.advisor.last_accepted()
    with pytest.raises(AdviceError, match="undone already"):
        world.advisor.undo(number)


def test_accepting_after_a_change_is_refused_three_ways(world: World) -> None:
    """A value that was changed since is named as it was, as it is, and as it would be; nothing is written."""
    number = suggested(world, threshold(0.35))
    world.write("fallback_threshold", 0.6)
    before = world.own.read_text()
    with pytest.raises(AdviceError) as refused:
        world.advisor.accept(number)
    assert refused.value.cause == (
        "`fallback_threshold` was 0.4 when it was suggested, is 0.6 now, and accepting it would make it 0.35."
    )
    assert world.own.read_text() == before
    assert world.advisor.get(number).status == "pending"
    (settled,) = world.advisor.settle()
    assert (settled.suggestion_id, settled.outcome, settled.why) == (number, "superseded", refused.value.cause)
    assert [one.outcome for one in world.advice.outcomes.all("katie")] == ["superseded"]


def test_a_change_elsewhere_does_not_stand_in_the_way(world: World) -> None:
    """Only the values that a suggestion changes must be as they were."""
    number = suggested(world, lowered())
    world.write("signal_timeout_ms", 33)
    world.advisor.accept(number)
    assert (world.setting("signal_timeout_ms"), world.setting("rules.relationship.primary")) == (33, "qmd:vsearch")


def test_undoing_after_a_change_is_refused_three_ways(world: World) -> None:
    """A value that was changed after it was accepted stays, and the message names all three."""
    number = suggested(world, threshold(0.35))
    world.advisor.accept(number)
    world.write("fallback_threshold", 0.2)
    with pytest.raises(AdviceError) as refused:
        world.advisor.undo(number)
    assert refused.value.cause == (
        "`fallback_threshold` was 0.4 when it was suggested, is 0.2 now, and accepting it made it 0.35."
    )
    assert world.setting("fallback_threshold") == 0.2


@pytest.mark.parametrize("text", ["{ not JSON", "[]", '{"version": 2}'])
def test_a_file_that_is_no_configuration_stays_as_it_is(world: World, text: str) -> None:
    """Accepting and undoing leave a file that they cannot read alone, and say so."""
    number = suggested(world, threshold(0.35))
    world.own.parent.mkdir()
    world.own.write_text(text)
    with pytest.raises((ConfigError, AdviceError)):
        world.advisor.accept(number)
    assert world.own.read_text() == text
    assert world.advisor.get(number).status == "pending"


def test_a_file_that_would_not_be_valid_is_not_written(world: World) -> None:
    """A change that breaks the schema is refused, and the suggestion goes on waiting."""
    number = suggested(world, threshold(7.0))
    with pytest.raises(ConfigError):
        world.advisor.accept(number)
    assert not world.own.exists()
    assert world.advice.outcomes.all("katie") == []


def test_a_folder_that_cannot_be_written_is_told(world: World) -> None:
    """Where the configuration cannot be written nothing is recorded."""
    number = suggested(world, threshold(0.35))
    world.own.parent.write_text("a file in the way")
    with pytest.raises(AmendmentError, match="cannot be written"):
        world.advisor.accept(number)
    assert world.advisor.get(number).status == "pending"


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_a_decision_is_made_once(world: World, decision: str) -> None:
    """Whoever comes second is told, and nothing is recorded twice."""
    number = suggested(world, threshold(0.35))
    world.advisor.accept(number)
    with pytest.raises(AdviceError, match="accepted already"):
        getattr(world.advisor, decision)(number)
    assert len(world.advice.outcomes.all("katie")) == 1


def test_unknown_and_foreign_suggestions_are_refused(world: World) -> None:
    """An id that is nobody's, somebody else's or another application's changes nothing."""
    with pytest.raises(AdviceError, match="no suggestion 99"):
        world.advisor.accept(99)
    foreign = world.advice.suggest("preston", "reduce_source", "cognee", change=encoded(lowered()))
    with pytest.raises(AdviceError, match="made to preston"):
        world.advisor.reject(foreign.suggestion_id)
    application = world.advice.suggest("katie", "add_topic", "kubernetes", change={"topics": ["kubernetes"]})
    with pytest.raises(AdviceError, match="not about the router"):
        world.advisor.accept(application.suggestion_id)
    assert world.advisor.advise([]) == ([], [])


def test_who_dies_before_recording_is_followed_up(world: World) -> None:
    """A process that is killed between the change and its record leaves work that the next run finishes."""
    number = suggested(world, threshold(0.35))
    child = os.fork()
    if child == 0:
        try:
            # Only the file is touched here: a database connection does not survive a fork.
            config = OwnConfig(str(world.own), BUNDLED)
            config.write([("fallback_threshold", 0.35)], f".before-suggestion-{number}", [0.4])
        finally:
            os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    (settled,) = world.advisor.settle()
    assert (settled.suggestion_id, settled.outcome) == (number, "accepted")
    assert world.setting("fallback_threshold") == 0.35
    (outcome,) = world.advice.outcomes.all("katie")
    assert outcome.config_after == {"fallback_threshold": 0.35}
    assert world.advisor.undo(number).status == "undone"
    assert world.setting("fallback_threshold") == 0.4


@pytest.mark.parametrize("step", ["accept", "undo"])
def test_a_database_that_fails_between_is_followed_up(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Where only the record failed, the same command finishes it without writing again."""
    number = suggested(world, threshold(0.35))
    if step == "undo":
        world.advisor.accept(number)

    def fail(*_: object, **__: object) -> None:
        raise AdviceError("The disk is full.", "")

    with monkeypatch.context() as patched:
        patched.setattr(world.advice.suggestions, "decide" if step == "accept" else "undo", fail)
        with pytest.raises(AdviceError, match="full"):
            getattr(world.advisor, step)(number)
    world.write("signal_timeout_ms", 33)
    written = world.own.stat().st_mtime_ns
    assert getattr(world.advisor, step)(number).status == {"accept": "accepted", "undo": "undone"}[step]
    assert world.own.stat().st_mtime_ns == written


def test_what_waits_of_an_interrupted_run_is_withdrawn_unless_it_is_proposed_again(world: World) -> None:
    """The router carries out by itself what it proposes now, and nothing that a person rejected meanwhile."""
    auto = Advisor(world.advice, world.advisor._targets, "katie", is_automatic=True)
    auto.advise([lowered(), threshold(0.3), of_folder("/srv/tides")])
    world.advisor.reject(suggested(world, threshold(0.3)))
    auto.withdraw([lowered(), threshold(0.3)])
    ((left,), _) = auto.advise([lowered()])
    assert left.suggestion_type == "reduce_source"
