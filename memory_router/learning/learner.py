"""Turn executions into rules: group similar requests, and propose for each group what answered it best (seed 000).

What a run learns is told, and only a person, or `learning: on`, lets a rule route.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from functools import cached_property
from typing import Any, NamedTuple

from memory_router.learning.clustering import cluster
from memory_router.learning.evidence import GroupEvidence, StepEvidence, best_steps, judged
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.rule import OverrideRule
from memory_router.learning.rule_store import RuleStore
from memory_router.routing.config import Config
from memory_router.routing.rules import RuleTable
from memory_router.text.request_vectors import model
from memory_router.wilson import wilson_interval

# Learning Flow of the seed: fewer than 10 executions are not a pattern, 50 make a rule.
_FORMING = 10
_RULE = 50
# The 80% Ship Rule of the seed.
_SUCCESS_RATE = 0.80
# By how many of its latest questions a learned rule is judged again.
_RECENT = 50
# With fewer, this many standard errors must rule out bad luck.
_LUCK = 1.0


# What people decide about a rule; learning brings the rest up to date.
_DECIDED = (
    *("id", "state", "is_active", "created_by", "created_at", "request_pattern", "requires_approval"),
    *("governance_check", "revision"),
)


class Pattern(NamedTuple):
    """A group of similar requests.

    Args:
        request_pattern: the request that was asked most.
        phase: `new`, `forming` or `rule`, by how many executions there are.
        executions: how many there are.
        rule: the id of its rule, or None.
        reason: why it has none yet, or what was done.
    """

    request_pattern: str
    phase: str
    executions: int
    rule: str | None
    reason: str


class Lesson(NamedTuple):
    """The result of learning: every pattern from 10 executions on, and the rules that were changed."""

    executions: int
    phases: dict[str, int]
    patterns: tuple[Pattern, ...]
    proposed: tuple[str, ...]
    updated: tuple[str, ...]
    suspended: tuple[str, ...]


def learn(executions: ExecutionStore, rules: RuleStore, config: Config, now: Callable[[], float] = time.time) -> Lesson:
    """Learn from every execution in the database, and store the rules.

    Args:
        executions: what was asked.
        rules: the rules so far.
        config: the rule table, from which a new rule takes the steps that were never needed; the thresholds.
        now: the time in seconds since the epoch.

    Raises:
        ConfigError: numpy is not installed.
        StoreError: the database cannot be used.
    """
    groups, courses = _gather(executions, config.learning.similarity_threshold)
    known = _Known([(rule, vector) for rule, vector in rules.with_vectors() if rule.auto_generated and vector])
    # What guards questions is loosened by people only.
    active = [rule for rule in known.rules if rule.is_active and not rule.requires_approval]
    failing = {rule.id for rule in active if _has_failed(rule, courses.get(rule.id, []))}
    patterns: list[Pattern] = []
    changed: dict[str, OverrideRule] = {}
    proposed: list[str] = []
    for group in groups:
        rule, reason = _rule_of(group, known, failing, config, now())
        patterns.append(Pattern(group.pattern, _phase(group), len(group), rule.id if rule else None, reason))
        if rule and rule.id not in changed:  # two groups near one rule: the larger one speaks for it
            changed[rule.id] = rule
            if rule.id not in known.ids:
                proposed.append(rule.id)
    changed |= {rule.id: _suspended(rule, now()) for rule in active if rule.id in failing - changed.keys()}
    suspended = {rule.id for rule in active if rule.id in changed and changed[rule.id].state == "suspended"}
    rules.insert([rule for rule in changed.values() if rule.id in proposed])
    # What somebody decided about a rule meanwhile stands; the next run sees it.
    updated = rules.bring_up_to_date([rule for rule in changed.values() if rule.id not in proposed])
    phases = Counter(_phase(group) for group in groups)
    return Lesson(
        sum(map(len, groups)),
        {phase: phases[phase] for phase in ("new", "forming", "rule")},
        tuple(pattern for pattern in patterns if pattern.phase != "new"),
        tuple(proposed),
        tuple(rule_id for rule_id in updated if rule_id not in suspended),
        tuple(rule_id for rule_id in updated if rule_id in suspended),
    )


class _Asked(NamedTuple):
    """The outcome of a question that a learned rule routed: when, by which first step, whether it succeeded."""

    started_at: float
    step: str
    succeeded: bool


def _gather(executions: ExecutionStore, similarity: float) -> tuple[list[GroupEvidence], dict[str, list[_Asked]]]:
    """Return the groups, the largest first, and for each learned rule the questions it routed, the oldest first."""
    requests = executions.requests()
    if not requests:
        return [], {}
    leads = cluster([request.vector for request in requests], [request.times for request in requests], similarity)
    group_of = {request.user_request: int(lead) for request, lead in zip(requests, leads, strict=True)}
    groups: dict[int, GroupEvidence] = {}
    courses: dict[str, list[_Asked]] = {}
    for execution in executions.all():
        if execution.user_request in group_of:
            groups.setdefault(group_of[execution.user_request], GroupEvidence()).add(execution)
        if execution.source == "learned" and execution.rule and (tried := judged(execution)):
            first, succeeded = tried[0]
            courses.setdefault(execution.rule, []).append(_Asked(execution.started_at, first.step, succeeded))
    ordered = sorted(groups.values(), key=lambda group: (-len(group), group.pattern))
    return ordered, courses


def _phase(group: GroupEvidence) -> str:
    return "rule" if len(group) >= _RULE else "forming" if len(group) >= _FORMING else "new"


def _rule_of(
    group: GroupEvidence, known: "_Known", failing: Set[str], config: Config, now: float
) -> tuple[OverrideRule | None, str]:
    """Return the rule that a group's executions speak for, new or brought up to date, or why it gives no rule."""
    if len(group) < _RULE:
        return None, f"{_RULE - len(group)} more executions are needed"
    earlier = known.nearest(group.pattern, config.learning.similarity_threshold)
    if earlier:
        return _brought_up_to_date(group, earlier, config, now, is_failing=earlier.id in failing)
    steps = group.steps()
    chain = best_steps(steps, _SUCCESS_RATE, _FORMING)
    if not chain:
        return None, f"no step succeeds in {_SUCCESS_RATE:.0%} of its trials"
    return _learned(group, steps[chain[0]], chain[0], _alternatives(group, chain, config), now), "proposed"


