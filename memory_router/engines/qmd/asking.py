"""Shape a question for QMD's index.

QMD requires every word, so that a plain question finds nothing. Here any word may be missing; rare ones choose the
documents.
"""

from typing import NamedTuple

import apsw

from memory_router.engines.qmd import syntax
from memory_router.retrieval.query import understand
from memory_router.text import words
from memory_router.text.terms import stems

# A word that stands nowhere may be the beginning of one that does, as in QMD; shorter ones begin too much.
_LEAST_BEGINNING = 3
# A word in this many documents tells nothing; they are not all counted.
_COUNTED = 20_000
_COUNT = f"SELECT count(*) FROM (SELECT 1 FROM documents_fts WHERE documents_fts MATCH ? LIMIT {_COUNTED})"  # noqa: S608


class QmdCounts:
    """What QMD's index knows about its words, by its own stems.

    Args:
        connection: the index.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.count = int(connection.execute("SELECT count(*) FROM documents WHERE active = 1").get)
        self._known: dict[str, int] = {}
        self.stems = stems

    def frequency(self, term: str) -> int:
        """Count the documents that hold a term; a final `*` matches any ending."""
        phrase = syntax.phrase(term)
        if phrase not in self._known:
            self._known[phrase] = int(self._connection.execute(_COUNT, (phrase,)).get)
        return self._known[phrase]

    frequency_beside = frequency


class QmdQuestion(NamedTuple):
    """A question as the index sees it.

    Args:
        text: what was asked, without what it excludes.
        question: the same, split; a word that no document holds matches those that begin with it.
        steps: the words of the paths that it names.
        expression: the FTS5 expression that chooses documents; empty if nothing of it can be searched for.
        counts: how often its words stand in the index.
    """

    text: str
    question: words.Question
    steps: tuple[str, ...]
    expression: str
    counts: QmdCounts


def understood(connection: apsw.Connection, text: str) -> QmdQuestion:
    """Look the words of a question up in QMD's index.

    Args:
        connection: the index.
        text: the question; `-word` excludes, as in QMD.
    """
    counts = QmdCounts(connection)
    plain = syntax.without_exclusions(text)
    question = words.parse(plain)
    question = question._replace(words=tuple(dict.fromkeys(_begun(counts, word) for word in question.words)))
    steps = tuple(step for path in question.paths for step in words.split_name(path))
    query = understand(counts, plain, question, steps)
    # QMD does not split camelCase, and does split snake_case: a name is its parts in a row, too.
    spelt = [" ".join(name.parts) for name in question.identifiers]
    phrases = [syntax.phrase(term) for term in (*(term.text for term in query.terms[: query.choosing]), *spelt)]
    expression = syntax.any_of(list(dict.fromkeys(phrases)), text) if phrases else ""
    return QmdQuestion(plain, question, steps, expression, counts)


def _begun(counts: QmdCounts, word: str) -> str:
    """Return a word, or all words that it begins if it stands nowhere itself."""
    is_short = len(word) < _LEAST_BEGINNING or not word.isalnum()
    return word if is_short or counts.frequency(word) or not counts.frequency(f"{word}*") else f"{word}*"
