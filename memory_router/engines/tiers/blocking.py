"""Use the memory system without `async`: the same methods, each of which returns when its work is done."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from memory_router.engines.tiers.policy import MemoryConfig
from memory_router.engines.tiers.router import Router
from memory_router.engines.tiers.scoring import ScoringEngine
from memory_router.engines.tiers.system import MemorySystem

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _blocking(
    method: Callable[Concatenate[MemorySystem, _P], Coroutine[Any, Any, _T]],
) -> "Callable[Concatenate[BlockingMemorySystem, _P], _T]":
    def run(self: "BlockingMemorySystem", /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return self.runner.run(method(self.system, *args, **kwargs))

    run.__doc__ = method.__doc__
    return run


class BlockingMemorySystem:
    """Store, recall and move memories in up to three tiers, from code that is not asynchronous.

    Use it as a context manager, or call `close` at the end. It serves one thread.

    Args:
        config: the tiers and what moves between them; None gives all three in the database of the command line.
        router: chooses the tier of each new memory.
        scoring: scores memories.

    Raises:
        RuntimeError: it is used inside a running event loop; take `MemorySystem` there.
    """

    def __init__(
        self, config: MemoryConfig | None = None, *, router: Router | None = None, scoring: ScoringEngine | None = None
    ) -> None:
        self.system = MemorySystem(config, router=router, scoring=scoring)
        self.runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the stores."""
        self.runner.run(self.system.close())
        self.runner.close()

    store = _blocking(MemorySystem.store)
    remember = _blocking(MemorySystem.remember)
    recall = _blocking(MemorySystem.recall)
    similar = _blocking(MemorySystem.similar)
    history = _blocking(MemorySystem.history)
    promote = _blocking(MemorySystem.promote)
    demote = _blocking(MemorySystem.demote)
    forget = _blocking(MemorySystem.forget)
    compact = _blocking(MemorySystem.compact)
    memories = _blocking(MemorySystem.memories)
    get_tier_stats = _blocking(MemorySystem.get_tier_stats)
    audit = _blocking(MemorySystem.audit)
