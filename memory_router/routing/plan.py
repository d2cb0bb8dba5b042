"""Turn a match into the steps that can be asked now, and say why the others cannot."""

from collections.abc import Callable
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.routing.config import Step
from memory_router.routing.registry import USABLE, Registry
from memory_router.routing.rules import Match


class Skip(NamedTuple):
    """Name a step that is not asked, and why.

    Args:
        step: the step.
        reason: one sentence for people.
        is_fault: whether somebody should do something about it; a backend that was never installed is none.
    """

    step: Step
    reason: str
    is_fault: bool


class Plan(NamedTuple):
    """Hold what is to be asked for a question.

    Args:
        query: the question as it came in.
        match: the rule that took it; None when the question could not be routed at all.
        steps: what to ask, in order.
        skipped: what is left out, and why.
    """

    query: str
    match: Match | None = None
    steps: tuple[Step, ...] = ()
    skipped: tuple[Skip, ...] = ()

    def to_dict(self) -> JsonObject:
        """Return the decision as `memory-router route --json` prints it."""
        rule = self.match.rule if self.match else None
        signal = self.match.signal if self.match else None
        routing_rule = self.match.routing_rule if self.match else None
        return {
            "query": self.query,
            "rule": {"id": rule.id, "number": rule.number} if rule else None,
            **({"routing_rule": routing_rule._asdict()} if routing_rule else {}),
            "signal": {"name": signal.name, "strength": signal.strength, "span": self.match.span}
            if self.match and signal
            else None,
            "steps": [step._asdict() for step in self.steps],
            "skipped": [{**skip.step._asdict(), "reason": skip.reason} for skip in self.skipped],
            "table": [step._asdict() for step in self.match.steps] if self.match else [],
        }


def make_plan(query: str, match: Match, registry: Registry, seconds_open: Callable[[Step], float]) -> Plan:
    """Keep the steps of `match` that can be asked: `ready` backends first, then `degraded` ones (design, Plan).

    Args:
        query: the question.
        match: its route.
        registry: the backends.
        seconds_open: for how long a step's circuit is still open.
    """
    ready: list[Step] = []
    degraded: list[Step] = []
    skipped: list[Skip] = []
    for step in match.steps:
        skip = _skip(step, registry, seconds_open)
        if skip:
            skipped.append(skip)
        elif registry.state.backends[step.backend].status == "ready":
            ready.append(step)
        else:
            degraded.append(step)
    return Plan(query, match, (*ready, *degraded), tuple(skipped))


def _skip(step: Step, registry: Registry, seconds_open: Callable[[Step], float]) -> Skip | None:
    installed = registry.state.backends.get(step.backend)
    if installed is None:
        return Skip(step, "not installed", is_fault=False)
    if installed.status not in USABLE:
        why = f": {installed.message}" if installed.message else ""
        return Skip(step, f"{installed.status}{why}", is_fault=True)
    manifest = registry.manifests.get(step.backend)
    if manifest is None:
        return Skip(step, "its backend.json cannot be found; run: memory-router doctor", is_fault=True)
    if step.mode and step.mode not in manifest.modes:
        return Skip(step, f"{step.backend} has no mode {step.mode}", is_fault=True)
    left = seconds_open(step)
    if left > 0:
        return Skip(step, f"timed out too often; it is tried again in {left:.0f} s", is_fault=True)
    return None
