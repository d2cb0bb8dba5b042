"""Skip patterns that cannot match: each has hints, and to look up the words of a text costs less than to search it."""

import re
from collections.abc import Iterable
from itertools import chain

from memory_router.text.terms import words_in
from memory_router.text.word_cache import WordCache

_BEGINNING = re.compile(r"[^\W\d_]{1,4}")


class Hints:
    """Tells which patterns may match a text.

    Args:
        patterns: patterns, each behind its hints: the first four letters of words of which a text that it matches
            holds one, the rarest word of each alternative.
    """

    def __init__(self, patterns: Iterable[tuple[str, str]]) -> None:
        self._patterns: dict[str, tuple[str, ...]] = {}
        for hints, pattern in patterns:
            for hint in hints.split():
                self._patterns[hint] = (*self._patterns.get(hint, ()), pattern)
        self._by_word = WordCache(self._hinted_by)

    def patterns_for(self, text: str) -> set[str]:
        """Return the patterns that may match a text in lower case."""
        return {*chain.from_iterable({*map(self._by_word.__getitem__, words_in(text))})}

    def _hinted_by(self, word: str) -> tuple[str, ...]:
        beginning = _BEGINNING.match(word)
        return self._patterns.get(beginning[0], ()) if beginning else ()
