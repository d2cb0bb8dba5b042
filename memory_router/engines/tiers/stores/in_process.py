"""Keep memories in this process, and search any store that can list what it holds."""

from abc import ABC, abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

import apsw

from memory_router.engines.tiers import ranking
from memory_router.engines.tiers.memory import Event, Memory, Order, Recollection, Selection
from memory_router.engines.tiers.recency import understand
from memory_router.text.relevance import stemmer
from memory_router.text.words import identifier_terms

MOST_EVENTS = 10_000
_FOREVER = float("-inf")


class ListingStore(ABC):
    """Search a store by reading everything it holds: right for small tiers, and for stores without an index."""

    def __init__(self) -> None:
        # The stemmer is SQLite's, so that all stores cut words alike.
        self._stems = stemmer(apsw.Connection(":memory:"))

    @abstractmethod
    def _all(self) -> Iterable[Memory]:
        """Return every memory, expired ones, too."""

    def find(self, selection: Selection, now: float, limit: int | None = None, order: Order = "newest") -> list[Memory]:
        """Return the memories of a selection: the newest, the least or the most important first."""
        found = [memory for memory in self._all() if memory.is_alive(now) and selection.holds(memory)]
        found.sort(key=lambda one: one.created, reverse=order != "least")
        if order != "newest":
            found.sort(key=lambda one: one.importance, reverse=order == "most")
        return found[:limit]

    def search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        """Return the memories of a selection that answer a question, best first."""
        wanted = understand(query)
        limit = max(limit, 0)
        if not wanted.terms:
            return [ranking.newest(one, now) for one in self.find(selection, now, limit)] if wanted.is_recent else []
        held = [memory for memory in self._all() if memory.is_alive(now)]
        stems = {stem for term in wanted.terms[: ranking.MOST_TERMS] for stem in self._stems(term)}
        frequencies = dict.fromkeys(stems, 0)
        candidates: list[Memory] = []
        for memory in held:
            shared = stems.intersection(self._stems(_searched(memory)))
            for stem in shared:
                frequencies[stem] += 1
            if shared and selection.holds(memory):
                candidates.append(memory)
        asked = ranking.ask(frequencies, len(held), is_recent=wanted.is_recent)
        candidates, context = _with_neighbours(candidates, held, selection)
        return ranking.ranked(asked, candidates, self._stems, now, context)[:limit]

    def count(self, tier: str | None = None, now: float = _FOREVER) -> int:
        """Return how many memories are alive, in one tier or in all."""
        return sum(tier in (None, memory.tier) and memory.is_alive(now) for memory in self._all())

    def moving(self) -> list[Memory]:
        """Return the memories that came from another store and were not yet seen to be gone there."""
        return [memory for memory in self._all() if memory.moved_from]


class InProcessStore(ListingStore):
    """Keep memories as long as this process runs."""

    def __init__(self) -> None:
        super().__init__()
        self._memories: dict[str, Memory] = {}
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._counters: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def _all(self) -> Iterable[Memory]:
        return self._memories.values()

    def add(self, memory: Memory, now: float, event: str = "stored", detail: str = "") -> bool:
        """Store a memory unless one with its id is there and alive; return whether it is new."""
        present = self._memories.get(memory.id)
        if present and present.is_alive(now):
            return False
        if present:
            self.remove([memory.id], now, "expired")
        self._memories[memory.id] = memory
        self._log(now, event, memory, detail)
        return True

    def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, or None."""
        memory = self._memories.get(memory_id)
        return memory if memory and memory.is_alive(now) else None

    def touch(self, ids: Sequence[str], now: float) -> list[Memory]:
        """Count an access to each memory; return those that are there, as they are now."""
        touched = [self._memories[one].touched(now) for one in ids if one in self._memories]
        for memory in touched:
            self._memories[memory.id] = memory
            self._counters[memory.tier]["recalls"] += 1
        return touched

    def move(
        self, memory_id: str, source: str, target: str, expires: float | None, now: float, event: str, detail: str
    ) -> bool:
        """Move a memory between two tiers of this store; return False if it is not in `source` any more."""
        memory = self._memories.get(memory_id)
        if memory is None or memory.tier != source:
            return False
        self._memories[memory_id] = memory._replace(tier=target, expires=expires)
        self._log(now, event, memory, detail)
        return True

    def remove(self, ids: Sequence[str], now: float, event: str, detail: str = "") -> list[Memory]:
        """Remove memories; return those that were there."""
        removed = [self._memories.pop(one) for one in ids if one in self._memories]
        for memory in removed:
            self._log(now, event, memory, detail)
        return removed

    def replace(self, ids: Sequence[str], memory: Memory, now: float, detail: str) -> bool:
        """Put one memory in the place of several; do nothing and return False if one of them is gone."""
        if not all(one in self._memories for one in ids):
            return False
        self.remove(ids, now, "compacted", f"into {memory.id}")
        if memory.id not in self._memories:
            self._memories[memory.id] = memory
            self._log(now, "stored", memory, detail)
        return True

    def settle(self, memory_id: str) -> None:
        """Note that a memory is gone from where it came from."""
        if memory_id in self._memories:
            self._memories[memory_id] = self._memories[memory_id]._replace(moved_from=None)

    def sweep(self, now: float) -> int:
        """Remove what has expired; return how many memories that were."""
        return len(self.remove([one.id for one in self._all() if not one.is_alive(now)], now, "expired"))

    def counters(self, tier: str) -> dict[str, int]:
        """Return how often each event happened in a tier."""
        return dict(self._counters[tier])

    def audit(self, limit: int = 100) -> list[Event]:
        """Return the latest of the last 10,000 events, newest first."""
        return list(reversed(self._events))[:limit]

    def close(self) -> None:
        """Forget everything."""
        self._memories.clear()

    def _log(self, now: float, event: str, memory: Memory, detail: str) -> None:
        self._events.append(Event(now, event, memory.id, memory.tier, detail))
        self._counters[memory.tier][event] += 1


def _searched(memory: Memory) -> str:
    return f"{memory.text} {identifier_terms(memory.text)} {' '.join(memory.tags)}"


def _with_neighbours(
    hits: Sequence[Memory], held: Iterable[Memory], selection: Selection
) -> tuple[list[Memory], dict[str, list[str]]]:
    """Return the hits and what stands beside them in their conversations, and the texts around each of them."""
    sessions = {hit.session for hit in hits} - {None}
    lines: defaultdict[str, list[Memory]] = defaultdict(list)
    for memory in sorted(held, key=lambda one: one.created):
        if memory.session in sessions:
            lines[str(memory.session)].append(memory)
    candidates = {hit.id: hit for hit in hits}
    context: defaultdict[str, list[str]] = defaultdict(list)
    matching = set(candidates)
    for line in lines.values():
        for before, after in pairwise(line):
            context[before.id].append(after.text)
            context[after.id].append(before.text)
            if matching & {before.id, after.id}:
                candidates.update((one.id, one) for one in (before, after) if selection.holds(one))
    return list(candidates.values()), context
