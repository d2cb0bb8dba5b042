"""Remember in tiers: the library of seed 001."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, Unpack

from memory_router.engines.tiers import compaction
from memory_router.engines.tiers.admission import admit, identity, known_tier, literal_identity, share
from memory_router.engines.tiers.author import Author, current_author
from memory_router.engines.tiers.filters import Filter, selection_of
from memory_router.engines.tiers.lifecycle import Lifecycle
from memory_router.engines.tiers.memory import TIERS, Event, Memory, Provenance, Receipt, Recollection, Remembered
from memory_router.engines.tiers.policy import COMPACTION_STRATEGIES, MemoryConfig
from memory_router.engines.tiers.router import NEUTRAL, PolicyEngine, Router
from memory_router.engines.tiers.scoring import ScoringEngine
from memory_router.engines.tiers.stores.room import Rooms
from memory_router.engines.tiers.superseding import Superseding
from memory_router.errors import QueryError, RefusedMemoryError

_MAINTENANCE_SECONDS = 300.0
_STATISTICS = {
    "stores": "stored",
    "recalls": "recalls",
    "promotions": "promoted",
    "demotions": "demoted",
    "expirations": "expired",
    "evictions": "evicted",
    "forgotten": "forgotten",
    "compacted": "compacted",
}


class MemorySystem:
    """Store, recall and move memories in up to three tiers.

    Use it as an asynchronous context manager, or call `close` at the end. Several tasks of one event loop may use it at
    once.

    Args:
        config: the tiers and what moves between them; None gives all three in the database of the command line.
        router: chooses the tier of each new memory.
        scoring: scores memories.
        clock: says the time in seconds since the epoch.
        summarise: writes the summaries of `compact`; the default quotes.
    """

    def __init__(
        self,
        config: MemoryConfig | None = None,
        *,
        router: Router | None = None,
        scoring: ScoringEngine | None = None,
        clock: Callable[[], float] = time.time,
        summarise: compaction.Summariser = compaction.extract,
    ) -> None:
        self.config = config or MemoryConfig()
        self._router = router or Router()
        self._scoring = scoring or ScoringEngine(clock=clock)
        self._clock = clock
        self._summarise = summarise
        self._policies = PolicyEngine(self.config, self._scoring)
        self._rooms = Rooms({tier: policy.store for tier, policy in self.config.tiers.items()})
        self._lifecycle = Lifecycle(self.config, self._policies, self._scoring, self._rooms)
        self._superseding = Superseding(self._rooms)
        self._maintained: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def store(
        self,
        text: str,
        importance: float | None = None,
        tier: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        **provenance: Unpack[Provenance],
    ) -> str:
        """Store a text and return its id; the arguments and errors are those of `remember`."""
        remembered = await self.remember(text, importance, tier, tags, metadata, **provenance)
        return remembered.memory.id

    async def remember(
        self,
        text: str,
        importance: float | None = None,
        tier: str | None = None,
        tags: Iterable[str] = (),
        metadata: Mapping[str, Any] | None = None,
        *,
        project: str | None = None,
        source: str | None = None,
        session: str | None = None,
        created: float | None = None,
        allow_sensitive: bool = False,
        supersedes: str | None = None,
        author: Author | None = None,
    ) -> Remembered:
        """Store a text in the tier that fits, unless the same text is there already in the same project.

        Args:
            text: what to remember, 1 to 100,000 characters.
            importance: in [0, 1]; None is neutral, and the default tier's unless the router chooses another.
            tier: the tier to use, whatever the importance; None lets the router choose.
            tags: words to file it under.
            metadata: anything else that JSON can hold.
            project: what it belongs to, or None.
            source: what wrote it, or None.
            session: the conversation that it comes from, or None.
            created: when it was said, in seconds since the epoch; None means now.
            allow_sensitive: keep secrets and personal data, which are redacted otherwise.
            supersedes: the id of a memory that it replaces; if that one was replaced before, the one in force.
            author: who wrote it; None finds out. It never changes, also when the text is stored again.

        Raises:
            RefusedMemoryError: the text or another argument cannot be stored, or there is no memory to replace.
            StoreError: the store cannot be written; nothing was stored.
        """
        now = await self._now()
        memory, redacted = admit(
            text,
            tags,
            project,
            now if created is None else created,
            importance=NEUTRAL if importance is None else share("importance", importance),
            tier=tier or self.config.default_tier,
            source=source,
            session=session,
            extra=metadata,
            allow_sensitive=allow_sensitive,
        )
        memory = memory._replace(author=author or current_author("library"))
        earlier = None if supersedes is None else await self._existing(supersedes, now)
        chosen = self._policies.placed(tier or await self._router.select_tier(memory))
        present = await self._rooms.get(memory.id, now) or await self._rooms.get(
            literal_identity(memory.text, memory.project), now
        )
        is_new = False
        if present is None:
            memory = memory._replace(tier=chosen, expires=self._policies.expiry(chosen, now))
            if is_new := await self._rooms[chosen].ask(lambda store: store.add(memory, now)):
                await self._lifecycle.make_room(chosen, now)
            present = memory if is_new else await self._rooms.get(memory.id, now) or memory
        if not is_new:
            present = await self._merged(present, memory, is_given=importance is not None, now=now)
            if TIERS.index(chosen) > TIERS.index(present.tier):
                present = await self._lifecycle.climb(present, chosen, now, "stored again") or present
        if earlier is None:
            return Remembered(present, is_new, redacted)
        present, replaced = await self._superseding.supersede(present, earlier, now)
        return Remembered(present, is_new, redacted, replaced)

    async def similar(self, memory: Memory) -> tuple[Memory, ...]:
        """Return the memories in force that a new one may repeat or replace, at most three, the likeliest first."""
        return await self._superseding.similar(memory, await self._now())

    async def history(self, memory_id: str) -> list[Memory]:
        """Return all revisions of a fact, the oldest first; the last one is in force.

        Raises:
            RefusedMemoryError: there is no such memory.
            StoreError: a store cannot be used.
        """
        now = await self._now()
        return await self._superseding.history(await self._existing(memory_id, now), now)

    async def recall(
        self,
        query: str,
        k: int = 10,
        tier: str | None = None,
        filter: Filter | None = None,  # noqa: A002 - the seed's
    ) -> list[Recollection]:
        """Find the memories that answer a question, best first, and count the access to each.

        Args:
            query: the question; the newest memories come back if it asks for nothing else.
            k: the largest number.
            tier: search only this tier; None searches all of them at once.
            filter: which memories may be found: see `filters.selection_of`.

        Raises:
            QueryError: the tier or the filter cannot be meant.
            StoreError: a store cannot be used.
        """
        now = await self._now()
        selection = selection_of(filter, tier, now)
        answers = await asyncio.gather(
            *(
                room.ask(lambda store, part=part: store.search(query, k, part, now))  # type: ignore[misc]
                for room, part in self._rooms.selected(selection).items()
            )
        )
        best: dict[str, Recollection] = {}
        for hit in (hit for answer in answers for hit in answer):
            if hit.id not in best or best[hit.id].memory.moved_from is None:
                best[hit.id] = hit._replace(is_same=identity(hit.text, None) == identity(query, None))
        hits = sorted(best.values(), key=lambda hit: (-hit.similarity, -hit.memory.created))[: max(k, 0)]
        return await self._lifecycle.accessed(hits, now)

    async def count_accesses(self, ids: Sequence[str], at: float) -> None:
        """Count an access to each memory at a time, in seconds since the epoch, and move up what is used much."""
        await self._lifecycle.used(ids, at)

    async def promote(self, memory_id: str, target_tier: str | None = None) -> Memory:
        """Move a memory up, one tier at a time, to `target_tier` or by one; return it as it is then.

        Raises:
            RefusedMemoryError: there is no such memory, or no such tier above it.
            StoreError: a store failed; the memory is whole in one of the tiers.
        """
        return await self._move(memory_id, target_tier, self._policies.above, "above")

    async def demote(self, memory_id: str, target_tier: str | None = None) -> Memory:
        """Move a memory down, one tier at a time, to `target_tier` or by one; return it as it is then.

        Raises:
            RefusedMemoryError: there is no such memory, or no such tier below it.
            StoreError: a store failed; the memory is whole in one of the tiers.
        """
        return await self._move(memory_id, target_tier, self._policies.below, "below")

    async def forget(
        self,
        ids: str | Sequence[str] = (),
        *,
        filter: Filter | None = None,  # noqa: A002 - the seed's
        tier: str | None = None,
        dry_run: bool = False,
    ) -> Receipt:
        """Remove memories by id, or all those of a filter, a tier or both; return what went.

        Args:
            ids: one id or several.
            filter: which memories go: see `filters.selection_of`.
            tier: the tier that they go from; None is all.
            dry_run: remove nothing, and say what would go.

        Raises:
            QueryError: nothing is chosen, or the tier or the filter cannot be meant.
            StoreError: a store cannot be used.
        """
        now = await self._now()
        named = {ids} if isinstance(ids, str) else set(ids)
        if not named and not filter and tier is None:
            raise QueryError("Nothing is chosen to be forgotten.", "Name ids, a tier or a filter.")
        selection = selection_of(filter, tier, now)
        gone: list[Memory] = []
        for room, part in self._rooms.selected(selection).items():
            if named:
                held = [await room.ask(lambda store, key=key: store.get(key, now)) for key in sorted(named)]  # type: ignore[misc]
                memories = [memory for memory in held if memory and part.holds(memory)]
            else:
                memories = await room.ask(lambda store, part=part: store.find(part, now))  # type: ignore[misc]
            if not dry_run and memories:
                doomed = [memory.id for memory in memories]
                memories = await room.ask(lambda store, doomed=doomed: store.remove(doomed, now, "forgotten"))  # type: ignore[misc]
                for memory in memories:
                    await self._superseding.unlink(memory, now)
            gone += memories
        return Receipt(tuple(gone), dry_run, now)

    async def compact(
        self, tier: str = "persistent", strategy: str | None = None, *, keep: int = 0, dry_run: bool = False
    ) -> compaction.Compaction:
        """Put summaries in the place of memories that are no longer worth a place each.

        Args:
            tier: the tier.
            strategy: `count`, `importance`, `semantic` or `time`; None is the one of the tier's policy.
            keep: how many of the newest are never touched.
            dry_run: change nothing, and say what would be summarised.

        Raises:
            QueryError: the tier is not configured, or the strategy unknown.
            StoreError: the store cannot be used; no memory is lost.
        """
        now = await self._now()
        policy = self.config.tiers.get(tier)
        if policy is None:
            raise QueryError(f"There is no tier {tier!r}.", f"Choose one of: {', '.join(self.config.tiers)}.")
        strategy = strategy or policy.compaction_strategy
        if strategy not in COMPACTION_STRATEGIES:
            raise QueryError(
                f"There is no compaction strategy {strategy!r}.", f"Choose one of: {', '.join(COMPACTION_STRATEGIES)}."
            )
        return await compaction.compact(
            self._rooms[tier], tier, strategy, keep, now, summarise=self._summarise, dry_run=dry_run
        )

    async def get_tier_stats(self, tier: str) -> dict[str, Any]:
        """Return what a tier holds and what happened in it; moves are counted where a memory left.

        Raises:
            QueryError: the tier is not configured.
            StoreError: the store cannot be used.
        """
        now = await self._now()
        if tier not in self.config.tiers:
            raise QueryError(f"There is no tier {tier!r}.", f"Choose one of: {', '.join(self.config.tiers)}.")
        room, policy = self._rooms[tier], self.config.tiers[tier]
        counters = await room.ask(lambda store: store.counters(tier))
        return {
            "tier": tier,
            "entry_count": await room.ask(lambda store: store.count(tier, now)),
            **{name: counters.get(event, 0) for name, event in _STATISTICS.items()},
            "max_entries": policy.max_entries,
            "ttl_seconds": policy.ttl_seconds,
        }

    async def memories(self, filter: Filter | None = None, tier: str | None = None) -> list[Memory]:  # noqa: A002
        """Return the memories of a filter and a tier, newest first, without counting an access.

        Raises:
            QueryError: the tier or the filter cannot be meant.
            StoreError: a store cannot be used.
        """
        now = await self._now()
        return await self._rooms.find(selection_of(filter, tier, now), now)

    async def audit(self, limit: int = 100) -> list[Event]:
        """Return the latest changes in all stores, newest first."""
        events = [event for room in self._rooms.each for event in await room.ask(lambda store: store.audit(limit))]
        return sorted(events, key=lambda event: -event.at)[:limit] if len(self._rooms.each) > 1 else events

    async def maintain(self) -> None:
        """Clear away what expired, finish interrupted moves, demote and compact where the policies say so.

        It runs automatically with the first operation and then every five minutes of use.
        """
        self._maintained = now = self._clock()
        await self._lifecycle.recover(now)
        for room in self._rooms.each:
            await room.ask(lambda store: store.sweep(now))
        await self._lifecycle.demote_idle(now)
        for tier, policy in self.config.tiers.items():
            limit = policy.compaction_threshold
            if limit and await self._rooms[tier].ask(lambda store, tier=tier: store.count(tier, now)) > limit:  # type: ignore[misc]
                await self.compact(tier, keep=limit // 2)

    async def close(self) -> None:
        """Close the stores."""
        await asyncio.to_thread(self._rooms.close)

    async def _now(self) -> float:
        """Return the time, after maintenance if it is due; a clock that went backwards makes it due, too."""
        now = self._clock()
        if self._maintained is None or abs(now - self._maintained) >= _MAINTENANCE_SECONDS:
            await self.maintain()
        return now

    async def _merged(self, present: Memory, again: Memory, *, is_given: bool, now: float) -> Memory:
        """Add to a memory the tags, and the higher importance, with which its text was stored again."""
        merged = present._replace(
            tags=tuple(dict.fromkeys((*present.tags, *again.tags))),
            importance=max(present.importance, again.importance) if is_given else present.importance,
        )
        if merged != present:
            await self._rooms[present.tier].ask(lambda store: store.amend(merged, now))
        return merged

    async def _move(
        self, memory_id: str, wanted: str | None, next_to: Callable[[str], str | None], direction: str
    ) -> Memory:
        """Move a memory to the tier `wanted`, or to the next one in a direction, because somebody asked for it."""
        now = await self._now()
        memory = await self._existing(memory_id, now)
        target = self._target(memory, wanted or next_to(memory.tier), direction)
        return await self._lifecycle.climb(memory, target, now, "asked for") or await self._existing(memory_id, now)

    def _target(self, memory: Memory, target: str | None, direction: str) -> str:
        is_above = target is not None and TIERS.index(known_tier(target)) > TIERS.index(memory.tier)
        if target not in self.config.tiers or target == memory.tier or is_above != (direction == "above"):
            raise RefusedMemoryError(
                f"The memory {memory.id} is in {memory.tier}, and {target or 'no tier'} is not {direction} it.",
                f"The tiers are, from the lowest: {', '.join(self.config.tiers)}.",
            )
        return target

    async def _existing(self, memory_id: str, now: float) -> Memory:
        memory = await self._rooms.get(memory_id, now)
        if memory is None:
            raise RefusedMemoryError(
                f"There is no memory with the id {memory_id!r}.", "Run: memory-router memories list"
            )
        return memory
