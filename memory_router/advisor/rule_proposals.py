"""Propose what the router learned: rules that wait for approval, and settings that a dream tested."""

import os
from collections.abc import Mapping, Sequence

from memory_router.advisor.proposal import Proposal, Silence, ValueChange
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.priors import PriorEvidence
from memory_router.learning.rule import OverrideRule
from memory_router.paths import shown
from memory_router.routing.config import Config
from memory_router.routing.rules import LearnedPrior

_OFF = "learning is off"
# A smaller change of log-odds seldom changes an order.
_LEAST_SHIFT = 0.2


def of_rules(rules: Sequence[OverrideRule], config: Config) -> list[Proposal]:
    """Return the learned rules that are sure enough to be approved and wait for it.

    Args:
        rules: all rules.
        config: the configuration in force.
    """
    return [_approve(rule) for rule in rules if _waits(rule) and not _doubt(rule, config)]


def of_priors(evidence: Sequence[PriorEvidence], in_force: Sequence[LearnedPrior], config: Config) -> list[Proposal]:
    """Return for each rule of the table the priors that its votes would change by more than a little.

    Args:
        evidence: what the votes speak for.
        in_force: the learned priors that are in force.
        config: the configuration in force.
    """
    if config.learning.mode == "off":
        return []
    known = {(prior.rule, prior.backend): prior for prior in in_force}
    proposals = []
    for rule in config.rules:
        moved = [
            piece
            for piece in evidence
            if piece.prior.rule == rule.id and abs(piece.prior.shift - _shift(known, piece.prior)) >= _LEAST_SHIFT
        ]
        if moved:
            proposals.append(_adjust(rule.id, moved, known))
    return proposals


def _shift(known: Mapping[tuple[str, str], LearnedPrior], prior: LearnedPrior) -> float:
    there = known.get((prior.rule, prior.backend))
    return there.shift if there else 0.0


def _adjust(rule: str, moved: Sequence[PriorEvidence], known: Mapping[tuple[str, str], LearnedPrior]) -> Proposal:
    changes = tuple(
        ValueChange(
            "prior",
            f"{rule}.{piece.prior.backend}",
            list(there[2:]) if (there := known.get((rule, piece.prior.backend))) else None,
            list(piece.prior[2:]),
        )
        for piece in moved
    )
    votes = max(piece.prior.votes for piece in moved)
    told = "; ".join(piece.sentence for piece in moved)
    return Proposal(
        "adjust_priors",
        rule,
        f"What people found useful says so: {told}.",
        changes,
        votes / (votes + 1),
        round(votes),
        {"priors": [{**piece.prior._asdict(), "expected": piece.expected} for piece in moved]},
    )


def kept_back(rules: Sequence[OverrideRule], cycle: Cycle | None, config: Config) -> list[Silence]:
    """Return learned rules that wait and are not proposed, and why.

    Args:
        rules: all rules.
        cycle: the latest dream of this user, or None.
        config: the configuration in force.
    """
    silent = [
        Silence("approve_rule", rule.id, doubt) for rule in rules if _waits(rule) and (doubt := _doubt(rule, config))
    ]
    if cycle and cycle.promote and config.learning.mode == "off":
        silent.append(Silence("amend_setting", _told(cycle.mutations), _OFF))
    return silent


def of_dream(cycle: Cycle | None, own: OwnConfig, config: Config) -> list[Proposal]:
    """Return what the latest dream would promote, unless learning is off or it is in force.

    Args:
        cycle: the latest dream of this user, or None.
        own: the settings in force.
        config: the same as the router has it.
    """
    if cycle is None or not cycle.promote or config.learning.mode == "off":
        return []
    changes = tuple(
        ValueChange("amendment", setting, own.value(setting), value) for setting, value in cycle.mutations.items()
    )
    if any(change.old == change.new for change in changes):
        return []
    told = _told(cycle.mutations)
    results = cycle.test_results
    executions = int(results["executions"])
    return [
        Proposal(
            "amend_setting",
            told,
            f"With {told} an answer takes {results['mean_ms']:.0f} instead of {results['mean_ms_now']:.0f} ms and is "
            f"no worse, says {cycle.cycle_id} on {executions} executions.",
            changes,
            1 - float(results["worse_at_most"]),
            executions,
            {"cycle_id": cycle.cycle_id, "test_results": results},
        )
    ]


def of_decision(kind: str, rule: OverrideRule, state: str) -> Proposal:
    """Return what a person decided about a rule, as if it had been suggested.

    Args:
        kind: what kind of change it is.
        rule: the rule before.
        state: what it is from now on.
    """
    return Proposal(
        kind,
        rule.id,
        f"Decided by `memory-router rules`: the rule for {rule.request_pattern!r}.",
        (ValueChange("rule", rule.id, rule.state, state),),
        rule.confidence_score,
        rule.based_on_executions,
        {},
    )


def of_patterns(file: str, agent: str) -> list[Proposal]:
    """Return the proposal to let Claude Code read the patterns in what the user accepts and rejects.

    Args:
        file: the Markdown file of patterns, which need not be there yet.
        agent: the folder of Claude Code's settings.
    """
    rules = os.path.join(agent, "rules", "memory-router-patterns.md")
    if not os.path.exists(file) or not os.path.isdir(agent) or os.path.lexists(rules):
        return []
    return [
        Proposal(
            "share_patterns",
            shown(rules),
            f"Patterns in what you accept and reject are in {shown(file)}; linked there, Claude Code follows them.",
            (ValueChange("link", rules, None, file),),
            # Nothing was measured: what rests on evidence comes first.
            0.0,
            0,
            {},
        )
    ]


def _waits(rule: OverrideRule) -> bool:
    return rule.auto_generated and rule.state == "proposed"


def _doubt(rule: OverrideRule, config: Config) -> str | None:
    """Return why a rule that waits is not proposed, or None."""
    learning = config.learning
    if learning.mode == "off":
        return _OFF
    if rule.confidence_score < learning.confidence_threshold:
        return f"its confidence is {rule.confidence_score:.2f}, and {learning.confidence_threshold:.2f} is asked for"
    return None


def _told(mutations: Mapping[str, float]) -> str:
    return ", ".join(f"{setting} = {value}" for setting, value in mutations.items())


def _approve(rule: OverrideRule) -> Proposal:
    steps = (rule.recommended_system_id, *rule.alternative_systems)
    return Proposal(
        "approve_rule",
        rule.id,
        f"{rule.recommended_system_id} answered {rule.success_rate or 0:.0%} of {rule.based_on_executions} questions "
        f"such as {rule.request_pattern!r}; the rule that sends them there waits for approval.",
        (ValueChange("rule", rule.id, "proposed", "approved"),),
        rule.confidence_score,
        rule.based_on_executions,
        {"request_pattern": rule.request_pattern, "steps": list(steps), "success_rate": rule.success_rate},
    )
