"""Judge passages that another program keeps: what may answer is indexed in memory for one question.

The other program chooses which passages may answer, and its own counts tell how rare a word is there. Everything else
is done as for a store of ours, so that the same passage has the same relevance in both.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import apsw

from memory_router.retrieval.fulltext import FullText, TableLayout
from memory_router.retrieval.likeness import NO_LIKENESS
from memory_router.retrieval.query import understand
from memory_router.retrieval.search import Scored, Unit, Wish, folded, gathered
from memory_router.storage.fulltext import register
from memory_router.text import words

# What being the first choice of another program's models adds, as a second, independent reason to believe in a
# passage. Their scores do not tell an answer from nonsense, so that alone they stay below the gate of 0.4.
_CHOSEN = 0.3

_LAYOUT = TableLayout(
    table="passages",
    columns={"named": 2.0, "defined": 6.0, "identifiers": 0.5, "said": 1.0, "beside": 0.3},
    own=("said", "identifiers", "defined"),
    named=("named", "defined"),
    defining=("defined",),
    count_sql="SELECT count(*) FROM passages_docsize",
    ends_sql="SELECT min(id), max(id) FROM passages_docsize",
)
_SCHEMA = "CREATE VIRTUAL TABLE passages USING fts5(named, defined, identifiers, said, beside, content = '', tokenize = 'terms')"  # noqa: E501


class BorrowedPassage(NamedTuple):
    """One passage that may answer.

    Args:
        text: the passage.
        named: its title, path and headings, in words.
        defined: the names that it defines, in words.
        beside: the text around it.
        time: when it was said or written, in seconds since the epoch, or None.
        filed: whether the question names its file.
        chosen: its place among what models of the other program chose, from 0, or None.
    """

    text: str
    named: str = ""
    defined: str = ""
    beside: str = ""
    time: float | None = None
    filed: bool = False
    chosen: int | None = None


class WordCounts(Protocol):
    """What another program knows about its words."""

    @property
    def count(self) -> int:
        """How many texts it has."""

    def frequency(self, term: str) -> int:
        """Count the texts that hold a term."""


def judged(
    passages: Sequence[BorrowedPassage],
    counts: WordCounts,
    text: str,
    question: words.Question,
    limit: int,
    wish: Wish,
    also: Iterable[str] = (),
) -> list[Scored]:
    """Return the passages that answer a question by their places, most probable first; copies are folded.

    Args:
        passages: what may answer.
        counts: how often words stand in everything that the other program keeps.
        text: the question.
        question: the same, split.
        limit: the largest number of results.
        wish: what the question says about time.
        also: further words to look for.
    """
    connection = apsw.Connection(":memory:")
    try:
        register(connection)
        connection.execute(_SCHEMA)
        connection.executemany(
            "INSERT INTO passages(rowid, named, defined, identifiers, said, beside) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    key,
                    passage.named,
                    passage.defined,
                    words.identifier_terms(passage.text),
                    passage.text,
                    passage.beside,
                )
                for key, passage in enumerate(passages)
            ],
        )
        fulltext = FullText(connection, _LAYOUT)
        fulltext.refresh()
        query = understand(_BorrowedVocabulary(fulltext, counts), text, question, also)
        matches = fulltext.among(query, [*range(len(passages))])
    finally:
        connection.close()
    units = {key: Unit(passage.text, passage.time, passage.filed) for key, passage in enumerate(passages)}
    pool = gathered(query, matches, NO_LIKENESS, {}, units, wish)
    scored = []
    for key, passage in enumerate(passages):
        if key in matches or passage.filed or passage.chosen is not None:
            features = pool.features(key)
            scored.append(Scored(key, _believed(pool.relevance(features), passage.chosen), features))
    return folded(pool, scored, limit)


def _believed(relevance: float, place: int | None) -> float:
    return relevance if place is None else 1 - (1 - relevance) * (1 - _CHOSEN / (1 + place))


class _BorrowedVocabulary:
    """The words of everything that another program keeps, as far as it knows them, and of the passages at hand."""

    def __init__(self, fulltext: FullText, counts: WordCounts) -> None:
        self._fulltext, self._counts = fulltext, counts
        self.stems = fulltext.stems
        self.count = max(fulltext.count, counts.count)

    def frequency(self, term: str) -> int:
        """Count the texts that hold a term."""
        return max(self._fulltext.frequency(term), self._counts.frequency(term))

    def frequency_beside(self, term: str) -> int:
        """Count the texts that hold a term, alone or in a neighbour; 0 if no passage at hand does."""
        here = self._fulltext.frequency_beside(term)
        return max(here, self._counts.frequency(term)) if here else 0
