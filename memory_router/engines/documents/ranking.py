"""Choose candidates by BM25 and order them by how much of the question they cover.

What of the question stands where comes from the index's own postings: no text is read or cut again.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import apsw

from memory_router.engines.documents.schema import FIELD_WEIGHTS
from memory_router.text import words
from memory_router.text.relevance import Evidence, coverage, nearness, weigh

_MAX_TERMS = 64
_NAME_WORDS = 6
_CANDIDATES = 50
_BM25 = f"bm25({', '.join(map(str, FIELD_WEIGHTS.values()))})"
# What a full cover of the question, its words standing together, and defining an asked name add to a score in which
# the best BM25 counts 1. Cover and nearness: best recall@10 of six settings on LoCoMo development questions.
_COVER = 0.4
_NEAR = 0.2
_DEFINES = 1.0

# A word in so many chunks, and in one of twenty, tells next to nothing but costs as much as all others together: it
# still counts in a chunk that a rarer word of the question has found, and alone if there is none.
_FREQUENT = 2000
_FREQUENT_SHARE = 0.05

_FIELDS = list(FIELD_WEIGHTS)
_BODY = _FIELDS.index("body")
_SYMBOLS = _FIELDS.index("symbols")
_OWN = frozenset(map(_FIELDS.index, ("symbols", "identifiers", "body")))

_MATCHING = """
    SELECT rowid, -rank, matched(chunk_text) FROM chunk_text
    WHERE chunk_text MATCH :expression AND rank MATCH :bm25
    ORDER BY rank LIMIT :candidates
"""
_MATCHING_IN_FILES = """
    SELECT rowid, -rank, matched(chunk_text) FROM chunk_text
    WHERE chunk_text MATCH :expression AND rank MATCH :bm25
    AND rowid IN (SELECT id FROM chunks WHERE file IN (SELECT value FROM json_each(:files)))
    ORDER BY rank LIMIT :candidates
"""

Stems = Callable[[str], list[str]]


class Ranked(NamedTuple):
    """Hold a chunk's id with its score and what speaks for it."""

    chunk: int
    score: float
    evidence: Evidence


class Asked(NamedTuple):
    """Hold a question as the index sees it.

    Args:
        terms: what is searched for, any of them: words, identifiers joined and in parts, phrases.
        rare: those of them that a candidate must hold one of.
        keys: the stems of each term.
        weights: idf by key, of the terms that count.
        known: weighted share of the question that stands somewhere in the index.
        names: joined forms of the identifiers that were asked for.
    """

    terms: list[str]
    rare: list[str]
    keys: list[str]
    weights: dict[str, float]
    known: float
    names: frozenset[str]


def prepare(connection: apsw.Connection) -> None:
    """Teach a connection the function `matched`, which tells where in a row each term stands."""
    connection.register_fts5_function("matched", _matched)


def ranked(
    connection: apsw.Connection,
    stems: Stems,
    question: words.Question,
    limit: int,
    files: Sequence[int] | None = None,
) -> list[Ranked]:
    """Return the chunks that match a question, best first.

    Args:
        connection: an open index that went through `prepare`.
        stems: the index's own stemmer.
        question: what is asked; its paths are not looked at.
        limit: how many at the most.
        files: ids of the only files that may answer, or None for all.
    """
    asked = _understood(connection, stems, question)
    if not asked.terms:
        return []
    bindings: dict[str, Any] = {
        "expression": _expression(asked),
        "bm25": _BM25,
        "candidates": max(_CANDIDATES, limit),
    }
    if files is not None:
        bindings["files"] = json.dumps(files)
    rows = list(connection.execute(_MATCHING if files is None else _MATCHING_IN_FILES, bindings))
    best = max((score for _, score, _ in rows), default=0.0) or 1.0
    found = [_judged(asked, chunk, score / best, json.loads(places)) for chunk, score, places in rows]
    found.sort(key=lambda one: -one.score)
    return found[:limit]


def _understood(connection: apsw.Connection, stems: Stems, question: words.Question) -> Asked:
    """Look the words of a question up in the index."""
    parts = [part for name in question.identifiers for part in name.parts]
    joined = [name.joined for name in question.identifiers] or _spelt_out(connection, stems, question)
    phrases = [" ".join(stems(phrase)) for phrase in question.phrases]
    plain = list(dict.fromkeys([*joined, *question.words, *parts]))[:_MAX_TERMS]
    terms = {term: " ".join(stems(term)) for term in [*plain, *phrases]}
    terms = {term: key for term, key in terms.items() if key}
    uncounted = {*joined, *phrases} - {name.joined for name in question.identifiers if name.is_code}
    counted = dict.fromkeys(key for term, key in terms.items() if term not in uncounted)
    texts = int(connection.execute("SELECT count(*) FROM chunks").get)
    frequencies = {key: min(_frequency(connection, stem) for stem in key.split()) for key in counted}
    weights = weigh(counted, texts, frequencies.__getitem__)
    known = coverage(weights, {key for key, frequency in frequencies.items() if frequency})
    limit = max(_FREQUENT, _FREQUENT_SHARE * texts)
    rare = [term for term, key in terms.items() if 0 < frequencies.get(key, 0) <= limit]
    return Asked(list(terms), rare, list(terms.values()), weights, known, frozenset(joined))


def _spelt_out(connection: apsw.Connection, stems: Stems, question: words.Question) -> list[str]:
    """Return the name that a few words without separators spell, if the index holds it: `yard store`."""
    name = "".join(question.words)
    is_name = 1 < len(question.words) <= _NAME_WORDS and all(_frequency(connection, stem) for stem in stems(name))
    return [name] if is_name else []


def _expression(asked: Asked) -> str:
    """Return what FTS5 is asked; its last phrases are the terms, in order."""
    anything = " OR ".join(f'"{term}"' for term in asked.terms)
    if not asked.rare or len(asked.rare) == len(asked.terms):
        return anything
    return "({}) AND ({})".format(" OR ".join(f'"{term}"' for term in asked.rare), anything)


def _frequency(connection: apsw.Connection, stem: str) -> int:
    sql = "SELECT max(doc) FROM chunk_words WHERE term = ? AND col <> 'context'"
    return int(connection.execute(sql, (stem,)).get or 0)


def _matched(api: apsw.FTS5ExtensionApi, /, *_: "apsw.SQLiteValue") -> str:
    """Return, by term and by column, the positions at which it stands in the row, as JSON."""
    return json.dumps([api.phrase_locations(term) for term in range(api.phrase_count)])


def _judged(asked: Asked, chunk: int, score: float, places: list[list[list[int]]]) -> Ranked:
    own: set[str] = set()
    wide: set[str] = set()
    names: set[str] = set()
    body: dict[int, str] = {}
    for term, key, columns in zip(asked.terms, asked.keys, places[-len(asked.terms) :], strict=True):
        hit = {number for number, positions in enumerate(columns) if positions}
        if hit:
            wide.add(key)
        if hit & _OWN:
            own.add(key)
        if term in asked.names and _SYMBOLS in hit:
            names.add(term)
        body.update(dict.fromkeys(columns[_BODY], key))
    in_order = [body.get(position, "") for position in range(max(body, default=-1) + 1)]
    evidence = Evidence(
        coverage(asked.weights, own), coverage(asked.weights, wide), asked.known, nearness(asked.weights, in_order)
    )
    score += _COVER * evidence.wide + _NEAR * evidence.near + _DEFINES * bool(names)
    return Ranked(chunk, score, evidence)
