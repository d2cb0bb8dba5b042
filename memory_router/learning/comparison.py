"""Replay executions under two sets of thresholds, and compare them with confidence intervals.

A replay changes when an attempt is given up, whether its answer is accepted, and when the next one begins. What a
recorded attempt answered, and after how long, stays as it was; an attempt that was never made has no outcome. Nor is it
known how much backends that run side by side slow each other down. An execution is a success if its accepted answer
reaches the relevance that is asked for now, whatever the thresholds.
"""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.learning.evidence import DISSATISFIED, SATISFIED
from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.wilson import wilson_interval


class Thresholds(NamedTuple):
    """The thresholds to replay under.

    Args:
        fallback_threshold: the normalized relevance from which an answer is accepted.
        fallback_delay_ms: after how long a silent step is not waited for alone any more; None to ask in turn.
        deadlines: shorter deadlines in milliseconds, by step.
    """

    fallback_threshold: float
    fallback_delay_ms: int | None = None
    deadlines: Mapping[str, int] = {}


class ReplayResult(NamedTuple):
    """The result of a replay.

    Args:
        accepted: the attempt that would have been accepted, or None.
        relevance: that of the answer: the accepted one, else the best one, as far as it is known.
        waited_ms: until the answer; only as far as is known, if the outcome is not.
        is_known: whether every attempt that decides the outcome was recorded.
        extra_ms: for how long steps would have been asked that asking in turn never asks.
    """

    accepted: AttemptRecord | None
    relevance: float
    waited_ms: int
    is_known: bool
    extra_ms: int


def replay(attempts: Sequence[AttemptRecord], thresholds: Thresholds) -> ReplayResult:
    """Return the course of a question's attempts under `thresholds`.

    Args:
        attempts: what came of its steps, in the plan's order, as far as they were asked.
        thresholds: what is changed.
    """
    begins = waited_ms = 0
    best = 0.0
    for attempt in attempts:
        deadline_ms = thresholds.deadlines.get(attempt.step, attempt.deadline_ms)
        timed_out = attempt.error_code == "QUERY_TIMEOUT"
        # Superseded, or given more time than it had: what it would have answered is not known.
        if attempt.status == "superseded" or (timed_out and deadline_ms > attempt.deadline_ms):
            return ReplayResult(None, best, waited_ms, False, 0)
        is_cut = attempt.duration_ms > deadline_ms and deadline_ms < attempt.deadline_ms
        ended = begins + (deadline_ms if is_cut else attempt.duration_ms)
        waited_ms = max(waited_ms, ended)
        delay_ms = thresholds.fallback_delay_ms
        next_begins = ended if delay_ms is None else min(ended, begins + delay_ms)
        if attempt.status == "success" and not is_cut:
            best = max(best, attempt.relevance)
            if attempt.relevance >= thresholds.fallback_threshold:
                extra_ms = waited_ms - next_begins if next_begins < ended else 0
                return ReplayResult(attempt, attempt.relevance, waited_ms, True, extra_ms)
        begins = next_begins
    # Once accepted, a question asked nobody else: what the next step would have said is not known.
    return ReplayResult(None, best, waited_ms, not any(attempt.accepted for attempt in attempts), 0)


def unasked(step: str, deadline_ms: int) -> AttemptRecord:
    """A step that was not asked: a replay that needs it does not know how it ends."""
    return AttemptRecord(step, "superseded", 0.0, 0, deadline_ms, None, accepted=False)


# 95 of 100 such intervals hold the true value.
_Z = 1.96
_RESAMPLES = 1000


class Pair(NamedTuple):
    """One execution replayed as things are, and as they would be.

    Args:
        succeeded: whether it succeeds now.
        would_succeed: whether it would; None if that is not known.
        is_worse: whether its answer would be worse, or may be: a success lost, or a poor answer that is poorer.
        waited_ms: how long its answer takes now.
        would_wait_ms: how long it would take, at the worst where that is not known.
        extra_ms: how long further steps would be asked for nothing.
        is_wrong: whether an answer is accepted now that its user refused.
        would_be_wrong: whether such an answer would be accepted, or one to a question that nothing answers now.
    """

    succeeded: bool
    would_succeed: bool | None
    is_worse: bool
    waited_ms: int
    would_wait_ms: int
    extra_ms: int
    is_wrong: bool
    would_be_wrong: bool


