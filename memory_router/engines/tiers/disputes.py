"""Mark what repeats a fact that was replaced since: passages of notes and conversations, and other memories.

A sentence repeats a replaced fact where it names what was replaced, is about the same subject, and says nothing of what
is so now.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from memory_router import paths
from memory_router.engines.tiers.schema import SCHEMA
from memory_router.errors import MemoryRouterError
from memory_router.retrieval.merging import with_successors
from memory_router.scope import admits
from memory_router.storage.sqlite import named_errors, open_read_only
from memory_router.text.languages import ENGLISH, language, languages_of
from memory_router.text.spelling import normal
from memory_router.text.terms import stems, words_in

# The latest replacements; each is compared with every result of an answer.
_MOST = 500
# A fact of one word with content has no subject; one of two could stand in any long sentence.
_FEWEST, _PLAIN = 2, 3
# The share of the words of a subject that have to be there: of up to five each may be what tells it from another.
_SAME = 5 / 6
# The share of a sentence's words that are the fact's, where it is put in other words.
_FOCUS = 0.5
# The share of what only the newer fact says from which a sentence tells of the change itself.
_TOLD = 0.5
# The patterns are compiled when first met: where nothing was replaced, none of them is needed. A period after one or
# two letters ends an abbreviation.
_SENTENCE_END = r"(?<=[.!?])(?<!\b\w\.)(?<!\b\w\w\.)\s+|\n+|(?<=[\u3002\uff01\uff1f])"
_CLAUSE_END = r"[,;:]\s|\s[-\u2013\u2014]\s|[\u3001\uff0c\uff1b]"
_QUESTION_MARKS = ("?", "\uff1f")
_HEADING = r"(?m)^#+ .*$"
# What takes a statement back, in the languages whose words of intent are known.
_NEGATION = (
    r"(?i)\b(?:not?|never|without|instead of|rather than|nicht|kein\w*|nie|ohne|statt|ne|n['\u2019]\w+|jamais|sans"
    r"|nunca|sin)\b|n['\u2019]t\b|\u4e0d\u518d|\u6ca1\u6709|\u306a\u3044"
)


class Answering(Protocol):
    """A result of a backend."""

    @property
    def content(self) -> str:
        """Return the passage."""

    @property
    def relevance(self) -> float:
        """Return the estimate in [0, 1] that it answers."""

    @property
    def timestamp(self) -> str | None:
        """Return when it was written, ISO 8601 in UTC, to the second."""

    @property
    def id(self) -> str | None:
        """Return its id."""

    @property
    def title(self) -> str | None:
        """Return what stands above it."""

    @property
    def metadata(self) -> Mapping[str, Any] | None:
        """Return what else is known of it."""

    def _replace(self, *, relevance: float = ..., metadata: Mapping[str, Any] | None = ...) -> Self: ...


_Result = TypeVar("_Result", bound=Answering)


class Replaced(NamedTuple):
    """A fact that is no longer in force, as it is compared.

    Args:
        words: its stems with content.
        value: those of them that name what was replaced.
        subject: those that both facts are about.
        added: those that only the fact in force has: its names and numbers, if there are any.
        project: what it belongs to, or None.
        current: the id of the fact in force, as results have it.
        since: when that was stored, as results have it.
    """

    words: frozenset[str]
    value: frozenset[str]
    subject: frozenset[str]
    added: frozenset[str]
    project: str | None
    current: str
    since: str

    def is_repeated_by(self, sentence: frozenset[str], heading: frozenset[str]) -> bool:
        """Return whether a sentence says what this fact said, and nothing of what is so now.

        Args:
            sentence: its stems with content.
            heading: those of what stands above it.
        """
        if not self.value <= sentence or len(self.added & sentence) >= _TOLD * len(self.added):
            return False
        if len(self.words) >= _PLAIN and len(self.words & sentence) >= _SAME * len(self.words):
            return True
        is_about_it = len(self.subject & (sentence | heading)) >= _SAME * len(self.subject) > 0
        return is_about_it and len(self.words & sentence) >= _FOCUS * len(sentence)


class Disputes:
    """The facts that were replaced, to be compared with results.

    Args:
        replaced: the facts, the latest first.
    """

    def __init__(self, replaced: Sequence[Replaced]) -> None:
        self._replaced = replaced

    @classmethod
    def read(cls) -> "Disputes":
        """Read the user's replaced facts; none where a server keeps the memories, or where they cannot be read."""
        try:
            file = paths.memory_file()
            return cls(_replaced(file, paths.stamp(file), paths.stamp(f"{file}-wal"))) if file else cls(())
        except MemoryRouterError:  # the backend of memories tells what is wrong
            return cls(())

    def marked(self, results: Sequence[_Result], *, are_dated: bool = False) -> list[_Result]:
        """Return results; `disputed_by` is in the metadata of those that repeat a replaced fact.

        Where the fact in force is among them, it stands before what it disputes and claims no less.

        Args:
            results: best first, of one backend.
            are_dated: whether the time of a result is that of the statement; then what is newer than the fact in force
                is not disputed by it.
        """
        if not self._replaced:
            return list(results)
        return _in_force_first([self._told(result, are_dated=are_dated) for result in results])

    def _told(self, result: _Result, *, are_dated: bool) -> _Result:
        metadata = result.metadata or {}
        said = result.timestamp if are_dated else None
        current = self._disputing(result.content, metadata.get("project") or None, said, result.title or "")
        if current is None or current == _name(result) or metadata.get("superseded_by"):
            return result
        return result._replace(metadata={**metadata, "disputed_by": current})

    def _disputing(self, text: str, project: str | None, said: str | None, title: str) -> str | None:
        """Return the id of the fact in force, if a text repeats what that replaced."""
        open_to = [
            fact
            for fact in self._replaced
            if (not project or admits(fact.project, project)) and (said is None or said < fact.since)
        ]
        if not open_to:
            return None
        sentences = [_claimed(sentence) for sentence in _sentences(text)]
        heading = _words(" ".join((title, *re.findall(_HEADING, text))))
        for fact in open_to:
            if any(fact.is_repeated_by(sentence, heading) for sentence in sentences):
                return fact.current
        return None


