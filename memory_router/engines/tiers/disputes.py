"""Tell which passages of notes and conversations repeat a fact that was replaced since."""

import functools
import os
import re
from contextlib import closing
from typing import Any, NamedTuple

from memory_router import paths
from memory_router.engines.tiers.schema import SCHEMA
from memory_router.errors import MemoryRouterError
from memory_router.scope import admits
from memory_router.storage.sqlite import named_errors, open_read_only
from memory_router.text.terms import stems
from memory_router.text.words import is_stop_word

# The latest replacements; each is compared with every result of an answer.
_MOST = 500
# A fact of fewer words says nothing that could not stand anywhere.
_FEWEST = 3
# The share of a fact's words that a sentence has to hold to say the same: of up to five words each may be the subject.
_SAME = 5 / 6
# A sentence with so much of what only the newer fact says tells of the change itself.
_TOLD = 0.5
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+|(?<=[\u3002\uff01\uff1f])")


class Replaced(NamedTuple):
    """A fact that is no longer in force, as it is compared.

    Args:
        words: its stems with content.
        changed: those of them that the fact in force does not have.
        added: those that only the fact in force has.
        project: what it belongs to, or None.
        current: the id of the fact in force.
        since: when that was stored, in seconds since the epoch.
    """

    words: frozenset[str]
    changed: frozenset[str]
    added: frozenset[str]
    project: str | None
    current: str
    since: float

    def is_repeated_by(self, words: frozenset[str]) -> bool:
        """Return whether a sentence of these stems says what it said, and nothing of what is so now."""
        return (
            len(self.words & words) >= _SAME * len(self.words)
            and self.changed <= words
            and len(self.added & words) < _TOLD * len(self.added)
        )


class Disputes:
    """The facts that were replaced, to be compared with results.

    Args:
        replaced: the facts, the latest first.
    """

    def __init__(self, replaced: list[Replaced]) -> None:
        self._replaced = replaced

    @classmethod
    def read(cls) -> "Disputes":
        """Read the user's replaced facts; none where a server keeps the memories, or where they cannot be read."""
        try:
            file = paths.memory_file()
            return cls(_replaced(file, _stamp(file), _stamp(f"{file}-wal"))) if file else cls([])
        except MemoryRouterError:  # the backend of memories tells what is wrong
            return cls([])

    def told(self, text: str, project: str | None, said: float | None = None) -> dict[str, str]:
        """Return `disputed_by` with the id of the fact in force, if a text repeats what that replaced; else nothing.

        Args:
            text: a passage.
            project: what it belongs to; None or empty for everywhere.
            said: when it was said, in seconds since the epoch, if that is known: what is newer than the fact in
                force is not disputed by it.
        """
        open_to = [
            one
            for one in self._replaced
            if (not project or admits(one.project, project)) and (said is None or said < one.since)
        ]
        if not open_to:
            return {}
        sentences = [_words(sentence) for sentence in _SENTENCE_END.split(text)]
        for one in open_to:
            if any(one.is_repeated_by(sentence) for sentence in sentences):
                return {"disputed_by": f"totalrecall:{one.current}"}
        return {}


@functools.lru_cache(maxsize=1)
def _replaced(file: str, *_stamps: tuple[int, ...]) -> list[Replaced]:
    """Return the replaced facts of a database, which are read anew when something is written there."""
    connection = open_read_only(file, SCHEMA)
    if connection is None:
        return []
    with named_errors(file), closing(connection):
        rows: list[Any] = connection.execute(_REPLACED, (_MOST,)).fetchall()
    return [one for row in rows if (one := _compared(*row))]


def _stamp(file: str) -> tuple[int, ...]:
    try:
        status = os.stat(file)
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _compared(text: str, project: str | None, current: str, now: str, since: float) -> Replaced | None:
    words, newer = _words(text), _words(now)
    if len(words) < _FEWEST or not newer - words:
        return None
    return Replaced(words, words - newer, newer - words, project, current, since)


def _words(text: str) -> frozenset[str]:
    return frozenset(stem for stem in stems(text) if not is_stop_word(stem))


# Each replaced fact with the one in force: the end of its chain.
_REPLACED = """
    WITH RECURSIVE chain(row, id, hops) AS (
        SELECT row, superseded_by, 1 FROM memories WHERE superseded_by IS NOT NULL
        UNION ALL
        SELECT chain.row, m.superseded_by, hops + 1 FROM chain JOIN memories m ON m.id = chain.id
        WHERE m.superseded_by IS NOT NULL AND hops < 100
    )
    SELECT old.text, old.project, new.id, new.text, new.created
    FROM chain JOIN memories old ON old.row = chain.row JOIN memories new ON new.id = chain.id
    WHERE new.superseded_by IS NULL ORDER BY new.created DESC LIMIT ?
"""
