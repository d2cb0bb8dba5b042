"""Say what a record of executions takes from the ask path."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from memory_router.contract import JsonObject
from memory_router.routing.attempts import Attempt
from memory_router.routing.envelope import Envelope
from memory_router.routing.merging import Merged
from memory_router.routing.plan import Plan
from memory_router.routing.registry import Registry


class RoutedQuestion(NamedTuple):
    """Everything about one question that was routed.

    Args:
        plan: what was to be asked.
        registry: the backends, with what they cost.
        attempts: what came of asking them, in the plan's order.
        envelope: the answer.
        project: the project it was asked for, or None.
        governance_check: who approved it, or what blocked it; None where nobody has to.
        merged: the results of a question that was asked of all backends at once, most probable first.
        parts: the questions that a compound request was divided into; empty for a question.
    """

    plan: Plan
    registry: Registry
    attempts: tuple[Attempt, ...]
    envelope: Envelope
    project: str | None
    governance_check: JsonObject | None
    merged: tuple[Merged, ...] = ()
    parts: tuple["RoutedQuestion", ...] = ()


class Recorder(Protocol):
    """Keep what was asked and how it ended, so that routing can learn from it."""

    def record(self, routed: RoutedQuestion) -> None:
        """Keep one execution.

        Raises:
            OSError: it cannot be written.
        """

    def fetched(self, ids: Sequence[str]) -> None:
        """Keep that results were fetched by their ids.

        Raises:
            OSError: it cannot be written.
        """

    def close(self) -> None:
        """Finish what does not have to be done before the answer."""
