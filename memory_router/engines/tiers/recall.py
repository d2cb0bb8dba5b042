"""Find memories in SQLite: by a question's words and likeness, with what stands beside them, or simply the newest."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import apsw

from memory_router.engines.tiers import ranking
from memory_router.engines.tiers.memory import Memory, Recollection, Selection
from memory_router.engines.tiers.recency import understand
from memory_router.storage.sqlite import load_distances
from memory_router.text.embedding import quantized
from memory_router.text.relevance import stemmer

# Words are looked for from the rarest on, until they stand in so many memories together: common words tell next to
# nothing, but cost as much as all others together. They still count in what a rarer word has found.
_MOST_MATCHES = 2000
# In a store up to this size every vector is compared: ten thousand take four milliseconds. In a larger one likeness
# orders what the words have found.
_COMPARED = 10_000


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
    allowed = bindings(selection, now)
    if not wanted.terms:
        if not wanted.is_recent:
            return []
        rows = connection.execute(ORDERED["newest"], (*allowed, max(limit, ranking.JUDGED)))
        return ranking.newest([memory_of(row) for row in rows], wanted, now)[:limit]
    stems = stemmer(connection)
    # The highest row is close enough to their number, and counts nothing.
    total, latest = connection.execute(
        "SELECT (SELECT max(row) FROM memories), (SELECT max(created) FROM memories)"
    ).get
    if total is None:
        return []
    terms = {term: stems(term) for term in wanted.terms[: ranking.MOST_TERMS]}
    frequencies = {stem: _frequency(connection, stem) for cut in terms.values() for stem in cut}
    asked = ranking.ask(query, frequencies, total, latest, is_recent=wanted.is_recent)
    vector = None if wanted.is_recent else _vector(connection, query, frequencies, total)
    count = max(ranking.JUDGED, limit)
    hits = _matching(connection, _telling(terms, frequencies), allowed, count, is_recent=wanted.is_recent)
    if vector and total <= _COMPARED:
        hits += [row for (row,) in connection.execute(_NEAREST, (*allowed, count, vector, ranking.ALIKE))]
    candidates = _with_neighbours(connection, hits)
    held = _held(connection, candidates, vector, now)
    judged = connection.execute(_JUDGED, (json.dumps(list(held.keys() & candidates.keys())),))
    memories = {row: memory_of(fields) for row, *fields in judged}
    chosen = {row: (memory, candidates[row]) for row, memory in memories.items() if selection.holds(memory)}
    return ranking.ranked(asked, held, chosen, stems, now, limit)


def bindings(selection: Selection, now: float) -> tuple[Any, ...]:
    """Return what `ALLOWED` is asked with: ?1 to ?9."""
    named = (selection.project,) if selection.project else (selection.scope, "") if selection.scope else None
    packed = selection._replace(
        project=None if named is None else json.dumps(named, ensure_ascii=False),
        tiers=None if selection.tiers is None else json.dumps(selection.tiers),  # type: ignore[arg-type]
        tags=None if selection.tags is None else json.dumps(selection.tags, ensure_ascii=False),  # type: ignore[arg-type]
    )
    return (*packed[:-1], now)


def memory_of(row: Sequence[Any]) -> Memory:
    """Return the memory that a row of `COLUMNS` holds."""
    memory = Memory._make(row)
    times: Any = memory.access_times
    return memory._replace(
        tags=() if row[3] == "[]" else tuple(json.loads(row[3])),
        extra={} if row[9] == "{}" else json.loads(row[9]),
        access_times=() if times == "[]" else tuple(json.loads(times)),
    )


def _telling(terms: Mapping[str, Sequence[str]], frequencies: Mapping[str, int]) -> list[str]:
    """Return the words to look for: the rarest, and at least one."""
    counts = {term: max((frequencies[stem] for stem in cut), default=0) for term, cut in terms.items()}
    telling: list[str] = []
    matches = 0
    for term in sorted(filter(counts.__getitem__, counts), key=counts.__getitem__):
        matches += counts[term]
        if telling and matches > _MOST_MATCHES:
            break
        telling.append(term)
    return telling


def _matching(
    connection: apsw.Connection, terms: Sequence[str], allowed: tuple[Any, ...], count: int, *, is_recent: bool
) -> list[int]:
    """Return the rows that match best, and for a question about the recent the newest that match."""
    if not terms:
        return []
    # Each term is quoted, so that FTS5 reads no operator in it.
    match = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
    orders = (_BEST, _LATEST) if is_recent else (_BEST,)
    return [row for order in orders for (row,) in connection.execute(order, (*allowed, count, match))]


def _vector(connection: apsw.Connection, query: str, frequencies: Mapping[str, int], total: int) -> bytes | None:
    """Return the vector of a question, or None if nothing can be compared with it."""
    if not connection.execute("SELECT 1 FROM memories WHERE vector IS NOT NULL LIMIT 1").get:
        return None
    from memory_router.engines.tiers import vectors  # a question about the recent needs none

    if not load_distances(connection):
        return None
    vector = vectors.of_question(query, stemmer(connection), frequencies, total)
    return quantized(vector) if vector else None


def _with_neighbours(connection: apsw.Connection, hits: Sequence[int]) -> dict[int, ranking.Beside]:
    """Return the candidates that hits make, and what stands beside each."""
    candidates: dict[int, ranking.Beside] = {}
    for row, session, project, created in connection.execute(_PLACED, (json.dumps(hits),)):
        # In a conversation, what stands beside what stands beside a hit, too.
        before, after = (
            [
                list(connection.execute(sql, (project, created, row, ranking.REACH, ranking.NEAR_SECONDS)))
                for sql in _BESIDE_BY_TIME
            ]
            if session is None
            else [
                list(connection.execute(sql, (session, created, row, 2 * ranking.REACH))) for sql in _BESIDE_IN_SESSION
            ]
        )
        line = [*(one for (one,) in reversed(before)), row, *(one for (one,) in after)]
        candidates |= ranking.surroundings(line, [len(before)], is_conversation=session is not None)
    return candidates


def _held(
    connection: apsw.Connection, candidates: Mapping[int, ranking.Beside], vector: bytes | None, now: float
) -> dict[int, ranking.Held]:
    """Return what is compared of the candidates and of what stands beside them; without what has expired."""
    rows = candidates.keys() | {row for one in candidates.values() for row in (*one.near, *one.far)}
    bound: tuple[Any, ...] = (json.dumps(list(rows)), now)
    found = connection.execute(_HELD, bound) if vector is None else connection.execute(_COMPARED_HELD, (*bound, vector))
    return {row: ranking.Held(stems.split(), likeness) for row, stems, likeness in found}


def _frequency(connection: apsw.Connection, stem: str) -> int:
    return connection.execute("SELECT doc FROM memory_words WHERE term = ?", (stem,)).get or 0


_FIELDS = ", ".join(f"m.{field}" for field in Memory._fields)
COLUMNS = f"SELECT {_FIELDS}"
ALLOWED = """
    (?1 IS NULL OR coalesce(m.project, '') COLLATE NOCASE IN (SELECT value FROM json_each(?1)))
    AND (?2 IS NULL OR m.created >= ?2) AND (?3 IS NULL OR m.created <= ?3)
    AND (?4 IS NULL OR m.tier IN (SELECT value FROM json_each(?4)))
    AND (?5 IS NULL OR NOT EXISTS (
        SELECT value FROM json_each(?5) EXCEPT SELECT value FROM json_each(m.tags)))
    AND (?6 IS NULL OR m.session = ?6)
    AND (?7 IS NULL OR m.importance >= ?7) AND (?8 IS NULL OR m.importance <= ?8)
    AND (m.expires IS NULL OR m.expires > ?9)
