"""Use a store from asynchronous code: each has a thread of its own, in which it is opened and asked."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from memory_router.engines.tiers.memory import Memory, Selection
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.engines.tiers.stores.protocol import Store

_T = TypeVar("_T")


class Room:
    """A store and the thread that it is used in.

    Args:
        store: the store itself, or the URL that it is opened from when it is first needed.
    """

    def __init__(self, store: str | Store | None) -> None:
        self.url = store if isinstance(store, str) or store is None else type(store).__name__
        self._store = None if isinstance(store, str) or store is None else store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory-store")

    async def ask(self, question: Callable[[Store], _T]) -> _T:
        """Return what `question` returns when it is given the store, without keeping the event loop waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[Store], _T]) -> _T:
        if self._store is None:
            self._store = open_store(self.url)
        return question(self._store)

    def close(self) -> None:
        """Close the store, if it was opened, and end its thread."""
        if self._store is not None:
            self._thread.submit(self._store.close).result()
        self._thread.shutdown()


class Rooms:
    """The room of each tier; tiers that name the same store share one.

    Args:
        stores: by tier, the store or its URL.
    """

    def __init__(self, stores: Mapping[str, str | Store | None]) -> None:
        shared: dict[str | Store | None, Room] = {}
        self._by_tier = {tier: shared.setdefault(store, Room(store)) for tier, store in stores.items()}
        self.each = tuple(dict.fromkeys(self._by_tier.values()))

    def __getitem__(self, tier: str) -> Room:
        return self._by_tier[tier]

    def tiers_in(self, room: Room) -> tuple[str, ...]:
        """Return the tiers that are in a room."""
        return tuple(tier for tier, own in self._by_tier.items() if own is room)

    def selected(self, selection: Selection) -> dict[Room, Selection]:
        """Return the rooms that can hold what is selected, each with its part of the selection."""
        parts = {}
        for room in self.each:
            tiers = tuple(tier for tier in self.tiers_in(room) if selection.tiers is None or tier in selection.tiers)
            if tiers:
                parts[room] = selection._replace(tiers=tiers)
        return parts

    async def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, from whichever tier it is in."""
        for room in self.each:
            memory = await room.ask(lambda store: store.get(memory_id, now))
            if memory is not None and memory.tier in self.tiers_in(room):
                return memory
        return None

    async def find(self, selection: Selection, now: float) -> list[Memory]:
        """Return the memories of a selection, newest first; one that is on the move only once."""
        held: dict[str, Memory] = {}
        for room, part in self.selected(selection).items():
            for memory in await room.ask(lambda store, part=part: store.find(part, now)):  # type: ignore[misc]
                held.setdefault(memory.id, memory)
        return sorted(held.values(), key=lambda memory: -memory.created)

    def close(self) -> None:
        """Close all rooms."""
        for room in self.each:
            room.close()
