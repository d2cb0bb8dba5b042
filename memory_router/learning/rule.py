"""A rule that overrides the table: learned from executions, or written by a person (seed 000)."""

from typing import NamedTuple

from memory_router.contract import JsonObject


class OverrideRule(NamedTuple):
    """One rule, under the seed's names.

    Args:
        id: its id.
        request_pattern: the request, or the regular expression, that it takes questions by.
        pattern_kind: `text` (by meaning) or `regex`.
        recommended_system_id: the step to ask first, `backend` or `backend:mode`.
        alternative_systems: the steps after it, in order.
        based_on_executions: how many executions tried its first step; 0 for a person's rule.
        success_rate: how many of them succeeded, from 0 to 1; None where nothing was tried.
        avg_cost_usd: what that step cost on average.
        avg_duration_ms: how long it took on average.
        confidence_score: the lower end of the Wilson interval of the success rate; 1 for a person's rule.
        auto_generated: whether it was learned.
        is_active: whether it may route questions: neither disabled, suspended nor rejected.
        state: `proposed`, `approved`, `rejected`, `suspended` or `disabled`.
        requires_approval: whether somebody has to approve each question that it takes.
        governance_check: what the approval must say, such as `{"escalation_required": true}`.
        evidence: how it was found.
        created_by: who wrote it, or approved it.
        created_at: seconds since the epoch.
        updated_at: seconds since the epoch.
        revision: how often the rule was changed; a change is made to the revision that was seen.
    """

    id: str
    request_pattern: str
    pattern_kind: str
    recommended_system_id: str
    alternative_systems: tuple[str, ...]
    based_on_executions: int
    success_rate: float | None
    avg_cost_usd: float | None
    avg_duration_ms: float | None
    confidence_score: float
    auto_generated: bool
    is_active: bool
    state: str
    requires_approval: bool
    governance_check: JsonObject | None
    evidence: JsonObject
    created_by: str | None
    created_at: float
    updated_at: float
    revision: int = 0
