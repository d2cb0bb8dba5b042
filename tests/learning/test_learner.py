"""Rules are learned from what succeeds, doubted when it fails, and never by one account alone."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.learning.clustering import cluster
from memory_router.learning.execution import Execution
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.learner import Lesson, learn
from memory_router.learning.rule import OverrideRule
from memory_router.learning.rule_store import RuleStore
from memory_router.routing import config_file
from memory_router.storage.database import Database
from memory_router.wilson import confidence, wilson_interval
from tests.learning.conftest import attempt, execution

CONFIG = config_file.load(str(Path(__file__).parents[2] / "router-config.json"))
WORDINGS = ("process payroll PDFs", "process the payroll pdfs", "Process payroll PDF files", "process payroll PDF")


class School:
    """Keep executions and rules, and learn from them."""

    def __init__(self, database: Database, url: str, folder: Path, clock: Callable[[], float]) -> None:
        self.executions = ExecutionStore(database, clock)
        self.rules = RuleStore(database, rule_cache(str(folder / "rules.json"), url), clock)
        self._clock = clock

    def learn(self, *happened: Iterable[Execution]) -> Lesson:
        """Store executions, and learn."""
        for some in happened:
            self.executions.add(some)
        return learn(self.executions, self.rules, CONFIG, self._clock)

    def rule(self) -> OverrideRule:
        """Return the only rule."""
        (rule,) = self.rules.all()
        return rule


@pytest.fixture
def school(database: Database, url: str, tmp_path: Path, clock: Callable[[], float]) -> School:
    """Return a learner without any history."""
    return School(database, url, tmp_path, clock)


def many(count: int, first: int = 0, failures: int = 0, **changes: object) -> list[Execution]:
    """Return executions of one request in several wordings, of which the first few failed."""
    return [
        execution(
            first + number,
            WORDINGS[number % len(WORDINGS)],
            attempt("qmd:search", accepted=number >= failures),
            **changes,
        )
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("rate", "trials", "expected"), [(0.94, 50, 0.76), (0.96, 150, 0.88), (0.97, 650, 0.94)], ids=str
)
def test_confidence_is_the_seeds(rate: float, trials: int, expected: float) -> None:
    """The lower end of the Wilson interval gives the confidences of the specification (seed 000)."""
    assert confidence(rate * trials, trials) == pytest.approx(expected, abs=0.006)


@given(st.integers(0, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_rate(counts: tuple[int, int]) -> None:
    """The interval lies within 0 and 1, holds the observed rate, and narrows with more of the same."""
    successes, trials = counts
    low, high = wilson_interval(successes, trials)
    assert 0 <= low <= high <= 1
    if trials:
        assert low <= successes / trials + 1e-9
        assert successes / trials <= high + 1e-9
        assert confidence(successes * 2, trials * 2) >= low - 1e-9


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_groups_are_near_their_leaders(count: int, seed: int) -> None:
    """Whoever joined a group is more similar to its leader than the threshold, and leaders lead themselves."""
    vectors = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    leads = cluster(vectors, [1] * count, 0.85)
    for number, lead in enumerate(leads):
        assert leads[lead] == lead
        assert number == lead or vectors[number] @ vectors[lead] > 0.85


def test_a_rule_is_proposed_from_fifty_on(school: School) -> None:
    """Forty-nine similar executions are forming; the fiftieth makes a rule, which waits for approval."""
    forming = school.learn(many(49))
    assert (forming.phases, forming.proposed) == ({"new": 0, "forming": 1, "rule": 0}, ())
    assert forming.patterns[0].reason == "1 more executions are needed"
    lesson = school.learn(many(1, first=49))
    rule = school.rule()
    assert lesson.proposed == (rule.id,)
    assert (rule.recommended_system_id, rule.state, rule.auto_generated) == ("qmd:search", "proposed", True)
    assert (rule.based_on_executions, rule.success_rate) == (50, 1.0)
    assert rule.confidence_score == pytest.approx(confidence(50, 50), abs=1e-4)
    assert rule.alternative_systems == ("qmd:query", "totalrecall")


def test_failing_patterns_become_no_rule(school: School) -> None:
    """A step that succeeds in fewer than 80 % is not recommended; at 80 % it ships."""
    failing = school.learn(many(60, failures=13))
    assert failing.proposed == ()
    assert failing.patterns[0].reason == "no step succeeds in 80% of its trials"
    assert school.learn(many(10, first=60)).proposed != ()


def test_the_fallback_that_succeeds_becomes_first(school: School) -> None:
    """Where the primary keeps failing and a fallback answers, the rule asks the fallback first."""
    school.learn(
        execution(
            number,
            WORDINGS[0],
            attempt("cognee", accepted=False, duration_ms=3000),
            attempt("totalrecall", accepted=True),
        )
        for number in range(60)
    )
    rule = school.rule()
    assert rule.recommended_system_id == "totalrecall"
    assert rule.avg_duration_ms == 40
    assert "cognee" not in rule.alternative_systems


def test_the_cheaper_of_two_good_steps_is_recommended(school: School) -> None:
    """Between steps that succeed alike, money and time decide."""
    dear, quick = (
        attempt("qmd:query", accepted=True, cost_usd=0.1),
        attempt("qmd:search", accepted=True, duration_ms=90),
    )
    school.learn(execution(number, WORDINGS[0], dear if number % 2 else quick) for number in range(60))
    rule = school.rule()
    assert (rule.recommended_system_id, rule.alternative_systems[0]) == ("qmd:search", "qmd:query")


def test_a_persons_word_counts_more_than_relevance(school: School) -> None:
    """An accepted answer with one or two stars is a failure of its route."""
    assert school.learn(many(60, user_satisfaction=1)).proposed == ()


def test_more_executions_raise_the_confidence(school: School) -> None:
    """A rule keeps its id and its state, and its figures follow the history."""
    school.learn(many(50, failures=3))
    first = school.rule()
    school.rules.set_state(first.id, "approved", "katie")
    lesson = school.learn(many(100, first=50, failures=3))
    later = school.rule()
    assert lesson.updated == (first.id,)
    assert (later.id, later.state, later.created_by) == (first.id, "approved", "katie")
    assert later.based_on_executions == 150
    assert later.confidence_score > first.confidence_score


def test_one_account_cannot_flood(school: School) -> None:
    """A thousand executions of one account do not outweigh the failures that all others have seen."""
    flood = [one._replace(asked_by="mallory") for one in many(1000)]
    others = many(30, first=1000, failures=30)
    lesson = school.learn(flood, others)
    assert lesson.proposed == ()


def test_a_rule_that_fails_is_suspended(school: School) -> None:
    """A learned rule whose own questions succeed in fewer than 80 % routes no more, until a person says so."""
    school.learn(many(60))
    rule = school.rule()
    lucky = school.learn(many(10, first=60, failures=3, source="learned", rule=rule.id))
    assert lucky.suspended == ()
    lesson = school.learn(many(10, first=70, failures=7, source="learned", rule=rule.id))
    assert lesson.suspended == (rule.id,)
    assert (school.rule().state, school.rule().is_active) == ("suspended", False)
    assert school.learn(many(5, first=80)).proposed == ()


def test_what_was_rejected_is_not_proposed_again(school: School) -> None:
    """A rejected rule keeps its state, however many executions speak for it."""
    school.learn(many(60))
    school.rules.set_state(school.rule().id, "rejected")
    assert school.learn(many(60, first=60)).proposed == ()
    assert school.rule().state == "rejected"


def test_blocked_requests_teach_that_approval_is_needed(school: School) -> None:
    """A pattern that needed approval gives a rule that needs it; blocked executions are no trials."""
    approved = {"requires_approval": True, "approved_by": "katie"}
    blocked = many(20, first=60, status="governance_blocked", governance_check={"requires_approval": True})
    school.learn(many(60, governance_check=approved), blocked)
    assert school.rule().requires_approval
    assert school.rule().based_on_executions == 60


def test_a_clock_that_goes_backwards_changes_nothing(school: School) -> None:
    """Times of executions order them, and no more: a rule comes of them in whatever order they are dated."""
    school.learn([one._replace(started_at=-one.started_at) for one in many(60)])
    assert school.rule().based_on_executions == 60


def test_nothing_is_learned_from_nothing(school: School) -> None:
    """Without a history there are no patterns, and no error."""
    assert school.learn().executions == 0
    assert school.rules.all() == []


def test_a_persons_decisions_outlive_learning(
    database: Database, url: str, tmp_path: Path, clock: Callable[[], float]
) -> None:
    """What a person changed about a learned rule stays so, whatever is learned next."""
    school = School(database, url, tmp_path, clock)
    school.learn(execution(number, "process payroll PDFs") for number in range(60))
    rule = school.rules.set_state(school.rule().id, "approved", "katie")
    guard = {"escalation_required": True}
    school.rules.edit(
        rule.id, "katie", recommended_system_id="totalrecall", governance_check=guard, requires_approval=True
    )
    school.learn(execution(number, "process payroll PDFs") for number in range(60, 80))
    kept = school.rule()
    assert (kept.recommended_system_id, kept.state, kept.created_by) == ("totalrecall", "approved", "katie")
    assert (kept.governance_check, kept.requires_approval) == (guard, True)
    assert (kept.based_on_executions, kept.success_rate) == (0, None), "nobody tried the step that she chose"


def test_a_decision_during_learning_stands(
    database: Database, url: str, tmp_path: Path, clock: Callable[[], float]
) -> None:
    """A rule that somebody rejects while a run is at work is rejected when the run has ended."""
    school = School(database, url, tmp_path, clock)
    school.learn(execution(number, "process payroll PDFs") for number in range(60))
    rule = school.rule().id
    school.executions.add(execution(number, "process payroll PDFs") for number in range(60, 70))

    class Meanwhile(RuleStore):
        def insert(self, rules: Sequence[OverrideRule]) -> None:
            super().insert(rules)
            school.rules.set_state(rule, "rejected", "katie")

    lesson = learn(
        school.executions, Meanwhile(database, rule_cache(str(tmp_path / "rules.json"), url), clock), CONFIG, clock
    )
    assert (school.rule().state, lesson.updated) == ("rejected", ())


def later(executions: Iterable[Execution], seconds: float = 5000) -> list[Execution]:
    """Return executions as if they had been asked after what a test did before."""
    return [one._replace(started_at=one.started_at + seconds) for one in executions]


def test_bad_ratings_suspend_a_rule(school: School) -> None:
    """A learned rule whose answers are good in the router's eyes and useless in people's routes no more."""
    school.learn(many(300))
    rule = school.rules.set_state(school.rule().id, "approved", "katie")
    lesson = school.learn(many(50, first=300, source="learned", rule=rule.id, user_satisfaction=1))
    assert lesson.suspended == (rule.id,)
    assert (school.rule().state, school.rule().is_active) == ("suspended", False)


def test_learning_neither_suspends_nor_points_a_guard_elsewhere(school: School) -> None:
    """A learned rule that guards questions keeps guarding them, by its own step, whatever succeeds or fails."""
    school.learn(many(60))
    guard = school.rules.edit(school.rule().id, "katie", requires_approval=True)
    school.rules.set_state(guard.id, "approved", "katie")
    assert school.learn(many(50, first=60, failures=50, source="learned", rule=guard.id)).suspended == ()
    school.learn(
        execution(200 + number, WORDINGS[0], attempt("lossless", accepted=True), user_satisfaction=5)
        for number in range(100)
    )
    kept = school.rule()
    assert (kept.recommended_system_id, kept.state, kept.is_active) == (guard.recommended_system_id, "approved", True)


def test_new_success_lifts_a_suspension(school: School) -> None:
    """Ten successes since the suspension make a proposal of the rule again; fewer, or older ones, do not."""
    school.learn(many(60))
    rule = school.rule()
    assert school.learn(many(20, first=60, failures=20, source="learned", rule=rule.id)).suspended == (rule.id,)
    school.learn(many(100, first=80))
    assert school.rule().state == "suspended", "all of these are older than the suspension"
    school.learn(later(many(9, first=180)))
    assert school.rule().state == "suspended"
    school.learn(later(many(1, first=189)))
    assert (school.rule().state, school.rule().is_active) == ("proposed", True)
    assert school.rule().based_on_executions == 10


def test_an_approval_after_a_suspension_gives_a_new_chance(school: School) -> None:
    """The failures for which a rule was suspended do not suspend it again once a person approved it; new ones do."""
    school.learn(many(60))
    rule = school.rule()
    school.learn(many(20, first=60, failures=20, source="learned", rule=rule.id))
    school.rules.set_state(rule.id, "approved", "katie")
    assert school.learn(many(3, first=80)).suspended == ()
    assert (school.rule().state, school.rule().created_by) == ("approved", "katie")
    again = later(many(20, first=90, failures=20, source="learned", rule=rule.id))
    assert school.learn(again).suspended == (rule.id,)


def test_a_group_with_a_suspended_rule_learns_another_step(school: School) -> None:
    """Where a rule's step is refused and another one is praised, the rule is proposed with the other."""
    school.learn(many(60))
    rule = school.rule()
    school.learn(many(20, first=60, failures=20, source="learned", rule=rule.id))
    praised = [
        execution(100 + number, WORDINGS[0], attempt("lossless", accepted=True), user_satisfaction=5)
        for number in range(60)
    ]
    school.learn(praised)
    found = school.rule()
    assert (found.recommended_system_id, found.state, found.is_active) == ("lossless", "proposed", True)
    assert (found.based_on_executions, found.success_rate) == (60, 1.0)


