"""Find what shares words with a question: candidates by BM25, and how much of the question each of them covers.

What of the question stands where comes from the index's own postings: no text is read or cut again. The rarest words
of a question choose the candidates, the frequent ones only help to put them in order, so that an index a hundred times
as large is hardly slower.
"""

import json
import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

import apsw

from memory_router.engines.documents.frequencies import Frequencies, quoted
from memory_router.engines.documents.schema import FIELD_WEIGHTS
from memory_router.engines.documents.store import NAME_WORDS
from memory_router.text import words
from memory_router.text.relevance import Evidence, closeness, coverage, weigh

_MAX_TERMS = 64
# Chunks whose BM25 is reckoned; those of the rarest words, as many of them as fit.
_SCORED = 2500
# Entries of posting lists that one question walks. A word beyond it is a stop word of this index.
_WALKED = 100_000
# In an index so much larger than what is scored, frequent words are left out that would have told more: they get more
# candidates to put in order (a sixth scored: recall@10 0.763 instead of 0.730 on all LoCoMo conversations in one).
_LARGE = 20 * _SCORED
_WIDER = 3
# Chunks looked at for frequent words alone, the newest.
_NEWEST = 200

# BM25 as FTS5 reckons it, https://sqlite.org/fts5.html#the_bm25_function.
_K1, _B = 1.2, 0.75
_LEAST_IDF = 1e-6

_FIELDS = list(FIELD_WEIGHTS)
_WEIGHTS = tuple(FIELD_WEIGHTS.values())
_HEADING, _SYMBOLS, _IDENTIFIERS, _BODY = map(_FIELDS.index, ("heading", "symbols", "identifiers", "body"))

_AMONG = "+rowid IN (SELECT value FROM json_each(:chunks))"  # `+`: one walk instead of one a chunk.
_BEST = f"""
    SELECT rowid FROM chunk_text WHERE chunk_text MATCH :expression AND (:chunks IS NULL OR {_AMONG})
    ORDER BY bm25(chunk_text, {", ".join(map(str, _WEIGHTS))}) LIMIT :limit
"""  # noqa: S608  # numbers of ours
_JUDGED = f"SELECT judged(chunk_text, :asked) FROM chunk_text WHERE chunk_text MATCH :expression AND {_AMONG}"  # noqa: S608
_NEWEST_JUDGED = """
    SELECT judged(chunk_text, :asked) FROM chunk_text WHERE chunk_text MATCH :expression
    ORDER BY rowid DESC LIMIT :limit
"""


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


class Term(NamedTuple):
    """Hold what is searched for: a word, an identifier joined or a part of it, a phrase.

    Args:
        text: as FTS5 is asked for it.
        key: its stem or stems.
        frequency: in how many chunks it stands, with what is indexed beside them.
        idf: how much it counts in BM25.
        weight: how much it counts of what a chunk covers; 0 if it does not, or if another term has the same key.
        defined_by: the columns in which a chunk that defines it holds it; none if no definition is asked for.
    """

    text: str
    key: str
    frequency: int
    idf: float
    weight: float
    defined_by: tuple[int, ...]


class Asked(NamedTuple):
    """Hold a question as the index sees it.

    Args:
        terms: what is searched for, any of them, rarest first.
        choosing: how many of them, from the first on, choose the candidates.
        wider: how many times as many candidates as wanted are looked at.
        weights: idf by key, of the terms that count, also those that stand nowhere.
        known: weighted share of the question that stands somewhere in the index.
    """

    terms: list[Term]
    choosing: int
    wider: int
    weights: dict[str, float]
    known: float


def prepare(connection: apsw.Connection) -> None:
    """Teach a connection the function `judged`, which tells what a row has of a question."""
    connection.register_fts5_function("judged", _judged)


def matches(connection: apsw.Connection, asked: Asked, limit: int, chunks: Sequence[int] | None = None) -> list[Match]:
    """Return the chunks that match a question best by BM25, best first.

    Args:
        connection: an open index that went through `prepare`.
        asked: the question.
        limit: how many at the most.
        chunks: ids of the only chunks that may answer, or None for all.
    """
    choosing = asked.choosing if chunks is None else len(asked.terms)
    found: dict[int, Match] = {}
    if choosing:
        expression = _anything(asked.terms[:choosing])
        allowed = None if chunks is None else json.dumps(chunks)
        bindings = {"expression": expression, "chunks": allowed, "limit": limit * asked.wider}
        best = [chunk for (chunk,) in connection.execute(_BEST, bindings)]
        found = _judge(connection, _JUDGED, asked, expression, chunks=json.dumps(best))
    for expression in _frequent(asked.terms[choosing:]):
        if len(found) >= limit:
            break
        found |= _judge(connection, _NEWEST_JUDGED, asked, expression, limit=_NEWEST)
    return sorted(found.values(), key=lambda match: (-match.score, match.chunk))[:limit]


def matches_among(connection: apsw.Connection, asked: Asked, chunks: Sequence[int]) -> list[Match]:
    """Return those of the given chunks that share any word with a question."""
    if not asked.terms or not chunks:
        return []
    found = _judge(connection, _JUDGED, asked, _anything(asked.terms), chunks=json.dumps(chunks))
    return list(found.values())


