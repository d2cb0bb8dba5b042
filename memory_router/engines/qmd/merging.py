"""Put what two engines found into one order."""

import os
from collections.abc import Sequence
from typing import Protocol, TypeVar


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


def merged(first: Sequence[_Result], second: Sequence[_Result]) -> list[_Result]:
    """Return results of two engines, most relevant first, each in its own order, and any file by one of them alone."""
    queues = [list(reversed(second)), list(reversed(first))]
    told: dict[str | None, list[_Result]] = {}
    results = []
    while queue := max(filter(None, queues), key=lambda queue: queue[-1].relevance, default=None):
        result = queue.pop()
        file = os.path.realpath(result.path) if result.path else result.id
        if told.setdefault(file, queue) is queue:
            results.append(result)
    return results
