"""The words by which people refer to earlier work and to things of their own, in the six languages of intent.

One file per language with phrases (see `text.phrases`): `back` points to earlier work, by the kind of pointer; `asks`
begins a question; `ours` and `mine` name an owner; `specific` is what stands before a thing that is known; `proposes`
asks what to do next, `general` what anybody could answer, and `at_hand` is about what lies before the agent anyway.
"""

import functools
import json
import os
from collections.abc import Sequence
from typing import NamedTuple

from memory_router.text.languages import languages_of
from memory_router.text.phrases import PhraseIndex, Token

ENGLISH = "en"
_LATIN = ("en", "de", "es", "fr")


class Occasions:
    """Find the phrases of one language.

    Args:
        code: its ISO 639-1 code.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        with open(os.path.join(os.path.dirname(__file__), f"{code}.json"), encoding="utf-8") as file:
            self._phrases = json.load(file)
        back = self._phrases["back"]
        self._pointers = [(name, phrase) for name, phrases in back.items() for phrase in phrases]
        self._back = PhraseIndex([phrase for _, phrase in self._pointers])
        self._kinds: dict[str, PhraseIndex] = {}

    def pointer(self, tokens: Sequence[Token]) -> str | None:
        """Return the kind of pointer to earlier work that a sentence holds, or None."""
        phrase = self._back.first(tokens)
        return self._pointers[phrase.number][0] if phrase else None

    def has(self, kind: str, tokens: Sequence[Token]) -> bool:
        """Return whether a sentence has a phrase of a kind: `asks`, `ours`, `mine` and so on."""
        if kind not in self._kinds:
            self._kinds[kind] = PhraseIndex(self._phrases[kind])
        return self._kinds[kind].first(tokens) is not None


class SentenceReading(NamedTuple):
    """Read a sentence by the phrases of the languages that it may be written in."""

    tokens: Sequence[Token]
    languages: tuple[Occasions, ...]

    def pointer(self) -> str | None:
        """Return the kind of pointer to earlier work, or None."""
        return next(filter(None, (language.pointer(self.tokens) for language in self.languages)), None)

    def has(self, *kinds: str) -> bool:
        """Return whether the sentence has a phrase of one of some kinds."""
        return any(language.has(kind, self.tokens) for language in self.languages for kind in kinds)

    @property
    def is_english(self) -> bool:
        """Return whether the sentence may be English."""
        return any(language.code == ENGLISH for language in self.languages)


def reading(tokens: Sequence[Token]) -> SentenceReading:
    """Return a sentence with the languages that its script and its function words speak for."""
    return SentenceReading(tokens, tuple(map(_occasions, _codes(tokens))))


@functools.cache
def _occasions(code: str) -> Occasions:
    return Occasions(code)


def _codes(tokens: Sequence[Token]) -> Sequence[str]:
    text = "".join(token.word for token in tokens)
    if any("\u3040" <= character <= "\u30ff" for character in text):
        return ("ja",)
    if any("\u4e00" <= character <= "\u9fff" for character in text):
        return ("zh",)
    words = {token.word for token in tokens}
    languages = languages_of(words)
    return [code for code in _LATIN if code in languages] or (_LATIN if languages else (ENGLISH,))
