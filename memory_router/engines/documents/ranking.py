"""Find what shares words with a question: candidates by BM25, and how much of the question each of them covers.

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
_BM25 = f"bm25({', '.join(map(str, FIELD_WEIGHTS.values()))})"
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
_MATCHING_CHUNKS = """
    SELECT rowid, -rank, matched(chunk_text) FROM chunk_text
    WHERE chunk_text MATCH :expression AND rank MATCH :bm25 AND rowid IN (SELECT value FROM json_each(:chunks))
"""
_MATCHING_AMONG = f"{_MATCHING_CHUNKS} ORDER BY rank LIMIT :candidates"

Stems = Callable[[str], list[str]]


class Match(NamedTuple):
    """Hold a chunk that shares words with a question.

    Args:
        chunk: its id.
        score: BM25 over all fields; larger is better.
        evidence: how much of the question it covers.
        defines: whether it defines a name that was asked for.
    """

    chunk: int
    score: float
    evidence: Evidence
    defines: bool


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


def matches(connection: apsw.Connection, asked: Asked, limit: int, chunks: Sequence[int] | None = None) -> list[Match]:
    """Return the chunks that match a question best by BM25, best first.

    Args:
        connection: an open index that went through `prepare`.
        asked: the question.
        limit: how many at the most.
        chunks: ids of the only chunks that may answer, or None for all.
    """
    if not asked.terms:
        return []
    bindings: dict[str, Any] = {"bm25": _BM25, "candidates": limit}
    if chunks is not None:
        bindings["chunks"] = json.dumps(chunks)
    found: list[Match] = []
    for narrowed, expression in _expressions(asked):
        bindings["expression"] = expression
        rows = connection.execute(_MATCHING if chunks is None else _MATCHING_AMONG, bindings)
        found = [_judged(narrowed, *row) for row in rows]
        if len(found) >= limit:
            break
    return found


def matches_among(connection: apsw.Connection, asked: Asked, chunks: Sequence[int]) -> list[Match]:
    """Return those of the given chunks that share any word with a question."""
    if not asked.terms or not chunks:
        return []
    bindings = {"expression": _anything(asked.terms), "bm25": _BM25, "chunks": json.dumps(chunks)}
    return [_judged(asked, *row) for row in connection.execute(_MATCHING_CHUNKS, bindings)]


def understood(connection: apsw.Connection, stems: Stems, question: words.Question) -> Asked:
    """Look the words of a question up in the index.

    Args:
        connection: an open index.
        stems: the index's own stemmer.
        question: what is asked; its paths are not looked at.
    """
    parts = [part for name in question.identifiers for part in name.parts]
    joined = [name.joined for name in question.identifiers] or _spelt_out(connection, stems, question)
    phrases = [" ".join(stems(phrase)) for phrase in question.phrases]
    plain = list(dict.fromkeys([*joined, *question.words, *parts]))[:_MAX_TERMS]
    terms = {term: " ".join(stems(term)) for term in [*plain, *phrases]}
    terms |= {term: f"{key}*" for term, key in terms.items() if key and term.endswith("*")}
    terms = {term: key for term, key in terms.items() if key}
    uncounted = {*joined, *phrases} - {name.joined for name in question.identifiers if name.is_code}
    counted = dict.fromkeys(key for term, key in terms.items() if term not in uncounted)
    texts = int(connection.execute("SELECT chunks FROM totals").get)
    frequencies = {key: min(frequency(connection, stem) for stem in key.split()) for key in counted}
    weights = weigh(counted, texts, frequencies.__getitem__)
    known = coverage(weights, {key for key, frequency in frequencies.items() if frequency})
    frequent = max(_FREQUENT, _FREQUENT_SHARE * texts)
    rare = [term for term, key in terms.items() if 0 < frequencies.get(key, 0) <= frequent]
    return Asked(list(terms), rare, list(terms.values()), weights, known, frozenset(joined))


def _spelt_out(connection: apsw.Connection, stems: Stems, question: words.Question) -> list[str]:
    """Return the name that a few words without separators spell, if the index holds it: `yard store`."""
    name = "".join(question.words)
    is_name = 1 < len(question.words) <= _NAME_WORDS and all(frequency(connection, stem) for stem in stems(name))
    return [name] if is_name else []


def _expressions(asked: Asked) -> list[tuple[Asked, str]]:
    """Return what FTS5 is asked, one after the other until enough is found, each with the question as it asks it.

    The last phrases of an expression are the terms, in order. Where all words are frequent, the chunks that hold them
    all are tried first: they cover most and are few.
    """
    anything = _anything(asked.terms)
    if asked.rare and len(asked.rare) < len(asked.terms):
        return [(asked, f"({_anything(asked.rare)}) AND ({anything})")]
    if asked.rare or len(asked.weights) < 2:
        return [(asked, anything)]
    counted = [(term, key) for term, key in zip(asked.terms, asked.keys, strict=True) if key in asked.weights]
    narrowed = asked._replace(terms=[term for term, _ in counted], keys=[key for _, key in counted])
    everything = " AND ".join(map(_quoted, narrowed.terms))
    return [(narrowed, f"- {{context}} : ({everything})"), (asked, anything)]


def _anything(terms: Sequence[str]) -> str:
    return " OR ".join(map(_quoted, terms))


def _quoted(term: str) -> str:
    return f'"{term[:-1]}" *' if term.endswith("*") else f'"{term}"'


def frequency(connection: apsw.Connection, stem: str) -> int:
    """Return in how many chunks a stem stands, neighbours not counted."""
    if stem.endswith("*"):
        sql = "SELECT sum(doc) FROM chunk_words WHERE term >= ? AND term < ? AND col <> 'context'"
        return int(connection.execute(sql, (stem[:-1], stem[:-1] + chr(0x10FFFF))).get or 0)
    sql = "SELECT max(doc) FROM chunk_words WHERE term = ? AND col <> 'context'"
    return int(connection.execute(sql, (stem,)).get or 0)


def _matched(api: apsw.FTS5ExtensionApi, /, *_: "apsw.SQLiteValue") -> str:
    """Return, by term and by column, the positions at which it stands in the row, as JSON."""
    return json.dumps([api.phrase_locations(term) for term in range(api.phrase_count)])


def _judged(asked: Asked, chunk: int, score: float, places: str) -> Match:
    own: set[str] = set()
    wide: set[str] = set()
    defines = False
    body: dict[int, str] = {}
    for term, key, columns in zip(asked.terms, asked.keys, json.loads(places)[-len(asked.terms) :], strict=True):
        hit = {number for number, positions in enumerate(columns) if positions}
        if hit:
            wide.add(key)
        if hit & _OWN:
            own.add(key)
        defines = defines or (term in asked.names and _SYMBOLS in hit)
        body.update(dict.fromkeys(columns[_BODY], key))
    in_order = [body.get(position, "") for position in range(max(body, default=-1) + 1)]
    evidence = Evidence(
        coverage(asked.weights, own), coverage(asked.weights, wide), asked.known, nearness(asked.weights, in_order)
    )
    return Match(chunk, score, evidence, defines)
