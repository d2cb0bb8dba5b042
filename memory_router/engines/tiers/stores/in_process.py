"""Keep memories in this process, and search any store that can list what it holds."""

from abc import ABC, abstractmethod
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence, Set
from operator import mul

import apsw

from memory_router.engines.tiers import ranking, vectors
from memory_router.engines.tiers.memory import Event, LinkEnd, Memory, Order, Recollection, Selection
from memory_router.engines.tiers.recency import understand
from memory_router.engines.tiers.revisions import in_force_first
from memory_router.text.relevance import coverage, stemmer
from memory_router.text.words import identifier_terms

MOST_EVENTS = 10_000
# Up to so many memories are compared by their vectors, which takes some ten milliseconds.
_COMPARED = 1000
_FOREVER = float("-inf")


class ListingStore(ABC):
    """Search a store by reading everything it holds: right for small tiers, and for stores without an index.

    Args:
        compares: whether likeness counts; it does not pay where a store is read anew for every question.
    """

    def __init__(self, *, compares: bool = True) -> None:
        # The stemmer is SQLite's, so that all stores cut words alike.
        self._stems = stemmer(apsw.Connection(":memory:"))
        self._compares = compares
        # By id, which stands for the text: what does not change as long as there is such a memory.
        self._cut: dict[str, list[str]] = {}
        self._vectors: dict[str, array[float]] = {}

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
        found = self._search(query, limit, selection, now)
        return in_force_first(found, lambda memory_id: self.get(memory_id, now), selection)[: max(limit, 0)]

    @abstractmethod
    def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, or None."""

    def _search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        wanted = understand(query)
        limit = max(limit, 0)
        if not wanted.terms:
            found = self.find(selection, now, max(limit, ranking.JUDGED)) if wanted.is_recent else []
            return ranking.newest(found, wanted, now)[:limit]
        alive = {memory.id: memory for memory in self._all() if memory.is_alive(now)}
        stems = {stem for term in wanted.terms[: ranking.MOST_TERMS] for stem in self._stems(term)}
        shared = {one: stems.intersection(self._searched(memory)) for one, memory in alive.items()}
        counts = Counter(stem for held in shared.values() for stem in held)
        latest = max((memory.created for memory in alive.values()), default=now)
        asked = ranking.ask(
            query, {stem: counts[stem] for stem in stems}, len(alive), latest, is_recent=wanted.is_recent
        )
        allowed = {one: memory for one, memory in alive.items() if selection.holds(memory)}
        count = max(ranking.JUDGED, limit)
        matching = sorted((one for one in allowed if shared[one]), key=lambda one: -allowed[one].created)
        hits = matching[:count] if wanted.is_recent else []
        hits += sorted(matching, key=lambda one: -coverage(asked.weights, shared[one]))[:count]
        likeness = {} if wanted.is_recent else self._likeness(query, counts, alive)
        alike = (
            one for one, score in likeness.items() if one in allowed and (alive[one].session or score >= ranking.ALIKE)
        )
        hits += sorted(alike, key=lambda one: -likeness[one])[:count]
        candidates = _candidates(set(hits), alive, allowed)
        held = {one: ranking.Held(self._cut[one], likeness.get(one, 0.0)) for one in alive}
        return ranking.ranked(asked, held, candidates, self._stems, now, limit)

    def count(self, tier: str | None = None, now: float = _FOREVER) -> int:
        """Return how many memories are alive, in one tier or in all."""
        return sum(tier in (None, memory.tier) and memory.is_alive(now) for memory in self._all())

    def moving(self) -> list[Memory]:
        """Return the memories that came from another store and were not yet seen to be gone there."""
        return [memory for memory in self._all() if memory.moved_from]

    def _searched(self, memory: Memory) -> Iterable[str]:
        """Return the stems by which a memory is found."""
        if memory.id not in self._cut:
            self._cut[memory.id] = self._stems(f"{memory.text} {identifier_terms(memory.text)}")
        return (*self._cut[memory.id], *self._stems(" ".join(memory.tags)))

    def _likeness(self, query: str, counts: Mapping[str, int], alive: Mapping[str, Memory]) -> dict[str, float]:
        """Return the cosine of each memory's vector and the question's; nothing where there are none, or too many."""
        if not self._compares or len(alive) > _COMPARED:
            return {}
        question = vectors.of_question(query, self._stems, counts, len(alive))
        if question is None:
            return {}
        for memory in alive.values():
            if memory.id not in self._vectors:
                self._vectors[memory.id] = vectors.of_memory(memory.text) or question
        return {one: sum(map(mul, question, self._vectors[one])) for one in alive}


class InProcessStore(ListingStore):
    """Keep memories as long as this process runs."""

    def __init__(self, *, compares: bool = True) -> None:
        super().__init__(compares=compares)
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

    def amend(self, memory: Memory, now: float) -> None:
        """Give a stored memory the tags and the importance of `memory`."""
        if present := self._memories.get(memory.id):
            self._memories[memory.id] = present._replace(tags=memory.tags, importance=memory.importance)
            self._log(now, "amended", present, "stored again")

    def link(self, memory_id: str, end: LinkEnd, before: str | None, after: str | None) -> bool:
        """Set one end of a link between revisions if it is `before` still; return whether it was."""
        present = self._memories.get(memory_id)
        if present is None or getattr(present, end) != before:
            return False
        self._memories[memory_id] = present.linked(end, after)
        return True

    def move(
        self, memory_id: str, source: str, target: str, expires: float | None, now: float, event: str, detail: str
    ) -> bool:
        """Move a memory between two tiers of this store; return False if it is not in `source` any more."""
        memory = self._memories.get(memory_id)
        if memory is None or memory.tier != source:
            return False
        self._memories[memory_id] = memory._replace(tier=target, expires=expires, moved=now)
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


def _candidates(
    hits: Set[str], alive: Mapping[str, Memory], allowed: Mapping[str, Memory]
) -> dict[str, tuple[Memory, ranking.Beside]]:
    """Return what hits make candidates, and what stands beside each."""
    lines: defaultdict[tuple[str | None, str | None], list[Memory]] = defaultdict(list)
    for memory in sorted(alive.values(), key=lambda one: one.created):
        lines[memory.session, memory.project if memory.session is None else None].append(memory)
    found: dict[str, ranking.Beside] = {}
    for (session, _), line in lines.items():
        for place, hit in enumerate(line):
            if hit.id not in hits:
                continue
            reach = ranking.REACH if session is None else 2 * ranking.REACH
            part = line[max(place - reach, 0) : place + reach + 1]
            if session is None:
                part = [one for one in part if abs(one.created - hit.created) <= ranking.NEAR_SECONDS]
            ids = [one.id for one in part]
            found |= ranking.surroundings(ids, [ids.index(hit.id)], is_conversation=session is not None)
    return {one: (allowed[one], beside) for one, beside in found.items() if one in allowed}
