"""Keep memories in Redis: for the ephemeral and the session tier, which several machines may share.

Each memory is a JSON text under its own key, with Redis's own time to live; what Redis dropped is counted as expired by
the next sweep. Every change watches the key and is one MULTI/EXEC transaction, with its line of the audit trail.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import redis

from memory_router.engines.tiers.author import Author
from memory_router.engines.tiers.memory import MOST_EVENTS, Event, LinkEnd, Memory
from memory_router.engines.tiers.stores.in_process import ListingStore
from memory_router.errors import StoreError

_T = TypeVar("_T")
_TIMEOUT = 5.0  # seconds


class RedisStore(ListingStore):
    """Keep memories in the Redis database at a URL.

    Args:
        url: `redis://HOST:PORT/NUMBER`, or `unix://PATH?db=NUMBER`.
        prefix: what all keys begin with.

    Raises:
        StoreError: Redis cannot be reached.
    """

    def __init__(self, url: str, prefix: str = "memory-router:") -> None:
        super().__init__()
        self._prefix = prefix
        self._ids, self._events, self._counters = f"{prefix}ids", f"{prefix}audit", f"{prefix}counters"
        with _errors():
            self._client: Any = redis.Redis.from_url(
                url, decode_responses=True, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT
            )
            self._client.ping()

    def _all(self) -> Iterable[Memory]:
        with _errors():
            ids = list(self._client.hkeys(self._ids))
            texts = self._client.mget([self._key(memory_id) for memory_id in ids]) if ids else []
            return [_memory(text) for text in texts if text]

    def add(self, memory: Memory, now: float, event: str = "stored", detail: str = "") -> bool:
        """Store a memory unless one with its id is there and alive; return whether it is new."""

        def change(pipe: Any) -> bool:
            present = self._read(pipe, memory.id)
            pipe.multi()
            if present and present.is_alive(now):
                return False
            self._take(pipe, [present] if present else [], now, "expired", "")
            self._put(pipe, memory, now)
            self._log(pipe, now, event, memory, detail)
            return True

        return self._changed(change, [memory.id])

    def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, or None."""
        with _errors():
            memory = self._read(self._client, memory_id)
            return memory if memory and memory.is_alive(now) else None

    def touch(self, ids: Sequence[str], now: float) -> list[Memory]:
        """Count an access to each memory; return those that are there, as they are now."""

        def change(pipe: Any) -> list[Memory]:
            held = [memory.touched(now) for memory_id in ids if (memory := self._read(pipe, memory_id))]
            pipe.multi()
            for memory in held:
                self._put(pipe, memory, now)
                pipe.hincrby(self._counters, f"{memory.tier}:recalls", 1)
            return held

        return self._changed(change, ids)

    def amend(self, memory: Memory, now: float) -> None:
        """Give a stored memory the tags and the importance of `memory`."""

        def change(pipe: Any) -> None:
            present = self._read(pipe, memory.id)
            pipe.multi()
            if present:
                self._put(pipe, present._replace(tags=memory.tags, importance=memory.importance), now)
                self._log(pipe, now, "amended", present, "stored again")

        self._changed(change, [memory.id])

    def link(self, memory_id: str, end: LinkEnd, before: str | None, after: str | None) -> bool:
        """Set one end of a link between revisions if it is `before` still; return whether it was."""

        def change(pipe: Any) -> bool:
            memory = self._read(pipe, memory_id)
            pipe.multi()
            if memory is None or getattr(memory, end) != before:
                return False
            pipe.set(self._key(memory_id), _text(memory.linked(end, after)), keepttl=True)
            return True

        return self._changed(change, [memory_id])

    def move(
        self, memory_id: str, source: str, target: str, expires: float | None, now: float, event: str, detail: str
    ) -> bool:
        """Move a memory between two tiers of this store; return False if it is not in `source` any more."""

        def change(pipe: Any) -> bool:
            memory = self._read(pipe, memory_id)
            pipe.multi()
            if memory is None or memory.tier != source:
                return False
            self._put(pipe, memory._replace(tier=target, expires=expires, moved=now), now)
            self._log(pipe, now, event, memory, detail)
            return True

        return self._changed(change, [memory_id])

    def remove(self, ids: Sequence[str], now: float, event: str, detail: str = "") -> list[Memory]:
        """Remove memories; return those that were there."""

        def change(pipe: Any) -> list[Memory]:
            held = [memory for memory_id in ids if (memory := self._read(pipe, memory_id))]
            pipe.multi()
            self._take(pipe, held, now, event, detail)
            return held

        return self._changed(change, ids)

    def replace(self, ids: Sequence[str], memory: Memory, now: float, detail: str) -> bool:
        """Put one memory in the place of several; do nothing and return False if one of them is gone."""

        def change(pipe: Any) -> bool:
            held = [original for memory_id in ids if (original := self._read(pipe, memory_id))]
            present = self._read(pipe, memory.id)
            pipe.multi()
            if len(held) < len(ids):
                return False
            self._take(pipe, held, now, "compacted", f"into {memory.id}")
            if present is None or present.id in ids:
                self._put(pipe, memory, now)
                self._log(pipe, now, "stored", memory, detail)
            return True

        return self._changed(change, [*ids, memory.id])

    def settle(self, memory_id: str) -> None:
        """Note that a memory is gone from where it came from."""

        def change(pipe: Any) -> None:
            memory = self._read(pipe, memory_id)
            pipe.multi()
            if memory:
                pipe.set(self._key(memory_id), _text(memory._replace(moved_from=None)), keepttl=True)

        self._changed(change, [memory_id])

    def sweep(self, now: float) -> int:
        """Remove what has expired, and count what Redis dropped itself; return how many memories that were."""
        with _errors():
            tiers: dict[str, str] = self._client.hgetall(self._ids)
            ids = list(tiers)
            texts = self._client.mget([self._key(memory_id) for memory_id in ids]) if ids else []
        held = {memory_id: _memory(text) for memory_id, text in zip(ids, texts, strict=True) if text}
        expired = self.remove(
            [memory_id for memory_id, memory in held.items() if not memory.is_alive(now)], now, "expired"
        )
        return len(expired) + sum(
            self._note_dropped(memory_id, tier, now) for memory_id, tier in tiers.items() if memory_id not in held
        )

    def counters(self, tier: str) -> dict[str, int]:
        """Return how often each event happened in a tier."""
        with _errors():
            held = self._client.hgetall(self._counters)
        split = ((name.partition(":"), count) for name, count in held.items())
        return {event: int(count) for (own, _, event), count in split if own == tier}

    def audit(self, limit: int = 100) -> list[Event]:
        """Return the latest of the last 10,000 events, newest first."""
        with _errors():
            return [Event(*json.loads(line)) for line in self._client.lrange(self._events, 0, limit - 1)]

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _note_dropped(self, memory_id: str, tier: str, now: float) -> bool:
        def change(pipe: Any) -> bool:
            is_gone = not pipe.exists(self._key(memory_id)) and pipe.hexists(self._ids, memory_id)
            pipe.multi()
            if is_gone:
                pipe.hdel(self._ids, memory_id)
                self._log(pipe, now, "expired", Memory(memory_id, "", 0.0, tier=tier), "")
            return bool(is_gone)

        with _errors():
            return bool(self._client.transaction(change, self._key(memory_id), self._ids, value_from_callable=True))

    def _changed(self, change: Callable[[Any], _T], ids: Sequence[str]) -> _T:
        """Run a change in a transaction, again if somebody else changed one of the memories meanwhile."""
        with _errors():
            result: _T = self._client.transaction(
                change, *(self._key(memory_id) for memory_id in ids), value_from_callable=True
            )
            return result

    def _read(self, reader: Any, memory_id: str) -> Memory | None:
        text = reader.get(self._key(memory_id))
        return _memory(text) if text else None

    def _put(self, pipe: Any, memory: Memory, now: float) -> None:
        # The time to live is counted from the caller's clock, which may not be that of the server.
        left = None if memory.expires is None else max(int((memory.expires - now) * 1000), 1)
        pipe.set(self._key(memory.id), _text(memory), px=left)
        pipe.hset(self._ids, memory.id, memory.tier)

    def _take(self, pipe: Any, held: Iterable[Memory], now: float, event: str, detail: str) -> None:
        for memory in held:
            pipe.delete(self._key(memory.id))
            pipe.hdel(self._ids, memory.id)
            self._log(pipe, now, event, memory, detail)

    def _log(self, pipe: Any, now: float, event: str, memory: Memory, detail: str) -> None:
        pipe.lpush(self._events, json.dumps(Event(now, event, memory.id, memory.tier, detail)))
        pipe.ltrim(self._events, 0, MOST_EVENTS - 1)
        pipe.hincrby(self._counters, f"{memory.tier}:{event}", 1)

    def _key(self, memory_id: str) -> str:
        return f"{self._prefix}memory:{memory_id}"


def _text(memory: Memory) -> str:
    return json.dumps(memory._asdict(), ensure_ascii=False)


def _memory(text: str) -> Memory:
    memory = Memory(**json.loads(text))
    return memory._replace(
        tags=tuple(memory.tags), access_times=tuple(memory.access_times), author=Author(*memory.author)
    )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise StoreError(
            f"Redis cannot be used ({error}).", "Check that it runs and its URL is right; nothing was half done."
        ) from error
