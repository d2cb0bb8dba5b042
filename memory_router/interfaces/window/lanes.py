"""Draw when each backend was asked, answered or was late: lanes on one time axis."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import BackendTimeoutError, CircuitOpenError

# The axis, in units of the drawing.
WIDTH = 1000


class Lane(NamedTuple):
    """One step on the axis.

    Args:
        step: `backend` or `backend:mode`.
        state: `accepted`, `poor`, `empty`, `late`, `error`, `superseded` or `skipped`.
        told: what came of it, in words.
        start: where it was asked, from 0 to WIDTH.
        length: how long it took, to scale; at least a visible line.
        duration_ms: the same in milliseconds.
        deadline_ms: what it was given.
        relevance: of its first result.
    """

    step: str
    state: str
    told: str
    start: int = 0
    length: int = 0
    duration_ms: int = 0
    deadline_ms: int = 0
    relevance: float = 0.0


class Axis(NamedTuple):
    """The lanes of one answer, and how many milliseconds the axis is long."""

    lanes: list[Lane]
    length_ms: int


def lanes_of_trace(trace: JsonObject) -> Axis:
    """Return the lanes of an answer with its trace: what was asked, and what was skipped and why."""
    attempts = [
        {
            **attempt,
            "step": _step(attempt),
            "relevance": attempt["normalized_relevance"],
            "told": attempt["error_message"],
        }
        for attempt in trace["attempts"]
    ]
    axis = lanes(attempts)
    skipped = [Lane(_step(step), "skipped", step["reason"]) for step in trace["skipped"]]
    shown = {lane.step for lane in (*axis.lanes, *skipped)}
    not_needed = [
        Lane(_step(step), "skipped", "not asked: an earlier answer was accepted")
        for step in trace["steps"]
        if _step(step) not in shown
    ]
    return Axis([*axis.lanes, *not_needed, *skipped], axis.length_ms)


def lanes(attempts: Sequence[Mapping[str, Any]]) -> Axis:
    """Return the lanes of attempts; those without `started_ms` are taken to have come one after the other."""
    after, placed = 0, []
    for attempt in attempts:
        recorded = attempt.get("started_ms")
        start = after if recorded is None else recorded
        after = start + attempt["duration_ms"]
        placed.append((start, attempt))
    length_ms = max((start + attempt["duration_ms"] for start, attempt in placed), default=0) or 1
    return Axis([_lane(start, attempt, length_ms) for start, attempt in placed], length_ms)


def _lane(start_ms: int, one: Mapping[str, Any], length_ms: int) -> Lane:
    state = _state(one)
    told = f"{_WORDS[state]} {one['error_code'] or ''}".strip() if not one.get("told") else f"{one['told']}"
    if state in ("accepted", "poor"):
        told = f"{_WORDS[state]} relevance {one['relevance']:.2f}"
    start = round(WIDTH * start_ms / length_ms)
    length = max(4, round(WIDTH * one["duration_ms"] / length_ms))
    return Lane(
        one["step"],
        state,
        told,
        min(start, WIDTH - 4),
        min(length, WIDTH - min(start, WIDTH - 4)),
        one["duration_ms"],
        one["deadline_ms"],
        one["relevance"],
    )


def _state(one: Mapping[str, Any]) -> str:
    if one["error_code"] == BackendTimeoutError.code:
        return "late"
    if one["error_code"] == CircuitOpenError.code:
        return "skipped"
    if one["accepted"]:
        return "accepted"
    return "poor" if one["status"] == "success" else str(one["status"])


_WORDS = {
    "accepted": "accepted,",
    "poor": "not good enough,",
    "empty": "found nothing",
    "late": "late",
    "error": "failed",
    "partial": "not good enough,",
    "superseded": "ended: an earlier answer was accepted",
    "skipped": "skipped",
}


def _step(one: Mapping[str, Any]) -> str:
    return f"{one['backend']}:{one['mode']}" if one.get("mode") else str(one["backend"])
