"""Find memories: by the words of a question, ranked by relevance and time, or simply the newest."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import apsw

from memory_router.engines.tiers.memory import Memory, Recollection
from memory_router.engines.tiers.recency import decay, newest_relevance, understand
from memory_router.text.relevance import Evidence, calibrated, coverage, nearness, stemmer, weigh
from memory_router.text.words import identifier_terms

# How many memories are read and judged: the best by BM25, and as many of the newest where a question asks for them.
_JUDGED = 60
# Among a handful of memories every word they hold looks common; rarity is judged as if there were this many.
_FEWEST = 100
# A question longer than this is a pasted text; its first words say enough.
_MOST_TERMS = 40


class Window(NamedTuple):
    """Say which memories may be found.

    Args:
        project: only those of this project, or None for all.
        since: none older, in seconds since the epoch.
        until: none newer, in seconds since the epoch.
    """

    project: str | None = None
    since: float | None = None
    until: float | None = None


def recall(connection: apsw.Connection, query: str, limit: int, window: Window, now: float) -> list[Recollection]:
    """Find the memories that answer a question, best first.

    Args:
        connection: an open store.
        query: the question.
        limit: how many at the most.
        window: which memories may be found.
        now: seconds since the epoch.
    """
    terms, is_recent = understand(query)
    if terms:
        candidates = _matching(connection, terms[:_MOST_TERMS], window, by_time=is_recent, count=_JUDGED + limit)
        return _ranked(connection, terms[:_MOST_TERMS], candidates, now, is_recent=is_recent)[:limit]
    if not is_recent:
        return []
    newest = (memory_of(row) for row in connection.execute(_NEWEST, (*window, limit)))
    return [_as_newest(memory, now) for memory in newest]


def memory_of(row: Sequence[Any]) -> Memory:
    """Return the memory that a row of `id, text, created, tags, project, tier` holds."""
    return Memory(*row)._replace(tags=tuple(json.loads(row[3])))


def _matching(
    connection: apsw.Connection, terms: Iterable[str], window: Window, *, by_time: bool, count: int
) -> list[Memory]:
    # Each term is quoted, so that FTS5 reads no operator in it.
    match = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
    orders = (_BEST, _LATEST) if by_time else (_BEST,)
    rows = {row[0]: row for order in orders for row in connection.execute(order, (*window, count, match))}
    return [memory_of(row) for row in rows.values()]


def _ranked(
    connection: apsw.Connection, terms: Iterable[str], memories: Iterable[Memory], now: float, *, is_recent: bool
) -> list[Recollection]:
    stems = stemmer(connection)
    total = max(_FEWEST, connection.execute("SELECT count(*) FROM memories").get)
    frequencies = {stem: _frequency(connection, stem) for term in terms for stem in stems(term)}
    weights = weigh(frequencies, total, frequencies.__getitem__)
    known = coverage(weights, [stem for stem, frequency in frequencies.items() if frequency])
    found = [
        Recollection(memory, relevance, relevance * decay(now - memory.created, is_recent=is_recent))
        for memory in memories
        if (relevance := _relevance(memory, weights, known, stems)) > 0
    ]
    return sorted(found, key=lambda one: (one.raw_score, one.memory.created), reverse=True)


def _relevance(memory: Memory, weights: dict[str, float], known: float, stems: Callable[[str], list[str]]) -> float:
    text = stems(f"{memory.text} {identifier_terms(memory.text)}")
    own = set(text)
    wide = own.union(stems(" ".join(memory.tags)))
    evidence = Evidence(coverage(weights, own), coverage(weights, wide), known, nearness(weights, text))
    return calibrated(evidence)


def _frequency(connection: apsw.Connection, stem: str) -> int:
    return connection.execute("SELECT doc FROM memory_words WHERE term = ?", (stem,)).get or 0


def _as_newest(memory: Memory, now: float) -> Recollection:
    relevance = newest_relevance(now - memory.created)
    return Recollection(memory, relevance, relevance)


_COLUMNS = "SELECT m.id, m.text, m.created, m.tags, m.project, m.tier"
_ALLOWED = """
    (?1 IS NULL OR m.project = ?1) AND (?2 IS NULL OR m.created >= ?2) AND (?3 IS NULL OR m.created <= ?3)
"""
_MATCHING = f"""
    {_COLUMNS} FROM memory_text JOIN memories AS m ON m.row = memory_text.rowid
    WHERE memory_text MATCH ?5 AND {_ALLOWED} ORDER BY
"""
_BEST = f"{_MATCHING} bm25(memory_text) LIMIT ?4"
_LATEST = f"{_MATCHING} m.created DESC, m.row DESC LIMIT ?4"
_NEWEST = f"{_COLUMNS} FROM memories AS m WHERE {_ALLOWED} ORDER BY m.created DESC, m.row DESC LIMIT ?4"
