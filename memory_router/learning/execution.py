"""An execution: the question, its route, and how it ended (seed 000, executions).

The ask path writes executions and must stay light, so these are named tuples, and JSON is their only other form.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from memory_router.contract import JsonObject

# The source of a compound request as a whole; its parts are executions of their own, from which routing learns.
COMPOUND = "compound"
STATUSES = ("success", "failed", "governance_blocked")


class AttemptRecord(NamedTuple):
    """The outcome of asking one step.

    Args:
        step: `backend:mode`, or `backend` where it has no modes.
        status: `success`, `empty`, `error`, or `superseded` where it was ended because an earlier one was accepted.
        relevance: the normalized relevance of its first result, 0 without one.
        duration_ms: as the router measured it.
        deadline_ms: what it was given.
        error_code: the cause of an error, or of an empty answer.
        accepted: whether it became the answer.
        cost_usd: what it cost, by the backend's manifest.
        started_ms: when it was asked, in milliseconds after the first step was; None in what earlier versions recorded.
    """

    step: str
    status: str
    relevance: float
    duration_ms: int
    deadline_ms: int
    error_code: str | None
    accepted: bool
    cost_usd: float = 0.0
    started_ms: int | None = None


class Shown(NamedTuple):
    """One result of an answer, as the user saw it.

    Args:
        id: its id, `backend:id`; `backend:` where the backend gave none.
        relevance: what the backend claimed, from 0 to 1, before any prior.
    """

    id: str
    relevance: float

    @property
    def backend(self) -> str:
        """Return the backend that gave it."""
        return self.id.partition(":")[0]


class Execution(NamedTuple):
    """One routed question.

    Args:
        id: the envelope's `execution_id`.
        user_request: the question, secrets redacted.
        routing_path: the steps that were asked, in order.
        routing_confidence: how sure the route was, from 0 to 1 (see `recording.CONFIDENCE`).
        status: `success`, `failed` or `governance_blocked`.
        duration_ms: of the whole answer.
        cost_usd: of all attempts.
        user_satisfaction: 1 to 5, once the user has said so.
        governance_check: who approved it and when, where it needed approval.
        started_at: seconds since the epoch.
        should_retry_with_different_path: whether it failed while another backend could have been asked.
        source: where the route came from: `manual`, `learned`, `table`, `default`, `choice` or
            `compound`.
        rule: the id of the rule that took the question.
        similarity: cosine between the question and the rule's pattern, for rules matched by meaning.
        attempts: what came of each step.
        project: the project it was asked for.
        asked_by: the account that asked.
        signal: the name of the signal that matched, for a rule of the table.
        shown: the first results of the answer, in the order in which the user saw them.
    """

    id: str
    user_request: str
    routing_path: tuple[str, ...]
    routing_confidence: float
    status: str
    duration_ms: int
    cost_usd: float
    user_satisfaction: int | None
    governance_check: JsonObject | None
    started_at: float
    should_retry_with_different_path: bool
    source: str
    rule: str | None
    similarity: float | None
    attempts: tuple[AttemptRecord, ...]
    project: str | None
    asked_by: str | None
    signal: str | None = None
    shown: tuple[Shown, ...] = ()

    def to_dict(self) -> JsonObject:
        """Return the execution as JSON has it."""
        return {**self._asdict(), "attempts": [attempt._asdict() for attempt in self.attempts]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "Execution":
        """Build an execution from what `to_dict` gave.

        Raises:
            TypeError: members are missing or unknown.
            ValueError: an execution cannot have a value.
        """
        attempts: Sequence[Mapping[str, Any]] = fields["attempts"]
        execution = cls(
            **{
                **fields,
                "routing_path": tuple(fields["routing_path"]),
                "attempts": tuple(AttemptRecord(**attempt) for attempt in attempts),
                "shown": tuple(Shown(*row) for row in fields.get("shown") or ()),
                "should_retry_with_different_path": bool(fields["should_retry_with_different_path"]),
            }
        )
        if execution.status not in STATUSES:
            raise ValueError(f"{execution.status!r} is not a status of an execution")
        return execution
