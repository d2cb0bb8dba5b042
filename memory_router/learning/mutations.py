"""Propose other thresholds, the same ones for the same seed."""

import random
from collections.abc import Mapping
from typing import NamedTuple

from memory_router.routing.config import Config

Value = float | int
Mutation = dict[str, Value]

_CANDIDATES = 40
_DEADLINES = "deadlines.backends."
_DELAYS_MS = (50, 100, 200, 300, 500, 800, 1200, 2000, 3000)
# Few, since what a lower one would route has to be looked up anew for every request.
_SIMILARITIES = (-0.05, -0.02, 0.02, 0.05, 0.1)
_CONFIDENCES = (-0.15, -0.1, -0.05, 0.05, 0.1, 0.15)
_SHARES = (0.1, 0.2, 0.3, 0.5, 0.7)
_LEAST_DEADLINE_MS = 50

# What a replay cannot tell about each kind of change.
_UNKNOWN = {
    "fallback_threshold": "what a further step answers where a higher threshold refuses what is accepted now",
    "fallback_delay_ms": "how much backends that run side by side slow each other down",
    "similarity_threshold": "what steps answer that a question was never sent to",
    "confidence_threshold": "what steps answer that a question was never sent to",
    _DEADLINES: "what a further step answers where a shorter deadline cuts off what is accepted now",
}


class Baseline(NamedTuple):
    """The settings from which mutations start.

    Args:
        config: the thresholds in force.
        deadlines: by step, the milliseconds that its attempts were given.
        has_rules: whether questions were routed by similarity.
    """

    config: Config
    deadlines: Mapping[str, int]
    has_rules: bool


def propose(seed: str, baseline: Baseline) -> list[Mutation]:
    """Return mutations of one setting or two, each a change, none twice.

    Args:
        seed: the cycle's id.
        baseline: what they start from.
    """
    chance = random.Random(seed)  # noqa: S311 - a proposal, no secret
    kinds = ["fallback_threshold", "fallback_delay_ms"]
    kinds += [_DEADLINES] if baseline.deadlines else []
    kinds += ["similarity_threshold"] if baseline.has_rules else []
    # Rules that nobody approved route only where learning is on; elsewhere this threshold changes nothing.
    kinds += ["confidence_threshold"] if baseline.has_rules and baseline.config.learning.mode == "on" else []
    mutations: list[Mutation] = []
    for _ in range(_CANDIDATES):
        mutation = {}
        for kind in chance.sample(kinds, chance.choice((1, 1, 2))):
            setting, value = _mutated(kind, baseline, chance)
            if value != _present(setting, baseline):
                mutation[setting] = value
        if mutation and mutation not in mutations:
            mutations.append(mutation)
    return mutations


def deadlines_in(mutation: Mutation) -> dict[str, int]:
    """Return the deadlines that a mutation sets, by step."""
    return {name.removeprefix(_DEADLINES): int(ms) for name, ms in mutation.items() if name.startswith(_DEADLINES)}


def cannot_be_known(mutation: Mutation) -> list[str]:
    """Return what a replay of a mutation cannot tell, a phrase each."""
    return [phrase for kind, phrase in _UNKNOWN.items() if any(setting.startswith(kind) for setting in mutation)]


def can_lose(mutation: Mutation) -> bool:
    """Return whether a mutation can lose an answer: when the next step begins changes only when the answer comes."""
    return bool(mutation.keys() - {"fallback_delay_ms"})


def _mutated(kind: str, baseline: Baseline, chance: random.Random) -> tuple[str, Value]:
    config = baseline.config
    if kind == "fallback_threshold":
        return kind, _moved(config.fallback_threshold, chance.uniform(-0.15, 0.05))
    if kind == "similarity_threshold":
        return kind, _moved(config.learning.similarity_threshold, chance.choice(_SIMILARITIES))
    if kind == "confidence_threshold":
        return kind, _moved(config.learning.confidence_threshold, chance.choice(_CONFIDENCES))
    if kind == "fallback_delay_ms":
        return kind, chance.choice(_DELAYS_MS)
    step = chance.choice(sorted(baseline.deadlines))
    return _DEADLINES + step, max(round(baseline.deadlines[step] * chance.choice(_SHARES)), _LEAST_DEADLINE_MS)


def _present(setting: str, baseline: Baseline) -> Value | None:
    present: dict[str, Value | None] = {
        "fallback_threshold": baseline.config.fallback_threshold,
        "similarity_threshold": baseline.config.learning.similarity_threshold,
        "confidence_threshold": baseline.config.learning.confidence_threshold,
        "fallback_delay_ms": baseline.config.fallback_delay_ms,
    }
    return present[setting] if setting in present else baseline.deadlines[setting.removeprefix(_DEADLINES)]


def _moved(value: float, by: float) -> float:
    return round(min(max(value + by, 0.01), 0.99), 2)