def _brought_up_to_date(
    group: GroupEvidence, earlier: OverrideRule, config: Config, now: float, *, is_failing: bool
) -> tuple[OverrideRule | None, str]:
    """Return a known rule as its group's executions speak for it now.

    Once a rule was suspended, what its step did before does not count any more: ten successes since lift the
    suspension, and another step that succeeds takes its place.
    """
    target = earlier.recommended_system_id
    since = now if is_failing else earlier.evidence.get("counted_since")
    steps = group.steps()
    if since is not None:
        steps[target] = group.steps(since).get(target, StepEvidence())
        if earlier.is_active and not is_failing and steps[target].trials < _FORMING:
            return earlier, f"{earlier.state}, and tried anew"
    chain = best_steps(steps, _SUCCESS_RATE, _FORMING)
    edited = set(earlier.evidence.get("edited", ()))
    is_pinned = "recommended_system_id" in edited or earlier.requires_approval
    best = chain[0] if chain and not is_pinned else target
    evidence = steps.get(best, StepEvidence())
    is_good = bool(best_steps({best: evidence}, _SUCCESS_RATE, _FORMING))
    if earlier.is_active and not earlier.requires_approval and (not chain or (is_failing and not is_good)):
        return _suspended(earlier, now), "nothing succeeds any more"
    if not chain:
        return None, f"no step succeeds in {_SUCCESS_RATE:.0%} of its trials"
    learned = _learned(group, evidence, best, _alternatives(group, chain, config), now)
    told = ("edited", "accounts", *(("counted_since",) if best == target else ()))
    decided = {name: earlier.evidence[name] for name in told if name in earlier.evidence}
    kept = {*_DECIDED, *edited, *(("alternative_systems",) if is_pinned else ())}
    learned = learned._replace(evidence={**learned.evidence, **decided})._replace(
        **{name: getattr(earlier, name) for name in kept}
    )
    is_lifted = is_good and (is_failing or earlier.state == "suspended")
    if is_lifted or (best != target and earlier.state == "approved"):
        # Nobody approved this step, or not since it failed.
        learned = learned._replace(state="proposed", is_active=True, created_by=None)
    return learned, learned.state


