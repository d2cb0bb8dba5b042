"""Stop before anything runs where a rule or a backend needs somebody's approval (seed 000, ARM mode)."""

from collections.abc import Sequence
from typing import Protocol

from memory_router.contract import JsonObject
from memory_router.routing.config import Step
from memory_router.routing.plan import Plan, Skip
from memory_router.routing.registry import Registry


class Gate(Protocol):
    """Know what was approved, by whom and for which question."""

    def check(self, query: str, needed_by: Sequence[str], *, escalate: bool, approval: str | None) -> JsonObject:
        """Return who approved `query` and when, for the record.

        Args:
            query: the question.
            needed_by: what needs the approval: `rule ID` or `backend NAME`.
            escalate: whether somebody above the operator has to approve.
            approval: the id of the approval that the caller shows, or None to look for one of this very question.

        Raises:
            ApprovalError: nobody approved it yet, somebody denied it, or the approval is of another question.
        """


def needing_approval(plan: Plan, registry: Registry) -> tuple[str, ...]:
    """Return what of a plan needs approval before it runs: the rule that routes it, the backend asked first."""
    rule = plan.match.routing_rule if plan.match else None
    needed = [f"rule {rule.id}"] if rule and rule.requires_approval else []
    needed += [f"backend {step.backend}" for step in plan.steps[:1] if _is_guarded(step, registry)]
    return tuple(needed)


def without_guarded_fallbacks(plan: Plan, registry: Registry) -> Plan:
    """Leave out fallback steps whose backend needs approval: falling back to one would run it without."""
    kept = [step for step in plan.steps[1:] if not _is_guarded(step, registry)]
    left_out = [
        Skip(step, f"needs approval; ask for it with --backend {step}", is_fault=False)
        for step in plan.steps[1:]
        if _is_guarded(step, registry)
    ]
    return plan._replace(steps=(*plan.steps[:1], *kept), skipped=(*plan.skipped, *left_out)) if left_out else plan


def _is_guarded(step: Step, registry: Registry) -> bool:
    return registry.manifests[step.backend].requires_approval
