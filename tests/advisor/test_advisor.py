"""Suggestions are made once, carried out whole or not at all, taken back, and not repeated to who refuses them."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from memory_router import paths
from memory_router.advisor.advisor import Advisor
from memory_router.advisor.appliers import Folders, Targets
from memory_router.advisor.proposal import Proposal, ValueChange, encoded
from memory_router.errors import AdviceError, AmendmentError, ConfigError
from memory_router.learning.amendments import AmendmentStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.priors import PriorStore
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA as LEARNING
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.schema import SCHEMA
from memory_router.outcomes.validation import iso
from memory_router.routing.config_file import load
from memory_router.storage.database import open_database

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
        # Only the file is touched here: a database connection does not survive a fork.
        config = OwnConfig(str(world.own), BUNDLED)
        config.write([("fallback_threshold", 0.35)], f".before-suggestion-{number}", [0.4])
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


def test_what_waits_of_an_interrupted_run_is_withdrawn_unless_it_is_proposed_again(world: World) -> None:
    """The router carries out by itself what it proposes now, and nothing that a person rejected meanwhile."""
    auto = Advisor(world.advice, world.advisor._targets, "katie", is_automatic=True)
    auto.advise([lowered(), threshold(0.3), of_folder("/srv/tides")])
    world.advisor.reject(suggested(world, threshold(0.3)))
    auto.withdraw([lowered(), threshold(0.3)])
    ((left,), _) = auto.advise([lowered()])
    assert left.suggestion_type == "reduce_source"
