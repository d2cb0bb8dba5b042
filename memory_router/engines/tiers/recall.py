"""Search the memories of one SQLite store, and list them in an order."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import apsw

from memory_router.engines.tiers.author import Author
from memory_router.engines.tiers.memory import Memory, Recollection, Selection
from memory_router.engines.tiers.recency import newest_relevance
from memory_router.engines.tiers.schema import EMBEDDED, LAYOUT
from memory_router.retrieval import search as core
from memory_router.retrieval.fulltext import FullText, Within
from memory_router.retrieval.likeness import StoreVectors, Vectors
from memory_router.retrieval.query import Query, idf, understand
from memory_router.retrieval.vectors import UnembeddedPassage
from memory_router.retrieval.wish import asks_only_for_the_newest, wish
from memory_router.text import words

# An answer often stands beside the words of its question. Two memories each side count, and what belongs to no
# conversation has neighbours only where they were stored within minutes of each other.
REACH = 2
NEAR_SECONDS = 600.0
# The newest memories are always candidates for a question about the present.
_NEWEST = 10


class MemoryRows:
    """The memories of one SQLite store, as they are searched.

    Args:
        connection: an open store.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.fulltext = FullText(connection, LAYOUT)
        self._connection = connection
        self._vectors: StoreVectors | None = None
        self._allowed: dict[str, Any] = {}

    def search(
        self, question: str, limit: int, selection: Selection, now: float, query: Query | None = None
    ) -> list[Recollection]:
        """Return the memories of a selection that answer a question, most probable first.

        Args:
            question: any text; no word of it is read as a query language.
            limit: the largest number of memories.
            selection: which memories may be found.
            now: seconds since the epoch.
            query: the question, if it was understood by the words of a larger store that these memories are from.
        """
        self.fulltext.refresh()
        self._allowed = bindings(selection, now)
        query = query or understand(self.fulltext, question, also=path_words(question))
        wished = wish(question, now)
        newest: list[int] = []
        if wished.present:
            bound = {**self._allowed, "limit": max(_NEWEST, limit)}
            newest = [row for (row,) in self._connection.execute(_NEWEST_ROWS, bound)]
        if asks_only_for_the_newest(question):
            memories = self._memories(newest)
            return [Recollection(memories[row], newest_relevance(now - memories[row].created)) for row in newest][
                :limit
            ]
        # What was said after the newest memory can be nowhere here.
        latest = self._connection.execute("SELECT max(created) FROM memories").get
        wished = wished._replace(now=min(now, latest or now))
        pool = core.pool(
            self, query, limit, self._prepared_vectors(query.text), Within(_WITHIN, self._allowed), wished, newest
        )
        scored = core.ranked(pool, limit)
        memories = self._memories([candidate.key for candidate in scored])
        return [Recollection(memories[candidate.key], candidate.relevance, candidate.features) for candidate in scored]

    def units(self, keys: Sequence[int]) -> Mapping[int, core.Unit]:
        """Return memories by row; those that may not be found are left out."""
        rows = self._connection.execute(_UNITS, {**self._allowed, "keys": json.dumps(keys)})
        return {row: core.Unit(text, created) for row, text, created in rows}

    def inside(self, keys: Sequence[int]) -> Sequence[int]:
        """Return those of the rows that may be found."""
        return list(self.units(keys))

    def neighbours(self, keys: Sequence[int]) -> Mapping[int, Sequence[int]]:
        """Return the memories before and after each in its conversation, or stored within minutes of it."""
        beside: dict[int, Sequence[int]] = {}
        placed: list[Any] = self._connection.execute(_PLACED, (json.dumps(keys),)).fetchall()
        for row, session, project, created in placed:
            bound: tuple[Any, ...]
            if session is None:
                bound = (project, created, row, REACH, NEAR_SECONDS)
                beside[row] = [key for sql in _BESIDE_BY_TIME for (key,) in self._connection.execute(sql, bound)]
            else:
                bound = (session, created, row, REACH)
                beside[row] = [key for sql in _BESIDE_IN_SESSION for (key,) in self._connection.execute(sql, bound)]
        return beside

    def _memories(self, rows: Sequence[int]) -> dict[int, Memory]:
        cursor = self._connection.execute(_BY_ROWS, (json.dumps(rows),))
        return {row: memory_of(fields) for row, *fields in cursor}

    def _prepared_vectors(self, question: str) -> Vectors | None:
        if self._vectors is None:
            if not self._connection.execute("SELECT 1 FROM vector_models").get:
                return None
            self._vectors = StoreVectors(self._connection, EMBEDDED)
        return self._vectors.prepared(question, self._weight, 1.0)

    def _weight(self, word: str) -> float:
        return idf(max(100, self.fulltext.count), self.fulltext.frequency(word)) if self.fulltext.stems(word) else 0.0