@functools.lru_cache(maxsize=1)
def _replaced(file: str, *_stamps: tuple[int, ...]) -> list[Replaced]:
    """Return the replaced facts of a database, which are read anew when something is written there."""
    connection = open_read_only(file, SCHEMA)
    if connection is None:
        return []
    with named_errors(file), closing(connection):
        rows: list[Any] = connection.execute(_REPLACED, (_MOST,)).fetchall()
    return [fact for row in rows if (fact := _compared(*row))]


def _in_force_first(results: Sequence[_Result]) -> list[_Result]:
    """Return results in their order, but each fact in force before what it disputes."""
    places = {_name(result): place for place, result in enumerate(results)}
    disputing = [places.get((result.metadata or {}).get("disputed_by", "")) for result in results]
    facts = {place: fact for place, fact in enumerate(disputing) if fact is not None}
    if not facts:
        return list(results)
    claims = with_successors({place: result.relevance for place, result in enumerate(results)}, facts)
    order = sorted(claims, key=lambda place: (-claims[place], place in facts))
    return [results[place]._replace(relevance=claims[place]) for place in order]


def _name(result: Answering) -> str:
    """Return the id of a memory among results of all backends."""
    return f"totalrecall:{result.id}"


def _compared(text: str, project: str | None, current: str, now: str, since: str) -> Replaced | None:
    words, newer = _words(text), _words(now)
    if len(words) < _FEWEST or not newer - words:
        return None
    names = _names(text) | _names(now)
    changed, added = words - newer, newer - words
    value = (changed & names) or changed or (words & names) or words
    subject = (words & newer) - value
    return Replaced(words, value, subject, (added & names) or added, project, f"totalrecall:{current}", since)


def _sentences(text: str) -> Iterator[str]:
    """Yield a text's sentences, and apart what follows a label: who said it, or where it stands."""
    for sentence in re.split(_SENTENCE_END, text):
        yield sentence
        if labelled := sentence.partition(": ")[2]:
            yield labelled


def _claimed(sentence: str) -> frozenset[str]:
    """Return the stems of what a sentence states; a question states nothing, and what is negated is not stated."""
    if sentence.rstrip().endswith(_QUESTION_MARKS):
        return frozenset()
    return _words(" ".join(clause for clause in re.split(_CLAUSE_END, sentence) if not re.search(_NEGATION, clause)))


def _words(text: str) -> frozenset[str]:
    """Return the stems of a text's words with content, by the function words of the languages that it may be in."""
    words = words_in(normal(text).lower())
    plain = frozenset[str]().union(*(language(code).stop_words for code in (ENGLISH, *languages_of(words))))
    return frozenset(stems(" ".join(word for word in words if word not in plain)))


def _names(text: str) -> frozenset[str]:
    """Return the stems of a text's names and numbers: what has a digit, or a capital anywhere but at its beginning."""
    words = words_in(normal(text))
    rests = (word[place == 0 :] for place, word in enumerate(words))
    named = (
        word for word, rest in zip(words, rests, strict=True) if rest != rest.lower() or any(map(str.isdigit, word))
    )
    return _words(" ".join(named))


# Each replaced fact with the one in force: the end of its chain.
_REPLACED = """
    WITH RECURSIVE chain(row, id, hops) AS (
        SELECT row, superseded_by, 1 FROM memories WHERE superseded_by IS NOT NULL
        UNION ALL
        SELECT chain.row, m.superseded_by, hops + 1 FROM chain JOIN memories m ON m.id = chain.id
        WHERE m.superseded_by IS NOT NULL AND hops < 100
    )
    SELECT old.text, old.project, new.id, new.text, strftime('%Y-%m-%dT%H:%M:%SZ', new.created, 'unixepoch')
    FROM chain JOIN memories old ON old.row = chain.row JOIN memories new ON new.id = chain.id
    WHERE new.superseded_by IS NULL ORDER BY new.created DESC LIMIT ?
"""