def understood(frequencies: Frequencies, question: words.Question) -> Asked:
    """Look the words of a question up in the index.

    Args:
        frequencies: of the words of the index, refreshed.
        question: what is asked; its paths are not looked at.
    """
    parts = [part for name in question.identifiers for part in name.parts]
    joined = [name.joined for name in question.identifiers] or _spelt_out(frequencies, question)
    # What code calls so is defined by code alone; what is called so in words may be a section about it, too.
    defined_by = (_SYMBOLS,) if question.identifiers else (_SYMBOLS, _HEADING)
    plain = list(dict.fromkeys([*joined, *question.words, *parts]))[:_MAX_TERMS]
    keys = {term: " ".join(frequencies.stems(term)) for term in [*plain, *question.phrases]}
    keys = {term: f"{key}*" if term.endswith("*") else key for term, key in keys.items() if key}
    everywhere = {text: frequencies.anywhere(text) for text in keys}
    rarest_first = sorted(keys, key=everywhere.__getitem__)
    kept = rarest_first[: max(1, _within([everywhere[text] for text in rarest_first], _WALKED))]

    uncounted = {*joined, *question.phrases} - {name.joined for name in question.identifiers if name.is_code}
    own = {keys[text]: frequencies.own(text) for text in kept if text not in uncounted}
    weights = weigh(own, frequencies.texts, own.__getitem__)
    known = coverage(weights, {key for key, frequency in own.items() if frequency})

    terms, left = [], dict(weights)
    for text in filter(everywhere.__getitem__, kept):
        weight = 0.0 if text in uncounted else left.pop(keys[text], 0.0)
        idf = _bm25_idf(frequencies.texts, everywhere[text])
        terms.append(Term(text, keys[text], everywhere[text], idf, weight, defined_by if text in joined else ()))
    small = frequencies.texts <= _SCORED
    choosing = len(terms) if small else _within([term.frequency for term in terms], _SCORED)
    wider = _WIDER if choosing < len(terms) and frequencies.texts > _LARGE else 1
    return Asked(terms, choosing, wider, weights, known)


def _bm25_idf(texts: int, frequency: int) -> float:
    return max(math.log((texts - frequency + 0.5) / (frequency + 0.5)), _LEAST_IDF)


def _within(frequencies: Sequence[int], budget: int) -> int:
    """Return how many of the terms, from the first on, stand in no more chunks than that together."""
    return sum(total <= budget for total in accumulate(frequencies))


def _spelt_out(frequencies: Frequencies, question: words.Question) -> list[str]:
    """Return the name that a few words without separators spell, if the index holds it: `yard store`."""
    name = "".join(question.words)
    is_name = 1 < len(question.words) <= NAME_WORDS and frequencies.stems(name) and frequencies.own(name)
    return [name] if is_name else []


def _frequent(terms: Sequence[Term]) -> list[str]:
    """Return what FTS5 is asked for frequent words, one after the other: for all of them, then for the rarest."""
    everything = " AND ".join(quoted(term.text) for term in terms)
    alone = [quoted(term.text) for term in terms[:1]]
    return [f"- {{context}} : ({expression})" for expression in dict.fromkeys([everything, *alone]) if expression]


def _anything(terms: Sequence[Term]) -> str:
    return " OR ".join(quoted(term.text) for term in terms)


def _judge(connection: apsw.Connection, sql: str, asked: Asked, choice: str, **bindings: Any) -> dict[int, Match]:
    """Return by chunk what of a question stands in the rows that an expression chooses."""
    anything = _anything(asked.terms)
    # The last phrases of the expression are the terms, in order.
    bindings["expression"] = anything if choice == anything else f"({choice}) AND ({anything})"
    rows = connection.execute(sql, {**bindings, "asked": apsw.pyobject(asked)})
    return {match.chunk: match for (match,) in rows}


def _judged(api: apsw.FTS5ExtensionApi, /, *arguments: Any) -> Any:
    """Return what the row that FTS5 stands at has of a question, as a `Match`."""
    (asked,) = arguments
    own = wide = score = 0.0
    body: list[tuple[int, str]] = []
    defines = False
    length = _K1 * (1 - _B + _B * api.column_size(-1) * api.row_count / api.column_total_size(-1))
    for number, (_, key, _, idf, weight, defined_by) in enumerate(asked.terms, api.phrase_count - len(asked.terms)):
        columns = api.phrase_locations(number)
        often = sum(map(mul, _WEIGHTS, map(len, columns)))
        if not often:
            continue
        score += idf * often * (_K1 + 1) / (often + length)
        defines = defines or any(columns[column] for column in defined_by)
        if weight:
            wide += weight
            if columns[_BODY] or columns[_IDENTIFIERS] or columns[_SYMBOLS]:
                own += weight
                body += [(place, key) for place in columns[_BODY]]
    total = sum(asked.weights.values()) or 1.0
    evidence = Evidence(own / total, wide / total, asked.known, closeness(asked.weights, sorted(body)))
    return apsw.pyobject(Match(api.rowid, score, evidence, defines))
