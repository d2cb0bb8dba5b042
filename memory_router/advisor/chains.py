"""Change the order in which a rule asks its steps, and say which settings that changes."""

from collections.abc import Callable

from memory_router.advisor.proposal import Change
from memory_router.routing.config import Rule, Step

Chain = tuple[str, ...]


def chain_of(rule: Rule) -> Chain:
    """Return the steps of a rule as texts, the primary first."""
    return tuple(map(str, rule.steps(None)))


def raised(step: str) -> Callable[[Chain], Chain]:
    """Return what puts a step first in a chain."""
    return lambda chain: (step, *(one for one in chain if one != step))


def lowered(step: str) -> Callable[[Chain], Chain]:
    """Return what puts a step last in a chain that has it."""
    return lambda chain: (*(one for one in chain if one != step), *(one for one in chain if one == step))


def dropped(step: str) -> Callable[[Chain], Chain]:
    """Return what takes a step out of a chain."""
    return lambda chain: tuple(one for one in chain if one != step)


def reordered(rule: Rule, order: Callable[[Chain], Chain]) -> tuple[Change, ...]:
    """Return the settings that change when every chain of a rule is put in another order.

    A signal with a fallback of its own has a chain of its own behind the same primary.

    Args:
        rule: the rule; some step of its chain is left.
        order: gives the other order of a chain.
    """
    primary, *fallback = order(chain_of(rule))
    place = f"rules.{rule.id}"
    changes = [
        Change("setting", f"{place}.primary", str(rule.primary), primary),
        Change("setting", f"{place}.fallback", _texts(rule.fallback), fallback),
    ]
    for signal in rule.signals:
        if signal.fallback is not None:
            own = order((str(rule.primary), *_texts(signal.fallback)))
            behind = [one for one in own if one != primary]
            name = f"{place}.signals.{signal.name}.fallback"
            changes.append(Change("setting", name, _texts(signal.fallback), behind))
    return tuple(one for one in changes if one.old != one.new)


def _texts(steps: tuple[Step, ...]) -> list[str]:
    return [str(step) for step in steps]
