"""Find what holds words of a phrase in full text: the rarest words choose, so that a large graph is hardly slower."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import apsw

from memory_router.engines.graph.schema import FIELD_WEIGHTS

_CANDIDATES = 60  # rows of full text that are looked at closely
_COUNTED = 2000  # rows of a word that are counted; how far they reach tells the rest
_SCORED = 2500  # rows whose BM25 is reckoned: those of the rarest words
_WALKED = 100_000  # rows of words that are looked through for what holds them all
_BM25 = f"bm25({', '.join(map(str, FIELD_WEIGHTS.values()))})"
_COUNT = "SELECT count(*), max(rowid) FROM (SELECT rowid FROM node_text WHERE node_text MATCH ? ORDER BY rowid LIMIT ?)"
_BEST = "SELECT rowid, -rank FROM node_text WHERE node_text MATCH ? AND rank MATCH ? ORDER BY rank LIMIT ?"
_HELD = """
    SELECT rowid, fields(node_text, :count) FROM node_text WHERE node_text MATCH :expression
    AND (:rows IS NULL OR +rowid IN (SELECT value FROM json_each(:rows))) LIMIT :most
"""

Columns = Sequence[Sequence[int]]  # by word, those in which it stands


def prepare(connection: apsw.Connection) -> None:
    """Register the function `fields`, which tells in which columns of a row each term stands."""
    connection.register_fts5_function("fields", _fields)


def row_count(connection: apsw.Connection) -> int:
    """Return how many rows there are, those that were deleted included."""
    return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM nodes").get)


def frequencies(connection: apsw.Connection, words: Iterable[str]) -> dict[str, int]:
    """Return in how many rows each word stands; for a frequent one an estimate."""
    most = row_count(connection)
    counts = {}
    for word in words:
        count, last = connection.execute(_COUNT, (f'"{word}"', _COUNTED)).get
        counts[word] = int(count) if count < _COUNTED else max(_COUNTED, min(most, _COUNTED * most // int(last)))
    return counts


def holding(connection: apsw.Connection, words: Mapping[str, int]) -> dict[int, tuple[float, Columns]]:
    """Return rows that hold any of some words, with their BM25; of frequent ones alone, some that hold them all.

    Args:
        connection: an open graph that went through `prepare`.
        words: in how many rows each stands (`frequencies`).
    """
    rarest = _rarest(words)
    choosing = _within(words, rarest, _SCORED)
    matches: dict[int, tuple[float, Columns]] = {}
    if choosing:
        best = _best(connection, _any(choosing), _CANDIDATES)
        among = _columns(connection, words, _any(choosing), list(best), len(best))
        matches = {row: (best[row], columns) for row, columns in among.items()}
    if len(choosing) == len(rarest):
        return matches
    walked = _within(words, rarest, _WALKED) or rarest[:1]
    first = _first(connection, words, (f"name : ({_all(walked)})", _all(walked), f"name : {_all(walked[:1])}"))
    return {**{row: (0.0, columns) for row, columns in first.items()}, **matches}


def _first(connection: apsw.Connection, words: Iterable[str], expressions: Iterable[str]) -> dict[int, Columns]:
    """Return rows that fit any of some expressions, of the first as many as are candidates, of others to fill up."""
    matches: dict[int, Columns] = {}
    for expression in expressions:
        if len(matches) < _CANDIDATES:
            matches = {**_columns(connection, words, expression, None, _CANDIDATES), **matches}
    return matches


def _best(connection: apsw.Connection, expression: str, most: int) -> dict[int, float]:
    """Return the rows that fit best, best first, with their BM25."""
    return {int(row): float(bm25) for row, bm25 in connection.execute(_BEST, (expression, _BM25, most))}


def _columns(
    connection: apsw.Connection, words: Iterable[str], expression: str, among: Sequence[int] | None, most: int
) -> dict[int, Columns]:
    """Return, by row, in which columns each word stands; of given rows, or of the first that fit an expression."""
    terms = list(words)
    bindings = {
        "expression": f"({expression}) AND ({_any(terms)})",
        "count": len(terms),
        "rows": None if among is None else json.dumps(among),
        "most": most,
    }
    return {row: json.loads(columns) for row, columns in connection.execute(_HELD, bindings)}


def _all(words: Iterable[str]) -> str:
    return " AND ".join(f'"{word}"' for word in words)


def _any(words: Iterable[str]) -> str:
    return " OR ".join(f'"{word}"' for word in words)


def _rarest(words: Mapping[str, int]) -> list[str]:
    """Return the words that stand anywhere, the rarest first."""
    return sorted(filter(words.__getitem__, words), key=words.__getitem__)


def _within(words: Mapping[str, int], rarest: Sequence[str], budget: int) -> Sequence[str]:
    """Return the rarest words that stand in no more rows than that together."""
    return rarest[: sum(total <= budget for total in accumulate(words[word] for word in rarest))]


def _fields(api: apsw.FTS5ExtensionApi, /, *arguments: Any) -> str:
    """Return, for each of the last phrases that are asked for, the columns in which it stands in the row, as JSON."""
    (count,) = arguments
    phrases = range(api.phrase_count - count, api.phrase_count)
    return json.dumps(
        [[column for column, hits in enumerate(api.phrase_locations(phrase)) if hits] for phrase in phrases]
    )
