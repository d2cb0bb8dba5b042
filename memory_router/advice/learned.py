"""Propose to use what the router learned and waits with: rules, and settings that a dream tested."""

from collections.abc import Sequence

from memory_router.advice.proposal import Change, Proposal
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.rule import RuleRecord
from memory_router.routing.config import Config


def of_rules(rules: Sequence[RuleRecord], config: Config) -> list[Proposal]:
    """Return the learned rules that are sure enough to be approved and wait for it.

    With `learning: on` such rules are used without approval, so that none waits; with `off` nothing is learned.

    Args:
        rules: all rules.
        config: the configuration in force.
    """
    if config.learning.mode != "suggest":
        return []
    return [
        _approve(rule)
        for rule in rules
        if rule.auto_generated
        and rule.state == "proposed"
        and rule.confidence_score >= config.learning.confidence_threshold
    ]


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
        Change("amendment", setting, own.value(setting), value) for setting, value in cycle.mutations.items()
    )
    if any(one.old == one.new for one in changes):
        return []
    told = ", ".join(f"{one.name} = {one.new}" for one in changes)
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


def _approve(rule: RuleRecord) -> Proposal:
    steps = (rule.recommended_system_id, *rule.alternative_systems)
    return Proposal(
        "approve_rule",
        rule.id,
        f"{rule.recommended_system_id} answered {rule.success_rate or 0:.0%} of {rule.based_on_executions} questions "
        f"such as {rule.request_pattern!r}; the rule that sends them there waits for approval.",
        (Change("rule", rule.id, "proposed", "approved"),),
        rule.confidence_score,
        rule.based_on_executions,
        {"request_pattern": rule.request_pattern, "steps": list(steps), "success_rate": rule.success_rate},
    )