def _alternatives(group: GroupEvidence, chain: Sequence[str], config: Config) -> tuple[str, ...]:
    """Return the steps behind the first one: those that succeeded, then those of the rule table."""
    table = [str(step) for step in RuleTable(config).match(group.pattern).steps]
    return tuple(dict.fromkeys(step for step in (*chain[1:], *table) if step != chain[0]))


def _suspended(rule: OverrideRule, now: float) -> OverrideRule:
    evidence = {**rule.evidence, "counted_since": now}
    return rule._replace(state="suspended", is_active=False, evidence=evidence, updated_at=now)


class _Known:
    """Find the learned rule that already takes a request."""

    def __init__(self, rules: Sequence[tuple[OverrideRule, Any]]) -> None:
        self.rules = [rule for rule, _ in rules]
        self.ids = {rule.id for rule in self.rules}
        self._vectors = [vector for _, vector in rules]

    def nearest(self, request: str, similarity: float) -> OverrideRule | None:
        """Return the rule whose pattern is most similar, if it is similar enough."""
        if not self.rules:
            return None
        import numpy as np

        cosines = self._matrix @ np.asarray(model().embed(request), np.float32)
        best = int(cosines.argmax())
        return self.rules[best] if cosines[best] > similarity else None

    @cached_property
    def _matrix(self) -> Any:
        import numpy as np

        return np.asarray(self._vectors, np.float32)


def _learned(
    group: GroupEvidence, step: StepEvidence, system: str, alternatives: tuple[str, ...], now: float
) -> OverrideRule:
    return OverrideRule(
        # The same group gives the same rule on every machine of a team.
        id=hashlib.sha256(group.pattern.encode()).hexdigest()[:8],
        request_pattern=group.pattern,
        pattern_kind="text",
        recommended_system_id=system,
        alternative_systems=alternatives,
        based_on_executions=round(step.trials),
        success_rate=round(step.success_rate, 4) if step.trials else None,
        avg_cost_usd=round(step.avg_cost_usd, 6),
        avg_duration_ms=round(step.avg_duration_ms, 1),
        confidence_score=round(step.confidence, 4),
        auto_generated=True,
        is_active=True,
        state="proposed",
        requires_approval=group.needs_approval,
        governance_check=None,
        evidence={
            "trials": round(step.trials, 2),
            "successes": round(step.successes, 2),
            "requests": [request for request, _ in group.requests.most_common(5)],
            "different_requests": len(group.requests),
            "group_executions": len(group),
            "avg_confidence": round(group.avg_confidence, 4),
        },
        created_by=None,
        created_at=now,
        updated_at=now,
    )


def _has_failed(rule: OverrideRule, asked: Sequence[_Asked]) -> bool:
    """Return whether the latest questions that a learned rule sent to its step succeeded too seldom."""
    since = rule.evidence.get("counted_since", float("-inf"))
    counted = [
        question for question in asked if question.step == rule.recommended_system_id and question.started_at >= since
    ]
    outcomes = [question.succeeded for question in counted[-_RECENT:]]
    if len(outcomes) < _FORMING:
        return False
    rate = sum(outcomes) / len(outcomes)
    possible = rate if len(outcomes) == _RECENT else wilson_interval(sum(outcomes), len(outcomes), _LUCK)[1]
    return possible < _SUCCESS_RATE
