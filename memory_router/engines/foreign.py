"""Put what our engine and a foreign program hold side by side."""

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

_FIX = "memory-router index PATH"


class ForeignState(NamedTuple):
    """What is the matter with a foreign program.

    Args:
        kind: `ready`, `missing` (no data), `empty` (nothing in it) or `unusable` (refused, damaged, locked, unknown).
        reason: one or two sentences.
        fix: what to do; empty if nothing is to be done.
    """

    kind: str
    reason: str
    fix: str


class Placed(Protocol):
    """A result that has a relevance, and a path or an id."""

    @property
    def relevance(self) -> float:
        """Return the estimate in [0, 1] that it answers."""

    @property
    def path(self) -> str | None:
        """Return its file."""

    @property
    def id(self) -> str | None:
        """Return its name, which counts where there is no file."""


_Result = TypeVar("_Result", bound=Placed)


def merged(foreign: Sequence[_Result], own: Sequence[_Result]) -> list[_Result]:
    """Return results of two engines, most relevant first, each in its own order, and any file by one of them alone.

    Of equals our own comes first.
    """
    queues = [list(reversed(own)), list(reversed(foreign))]
    told: dict[str | None, list[_Result]] = {}
    results = []
    while queue := max(filter(None, queues), key=lambda queue: queue[-1].relevance, default=None):
        result = queue.pop()
        file = os.path.realpath(result.path) if result.path else result.id
        if told.setdefault(file, queue) is queue:
            results.append(result)
    return results


def health_of_both(status: str, reason: str, state: ForeignState) -> tuple[str, str, str]:
    """Return the status, the reason and the fix of a backend that answers from our engine and a foreign program.

    Args:
        status: our engine's: `ready`, `installed` (it holds nothing) or `unavailable`.
        reason: our engine's.
        state: the foreign program's.
    """
    both = f"{state.reason} {reason}"
    if state.kind == "ready":
        return "ready", both if status == "ready" else state.reason, state.fix
    if status == "ready":
        return "degraded" if state.kind == "unusable" else "ready", both, state.fix
    is_unavailable = status == "unavailable" or state.kind == "unusable"
    return "unavailable" if is_unavailable else "installed", both, f"{state.fix}; or: {_FIX}"
