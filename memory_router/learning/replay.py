"""Replay recorded executions under other thresholds: what would have happened, as far as it can be known.

A replay changes when an attempt is given up, whether its answer is accepted, and when the next one begins. What a
recorded attempt answered, and after how long, stays as it was; an attempt that was never made has no outcome. Nor is
it known how much backends that run side by side slow each other down.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memory_router.learning.execution import AttemptRecord


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


class Course(NamedTuple):
    """What a replay gives.

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


def replay(attempts: Sequence[AttemptRecord], thresholds: Thresholds) -> Course:
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
            return Course(None, best, waited_ms, False, 0)
        is_cut = attempt.duration_ms > deadline_ms and deadline_ms < attempt.deadline_ms
        ended = begins + (deadline_ms if is_cut else attempt.duration_ms)
        waited_ms = max(waited_ms, ended)
        delay_ms = thresholds.fallback_delay_ms
        next_begins = ended if delay_ms is None else min(ended, begins + delay_ms)
        if attempt.status == "success" and not is_cut:
            best = max(best, attempt.relevance)
            if attempt.relevance >= thresholds.fallback_threshold:
                extra_ms = waited_ms - next_begins if next_begins < ended else 0
                return Course(attempt, attempt.relevance, waited_ms, True, extra_ms)
        begins = next_begins
    # Once accepted, a question asked nobody else: what the next step would have said is not known.
    return Course(None, best, waited_ms, not any(attempt.accepted for attempt in attempts), 0)


def unasked(step: str, deadline_ms: int) -> AttemptRecord:
    """A step that was not asked: a replay that needs it does not know how it ends."""
    return AttemptRecord(step, "superseded", 0.0, 0, deadline_ms, None, accepted=False)
