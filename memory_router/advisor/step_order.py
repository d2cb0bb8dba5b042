"""Propose other orders of asking where recorded questions show that the present one wastes time or answers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from memory_router.advisor.proposal import Proposal, ValueChange
from memory_router.advisor.trials import RuleTrials, Trials, overall, trials_of
from memory_router.learning.execution import Execution
from memory_router.routing.config import Config, Step, TableRule

Chain = tuple[str, ...]

# Fewer trials say nothing. Bounds are those of 95 % Wilson intervals.
_LEAST = 20
# A step nearly always fails if it surely does in four of five attempts.
_FAILS = 0.8
# A step is worth asking first if it surely answers half of the questions, and the first one surely not a third.
_ANSWERS, _SELDOM_ANSWERS = 0.5, 1 / 3
# A step is useless if it surely answers fewer than one question in eight, whichever rule asks it.
_NO_USE, _LEAST_FOR_NO_USE = 0.125, 30


def proposals(executions: Sequence[Execution], config: Config) -> list[Proposal]:
    """Return what would change the order in which the rules of the table ask, in the table's order.

    Args:
        executions: what this user asked.
        config: the configuration in force.
    """
    trials = trials_of(executions, config)
    by_rule = [proposal for rule in config.rules for proposal in _of_rule(rule, trials[rule.id], trials)]
    return [*by_rule, *_useless(config, trials)]


def notes(executions: Sequence[Execution], config: Config) -> list[str]:
    """Return problems that no change of the configuration solves.

    Args:
        executions: what this user asked.
        config: the configuration in force.
    """
    trials = trials_of(executions, config)
    told = [
        f"Rule {rule.id} took {trials[rule.id].executions} questions, and no source answered one of them; "
        f"none that does elsewhere is missing from it. What was said: {_causes(trials[rule.id])}."
        for rule in config.rules
        if _never_answers(trials[rule.id]) and not _elsewhere(rule, trials)
    ]
    passed_over = {
        (step, rule.id): trials[rule.id].passed_over[step] for rule in config.rules for step in chain_of(rule)
    }
    return told + [
        f"{step} was passed over in {times} questions of rule {rule} that nothing before it answered: it is not "
        "installed, not ready, or no time was left for it. `memory-router backends doctor` looks into it."
        for (step, rule), times in passed_over.items()
        if times >= _LEAST
    ]


def _of_rule(rule: TableRule, trials: RuleTrials, of_all: dict[str, RuleTrials]) -> Iterator[Proposal]:
    chain = chain_of(rule)
    first = trials.of(chain[0])
    better = _best(chain[1:], trials.steps)
    failing = [
        step for step in chain[:-1] if trials.of(step).asked >= _LEAST and trials.of(step).failure()[0] >= _FAILS
    ]
    yield from (_lower(rule, step, trials.of(step)) for step in failing)
    # Where the first source is put last, the others move up anyway.
    if better and not failing and first.asked >= _LEAST and first.acceptance()[1] <= _SELDOM_ANSWERS:
        tally = trials.of(better)
        reason = (
            f"{better} answered {tally.accepted} of {tally.asked} questions of rule {rule.id} as a fallback; "
            f"{chain[0]}, which is asked first, answered {first.accepted} of {first.asked}."
        )
        yield _raise(rule, better, reason, {better: tally, chain[0]: first})
    if _never_answers(trials) and (other := _elsewhere(rule, of_all)):
        tally = overall(of_all.values())[other]
        reason = (
            f"No source answered one of {trials.executions} questions of rule {rule.id}; "
            f"{other} answered {tally.accepted} of {tally.asked} questions of other rules."
        )
        yield _raise(rule, other, reason, {other: tally, **trials.steps})


def _raise(rule: TableRule, step: str, reason: str, trials: dict[str, Trials]) -> Proposal:
    better = trials[step]
    return Proposal(
        "boost_source",
        f"{step} in {rule.id}",
        reason,
        reordered(rule, raised(step)),
        better.acceptance()[0],
        better.asked,
        {"rule": rule.id, "steps": {name: tally.to_dict() for name, tally in trials.items()}},
    )


def _lower(rule: TableRule, step: str, failing: Trials) -> Proposal:
    code = next((name for name, _ in failing.codes.most_common(1)), "no reason given")
    reason = (
        f"{step} failed in {failing.failed} of {failing.asked} questions of rule {rule.id} ({code}), "
        f"after {failing.failed_ms / failing.failed:.0f} ms each; other sources come after it."
    )
    evidence = {"rule": rule.id, "steps": {step: failing.to_dict()}}
    changes = reordered(rule, lowered(step))
    return Proposal(
        "reduce_source", f"{step} in {rule.id}", reason, changes, failing.failure()[0], failing.asked, evidence
    )


def _useless(config: Config, trials: dict[str, RuleTrials]) -> Iterator[Proposal]:
    """Yield what takes a fallback out of rules where others answer and it never did, wherever it was asked."""
    for step, tally in sorted(overall(trials.values()).items()):
        is_useless = tally.asked >= _LEAST_FOR_NO_USE and not tally.accepted and tally.acceptance()[1] <= _NO_USE
        rules = [rule for rule in config.rules if _is_idle(step, chain_of(rule), trials[rule.id])]
        if not is_useless or not rules or tally.failure()[0] >= _FAILS:
            continue
        names = ", ".join(rule.id for rule in rules)
        yield Proposal(
            "remove_source",
            step,
            f"{step} was asked {tally.asked} times and never gave the answer; it would be asked no more by {names}.",
            tuple(change for rule in rules for change in reordered(rule, dropped(step))),
            1 - tally.acceptance()[1],
            tally.asked,
            {"rules": [rule.id for rule in rules], "steps": {step: tally.to_dict()}},
        )


def _is_idle(step: str, chain: Chain, trials: RuleTrials) -> bool:
    return step in chain[1:] and trials.accepted > 0 and trials.of(step).asked >= _LEAST_FOR_NO_USE // 3


def _best(steps: Sequence[str], trials: dict[str, Trials]) -> str | None:
    """Return the step that surely answers most, if it answers half of the questions; the first of equals."""
    sure = {step: trials[step].acceptance()[0] for step in steps if step in trials and trials[step].asked >= _LEAST}
    best = max(sure, key=lambda step: sure[step], default=None)
    return best if best and sure[best] >= _ANSWERS else None


def _never_answers(trials: RuleTrials) -> bool:
    return trials.executions >= _LEAST and not trials.accepted


def _elsewhere(rule: TableRule, of_all: dict[str, RuleTrials]) -> str | None:
    """Return the step that answers best in other rules and that a rule does not ask."""
    tallies = overall(of_all.values())
    return _best([step for step in sorted(tallies) if step not in chain_of(rule)], tallies)


def _causes(trials: RuleTrials) -> str:
    codes = sum((tally.codes for tally in trials.steps.values()), start=Counter[str]())
    told = ", ".join(f"{code} {times} times" for code, times in sorted(codes.items()))
    return told or "nothing good enough was found"


def chain_of(rule: TableRule) -> Chain:
    """Return the steps of a rule as texts, the primary first."""
    return tuple(map(str, rule.steps(None)))


def raised(step: str) -> Callable[[Chain], Chain]:
    """Return what puts a step first in a chain."""
    return lambda chain: (step, *(link for link in chain if link != step))


def lowered(step: str) -> Callable[[Chain], Chain]:
    """Return what puts a step last in a chain that has it."""
    return lambda chain: (*(link for link in chain if link != step), *(link for link in chain if link == step))


def dropped(step: str) -> Callable[[Chain], Chain]:
    """Return what takes a step out of a chain."""
    return lambda chain: tuple(link for link in chain if link != step)


def reordered(rule: TableRule, order: Callable[[Chain], Chain]) -> tuple[ValueChange, ...]:
    """Return the settings that change when every chain of a rule is put in another order.

    A signal with a fallback of its own has a chain of its own behind the same primary.

    Args:
        rule: the rule; some step of its chain is left.
        order: gives the other order of a chain.
    """
    primary, *fallback = order(chain_of(rule))
    place = f"rules.{rule.id}"
    changes = [
        ValueChange("setting", f"{place}.primary", str(rule.primary), primary),
        ValueChange("setting", f"{place}.fallback", _texts(rule.fallback), fallback),
    ]
    for signal in rule.signals:
        if signal.fallback is not None:
            own = order((str(rule.primary), *_texts(signal.fallback)))
            behind = [link for link in own if link != primary]
            name = f"{place}.signals.{signal.name}.fallback"
            changes.append(ValueChange("setting", name, _texts(signal.fallback), behind))
    return tuple(change for change in changes if change.old != change.new)


def _texts(steps: tuple[Step, ...]) -> list[str]:
    return [str(step) for step in steps]
