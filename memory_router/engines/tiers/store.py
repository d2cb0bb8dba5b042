"""Keep memories in SQLite: the default store, and the only one that a cold question meets."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Self

import apsw

from memory_router.engines.tiers import recall
from memory_router.engines.tiers.admission import LONGEST_TEXT, admit, visible
from memory_router.engines.tiers.memory import (
    MOST_EVENTS,
    Event,
    LinkEnd,
    Memory,
    Order,
    Recollection,
    Remembered,
    Selection,
)
from memory_router.engines.tiers.revisions import in_force_first
from memory_router.engines.tiers.schema import SCHEMA
from memory_router.retrieval import vectors
from memory_router.retrieval.models import chosen_embedding
from memory_router.storage.sqlite import load_distances, named_errors, open_database, open_read_only, writing
from memory_router.text.embedding import Embedding, RemoteModelError
from memory_router.text.words import identifier_terms

__all__ = ["LONGEST_TEXT", "MemoryStore"]

_FOREVER = float("-inf")  # a time at which nothing has expired


class MemoryStore:
    """Remember texts and recall them; open it with `open` or `open_read_only`.

    One instance belongs to one thread at a time; any number of processes may use the same file at once.
    """

    def __init__(self, connection: apsw.Connection, path: str, *, compares: bool = True) -> None:
        self._connection = connection
        self.path = path
        self._compares = compares
        self._rows = recall.MemoryRows(connection)

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the store at `path` for reading and writing, creating it if it is missing.

        Raises:
            NewerStoreError: a newer version of the program wrote it.
            CorruptStoreError: the file is damaged or no database.
            StoreError: the file cannot be opened or written.
        """
        store = cls(open_database(path, SCHEMA), path)
        store._embed()
        return store

    @classmethod
    def open_read_only(cls, path: str) -> Self | None:
        """Open the store at `path` for reading; return None before it is made.

        Raises:
            NewerStoreError: a newer version of the program wrote it.
            CorruptStoreError: the file is damaged or no database.
            StoreError: the file cannot be opened.
        """
        connection = open_read_only(path, SCHEMA)
        return cls(connection, path) if connection else None

    def remember(
        self, text: str, tags: Iterable[str] = (), project: str | None = None, created: float | None = None
    ) -> Remembered:
        """Store a text for good, without its secrets, unless the same text is there already in the same project.

        Args:
            text: what to remember, 1 to 100,000 characters; control characters are left out.
            tags: words to file it under; stored without secrets too.
            project: what it belongs to, or None.
            created: seconds since the epoch; None means now.

        Raises:
            RefusedMemoryError: the text is empty or too long, or `created` is not a time.
            StoreError: the store cannot be written; nothing was stored.
        """
        memory, redacted = admit(text, tags, project, created)
        is_new = self.add(memory, memory.created)
        return Remembered(memory if is_new else self.get(memory.id, _FOREVER) or memory, is_new, redacted)

    def recall(
        self,
        query: str,
        limit: int = 10,
        project: str | None = None,
        since: float | None = None,
        until: float | None = None,
        *,
        now: float,
    ) -> list[Recollection]:
        """Find the memories that answer a question, best first; the newest if it asks for nothing else.

        Args:
            query: the question; no word of it needs to be a search operator, and none is taken for one.
            limit: the largest number.
            project: only memories of this project, or None for all.
            since: only memories made at this time or later, in seconds since the epoch.
            until: only memories made at this time or earlier, in seconds since the epoch.
            now: seconds since the epoch; ages are counted from here.

        Raises:
            StoreError: the store cannot be read.
        """
        return self.search(query, limit, Selection(visible(project or "") or None, since, until), now)

    def search(self, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
        """Find the memories of a selection that answer a question, best first, as `recall` does."""
        with self._errors():
            recollections = self._rows.search(query, max(limit, 0), selection, now)
        return in_force_first(recollections, lambda memory_id: self.get(memory_id, now), selection)[: max(limit, 0)]

    def add(self, memory: Memory, now: float, event: str = "stored", detail: str = "") -> bool:
        """Store a memory unless one with its id is there and alive; return whether it is new."""
        prepared = self._prepared(memory)  # made before others have to wait
        with self._writing():
            self._expire(now, memory.id)
            is_new = self._insert(prepared)
            if is_new:
                self._log(now, event, memory.id, memory.tier, detail)
        return is_new

    def add_all(self, memories: Iterable[Memory]) -> None:
        """Store many memories at once, without a line in the audit trail; those that are there stay as they are."""
        rows = [self._row(memory) for memory in memories]
        with self._writing():
            list(self._connection.executemany(_INSERT, rows))  # it goes on as its answers are read
        self._embed()

    def get(self, memory_id: str, now: float) -> Memory | None:
        """Return a memory by its id, or None if it is not there or expired."""
        with self._errors():
            for row in self._connection.execute(f"{recall.COLUMNS} FROM memories AS m WHERE m.id = ?", (memory_id,)):
                return memory if (memory := recall.memory_of(row)).is_alive(now) else None
        return None

    def find(self, selection: Selection, now: float, limit: int | None = None, order: Order = "newest") -> list[Memory]:
        """Return the memories of a selection: the newest, the least or the most important first."""
        with self._errors():
            rows = self._connection.execute(
                recall.ORDERED[order], {**recall.bindings(selection, now), "limit": -1 if limit is None else limit}
            )
            return [recall.memory_of(row) for row in rows]

    def count(self, tier: str | None = None, now: float = _FOREVER) -> int:
        """Return the number of memories, of one tier or of all, that are alive at `now`.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._errors():
            if tier is None and now == _FOREVER:
                return int(self._connection.execute("SELECT count(*) FROM memories").get)
            return int(self._connection.execute(_COUNT, (tier, now)).get)

    def touch(self, ids: Sequence[str], now: float) -> list[Memory]:
        """Count an access to each memory; return them as they are now."""
        touched = []
        with self._writing():
            for row in list(self._connection.execute(_BY_IDS, (json.dumps(ids),))):
                memory = recall.memory_of(row).touched(now)
                self._connection.execute(_TOUCH, (memory.accesses, json.dumps(memory.access_times), memory.id))
                self._count("recalls", memory.tier)
                touched.append(memory)
        return touched

    def amend(self, memory: Memory, now: float) -> None:
        """Give a stored memory the tags and the importance of `memory`."""
        with self._writing():
            tags = json.dumps(memory.tags, ensure_ascii=False)
            self._connection.execute(_AMEND, (tags, memory.importance, memory.id))
            self._log(now, "amended", memory.id, memory.tier, "stored again")

    def link(self, memory_id: str, end: LinkEnd, before: str | None, after: str | None) -> bool:
        """Set one end of a link between revisions if it is `before` still; return whether it was."""
        with self._writing():
            return bool(self._connection.execute(_LINK[end], (after, memory_id, before)).get)

    def move(
        self, memory_id: str, source: str, target: str, expires: float | None, now: float, event: str, detail: str
    ) -> bool:
        """Move a memory from one tier to another at once; return False if it is not in the tier `source` any more."""
        with self._writing():
            moved = bool(self._connection.execute(_MOVE, (target, expires, now, memory_id, source)).get)
            if moved:
                self._log(now, event, memory_id, source, detail)
        return moved

    def remove(self, ids: Sequence[str], now: float, event: str, detail: str = "") -> list[Memory]:
        """Remove memories at once; return those that were there."""
        with self._writing():
            return self._remove(ids, now, event, detail)

    def replace(self, ids: Sequence[str], memory: Memory, now: float, detail: str) -> bool:
        """Put one memory in the place of several at once; do nothing and return False if one of them is gone."""
        prepared = self._prepared(memory)
        with self._writing():
            present = self._connection.execute(
                "SELECT count(*) FROM json_each(?) w JOIN memories m ON m.id = w.value", (json.dumps(ids),)
            ).get
            if present < len(ids):
                return False
            self._remove(ids, now, "compacted", f"into {memory.id}")
            if self._insert(prepared):
                self._log(now, "stored", memory.id, memory.tier, detail)
        return True

    def moving(self) -> list[Memory]:
        """Return the memories that came from another store and were not yet seen to be gone there."""
        with self._errors():
            rows = self._connection.execute(f"{recall.COLUMNS} FROM memories AS m WHERE m.moved_from IS NOT NULL")
            return [recall.memory_of(row) for row in rows]

    def settle(self, memory_id: str) -> None:
        """Note that a memory is gone from where it came from."""
        with self._writing():
            self._connection.execute("UPDATE memories SET moved_from = NULL WHERE id = ?", (memory_id,))

    def sweep(self, now: float) -> int:
        """Remove what has expired; return how many memories that were."""
        with self._errors():
            expired = "SELECT id FROM memories WHERE expires <= ?"
            if not self._connection.execute(f"{expired} LIMIT 1", (now,)).get:
                return 0
        with self._writing():
            return self._expire(now)

    def counters(self, tier: str) -> dict[str, int]:
        """Return how often each event happened in a tier."""
        with self._errors():
            return dict(self._connection.execute("SELECT event, count FROM counters WHERE tier = ?", (tier,)))

    def audit(self, limit: int = 100) -> list[Event]:
        """Return the latest events, newest first."""
        with self._errors():
            rows = self._connection.execute(
                "SELECT at, event, id, tier, detail FROM audit ORDER BY number DESC LIMIT ?", (limit,)
            )
            return [Event(*row) for row in rows]

    def back_up(self, path: str) -> None:
        """Copy the store to a new file at `path`, consistent though others write meanwhile.

        Raises:
            StoreError: the file cannot be written.
        """
        with named_errors(path):
            copy = apsw.Connection(path)
            with copy.backup("main", self._connection, "main") as backup:
                while not backup.done:
                    backup.step(1000)
            copy.close()

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._connection.close()

    def _row(self, memory: Memory) -> tuple[Any, ...]:
        packed = [
            json.dumps(value, ensure_ascii=False) if name in _PACKED else value
            for name, value in (memory._asdict() | {"author": memory.author.to_dict()}).items()
        ]
        return (*packed, identifier_terms(memory.text))

    def _prepared(self, memory: Memory) -> tuple[tuple[Any, ...], bytes]:
        """Return the row of a memory, and its vector or nothing."""
        vector = b""
        if embedding := self._embedding():
            with suppress(RemoteModelError):
                (vector,) = vectors.embedded(embedding, [vectors.UnembeddedPassage(0, memory.text)])
        return self._row(memory), vector

    def _insert(self, prepared: tuple[tuple[Any, ...], bytes]) -> bool:
        """Store what was prepared inside a transaction; return whether it is new."""
        fields, vector = prepared
        row = self._connection.execute(_INSERT, fields).get
        if row is not None and vector and (embedding := self._embedding()):
            model = vectors.model_number(self._connection, embedding.identity)
            vectors.store(self._connection, model, [(row, vector)])
        return row is not None

    def _embedding(self) -> Embedding | None:
        """Return the model that makes vectors, or None where no vectors are made."""
        if self._compares and load_distances(self._connection):
            chosen = chosen_embedding()
            return None if isinstance(chosen, str) else chosen
        return None

    def _embed(self) -> None:
        """Give vectors to the memories that have none."""
        if embedding := self._embedding():
            with suppress(RemoteModelError):
                vectors.refresh(self._connection, embedding, partial(recall.without_vectors, self._connection))

    def _expire(self, now: float, memory_id: str | None = None) -> int:
        rows = list(self._connection.execute(_EXPIRED, (now, memory_id)))
        self._remove([row[0] for row in rows], now, "expired", "")
        return len(rows)

    def _remove(self, ids: Sequence[str], now: float, event: str, detail: str) -> list[Memory]:
        removed = [recall.memory_of(row) for row in self._connection.execute(_BY_IDS, (json.dumps(ids),))]
        for memory in removed:
            self._connection.execute("DELETE FROM memories WHERE id = ?", (memory.id,))
            self._log(now, event, memory.id, memory.tier, detail)
        return removed

    def _log(self, now: float, event: str, memory_id: str, tier: str, detail: str) -> None:
        self._connection.execute(
            "INSERT INTO audit(at, event, id, tier, detail) VALUES (?, ?, ?, ?, ?)",
            (now, event, memory_id, tier, detail),
        )
        self._connection.execute(
            "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (MOST_EVENTS,)
        )
        self._count(event, tier)

    def _count(self, event: str, tier: str) -> None:
        self._connection.execute(_COUNTED, (tier, event))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._errors(), writing(self._connection):
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with named_errors(self.path):
            yield


_INSERT = """
    INSERT INTO memories(id, text, created, tags, project, tier, importance, source, session, extra, accesses,
                         access_times, expires, moved_from, moved, supersedes, superseded_by, author, names)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING RETURNING row
"""
_PACKED = ("tags", "extra", "access_times", "author")
_BY_IDS = f"{recall.COLUMNS} FROM json_each(?) AS wanted JOIN memories AS m ON m.id = wanted.value ORDER BY wanted.key"
_COUNT = "SELECT count(*) FROM memories WHERE (?1 IS NULL OR tier = ?1) AND (expires IS NULL OR expires > ?2)"
_TOUCH = "UPDATE memories SET accesses = ?, access_times = ? WHERE id = ?"
_MOVE = "UPDATE memories SET tier = ?, expires = ?, moved = ? WHERE id = ? AND tier = ? RETURNING 1"
_AMEND = "UPDATE memories SET tags = ?, importance = ? WHERE id = ?"
_LINK = {
    "supersedes": "UPDATE memories SET supersedes = ? WHERE id = ? AND supersedes IS ? RETURNING 1",
    "superseded_by": "UPDATE memories SET superseded_by = ? WHERE id = ? AND superseded_by IS ? RETURNING 1",
}
_EXPIRED = "SELECT id FROM memories WHERE expires <= ?1 AND (?2 IS NULL OR id = ?2)"
_COUNTED = """
    INSERT INTO counters(tier, event, count) VALUES (?, ?, 1)
    ON CONFLICT(tier, event) DO UPDATE SET count = count + 1
"""
