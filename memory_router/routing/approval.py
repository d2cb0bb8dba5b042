"""Stop before anything runs where a rule or a backend needs somebody's approval (seed 000, ARM mode)."""

from collections.abc import Sequence
from typing import Protocol

from memory_router.contract import JsonObject
from memory_router.routing.plan import Plan, Skip
from memory_router.routing.registry import Registry
from memory_router.routing.rules import MatchedOverride


class Gate(Protocol):
    """Tells which rules guard a question, and who approved it."""

    def guards(self, query: str) -> tuple[MatchedOverride, ...]:
        """Return every rule that takes `query` and needs somebody's approval, whatever routes the question.

        Raises:
            GateClosedError: the rules cannot be read, or one cannot be tried on this question.
        """

    def check(
        self, query: str, backends: Sequence[str], rules: Sequence[MatchedOverride], approval: str | None
    ) -> JsonObject:
        """Use up an approval of `query`, and return who gave it and when, for the record.

        Args:
            query: the question.
            backends: the backends that need it.
            rules: the rules that need it.
            approval: the id of the approval that the caller shows, or None to look for one of this very question.

        Raises:
            ApprovalError: nobody approved it yet, somebody denied it, or the approval is of another question.
        """


def without_guarded_fallbacks(plan: Plan, registry: Registry) -> Plan:
    """Leave out fallback steps whose backend needs approval: falling back to one would run it without."""
    left_out = tuple(
        Skip(step, f"needs approval; ask for it with --backend {step}", is_fault=False)
        for step in plan.steps[1:]
        if registry.manifests[step.backend].requires_approval
    )
    return plan._replace(skipped=(*plan.skipped, *left_out))


def guarded_backends(plan: Plan, registry: Registry) -> tuple[str, ...]:
    """Return the backends of a plan that need approval: only the one that is asked first can."""
    return tuple(step.backend for step in plan.steps[:1] if registry.manifests[step.backend].requires_approval)