def test_evidence_counts_the_trials_of_the_step(school: School) -> None:
    """A fallback that was asked in 36 of 300 questions is proposed on 36 executions, not on 300."""
    first, fallback = attempt("qmd:search", accepted=True, cost_usd=0.5), attempt("totalrecall", accepted=True)
    school.learn(
        execution(number, WORDINGS[0], first)
        if number >= 36
        else execution(number, WORDINGS[0], attempt("qmd:search", accepted=False), fallback)
        for number in range(300)
    )
    rule = school.rule()
    assert (rule.recommended_system_id, rule.based_on_executions) == ("totalrecall", 36)
    assert (rule.evidence["group_executions"], rule.evidence["avg_confidence"]) == (300, 0.7)


def test_praise_makes_a_doubted_answer_a_success(school: School) -> None:
    """An answer below the threshold of relevance that people give five stars is a success of its step."""
    doubted = attempt("lossless", accepted=True)._replace(relevance=0.35, accepted=False)
    lesson = school.learn(execution(number, WORDINGS[0], doubted, user_satisfaction=5) for number in range(60))
    assert lesson.proposed == (school.rule().id,)
    assert school.rule().recommended_system_id == "lossless"


def test_the_ship_rule_ships(school: School) -> None:
    """Fifty executions of which 88 % succeed reach the confidence that a rule needs (seed 000, The 80% Ship Rule)."""
    school.learn(many(50, failures=6))
    assert school.rule().confidence_score >= CONFIG.learning.confidence_threshold