"""
_ROWS = "SELECT m.row"
_MATCHING = f"""
    {_ROWS} FROM memory_text JOIN memories AS m ON m.row = memory_text.rowid
    WHERE memory_text MATCH ?11 AND {ALLOWED} ORDER BY
"""
_BEST = f"{_MATCHING} bm25(memory_text) LIMIT ?10"
_LATEST = f"{_MATCHING} m.created DESC, m.row DESC LIMIT ?10"
# A text without a word that tells has a vector of zeros, which has no distance to anything.
_NEAREST = f"""
    {_ROWS} FROM memories AS m WHERE length(m.vector) = length(?11) AND {ALLOWED}
    AND (m.session IS NOT NULL OR vec_distance_cosine(vec_int8(m.vector), vec_int8(?11)) <= 1 - ?12)
    ORDER BY coalesce(vec_distance_cosine(vec_int8(m.vector), vec_int8(?11)), 1) LIMIT ?10
"""
_FOUND = f"{COLUMNS} FROM memories AS m WHERE {ALLOWED} ORDER BY"
ORDERED = {
    "newest": f"{_FOUND} m.created DESC, m.row DESC LIMIT ?10",
    "least": f"{_FOUND} m.importance, m.created, m.row LIMIT ?10",
    "most": f"{_FOUND} m.importance DESC, m.created DESC, m.row DESC LIMIT ?10",
}
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
_WITH_STEMS = f"{_ROWS}, m.stems"
_WANTED = "FROM json_each(?1) AS wanted JOIN memories AS m ON m.row = wanted.value"
_JUDGED = f"{_ROWS}, {_FIELDS} {_WANTED}"
_UNEXPIRED = "m.expires IS NULL OR m.expires > ?2"
_HELD = f"{_WITH_STEMS}, 0.0 {_WANTED} WHERE {_UNEXPIRED}"
_COMPARED_HELD = f"""
    {_WITH_STEMS}, CASE length(m.vector)
        WHEN length(?3) THEN 1 - coalesce(vec_distance_cosine(vec_int8(m.vector), vec_int8(?3)), 1) ELSE 0.0 END
    {_WANTED} WHERE {_UNEXPIRED}
"""
