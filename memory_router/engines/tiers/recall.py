"""Find memories in SQLite: by the words of a question, with what stands beside them, or simply the newest."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from memory_router.engines.tiers import ranking
from memory_router.engines.tiers.memory import Memory, Recollection, Selection
from memory_router.engines.tiers.recency import understand
from memory_router.text.relevance import stemmer

# How many memories are read and judged: the best by BM25, and as many of the newest where a question asks for them.
_JUDGED = 60
# A word in so many memories, and in one of fifty, tells next to nothing but costs as much as all others together: it
# still counts in a memory that a rarer word has found, and alone if there is none.
_FREQUENT, _FREQUENT_SHARE = 1000, 0.02


def recall(connection: apsw.Connection, query: str, limit: int, selection: Selection, now: float) -> list[Recollection]:
    """Find the memories that answer a question, best first.

    Args:
        connection: an open store.
        query: the question.
        limit: how many at the most.
        selection: which memories may be found.
        now: seconds since the epoch.
    """
    wanted = understand(query)
    terms = wanted.terms[: ranking.MOST_TERMS]
    if not terms:
        rows = connection.execute(ORDERED["newest"], (*bindings(selection, now), limit)) if wanted.is_recent else ()
        return [ranking.newest(memory_of(row), now) for row in rows]
    stems = stemmer(connection)
    total = int(connection.execute("SELECT count(*) FROM memories").get)
    frequencies = {stem: _frequency(connection, stem) for term in terms for stem in stems(term)}
    asked = ranking.ask(frequencies, total, is_recent=wanted.is_recent)
    most = max(_FREQUENT, _FREQUENT_SHARE * total)
    rare = [term for term in terms if 0 < max((frequencies[stem] for stem in stems(term)), default=0) <= most]
    rows_found = _matching(
        connection, rare or terms, bindings(selection, now), _JUDGED + limit, is_recent=wanted.is_recent
    )
    candidates, context = _with_neighbours(connection, [memory_of(row) for row in rows_found], selection, now)
    return ranking.ranked(asked, candidates, stems, now, context)[:limit]


def bindings(selection: Selection, now: float) -> tuple[Any, ...]:
    """Return what `ALLOWED` is asked with: ?1 to ?9."""
    packed = selection._replace(
        tiers=None if selection.tiers is None else json.dumps(selection.tiers),  # type: ignore[arg-type]
        tags=None if selection.tags is None else json.dumps(selection.tags, ensure_ascii=False),  # type: ignore[arg-type]
    )
    return (*packed, now)


def memory_of(row: Sequence[Any]) -> Memory:
    """Return the memory that a row of `COLUMNS` holds."""
    memory = Memory._make(row)
    times: Any = memory.access_times
    return memory._replace(
        tags=() if row[3] == "[]" else tuple(json.loads(row[3])),
        extra={} if row[9] == "{}" else json.loads(row[9]),
        access_times=() if times == "[]" else tuple(json.loads(times)),
    )


def is_older(path: str) -> bool:
    """Say whether a store of an earlier version stands at `path`."""
    if not os.path.exists(path):
        return False
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    version = int(connection.pragma("user_version") or 0)
    connection.close()
    return version > 0


def _matching(
    connection: apsw.Connection, terms: Iterable[str], allowed: tuple[Any, ...], count: int, *, is_recent: bool
) -> list[Sequence[Any]]:
    # Each term is quoted, so that FTS5 reads no operator in it.
    match = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
    orders = (_BEST, _LATEST) if is_recent else (_BEST,)
    rows = {row[0]: row for order in orders for row in connection.execute(order, (*allowed, count, match))}
    return list(rows.values())


def _with_neighbours(
    connection: apsw.Connection, hits: list[Memory], selection: Selection, now: float
) -> tuple[list[Memory], Mapping[str, Sequence[str]]]:
    """Return the hits and what stands beside them in their conversations, and the texts around each of them.

    An answer often stands beside the words of its question: in the turn before or after.
    """
    candidates = {hit.id: hit for hit in hits}
    context: dict[str, Sequence[str]] = {}
    for hit in hits:
        if hit.session is None:
            continue
        key = (hit.session, hit.created, hit.id)
        before = [memory_of(row) for row in connection.execute(_BEFORE, key)]
        after = [memory_of(row) for row in connection.execute(_AFTER, key)]
        line = [*reversed(before), hit, *after]
        for place, memory in enumerate(line):
            if abs(place - len(before)) < 2 and memory.is_alive(now) and selection.holds(memory):
                candidates.setdefault(memory.id, memory)
                context[memory.id] = [
                    other.text for other in line[max(place - 1, 0) : place + 2] if other is not memory
                ]
    return list(candidates.values()), context


def _frequency(connection: apsw.Connection, stem: str) -> int:
    return connection.execute("SELECT doc FROM memory_words WHERE term = ?", (stem,)).get or 0


COLUMNS = "SELECT " + ", ".join(f"m.{field}" for field in Memory._fields)
ALLOWED = """
    (?1 IS NULL OR m.project = ?1) AND (?2 IS NULL OR m.created >= ?2) AND (?3 IS NULL OR m.created <= ?3)
    AND (?4 IS NULL OR m.tier IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR NOT EXISTS (
        SELECT value FROM json_each(?5) EXCEPT SELECT value FROM json_each(m.tags)))
    AND (?6 IS NULL OR m.session = ?6)
    AND (?7 IS NULL OR m.importance >= ?7) AND (?8 IS NULL OR m.importance <= ?8)
    AND (m.expires IS NULL OR m.expires > ?9)
"""
_MATCHING = f"""
    {COLUMNS} FROM memory_text JOIN memories AS m ON m.row = memory_text.rowid
    WHERE memory_text MATCH ?11 AND {ALLOWED} ORDER BY
"""
_BEST = f"{_MATCHING} bm25(memory_text) LIMIT ?10"
_LATEST = f"{_MATCHING} m.created DESC, m.row DESC LIMIT ?10"
_FOUND = f"{COLUMNS} FROM memories AS m WHERE {ALLOWED} ORDER BY"
ORDERED = {
    "newest": f"{_FOUND} m.created DESC, m.row DESC LIMIT ?10",
    "least": f"{_FOUND} m.importance, m.created, m.row LIMIT ?10",
    "most": f"{_FOUND} m.importance DESC, m.created DESC, m.row DESC LIMIT ?10",
}
_BESIDE = f"{COLUMNS} FROM memories AS m JOIN memories AS hit ON hit.id = ?3 WHERE m.session = ?1 AND"
_BEFORE = f"{_BESIDE} (m.created, m.row) < (?2, hit.row) ORDER BY m.created DESC, m.row DESC LIMIT 2"
_AFTER = f"{_BESIDE} (m.created, m.row) > (?2, hit.row) ORDER BY m.created, m.row LIMIT 2"
