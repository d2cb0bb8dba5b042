"""Remember what was made of the words met so far: texts repeat their words, and a look-up costs a hundredth."""

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

_MOST_WORDS = 50_000
# What is longer is not a word of a language and hardly comes again.
_LONGEST = 60


class WordCache(dict[str, _T]):
    """Map words to what a function makes of them; a plain look-up costs a sixth of one in a `functools.lru_cache`.

    Args:
        make: the function, which depends on nothing but the word.
    """

    def __init__(self, make: Callable[[str], _T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, word: str) -> _T:
        made = self._make(word)
        if len(word) <= _LONGEST:
            if len(self) >= _MOST_WORDS:
                self.clear()
            self[word] = made
        return made
