"""Keep memories in PostgreSQL, for agents on several machines.

A GIN index over the stems chooses the candidates, the same stems that every other store has; where the `vector`
extension is there, and the token table, the nearest vectors are candidates, too.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from memory_router.engines.tiers.author import Author
from memory_router.engines.tiers.memory import MOST_EVENTS, Event, LinkEnd, Memory, Order, Recollection, Selection
from memory_router.engines.tiers.recall import NEAR_SECONDS, REACH, path_words
from memory_router.engines.tiers.revisions import in_force_first
from memory_router.engines.tiers.stores import postgres_schema as schema
from memory_router.engines.tiers.stores.in_process import recall_among
from memory_router.errors import StoreError
from memory_router.retrieval.query import idf, understand
from memory_router.text.embedding import load
from memory_router.text.terms import stems
from memory_router.text.words import is_stop_word

_FOREVER = float("-inf")
_CANDIDATES = 50


class PostgresStore:
    """Keep memories in the PostgreSQL database at a URL.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT/NAME`, or what libpq takes beside it.

    Raises:
        NewerStoreError: a newer version of the program wrote it.
        StoreError: the database cannot be reached or used.
    """

    def __init__(self, url: str) -> None:
        self._stems = stems
        with _errors():
            self._connection = psycopg.connect(url, autocommit=True, connect_timeout=5)
            self._has_vectors = schema.migrate(self._connection) and load() is not None

    def add(self, memory: Memory, now: float, event: str = "stored", detail: str = "") -> bool:
        """Store a memory unless one with its id is there and alive; return whether it is new."""
        with _errors(), self._connection.transaction():
            self._expire(now, memory.id)
            return self._insert(memory, now, event, detail)

    def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, or None."""
        memories = self._memories(f"{schema.COLUMNS} FROM memories m WHERE id = %s", (memory_id,))
        return memories[0] if memories and memories[0].is_alive(now) else None

    def find(self, selection: Selection, now: float, limit: int | None = None, order: Order = "newest") -> list[Memory]:
        """Return the memories of a selection: the newest, the least or the most important first."""
        sql = f"{schema.COLUMNS} FROM memories m WHERE {schema.ALLOWED} ORDER BY {schema.ORDERS[order]} LIMIT %(limit)s"
        return self._memories(sql, {**schema.bindings(selection, now), "limit": limit})

    def search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        """Return the memories of a selection that answer a question, most probable first."""
        recollections = self._search(query, limit, selection, now)
        return in_force_first(recollections, lambda memory_id: self.get(memory_id, now), selection)[: max(limit, 0)]

    def _search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        with _errors():
            vocabulary = _ServerVocabulary(self._connection, self._stems)
            parsed = understand(vocabulary, query, also=path_words(query))
        weights = {stem: parsed.weights.get(term.bit, 0.0) for term in parsed.terms for stem in term.key.split()}
        bound = {
            **schema.bindings(selection, now),
            "stems": list(weights),
            "weights": list(weights.values()),
            "judged": max(_CANDIDATES, limit),
        }
        memories = self._memories(schema.BEST, bound) + self._memories(schema.LATEST, bound)
        if not parsed.terms:
            memories = self.find(selection, now, max(_CANDIDATES, limit))
        embedding = load() if self._has_vectors else None
        if embedding:
            vector = _written(embedding.embed(query, vocabulary.weight))
            memories += self._memories(schema.NEAREST, {**bound, "vector": vector}) if vector else []
        known = {memory.id: memory for memory in memories}
        self._add_neighbours(known, now)
        return recall_among(list(known.values()), query, parsed, limit, selection, now)

    def count(self, tier: str | None = None, now: float = _FOREVER) -> int:
        """Return how many memories are alive, in one tier or in all."""
        with _errors():
            row = self._connection.execute(schema.COUNT, {"tier": tier, "now": now}).fetchone()
            return int(row[0]) if row else 0

    def touch(self, ids: Sequence[str], now: float) -> list[Memory]:
        """Count an access to each memory; return those that are there, as they are now."""
        with _errors(), self._connection.transaction():
            held = {memory.id: memory.touched(now) for memory in self._locked(ids)}
            touched = [held[memory_id] for memory_id in ids if memory_id in held]
            for memory in touched:
                self._connection.execute(
                    "UPDATE memories SET accesses = %s, access_times = %s WHERE id = %s",
                    (memory.accesses, list(memory.access_times), memory.id),
                )
                self._count(memory.tier, "recalls")
        return touched

    def amend(self, memory: Memory, now: float) -> None:
        """Give a stored memory the tags and the importance of `memory`."""
        with _errors(), self._connection.transaction():
            sql = "UPDATE memories SET tags = %s, importance = %s, stems = %s WHERE id = %s"
            amended = (list(memory.tags), memory.importance, schema.stems_of(memory.text, memory.tags), memory.id)
            if self._connection.execute(sql, amended).rowcount:
                self._log(now, "amended", memory.id, memory.tier, "stored again")

    def link(self, memory_id: str, end: LinkEnd, before: str | None, after: str | None) -> bool:
        """Set one end of a link between revisions if it is `before` still; return whether it was."""
        with _errors():
            return self._connection.execute(schema.LINK[end], (after, memory_id, before)).rowcount > 0

    def move(
        self, memory_id: str, source: str, target: str, expires: float | None, now: float, event: str, detail: str
    ) -> bool:
        """Move a memory between two tiers of this store; return False if it is not in `source` any more."""
        with _errors(), self._connection.transaction():
            sql = "UPDATE memories SET tier = %s, expires = %s, moved = %s WHERE id = %s AND tier = %s"
            moved = self._connection.execute(sql, (target, expires, now, memory_id, source)).rowcount > 0
            if moved:
                self._log(now, event, memory_id, source, detail)
        return moved

    def remove(self, ids: Sequence[str], now: float, event: str, detail: str = "") -> list[Memory]:
        """Remove memories; return those that were there."""
        with _errors(), self._connection.transaction():
            return self._remove(ids, now, event, detail)

    def replace(self, ids: Sequence[str], memory: Memory, now: float, detail: str) -> bool:
        """Put one memory in the place of several; do nothing and return False if one of them is gone."""
        with _errors(), self._connection.transaction():
            if len(self._locked(ids)) < len(ids):
                return False
            self._remove(ids, now, "compacted", f"into {memory.id}")
            self._insert(memory, now, "stored", detail)
        return True

    def moving(self) -> list[Memory]:
        """Return the memories that came from another store and were not yet seen to be gone there."""
        return self._memories(f"{schema.COLUMNS} FROM memories m WHERE moved_from IS NOT NULL", ())

    def settle(self, memory_id: str) -> None:
        """Note that a memory is gone from where it came from."""
        with _errors():
            self._connection.execute("UPDATE memories SET moved_from = NULL WHERE id = %s", (memory_id,))

    def sweep(self, now: float) -> int:
        """Remove what has expired; return how many memories that were."""
        with _errors(), self._connection.transaction():
            return self._expire(now)

    def counters(self, tier: str) -> dict[str, int]:
        """Return how often each event happened in a tier."""
        with _errors():
            return dict(
                self._connection.execute("SELECT event, count FROM counters WHERE tier = %s", (tier,)).fetchall()
            )

    def audit(self, limit: int = 100) -> list[Event]:
        """Return the latest events, newest first."""
        with _errors():
            sql = "SELECT at, event, id, tier, detail FROM audit ORDER BY number DESC LIMIT %s"
            return [Event(*row) for row in self._connection.execute(sql, (limit,)).fetchall()]

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _memories(self, sql: Any, bound: Any) -> list[Memory]:
        with _errors():
            rows = self._connection.execute(sql, bound).fetchall()
        return [_memory(row) for row in rows]

    def _locked(self, ids: Sequence[str]) -> list[Memory]:
        # In one order everywhere, so that two that lock the same memories wait for each other instead of for ever.
        return self._memories(
            f"{schema.COLUMNS} FROM memories m WHERE id = ANY(%s) ORDER BY id FOR UPDATE", (list(ids),)
        )

    def _insert(self, memory: Memory, now: float, event: str, detail: str) -> bool:
        fields = memory._asdict() | {
            "tags": list(memory.tags),
            "extra": Jsonb(dict(memory.extra)),
            "access_times": list(memory.access_times),
            "author": Jsonb(memory.author.to_dict()),
            "stems": schema.stems_of(memory.text, memory.tags),
        }
        is_new = self._connection.execute(schema.INSERT, fields).rowcount > 0
        if is_new:
            self._log(now, event, memory.id, memory.tier, detail)
            if self._has_vectors:
                embedding = load()
                vector = _written(embedding.embed(memory.text, _alike)) if embedding else None
                self._connection.execute("UPDATE memories SET embedding = %s WHERE id = %s", (vector, memory.id))
        return is_new

    def _remove(self, ids: Sequence[str], now: float, event: str, detail: str) -> list[Memory]:
        removed = self._locked(ids)
        self._connection.execute("DELETE FROM memories WHERE id = ANY(%s)", ([memory.id for memory in removed],))
        for memory in removed:
            self._log(now, event, memory.id, memory.tier, detail)
        return removed

    def _expire(self, now: float, memory_id: str | None = None) -> int:
        rows = self._connection.execute(schema.EXPIRED, {"now": now, "id": memory_id}).fetchall()
        return len(self._remove([row[0] for row in rows], now, "expired", ""))

    def _log(self, now: float, event: str, memory_id: str, tier: str, detail: str) -> None:
        self._connection.execute(
            "INSERT INTO audit(at, event, id, tier, detail) VALUES (%s, %s, %s, %s, %s)",
            (now, event, memory_id, tier, detail),
        )
        self._connection.execute(
            "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - %s", (MOST_EVENTS,)
        )
        self._count(tier, event)

    def _count(self, tier: str, event: str) -> None:
        self._connection.execute(schema.COUNTED, (tier, event))

    def _add_neighbours(self, known: dict[str, Memory], now: float) -> None:
        """Add the neighbours of memories to what is known."""
        for hit in list(known.values()):
            bound = {"session": hit.session, "project": hit.project, "created": hit.created, "id": hit.id}
            bound["near"], bound["steps"] = NEAR_SECONDS, REACH
            for sql in schema.BESIDE[hit.session is not None]:
                known.update(
                    (neighbour.id, neighbour) for neighbour in self._memories(sql, bound) if neighbour.is_alive(now)
                )


class _ServerVocabulary:
    """The words of all memories, counted by PostgreSQL."""

    def __init__(self, connection: "psycopg.Connection[Any]", stems: Callable[[str], list[str]]) -> None:
        self.stems = stems
        row = connection.execute(schema.TOTALS).fetchone()
        self.count = int(row[0]) if row else 0
        self._connection = connection
        self._counted: dict[str, int] = {}

    def frequency(self, term: str) -> int:
        """Count the memories that hold all stems of a term, or the rarest of them."""
        stems = self.stems(term)
        for stem, count in self._connection.execute(
            schema.FREQUENCIES, ([s for s in stems if s not in self._counted],)
        ):
            self._counted[stem] = count
        return min((self._counted[stem] for stem in stems), default=0)

    frequency_beside = frequency

    def weight(self, word: str) -> float:
        """Return a word's idf; 0 for one without content."""
        return 0.0 if is_stop_word(word) else idf(self.count, self.frequency(word))


def _written(vector: "array[float] | None") -> str | None:
    """Return a vector as PostgreSQL reads it; a vector of zeros gives nothing."""
    return f"[{','.join(f'{value:.6f}' for value in vector)}]" if vector and any(vector) else None


def _memory(row: Sequence[Any]) -> Memory:
    memory = Memory._make(row)
    author: Any = memory.author
    return memory._replace(tags=tuple(memory.tags), access_times=tuple(memory.access_times), author=Author(**author))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(
            f"PostgreSQL cannot be used ({str(error).strip()}).",
            "Check that it runs, its URL and its rights; nothing was half done.",
        ) from error


def _alike(word: str) -> float:
    return 0.0 if is_stop_word(word) else 1.0
