"""What people do with answers moves the priors of strategy `all`, few votes a little, and back again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router import paths
from memory_router.advisor.rule_proposals import of_priors
from memory_router.learning.execution import Execution, Shown
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.priors import PriorStore, weigh
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.spool import Spool
from memory_router.learning.votes import FETCHED, USEFUL, USELESS, Mark, Vote, votes
from memory_router.routing.config import Learning
from memory_router.routing.config_file import load
from memory_router.routing.rules import LearnedPrior
from memory_router.storage.database import Database
from tests.learning.conftest import NOW, execution

CONFIG = load(paths.bundled("router-config.json"))
BOTH = (Shown("qmd:1", 0.6), Shown("lossless:7", 0.5))
DAY = 86_400


def asked(number: int, request: str = "", **changes: object) -> Execution:
    """Return a question of the default rule whose answer showed a result of qmd, then one of lossless."""
    told: dict[str, object] = {"source": "default", "rule": "ambiguous", "shown": BOTH, "asked_by": "katie", **changes}
    return execution(number, request or f"request {number}", **told)


def told(executions: list[Execution], *marks: Mark) -> list[tuple[str | None, set[str]]]:
    """Return which backend each vote is for, and which ones had results beside it."""
    return [(vote.useful, {*vote.odds} - {vote.useful}) for vote in votes(executions, marks, CONFIG)]


@pytest.mark.parametrize(
    ("stars", "marked", "expected"),
    [
        (5, [], [("qmd", {"lossless"})]),
        (1, [], [(None, {"qmd"})]),
        (3, [], []),
        (None, [], []),
        (5, [("lossless:7", USEFUL)], [("lossless", {"qmd"})]),
        (None, [("lossless:7", FETCHED)], [("lossless", {"qmd"})]),
        (None, [("qmd:1", FETCHED), ("lossless:7", FETCHED)], [("qmd", set()), ("lossless", set())]),
        (2, [("qmd:1", USELESS), ("lossless:7", USEFUL)], [("lossless", {"qmd"})]),
        (None, [("lossless:7", USELESS)], [(None, {"lossless"})]),
        (None, [("qmd:1", FETCHED), ("qmd:1", USELESS)], [(None, {"qmd"})]),
    ],
)
def test_what_people_do_is_a_vote(
    stars: int | None, marked: list[tuple[str, str]], expected: list[tuple[str | None, set[str]]]
) -> None:
    """A rating is about the first result, a mark about its own; a useful one is preferred to what is not useful."""
    one = asked(1, user_satisfaction=stars)
    assert told([one], *(Mark(one.id, result, kind) for result, kind in marked)) == expected


def test_asking_again_is_a_vote() -> None:
    """Where a poor answer is followed by the same question to a backend that answers it, that one was right."""
    poor = asked(1, "the same", status="failed")
    again = asked(2, "the same", source="choice", rule=None, shown=BOTH[1:])
    assert told([poor, again]) == [("lossless", {"qmd"})]
    assert told([poor, again._replace(started_at=NOW + DAY)]) == []
    assert told([poor, again._replace(shown=BOTH)]) == []
    assert told([poor, again._replace(asked_by="other")]) == []


def test_a_question_votes_three_times_a_day() -> None:
    """One question, rated again and again, does not decide by itself."""
    assert len(told([asked(number, "the same", user_satisfaction=5) for number in range(1, 20)])) == 3


def test_only_the_table_is_judged() -> None:
    """Questions that a caller or another rule routed say nothing about the priors of the table."""
    assert told([asked(1, user_satisfaction=5, source="choice"), asked(2, user_satisfaction=5, source="learned")]) == []


def cast(number: int, useful: int, *, by: str = "katie", age: float = 0.0) -> list[Vote]:
    """Return votes about lossless under the default rule at even odds, the first `useful` of them in favour."""
    chosen = ["lossless"] * useful + [None] * (number - useful)
    return [
        Vote("ambiguous", f"{by} {place}", {"lossless": 1.0}, backend, NOW - age, by)
        for place, backend in enumerate(chosen)
    ]


def test_votes_move_a_prior_towards_what_they_say() -> None:
    """More useful than expected raises the prior, less lowers it, as expected leaves it; few votes change nothing."""
    (good,), (bad,), (same,) = (weigh(cast(20, useful), NOW) for useful in (18, 2, 10))
    assert good.prior.shift > 0.5
    assert bad.prior.shift == -good.prior.shift
    assert same.prior.shift == 0
    assert good.sentence == f"lossless for ambiguous: 18 of 20 useful (prior {good.prior.shift:+.2f}), 10 expected"
    assert weigh(cast(4, 4), NOW) == []


def test_old_votes_count_less() -> None:
    """A vote counts half after thirty days."""
    (found,) = weigh(cast(20, 20, age=30 * DAY), NOW)
    assert (found.prior.useful, found.prior.votes) == (10, 10)


def test_no_account_outweighs_all_others() -> None:
    """One account that votes against everything a hundred times weighs no more than the others together."""
    honest = [vote for name in "abcde" for vote in cast(4, 4, by=name)]
    (found,) = weigh([*honest, *cast(100, 0, by="liar")], NOW)
    assert found.prior.votes == pytest.approx(40)
    assert found.prior.useful == pytest.approx(20)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1e4), st.floats(0, 400 * DAY)), min_size=5, max_size=60),
)
def test_no_votes_move_a_prior_too_far(drawn: list[tuple[bool, float, float]]) -> None:
    """Whatever is voted, a prior moves by at most 1.5, and only to the side that the votes speak for."""
    ballot = [
        Vote("path", f"{number}", {"qmd": odds}, "qmd" if is_useful else None, NOW - age, "katie")
        for number, (is_useful, odds, age) in enumerate(drawn)
    ]
    (found,) = weigh(ballot, NOW)
    assert abs(found.prior.shift) <= 1.5
    surplus = found.prior.useful - found.expected
    assert found.prior.shift == 0 or found.prior.shift * surplus >= 0 or abs(surplus) < 0.2


def test_whoever_is_preferred_rises_and_whoever_is_passed_over_falls() -> None:
    """Of two backends with the same claims the one that is always chosen gets a higher prior, the other a lower one."""
    odds = {"lossless": 1.0, "qmd": 1.0}
    ballot = [Vote("ambiguous", f"{number}", odds, "lossless", NOW, "katie") for number in range(20)]
    chosen, passed = weigh(ballot, NOW)
    assert chosen.prior.shift > 0.3
    assert passed.prior.shift < -0.3
    assert (chosen.prior.useful, passed.prior.useful, passed.prior.votes) == (20, 0, 20)


def test_a_prior_in_force_reaches_the_ask_path_until_it_is_reset(
    database: Database, url: str, tmp_path: Path, clock: Callable[[], float]
) -> None:
    """What is put in force is read by the next question, in a process without the database, and gone after a reset."""
    rules = RuleStore(database, rule_cache(str(tmp_path / "rules.json"), url), clock)
    priors = PriorStore(database, rules.changing, clock)
    learned = LearnedPrior("ambiguous", "lossless", 0.75, 18.0, 20.0)
    priors.put("ambiguous", "lossless", learned)

    def heard(mode: str = "suggest") -> tuple[LearnedPrior, ...]:
        return OverrideRules(rule_cache(str(tmp_path / "rules.json"), url), Learning(mode), 1000).learned("ambiguous")

    assert heard() == heard("on") == (learned,)
    assert heard("off") == ()
    assert priors.counted_since() == float("-inf")
    assert priors.reset() == 1
    assert heard() == priors.in_force() == ()
    assert priors.counted_since() == NOW


def test_priors_are_proposed_rule_by_rule() -> None:
    """A change that matters is proposed with its evidence; what is in force already, or learning off, proposes none."""
    evidence = weigh(cast(20, 18), NOW)
    (proposal,) = of_priors(evidence, (), CONFIG)
    assert (proposal.type, proposal.value) == ("adjust_priors", "ambiguous")
    assert "18 of 20 useful" in proposal.reason
    assert of_priors(evidence, [one.prior for one in evidence], CONFIG) == []
    assert of_priors(evidence, (), CONFIG._replace(learning=Learning("off"))) == []


def test_a_fetched_result_belongs_to_the_answer_that_showed_it(
    database: Database, tmp_path: Path, clock: Callable[[], float]
) -> None:
    """A fetch counts for the account's last answer with that result, if it is not long ago."""
    store = ExecutionStore(database, clock)
    older, newer = asked(1, started_at=NOW - 900), asked(2, started_at=NOW - 600)
    others = asked(3, started_at=NOW - 300, asked_by="other")
    store.add([older, newer, others])
    spool = Spool(str(tmp_path / "spool"))
    spool.append(b'{"fetched": ["lossless:7", "nobody:1"], "at": %f, "by": "katie"}' % NOW)
    spool.append(b'{"fetched": ["qmd:1"], "at": %f, "by": "katie"}' % (NOW + DAY))
    assert store.take_in(spool) == 0
    assert store.marks() == [Mark(newer.id, "lossless:7", FETCHED)]


