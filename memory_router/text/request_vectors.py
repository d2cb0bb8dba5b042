"""Turn a request into a vector that says what it means, so that requests can be compared (seed 000, Embeddings).

Static word vectors where their package can be loaded. Otherwise words and their parts are hashed into as many
dimensions (feature hashing; Weinberger et al. 2009): that finds the same words in another order or form, and no
synonyms. Vectors of different models are never compared: each is kept with the name of its model.
"""

import math
import re
import zlib
from array import array
from functools import lru_cache
from operator import mul
from typing import TYPE_CHECKING, Protocol

from memory_router.text.words import is_stop_word

if TYPE_CHECKING:
    from memory_router.text.embedding import StaticEmbedding

_DIMENSION = 256
_WORD = re.compile(r"[^\W_]+")
_PART_LENGTH = 4
# The weight of all parts of a word together; the word itself has 1.
_PARTS_SHARE = 0.5


class Model(Protocol):
    """Embed requests.

    Attributes:
        name: what vectors of this model are kept under.
        reach: the most bits in which the signatures of two requests differ whose cosine is over 0.8.
    """

    name: str
    reach: int

    def embed(self, request: str) -> "array[float]":
        """Return a request as 256 numbers of unit length, or zeros if nothing in it tells."""


class _StaticWords:
    # Measured on the 550 questions of worlds A, B, E and F: 51 bits at most for a cosine over 0.8, 126 between any two.
    reach = 80

    def __init__(self, static: "StaticEmbedding") -> None:
        self.name = f"{static.identity.name}-requests"
        self._static = static

    def embed(self, request: str) -> "array[float]":
        return self._static.embed(request.lower(), _weight)


class _HashedWords:
    name = "hashed-words-256"
    # Most of its numbers are zero: 12 bits at most on the same questions, 22 between any two.
    reach = 24

    def embed(self, request: str) -> "array[float]":
        total = [0.0] * _DIMENSION
        for word in _WORD.findall(request.lower()):
            for feature, share in _features(word):
                number = zlib.crc32(feature.encode())
                total[number % _DIMENSION] += share if number & 0x8000_0000 else -share
        length = math.sqrt(math.fsum(value * value for value in total)) or 1.0
        return array("f", (value / length for value in total))


@lru_cache(maxsize=1)
def model() -> Model:
    """Return the best model that is installed; it is opened once a process."""
    from memory_router.text import embedding

    static = embedding.load()
    return _StaticWords(static) if static else _HashedWords()


def cosine(left: "array[float]", right: "array[float]") -> float:
    """Return the cosine of two vectors of unit length."""
    return math.fsum(map(mul, left, right))


def signature(vector: "array[float]") -> int:
    """Return the signs of a vector's numbers as bits: vectors that are alike differ in few of them."""
    bits = 0
    for value in vector:
        bits = bits << 1 | (value > 0)
    return bits


def telling_words(request: str) -> str:
    """Return the words of a request that say what it is about."""
    return " ".join(filter(_weight, _WORD.findall(request.lower())))


def _weight(word: str) -> float:
    return 0.0 if is_stop_word(word) else 1.0


def _features(word: str) -> list[tuple[str, float]]:
    """Return a word and its parts, by which its other forms are found, each with what it counts."""
    if not _weight(word):
        return []
    marked = f"<{word}>"
    parts = [marked[at : at + _PART_LENGTH] for at in range(max(len(marked) - _PART_LENGTH + 1, 1))]
    return [(marked, 1.0), *((part, _PARTS_SHARE / len(parts)) for part in parts)]
