"""Turn a match into the steps that can be asked now, and say why the others cannot."""

from collections.abc import Collection
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.routing.config import Step
from memory_router.routing.registry import USABLE, Registry
from memory_router.routing.rules import RuleMatch


class Skip(NamedTuple):
    """A step that is not asked, and why.

    Args:
        step: the step.
        reason: one sentence for people.
        is_fault: whether somebody should do something about it; not so for a backend that was never installed.
    """

    step: Step
    reason: str
    is_fault: bool


class Plan(NamedTuple):
    """What is to be asked for a question.

    Args:
        query: the question as it came in.
        match: the rule that took it; None when the question could not be routed at all.
        chain: what the rule would ask, in order, without what is not installed.
        skipped: what of it cannot be asked now, and what is not installed, each with the reason.
        strategy: `in_turn`, or `all` where the steps are asked at the same time.
        beyond: what is asked at once if none of the steps gives an accepted answer.
    """

    query: str
    match: RuleMatch | None = None
    chain: tuple[Step, ...] = ()
    skipped: tuple[Skip, ...] = ()
    strategy: str = "in_turn"
    beyond: tuple[Step, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return what is to be asked, in order."""
        skipped = {skip.step for skip in self.skipped}
        return tuple(step for step in self.chain if step not in skipped)

    @property
    def explanation(self) -> str:
        """Return in one sentence who decided, and because of what."""
        match = self.match
        if match is None:
            return "The question could not be routed."
        rule = f"rule {match.rule.number} ({match.rule.id})" if match.rule else ""
        if match.source == "choice":
            return f"The caller chose {rule or match.steps[0]}."
        words = self.query[slice(*match.span)] if match.span else ""
        if (override := match.routing_rule) is not None:
            because = f"its pattern matches {words!r}"
            if override.similarity is not None:
                because = f"the question is like {override.pattern!r} (similarity {override.similarity:.2f})"
            return f"The {override.source} rule {override.id} takes it: {because}."
        if match.signal is None:
            return f"No signal matched, so {rule} takes it."
        signal = f"a {match.signal.strength} signal ({match.signal.name})"
        return f"{rule.capitalize()} takes it because of {words!r}, {signal}."

    @property
    def learned_priors(self) -> list[str]:
        """Return a line for each prior that evidence changed; only strategy `all` has priors."""
        return [prior.sentence for prior in self.match.learned] if self.match and self.strategy == "all" else []

    def to_dict(self) -> JsonObject:
        """Return the decision as `memory-router rules route --json` prints it."""
        rule = self.match.rule if self.match else None
        signal = self.match.signal if self.match else None
        routing_rule = self.match.routing_rule if self.match else None
        return {
            "query": self.query,
            "explanation": self.explanation,
            "rule": {"id": rule.id, "number": rule.number} if rule else None,
            **({"routing_rule": routing_rule._asdict()} if routing_rule else {}),
            "signal": {"name": signal.name, "strength": signal.strength, "span": self.match.span}
            if self.match and signal
            else None,
            **({"strategy": self.strategy} if self.strategy != "in_turn" else {}),
            **({"learned_priors": told} if (told := self.learned_priors) else {}),
            "steps": [step._asdict() for step in self.steps],
            "skipped": [{**skip.step._asdict(), "reason": skip.reason} for skip in self.skipped],
            "table": [step._asdict() for step in self.match.steps] if self.match else [],
        }


def make_plan(query: str, match: RuleMatch, registry: Registry) -> Plan:
    """Keep the steps of `match` whose backend is installed, in the rule's order, and say which cannot be asked now.

    Args:
        query: the question.
        match: its route.
        registry: the backends.
    """
    steps = tuple(dict.fromkeys(match.steps))
    skipped = tuple(skip for step in steps if (skip := _skip(step, registry)))
    chain = tuple(step for step in steps if step.backend in registry.state.backends)
    return Plan(query, match, chain, skipped)


def widened(plan: Plan, registry: Registry, include: Collection[str]) -> Plan:
    """Return a plan that asks each backend once, at the same time: the rule's chain, then the others.

    Args:
        plan: the rule's own plan.
        registry: the backends.
        include: those that are asked although they cost something or use the network.
    """
    ready = [name for name, installed in registry.state.backends.items() if installed.status == "ready"]
    others = [
        Step(name, next(iter(registry.manifests[name].modes), None)) for name in ready if name in registry.manifests
    ]
    first = {step.backend: step for step in (*others[::-1], *plan.chain[::-1])}
    chain = tuple(first[name] for name in dict.fromkeys(step.backend for step in (*plan.chain, *others)))
    dear = tuple(
        Skip(step, "costs something or uses the network; name it in `all.include`", is_fault=False)
        for step in chain
        if (manifest := registry.manifests.get(step.backend))
        and (manifest.cost_usd or manifest.network)
        and step.backend not in include
    )
    return plan._replace(chain=chain, skipped=(*plan.skipped, *dear), strategy="all")


def _skip(step: Step, registry: Registry) -> Skip | None:
    installed = registry.state.backends.get(step.backend)
    if installed is None:
        return Skip(step, "not installed", is_fault=False)
    if installed.status not in USABLE:
        why = f": {installed.message}" if installed.message else ""
        return Skip(step, f"{installed.status}{why}", is_fault=True)
    manifest = registry.manifests.get(step.backend)
    if manifest is None:
        return Skip(step, "its backend.json cannot be found; run: memory-router backends doctor", is_fault=True)
    if step.mode and step.mode not in manifest.modes:
        return Skip(step, f"{step.backend} has no mode {step.mode}", is_fault=True)
    return None
