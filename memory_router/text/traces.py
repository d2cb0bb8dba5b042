"""Recognise what tells of certain texts: words that stand in no other text, and stretches of several words."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from memory_router.text.spelling import normal
from memory_router.text.terms import words_in
from memory_router.text.words import is_stop_word

_Word = TypeVar("_Word", str, bytes)

FORGOTTEN = "[forgotten]"
# This many words in a row are a quotation; a text of fewer words is looked for as a whole, but not one of two.
_QUOTED = 5
_SHORTEST_QUOTED = 3
_SHORTEST_WORD = 3
# Words beyond these tell no more; each is looked up once.
_MOST_WORDS = 5_000
# How many bytes of a file are read at once, and how many of them again with the next ones.
_BLOCK, _OVERLAP = 2**22, 2**10
_SPACED = bytes(byte if byte > 127 or chr(byte).isalnum() else 32 for byte in range(256))


class Traces(NamedTuple):
    """By what certain texts are recognised in others.

    Args:
        words: single words that only these texts hold.
        quotations: stretches of these texts, word by word.
    """

    words: frozenset[str]
    quotations: frozenset[tuple[str, ...]]

    def stand_in(self, text: str | None) -> bool:
        """Return whether a text holds one of the words or quotations, in whatever case."""
        words = _words(text or "")
        if not self.words.isdisjoint(words):
            return True
        lengths = range(_SHORTEST_QUOTED, _QUOTED + 1)
        return any(not self.quotations.isdisjoint(_stretches(words, length)) for length in lengths)

    def blanked(self, value: Any) -> Any:
        """Return decoded JSON, or a text, with every text that holds one of them replaced."""
        if isinstance(value, str):
            return FORGOTTEN if self.stand_in(value) else value
        if isinstance(value, list):
            return [self.blanked(member) for member in value]
        return {name: self.blanked(member) for name, member in value.items()} if isinstance(value, dict) else value


class ByteTraces:
    """Pieces of certain texts, by which files of any format that hold them are recognised.

    Args:
        texts: the texts.
        words: single words that only these texts hold; a text of one or two words is looked for if it has one of them.
    """

    def __init__(self, texts: Iterable[str], words: Collection[str]) -> None:
        self._whole: set[bytes] = set()
        self._pieces: set[tuple[bytes, ...]] = set()
        for text in texts:
            content = text.strip().encode("utf-8", "replace").lower()
            held = _byte_words(content)
            # In a database the first and the last word touch other bytes.
            if len(held) >= _QUOTED + 2:
                self._pieces.update(_stretches(held, _QUOTED))
            elif len(held) >= _SHORTEST_QUOTED or not set(_words(text)).isdisjoint(words):
                self._whole.add(content)

    def stand_in(self, path: str) -> bool:
        """Return whether a file holds one of the pieces, in whatever case of its ASCII letters."""
        with open(path, "rb") as stream:
            read = b""
            while block := stream.read(_BLOCK):
                read = read[-_OVERLAP:] + block.lower()
                if any(text in read for text in self._whole):
                    return True
                if not self._pieces.isdisjoint(_stretches(_byte_words(read), _QUOTED)):
                    return True
        return False


def telling_words(texts: Iterable[str]) -> list[str]:
    """Return the words of texts by which they may be recognised, each once; pairs of unspaced scripts are words."""
    words = dict.fromkeys(word for text in texts for word in _words(text))
    telling = (word for word in words if len(word) >= _SHORTEST_WORD or not word.isascii())
    return [word for word in telling if not is_stop_word(word)][:_MOST_WORDS]


def traces_of(texts: Iterable[str], common: Collection[str]) -> Traces:
    """Return by what texts are recognised.

    Args:
        texts: the texts.
        common: those of their `telling_words` that other texts hold as well.
    """
    texts = list(texts)
    quotations: set[tuple[str, ...]] = set()
    for words in map(_words, texts):
        if len(words) >= _SHORTEST_QUOTED:
            quotations.update(_stretches(words, min(len(words), _QUOTED)))
    return Traces(frozenset(telling_words(texts)).difference(common), frozenset(quotations))


def _words(text: str) -> list[str]:
    return words_in(normal(text).lower())


def _byte_words(content: bytes) -> list[bytes]:
    return content.translate(_SPACED).split()


def _stretches(words: Sequence[_Word], length: int) -> "Iterable[tuple[_Word, ...]]":
    return zip(*(words[start:] for start in range(length)), strict=False)
