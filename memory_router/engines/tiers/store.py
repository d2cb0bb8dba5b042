"""Keep memories in SQLite: remember, recall, count."""

import json
import re
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Self

import apsw

from memory_router.engines.tiers import recall
from memory_router.engines.tiers.memory import Memory, Recollection, Remembered
from memory_router.engines.tiers.schema import MIGRATIONS
from memory_router.errors import RefusedMemoryError
from memory_router.storage.sqlite import named_errors, open_database, open_read_only, writing
from memory_router.text.redaction import redact
from memory_router.text.words import identifier_terms

LONGEST_TEXT = 100_000  # characters
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class MemoryStore:
    """Remember texts and recall them; open it with `open` or `open_read_only`.

    One instance belongs to one thread; any number of processes may use the same file at once.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the store at `path` for reading and writing, creating it if it is missing.

        Raises:
            NewerStoreError: a newer version of the program wrote it.
            CorruptStoreError: the file is damaged or no database.
            StoreError: the file cannot be opened or written.
        """
        connection = open_database(path, MIGRATIONS)
        # A memory cannot be rebuilt as an index can: what was acknowledged outlives a power cut too.
        connection.pragma("synchronous", "full")
        return cls(connection, path)

    @classmethod
    def open_read_only(cls, path: str) -> Self | None:
        """Open the store at `path` for reading; return None when there is none yet.

        Raises:
            NewerStoreError: a newer version of the program wrote it.
            CorruptStoreError: the file is damaged or no database.
            StoreError: the file cannot be opened.
        """
        connection = open_read_only(path, MIGRATIONS)
        return cls(connection, path) if connection else None

    def remember(
        self, text: str, tags: Iterable[str] = (), project: str | None = None, created: float | None = None
    ) -> Remembered:
        """Store a text without its secrets, unless the same text is there already in the same project.

        Args:
            text: what to remember, 1 to 100,000 characters; control characters are left out.
            tags: words to file it under; stored without secrets too.
            project: what it belongs to, or None.
            created: seconds since the epoch; None means now.

        Raises:
            RefusedMemoryError: the text is empty or too long, or `created` is no time.
            StoreError: the store cannot be written; nothing was stored.
        """
        clean, kinds = redact(_acceptable(text))
        memory = Memory(
            id=_identity(clean, project := _visible(project or "") or None),
            text=clean,
            created=_moment(time.time() if created is None else created),
            tags=tuple(dict.fromkeys(filter(None, (redact(_visible(tag)).text for tag in tags)))),
            project=project,
        )
        with self._errors(), writing(self._connection):
            is_new = bool(self._connection.execute(_INSERT, (*_row(memory), identifier_terms(clean))).get)
            stored = memory if is_new else self._get(memory.id)
        return Remembered(stored, is_new, kinds)

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
            limit: how many at the most.
            project: only memories of this project, or None for all.
            since: only memories made at this time or later, in seconds since the epoch.
            until: only memories made at this time or earlier, in seconds since the epoch.
            now: seconds since the epoch; ages are counted from here.

        Raises:
            StoreError: the store cannot be read.
        """
        window = recall.Window(_visible(project or "") or None, since, until)
        with self._errors():
            return recall.recall(self._connection, query, max(limit, 0), window, now)

    def count(self) -> int:
        """Return the number of memories.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._errors():
            return int(self._connection.execute("SELECT count(*) FROM memories").get)

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._connection.close()

    def _get(self, memory_id: str) -> Memory:
        return recall.memory_of(self._connection.execute(_SELECT, (memory_id,)).get)

    def _errors(self) -> AbstractContextManager[None]:
        return named_errors(self._path)


_INSERT = """
    INSERT INTO memories(id, text, created, tags, project, tier, names) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(id) DO NOTHING RETURNING 1
"""
_SELECT = "SELECT id, text, created, tags, project, tier FROM memories WHERE id = ?"


def _row(memory: Memory) -> tuple[str | float | None, ...]:
    tags = json.dumps(memory.tags, ensure_ascii=False)
    return (memory.id, memory.text, memory.created, tags, memory.project, memory.tier)


def _acceptable(text: str) -> str:
    text = _visible(text)
    if not text:
        raise RefusedMemoryError("There is no text to remember.", "Say what to remember: memory-router remember TEXT.")
    if len(text) > LONGEST_TEXT:
        raise RefusedMemoryError(
            f"The text has {len(text):,} characters, and a memory holds {LONGEST_TEXT:,} at the most.",
            "Remember what matters of it, and index the whole as a file: memory-router index PATH.",
        )
    return text


def _visible(text: str) -> str:
    return _UNSEEN.sub("", text.encode("utf-8", "replace").decode()).strip()


def _moment(seconds: float) -> float:
    try:
        time.gmtime(seconds)
    except (ValueError, OverflowError, OSError) as error:
        raise RefusedMemoryError(
            f"{seconds} is no time at which something was remembered.", "Give seconds since the epoch."
        ) from error
    return float(seconds)


def _identity(text: str, project: str | None) -> str:
    import hashlib  # only writers need it

    return hashlib.sha256(f"{project or ''}\0{text}".encode()).hexdigest()[:20]
