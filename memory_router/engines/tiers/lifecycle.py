"""Move memories between tiers, make room, and clear away: what happens to a memory after it was stored.

A move within one store is one transaction. A move between two stores is a copy that says where it comes from, a look
whether it is there, the removal of the original, and a note that this is done. After a crash at any point between,
`recover` finds the copy and finishes; until then `recall` shows the memory once.
"""

import math
from collections.abc import Sequence

from memory_router.engines.tiers.memory import TIERS, Memory, Order, Recollection, Selection
from memory_router.engines.tiers.policy import MemoryConfig
from memory_router.engines.tiers.router import PolicyEngine
from memory_router.engines.tiers.scoring import ScoringEngine
from memory_router.engines.tiers.stores.room import Rooms
from memory_router.errors import StoreError

# From this share of `max_entries` on, a tier with overflow promotes (seed 001, Capacity Pressure).
_PRESSURE = 0.9
# How many more candidates than have to go are scored before the choice.
_CONSIDERED = 64


class Lifecycle:
    """Apply policies to what is stored."""

    def __init__(self, config: MemoryConfig, policies: PolicyEngine, scoring: ScoringEngine, rooms: Rooms) -> None:
        self._config = config
        self._policies = policies
        self._scoring = scoring
        self._rooms = rooms

    async def move(self, memory: Memory, target: str, now: float, why: str) -> Memory | None:
        """Move a memory to another tier; return it, or None if it is not where it was any more.

        Raises:
            StoreError: a store failed; the memory is whole in one of the two tiers.
        """
        source = memory.tier
        event = "promoted" if TIERS.index(target) > TIERS.index(source) else "demoted"
        # What goes down was meant to stay: it expires no sooner than it did.
        expires = self._policies.expiry(target, now) if event == "promoted" else memory.expires
        detail = f"to {target}: {why}"
        here, there = self._rooms[source], self._rooms[target]
        moved = memory._replace(tier=target, expires=expires, moved=now)
        if here is there:
            done = await here.ask(lambda store: store.move(memory.id, source, target, expires, now, event, detail))
            return moved if done else None
        copy = moved._replace(moved_from=source)
        if not await there.ask(lambda store: store.add(copy, now, "arrived", f"from {source}")):
            return None  # somebody else is moving it
        if await there.ask(lambda store: store.get(memory.id, now)) is None:
            raise StoreError(
                f"The memory {memory.id} did not arrive in the tier {target}.", "It is still in the tier it was in."
            )
        if not await here.ask(lambda store: store.remove([memory.id], now, event, detail)):
            # It was forgotten while the copy was made.
            await there.ask(lambda store: store.remove([memory.id], now, "forgotten", "during a move"))
            return None
        await there.ask(lambda store: store.settle(memory.id))
        return moved

    async def climb(self, memory: Memory, target: str, now: float, why: str) -> Memory | None:
        """Move a memory tier by tier until it is in `target`; return None if it was forgotten meanwhile.

        Raises:
            StoreError: a store failed; the memory is whole in one of the tiers.
        """
        step = self._policies.above if TIERS.index(target) > TIERS.index(memory.tier) else self._policies.below
        while memory.tier != target:
            following = step(memory.tier)
            moved = await self.move(memory, following, now, why) if following else None
            if moved is None:
                return await self._rooms.get(memory.id, now)  # somebody else moved it meanwhile
            memory = moved
        await self.make_room(target, now)
        return memory

    async def recover(self, now: float) -> None:
        """Finish the moves that a crash interrupted."""
        for there in self._rooms.each:
            for copy in await there.ask(lambda store: store.moving()):
                here = self._rooms[str(copy.moved_from)] if copy.moved_from in self._config.tiers else there
                if here is not there:
                    await here.ask(lambda store, key=copy.id: store.remove([key], now, "recovered", "after a crash"))  # type: ignore[misc]
                await there.ask(lambda store, key=copy.id: store.settle(key))  # type: ignore[misc]

    async def accessed(self, found: list[Recollection], now: float) -> list[Recollection]:
        """Count an access to each memory found, move up what is used much, and return them as they are then."""
        touched: dict[str, Memory] = {}
        for room in dict.fromkeys(self._rooms[recollection.tier] for recollection in found):
            ids = [recollection.id for recollection in found if self._rooms[recollection.tier] is room]
            held = await room.ask(lambda store, ids=ids: store.touch(ids, now))  # type: ignore[misc]
            touched.update((memory.id, memory) for memory in held)
        moved = await self.promote_used(list(touched.values()), now)
        present = {
            recollection.id: touched.get(recollection.id, recollection.memory)._replace(
                tier=moved.get(recollection.id, recollection.tier)
            )
            for recollection in found
        }
        return [recollection._replace(memory=present[recollection.id]) for recollection in found]

    async def used(self, ids: Sequence[str], at: float) -> None:
        """Count an access to each memory at a time, in seconds since the epoch, and move up what is used much."""
        for room in self._rooms.each:
            await self.promote_used(await room.ask(lambda store: store.touch(ids, at)), at)

    async def promote_used(self, touched: Sequence[Memory], now: float) -> dict[str, str]:
        """Move up what was recalled often or scores high; return the new tiers by id."""
        moved = {}
        for memory in touched:
            why, above = self._policies.promotion(memory, now), self._policies.above(memory.tier)
            if why and above and await self.move(memory, above, now, why):
                moved[memory.id] = above
                await self.make_room(above, now)
        return moved

    async def make_room(self, tier: str, now: float) -> None:
        """Promote, demote or evict until a tier is within its limit (seed 001, Promotion Triggers 3 and 4).

        A tier with overflow promotes its best; the highest one demotes its least, if demotion is on; whatever has
        nowhere to go is evicted, the least first.
        """
        policy = self._config.tiers[tier]
        if policy.max_entries is None:
            return
        above = self._policies.above(tier) if policy.overflow and self._config.enable_promotion else None
        below = self._policies.below(tier) if self._config.enable_demotion and above is None else None
        limit = math.ceil(_PRESSURE * policy.max_entries) if above else policy.max_entries
        room = self._rooms[tier]
        excess = await room.ask(lambda store: store.count(tier, now)) - limit
        if excess <= 0:
            return
        order: Order = "most" if above else "least"
        chosen = Selection(tiers=(tier,))
        memories = await room.ask(lambda store: store.find(chosen, now, excess + _CONSIDERED, order))
        memories.sort(key=lambda memory: self._scoring.score(memory, now), reverse=above is not None)
        leaving = memories[:excess]
        target = above or below
        if target is None:
            ids = [memory.id for memory in leaving]
            await room.ask(lambda store: store.remove(ids, now, "evicted", f"the tier holds {policy.max_entries}"))
            return
        for memory in leaving:
            await self.move(memory, target, now, f"{tier} is full")
        await self.make_room(target, now)

    async def demote_idle(self, now: float) -> None:
        """Move down what nobody uses, if demotion is on."""
        for tier in self._config.tiers:
            below = self._policies.below(tier)
            if not self._config.enable_demotion or below is None:
                continue
            chosen = Selection(tiers=(tier,))
            for memory in await self._rooms[tier].ask(lambda store, chosen=chosen: store.find(chosen, now)):  # type: ignore[misc]
                why = self._policies.demotion(memory, now)
                if why:
                    await self.move(memory, below, now, why)
