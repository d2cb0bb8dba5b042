"""Keep memories in this process, and search any store that can list what it holds."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import apsw

from memory_router.engines.tiers.memory import Memory, Order, Recollection, Selection
from memory_router.engines.tiers.recall import MemoryRows
from memory_router.engines.tiers.schema import SCHEMA
from memory_router.engines.tiers.store import MemoryStore
from memory_router.retrieval.query import Query
from memory_router.storage.fulltext import register

_FOREVER = float("-inf")


class InProcessStore(MemoryStore):
    """Keep memories as long as this process runs.

    Args:
        compares: whether likeness counts; it does not pay where a store is made anew for every question.
    """

    def __init__(self, *, compares: bool = True) -> None:
        connection = apsw.Connection(":memory:")
        register(connection)
        for migration in SCHEMA.migrations:
            if callable(migration.sqlite):
                migration.sqlite(connection)
            else:
                connection.execute(migration.sqlite)
        super().__init__(connection, ":memory:", compares=compares)


def in_memory(memories: Sequence[Memory], *, compares: bool = False) -> InProcessStore:
    """Return a store that holds some memories.

    Args:
        memories: in any order; of two with one id the first counts.
        compares: whether they are given vectors.
    """
    store = InProcessStore(compares=compares)
    store.add_all(memories)
    return store


def recall_among(
    memories: Sequence[Memory], question: str, query: Query, limit: int, selection: Selection, now: float
) -> list[Recollection]:
    """Return those of some memories that answer a question, most probable first.

    Args:
        memories: candidates of a larger store, and their neighbours.
        question: any text.
        query: the same, understood by the words of that store.
        limit: the largest number of memories.
        selection: which of them may be found.
        now: seconds since the epoch.
    """
    store = in_memory(memories, compares=True)
    recollections = MemoryRows(store._connection).search(question, max(limit, 0), selection, now, query)
    store.close()
    return recollections


class ListingStore(ABC):
    """Search a store by reading everything it holds: right for small tiers, and for stores without an index."""

    def __init__(self) -> None:
        self._mirror = InProcessStore()
        self._mirrored: list[Memory] = []

    @abstractmethod
    def _all(self) -> Iterable[Memory]:
        """Return every memory, expired ones, too."""

    def find(self, selection: Selection, now: float, limit: int | None = None, order: Order = "newest") -> list[Memory]:
        """Return the memories of a selection: the newest, the least or the most important first."""
        memories = [memory for memory in self._all() if memory.is_alive(now) and selection.holds(memory)]
        memories.sort(key=lambda memory: memory.created, reverse=order != "least")
        if order != "newest":
            memories.sort(key=lambda memory: memory.importance, reverse=order == "most")
        return memories[:limit]

    def search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        """Return the memories of a selection that answer a question, most probable first."""
        held = sorted(self._all(), key=lambda memory: (memory.created, memory.id))
        if held != self._mirrored:
            self._mirror.close()
            self._mirror, self._mirrored = in_memory(held, compares=True), held
        return self._mirror.search(query, limit, selection, now)

    def count(self, tier: str | None = None, now: float = _FOREVER) -> int:
        """Return how many memories are alive, in one tier or in all."""
        return sum(tier in (None, memory.tier) and memory.is_alive(now) for memory in self._all())

    def moving(self) -> list[Memory]:
        """Return the memories that came from another store and were not yet seen to be gone there."""
        return [memory for memory in self._all() if memory.moved_from]
