"""Shape a question for QMD's index, and say how much of it a text covers.

QMD requires every word, so that a plain question finds nothing. Here stop words are dropped and any word may be
missing; rare ones choose the candidates. What a text covers is estimated as for every other store.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import apsw

from memory_router.engines.qmd import syntax
from memory_router.text import words
from memory_router.text.relevance import Evidence, idf, nearness, stemmer

_MAX_TERMS = 64
# A word in so many documents, and in one of twenty, does not choose candidates if a rarer one is asked for.
_FREQUENT = 2000
_FREQUENT_SHARE = 0.05
# A word that stands nowhere may be the beginning of one that does, as in QMD; shorter ones begin too much.
_LEAST_BEGINNING = 3

Stems = Callable[[str], list[str]]


class Term(NamedTuple):
    """One thing that is asked for.

    Args:
        phrase: what FTS5 is asked for.
        stems: its stems, each between spaces; without the last space where any word that begins so will do.
        frequency: documents that hold it.
        weight: its idf, or 0 if it only helps to find.
    """

    phrase: str
    stems: str
    frequency: int
    weight: float


class Asked(NamedTuple):
    """A question as the index sees it.

    Args:
        expression: the FTS5 expression that chooses candidates; empty if nothing of it can be searched for.
        terms: what counts, with its weight.
        names: joined forms of the identifiers that it names.
        paths: files and folders that it names.
    """

    expression: str
    terms: list[Term]
    names: frozenset[str]
    paths: tuple[str, ...]


def understood(connection: apsw.Connection, text: str) -> Asked:
    """Look the words of a question up in QMD's index.

    Args:
        connection: the index.
        text: the question; `-word` excludes, as in QMD.
    """
    connection.execute("CREATE VIRTUAL TABLE temp.known_words USING fts5vocab(main, documents_fts, row)")
    stems = stemmer(connection)
    texts = int(connection.execute("SELECT count(*) FROM documents WHERE active = 1").get)
    question = words.parse(syntax.without_exclusions(text))
    # A name of code, then what it is made of: QMD does not split camelCase, and does split snake_case.
    forms = [form for name in question.identifiers for form in (name.joined, " ".join(name.parts))]
    steps = [step for path in question.paths for step in words.split_name(path)]
    counted = dict.fromkeys([*question.words, *(part for name in question.identifiers for part in name.parts), *steps])
    looked_up = [_term(connection, stems, word, texts) for word in list(counted)[:_MAX_TERMS]]
    counting = list({term.stems: term for term in looked_up if term.stems.strip()}.values())
    helping = [_term(connection, stems, form, texts)._replace(weight=0.0) for form in (*forms, *question.phrases)]
    usable = [term for term in (*helping, *counting) if term.frequency]
    limit = max(_FREQUENT, _FREQUENT_SHARE * texts)
    chosen = [term.phrase for term in usable if term.frequency <= limit] or [term.phrase for term in usable]
    expression = syntax.any_of(list(dict.fromkeys(chosen)), text) if chosen else ""
    names = frozenset(name.joined for name in question.identifiers)
    return Asked(expression, counting, names, question.paths)


class Judge:
    """Say how much of a question the passages of documents cover."""

    def __init__(self, connection: apsw.Connection, asked: Asked) -> None:
        self._stems = stemmer(connection)
        self._terms = asked.terms
        self._names = asked.names
        self._total = sum(term.weight for term in asked.terms)
        self._known = self._share(term for term in asked.terms if term.frequency)
        self._weights = {term.stems.strip(): term.weight for term in asked.terms}

    def stems(self, text: str) -> str:
        """Return the stems of a text, each between spaces."""
        return f" {' '.join(self._stems(syntax.spaced(text)))} "

    def is_defined(self, symbols: str) -> bool:
        """Return whether a name that is asked for is among those that a passage defines."""
        return bool(self._names) and any("".join(words.split_name(symbol)) in self._names for symbol in symbols.split())

    def evidence(self, own: str, around: str) -> Evidence:
        """Return what speaks for a passage.

        Args:
            own: the passage, from `stems`.
            around: what else says what it is about, from `stems`.
        """
        inside = {term.stems for term in self._terms if term.stems in own}
        within = self._share(term for term in self._terms if term.stems in inside)
        wide = self._share(term for term in self._terms if term.stems in inside or term.stems in around)
        near = nearness(self._weights, own.split()) if len(inside) > 1 else within
        return Evidence(within, wide, self._known, near)

    def _share(self, terms: Iterable[Term]) -> float:
        return sum(term.weight for term in terms) / self._total if self._total else 0.0


def _term(connection: apsw.Connection, stems: Stems, word: str, texts: int) -> Term:
    apart = syntax.spaced(word.replace('"', " "))
    held = stems(apart)
    frequency = min((_frequency(connection, stem) for stem in held), default=0)
    phrase, key = f'"{apart.strip()}"', f" {' '.join(held)} "
    if not frequency and len(held) == 1 and len(held[0]) >= _LEAST_BEGINNING:
        frequency = min(texts, _beginning(connection, held[0]))
        if frequency:
            phrase, key = f"{phrase}*", key.rstrip(" ")
    return Term(phrase, key, frequency, idf(texts, frequency))


def _frequency(connection: apsw.Connection, stem: str) -> int:
    return int(connection.execute("SELECT doc FROM temp.known_words WHERE term = ?", (stem,)).get or 0)


def _beginning(connection: apsw.Connection, stem: str) -> int:
    sql = "SELECT sum(doc) FROM temp.known_words WHERE term >= ? AND term < ?"
    return int(connection.execute(sql, (stem, f"{stem}\U0010ffff")).get or 0)