def without_vectors(connection: apsw.Connection, after: int, size: int) -> list[UnembeddedPassage]:
    """Return the next memories after a row number, as they are embedded.

    Args:
        connection: an open store.
        after: the row number.
        size: the largest number of memories.
    """
    return [UnembeddedPassage(row, text) for row, text in connection.execute(_AFTER, (after, size))]


def path_words(question: str) -> list[str]:
    """Return the words of the paths that a question names: memories are searched for them."""
    return [part for path in words.parse(question).paths for part in words.split_name(path)]


def bindings(selection: Selection, now: float) -> dict[str, Any]:
    """Return the values of `ALLOWED`."""
    named = (selection.project,) if selection.project else (selection.scope, "") if selection.scope else None
    return {
        **selection._asdict(),
        "project": None if named is None else json.dumps(named, ensure_ascii=False),
        "tiers": None if selection.tiers is None else json.dumps(selection.tiers),
        "tags": None if selection.tags is None else json.dumps(selection.tags, ensure_ascii=False),
        "now": now,
    }


def memory_of(row: Sequence[Any]) -> Memory:
    """Return the memory that a row of `COLUMNS` holds."""
    memory = Memory._make(row)
    times: Any = memory.access_times
    author: Any = memory.author
    return memory._replace(
        tags=() if row[3] == "[]" else tuple(json.loads(row[3])),
        extra={} if row[9] == "{}" else json.loads(row[9]),
        access_times=() if times == "[]" else tuple(json.loads(times)),
        author=Author(**json.loads(author)),
    )


_AFTER = f"SELECT row, text FROM {EMBEDDED} ORDER BY row LIMIT ?"  # noqa: S608  # a constant of ours
_FIELDS = ", ".join(f"m.{field}" for field in Memory._fields)
COLUMNS = f"SELECT {_FIELDS}"
ALLOWED = """
    (:project IS NULL OR coalesce(m.project, '') COLLATE NOCASE IN (SELECT value FROM json_each(:project)))
    AND (:since IS NULL OR m.created >= :since) AND (:until IS NULL OR m.created <= :until)
    AND (:tiers IS NULL OR m.tier IN (SELECT value FROM json_each(:tiers)))
    AND (:tags IS NULL OR NOT EXISTS (
        SELECT value FROM json_each(:tags) EXCEPT SELECT value FROM json_each(m.tags)))
    AND (:session IS NULL OR m.session = :session)
    AND (:least IS NULL OR m.importance >= :least) AND (:most IS NULL OR m.importance <= :most)
    AND (:by IS NULL OR lower(:by) IN (SELECT lower(value) FROM json_each(m.author)))
    AND (m.expires IS NULL OR m.expires > :now)
"""
_WITHIN = f"JOIN memories AS m ON m.row = memory_text.rowid AND {ALLOWED}"
_FOUND = f"{COLUMNS} FROM memories AS m WHERE {ALLOWED} ORDER BY"
ORDERED = {
    "newest": f"{_FOUND} m.created DESC, m.row DESC LIMIT :limit",
    "least": f"{_FOUND} m.importance, m.created, m.row LIMIT :limit",
    "most": f"{_FOUND} m.importance DESC, m.created DESC, m.row DESC LIMIT :limit",
}
_NEWEST_ROWS = f"SELECT m.row FROM memories AS m WHERE {ALLOWED} ORDER BY m.created DESC, m.row DESC LIMIT :limit"  # noqa: S608
_UNITS = f"""
    SELECT m.row, m.text, m.created FROM json_each(:keys) wanted CROSS JOIN memories AS m ON m.row = wanted.value
    AND {ALLOWED}
"""  # noqa: S608
_BY_ROWS = f"SELECT m.row, {_FIELDS} FROM json_each(?) wanted CROSS JOIN memories AS m ON m.row = wanted.value"  # noqa: S608
_PLACED = "SELECT row, session, project, created FROM json_each(?) AS wanted JOIN memories ON row = wanted.value"
_IN_SESSION = "SELECT row FROM memories WHERE session = ?1 AND"
_BESIDE_IN_SESSION = (
    f"{_IN_SESSION} (created, row) < (?2, ?3) ORDER BY created DESC, row DESC LIMIT ?4",
    f"{_IN_SESSION} (created, row) > (?2, ?3) ORDER BY created, row LIMIT ?4",
)
_BY_TIME = (
    "SELECT row FROM memories WHERE session IS NULL AND project IS ?1 AND created BETWEEN ?2 - ?5 AND ?2 + ?5 AND"
)
_BESIDE_BY_TIME = (
    f"{_BY_TIME} (created, row) < (?2, ?3) ORDER BY created DESC, row DESC LIMIT ?4",
    f"{_BY_TIME} (created, row) > (?2, ?3) ORDER BY created, row LIMIT ?4",
)