class Comparison(NamedTuple):
    """The effect of a change on many executions; every rate is a share of all of them.

    Args:
        executions: how many were compared.
        success_rate: the share that would succeed, unknown outcomes counted as failures.
        best_success_rate: the same if every unknown outcome were a success.
        success_rate_now: the share that succeeds now.
        worse: how many would have a worse answer, unknown ones among them.
        worse_at_most: the upper end of the interval of that share.
        mean_ms: how long an answer would take.
        mean_ms_now: how long it takes now.
        saved_ms: the difference of the two.
        saved_ms_interval: the interval of that difference.
        extra_ms: how long further steps would be asked for nothing.
        unknown_share: the share whose outcome cannot be known.
        wrong: how many accepted answers would be wrong: refused by the user, or to what nothing answers now.
        wrong_now: how many are now.
    """

    executions: int
    success_rate: float
    best_success_rate: float
    success_rate_now: float
    worse: int
    worse_at_most: float
    mean_ms: float
    mean_ms_now: float
    saved_ms: float
    saved_ms_interval: tuple[float, float]
    extra_ms: float
    unknown_share: float
    wrong: int
    wrong_now: int

    @property
    def succeeds_more(self) -> bool:
        """Return whether the share that would succeed lies above the interval of the share that succeeds now."""
        return self.success_rate > wilson_interval(self.success_rate_now * self.executions, self.executions, _Z)[1]

    @property
    def is_faster(self) -> bool:
        """Return whether answers would surely come sooner."""
        return self.saved_ms_interval[0] > 0

    @property
    def is_no_worse(self) -> bool:
        """Return whether, at the worst, as many successes are gained as answers worsen, and none is more wrong."""
        gained = round((self.success_rate - self.success_rate_now) * self.executions)
        return gained >= 0 and self.worse <= gained and self.wrong <= self.wrong_now

    def to_dict(self) -> JsonObject:
        """Return the comparison as JSON has it."""
        return {**self._asdict(), "faster": self.is_faster}


def pair(
    execution: Execution, now: Thresholds, then: Thresholds, rerouted: Sequence[AttemptRecord] | None = None
) -> Pair | None:
    """Replay one execution under both sets of thresholds; return None if not even the present one can be known.

    Args:
        execution: what was recorded.
        now: the thresholds in force.
        then: the thresholds to be tried.
        rerouted: the recorded attempts of the steps that the change would ask, if it would change the route.
    """
    present = replay(execution.attempts, now)
    if not present.is_known:
        return None
    future = replay(execution.attempts if rerouted is None else rerouted, then)
    longest_ms = max(attempt.deadline_ms for attempt in execution.attempts)
    succeeds = _succeeds(present, execution, now.fallback_threshold)
    would = _succeeds(future, execution, now.fallback_threshold) if future.is_known else None
    stars = execution.user_satisfaction
    is_refused = stars is not None and stars <= DISSATISFIED
    is_praised = stars is not None and stars >= SATISFIED
    poorer = not succeeds and not would and future.relevance < present.relevance
    return Pair(
        succeeds,
        would,
        would is None or (succeeds and not would) or poorer,
        present.waited_ms,
        future.waited_ms + (0 if future.is_known else longest_ms),
        future.extra_ms,
        is_refused and present.accepted is not None,
        future.accepted is not None and (is_refused or (present.accepted is None and not is_praised)),
    )


def compare(pairs: Sequence[Pair], seed: str | None = None) -> Comparison:
    """Summarise pairs, of which there must be one.

    Args:
        pairs: the replays.
        seed: makes the interval of the saved time the same every time; without it the interval is left open.
    """
    number = len(pairs)
    saved = [replayed.waited_ms - replayed.would_wait_ms for replayed in pairs]
    unknown = sum(replayed.would_succeed is None for replayed in pairs)
    worse = sum(replayed.is_worse for replayed in pairs)
    would_succeed = sum(bool(replayed.would_succeed) for replayed in pairs)
    return Comparison(
        number,
        would_succeed / number,
        (would_succeed + unknown) / number,
        sum(replayed.succeeded for replayed in pairs) / number,
        worse,
        wilson_interval(worse, number, _Z)[1],
        sum(replayed.would_wait_ms for replayed in pairs) / number,
        sum(replayed.waited_ms for replayed in pairs) / number,
        sum(saved) / number,
        _mean_interval(saved, seed) if seed else (float("-inf"), float("inf")),
        sum(replayed.extra_ms for replayed in pairs) / number,
        unknown / number,
        sum(replayed.would_be_wrong for replayed in pairs),
        sum(replayed.is_wrong for replayed in pairs),
    )


def _succeeds(course: ReplayResult, execution: Execution, asked: float) -> bool:
    if course.accepted is None or course.accepted.relevance < asked:
        return False
    stars = execution.user_satisfaction
    return not (course.accepted.accepted and stars is not None and stars <= DISSATISFIED)


def _mean_interval(values: Sequence[int], seed: str) -> tuple[float, float]:
    """Return the interval of the mean of paired differences (percentile bootstrap; Efron 1979)."""
    chance = random.Random(seed)  # noqa: S311 - a resample, no secret
    means = sorted(sum(chance.choices(values, k=len(values))) / len(values) for _ in range(_RESAMPLES))
    return means[int(0.025 * _RESAMPLES)], means[int(0.975 * _RESAMPLES) - 1]
