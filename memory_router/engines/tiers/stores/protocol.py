"""What a store of memories can do; each change is atomic, and recorded in the store's own audit trail."""

from collections.abc import Sequence
from typing import Protocol

from memory_router.engines.tiers.memory import Event, LinkEnd, Memory, Order, Recollection, Selection


class Store(Protocol):
    """Keep the memories of one or several tiers.

    Times are in seconds since the epoch. What has expired at `now` is never returned. A store is used by one thread at
    a time; several processes may use the same data at once. Whatever goes wrong with it is a `StoreError`, and then
    nothing of the change was made.
    """

    def add(self, memory: Memory, now: float, event: str = "stored", detail: str = "") -> bool:
        """Store a memory unless one with its id is there and alive; return whether it is new."""
        ...

    def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, or None."""
        ...

    def find(self, selection: Selection, now: float, limit: int | None = None, order: Order = "newest") -> list[Memory]:
        """Return the memories of a selection: the newest, the least or the most important first."""
        ...

    def search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        """Return the memories of a selection that answer a question, best first."""
        ...

    def count(self, tier: str | None = None, now: float = ...) -> int:
        """Return how many memories are alive, in one tier or in all."""
        ...

    def touch(self, ids: Sequence[str], now: float) -> list[Memory]:
        """Count an access to each memory; return those that are there, as they are now."""
        ...

    def amend(self, memory: Memory, now: float) -> None:
        """Give a stored memory the tags and the importance of `memory`; nothing happens if it is gone."""
        ...

    def link(self, memory_id: str, end: LinkEnd, before: str | None, after: str | None) -> bool:
        """Set one end of a link between revisions if it is `before` still; return whether it was."""
        ...

    def move(
        self, memory_id: str, source: str, target: str, expires: float | None, now: float, event: str, detail: str
    ) -> bool:
        """Move a memory between two tiers of this store; return False if it is not in `source` any more."""
        ...

    def remove(self, ids: Sequence[str], now: float, event: str, detail: str = "") -> list[Memory]:
        """Remove memories; return those that were there."""
        ...

    def replace(self, ids: Sequence[str], memory: Memory, now: float, detail: str) -> bool:
        """Put one memory in the place of several; do nothing and return False if one of them is gone."""
        ...

    def moving(self) -> list[Memory]:
        """Return the memories that came from another store and were not yet seen to be gone there."""
        ...

    def settle(self, memory_id: str) -> None:
        """Note that a memory is gone from where it came from."""
        ...

    def sweep(self, now: float) -> int:
        """Remove what has expired; return how many memories that were."""
        ...

    def counters(self, tier: str) -> dict[str, int]:
        """Return how often each event happened in a tier."""
        ...

    def audit(self, limit: int = 100) -> list[Event]:
        """Return the latest events, newest first."""
        ...

    def close(self) -> None:
        """Release everything; the store cannot be used afterwards."""
        ...