def test_a_useless_result_is_no_failure_of_the_answer(database: Database, clock: Callable[[], float]) -> None:
    """A useful result satisfies; a useless one only disappoints where it came first; the last word counts."""
    store = ExecutionStore(database, clock)
    store.add([asked(1)])
    assert store.rate_result("lossless:7", "katie", useful=False).user_satisfaction is None
    assert store.rate_result("qmd:1", "katie", useful=False).user_satisfaction == 2
    assert store.rate_result("lossless:7", "katie", useful=True).user_satisfaction == 5
    assert store.rate_result("qmd:1", "katie", useful=False).user_satisfaction == 5
    kinds = {(mark.result_id, mark.kind) for mark in store.marks()}
    assert kinds == {("lossless:7", USEFUL), ("qmd:1", USELESS)}


def test_what_nobody_judged_is_no_evidence(database: Database, clock: Callable[[], float]) -> None:
    """The executions that are looked at for votes give the same votes as all of them, and are few."""
    store = ExecutionStore(database, clock)
    again: dict[str, object] = {"status": "success", "started_at": NOW - 50, "shown": BOTH[::-1]}
    store.add(
        [
            *(asked(number, started_at=NOW - 1000 + number) for number in range(20)),
            asked(20, user_satisfaction=5, started_at=NOW - 90),
            asked(21, "which quay", status="failed", started_at=NOW - 80),
            asked(22, "which quay", **again),
            asked(23, user_satisfaction=1, started_at=NOW - DAY),
        ]
    )
    store.rate_result("qmd:1", "katie", useful=True)
    since = NOW - 2000
    recent = [one for one in store.all() if one.started_at >= since]
    judged = list(store.judged(since))
    assert votes(judged, store.marks(), CONFIG) == votes(recent, store.marks(), CONFIG)
    assert votes(judged, store.marks(), CONFIG)
    assert len(judged) < 5
