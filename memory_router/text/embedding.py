"""Turn texts into vectors with the static token table that the package `wordllama` ships; no network, no model run.

A text is the sum of its words' vectors, each weighted by how rare the word is in the searched store: without these
weights the vectors are poor, with them they find what shares no word with the question. The two data files are read
directly, because the package's own loader looks for the network; the question side needs neither numpy nor a
tokenizer library, so that a cold process stays quick.
"""

import json
import math
import mmap
import re
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from operator import mul
from os import path
from typing import Any, NamedTuple, Protocol

STATIC_NAME = "wordllama-l2-supercat"
ENCODER_NAME = "multilingual-e5-small-q4"

_FOLDER = "wordllama"
_TABLE = path.join("weights", "l2_supercat_256.safetensors")
_VOCABULARY = path.join("tokenizers", "l2_supercat_tokenizer_config.json")
_SPACE = "\u2581"
_LONGEST_WORD = 40
_KEPT_PIECES = 50_000
# How many rows of the table are kept at hand, 8 kB each: more than a few pages of text need.
_KEPT_ROWS = 2000
_WORD = re.compile(r"[^\W_]+")

# The weight of the text around a passage, the passage itself having 1: of 0.2, 0.3, 0.5 and 0.8 it has the best
# recall@10 of turns by vectors, .500 on the mean of worlds A, B, E and F; passages of files differ by .003.
_AROUND = 0.5

Weight = Callable[[str], float]


class RemoteModelError(Exception):
    """A model elsewhere did not answer, or not with what was asked for; the message says what happened, no secrets."""


class ModelIdentity(NamedTuple):
    """What made a vector: vectors of different identities cannot be compared."""

    name: str
    dimension: int

    def fits(self, other: "ModelIdentity") -> bool:
        """Return whether vectors of both can be compared; 0 is an unknown dimension, which only an answer will tell."""
        return self.name == other.name and (self.dimension in (0, other.dimension))


class Embedding(Protocol):
    """A model that turns texts into vectors of unit length.

    Attributes:
        identity: what makes the vectors; its dimension is 0 where only an answer will tell.
        is_weighted: whether the weights of words matter, so that vectors age as the store grows.
        is_calibrated: whether relevance is known to tell with this model's cosines.
    """

    @property
    def identity(self) -> ModelIdentity:
        """Return what makes the vectors."""

    @property
    def is_weighted(self) -> bool:
        """Return whether the weights of words matter."""

    @property
    def is_calibrated(self) -> bool:
        """Return whether relevance is known to tell with its cosines."""

    def embed(self, text: str, weight: Weight, seconds: float = ..., /) -> "array[float]":
        """Return the vector of a question, within some seconds."""

    def embed_all(self, texts: Sequence[str], weight: Weight, around: Sequence[str] = (), /) -> Any:
        """Return the vectors of passages, one row a text: a numpy array or lists."""


class StaticEmbedding:
    """Embed texts as weighted sums of static word vectors; get one from `load`."""

    is_weighted = True
    is_calibrated = True

    def __init__(self, folder: str) -> None:
        with open(path.join(folder, _TABLE), "rb") as file:
            self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = struct.unpack_from("<Q", self._file)[0]
        (table,) = (value for key, value in json.loads(self._file[8 : 8 + header]).items() if key != "__metadata__")
        if table["dtype"] != "F16":
            raise ValueError(f"float16 expected, {table['dtype']} found")
        rows, dimension = table["shape"]
        self._shape = rows, dimension
        self._start = 8 + header + table["data_offsets"][0]
        self._row = struct.Struct(f"<{dimension}e")
        self._tokens = _vocabulary(path.join(folder, _VOCABULARY))
        self.identity = ModelIdentity(STATIC_NAME, dimension)
        self._pieces = lru_cache(_KEPT_PIECES)(self._cut)
        self._values = lru_cache(_KEPT_ROWS)(self._read)

    def embed(self, text: str, weight: Weight, _seconds: float = math.inf) -> "array[float]":
        """Return one text as a vector of unit length, or of zeros if nothing in it has a weight.

        Args:
            text: any text; a question, as it is cheap without preparation.
            weight: how much a lower-case word tells, usually its idf in the searched store; 0 leaves it out.
        """
        weighted = _weighted(text, weight)
        if not weighted:
            return array("f", bytes(4 * self.identity.dimension))
        rows = [(row, factor) for word, factor in weighted for row in self._pieces(word)]
        factors = [factor for _, factor in rows]
        columns = zip(*(self._values(row) for row, _ in rows), strict=True)
        # The length is made one below, so that equal factors need not be multiplied with: a third of the time.
        is_even = min(factors) == max(factors)
        total = [sum(column if is_even else map(mul, factors, column)) for column in columns]
        length = math.sqrt(math.fsum(value * value for value in total)) or 1.0
        return array("f", (value / length for value in total))

    def embed_all(self, texts: Sequence[str], weight: Weight, around: Sequence[str] = ()) -> Any:
        """Return many texts as a float32 numpy array, one row a text, each as `embed` would give it.

        Args:
            texts: the passages.
            weight: as for `embed`.
            around: what stands around each of them (headings, neighbours), or nothing.
        """
        import numpy as np

        table = np.frombuffer(self._file, np.float16, math.prod(self._shape), self._start).reshape(self._shape)
        words = _Numbered()
        held = [[words[word] for word in dict.fromkeys(_WORD.findall(text))] for text in texts]
        beside = [[words[word] for word in dict.fromkeys(_WORD.findall(text))] for text in around]
        vectors = np.zeros((len(words), self.identity.dimension), np.float32)
        for word, number in words.items():
            if factor := weight(word.lower()):
                vectors[number] = factor * table[self._pieces(word)].sum(0, dtype=np.float32)
        rows = np.zeros((len(texts), self.identity.dimension), np.float32)
        for share, passages in ((1.0, held), (_AROUND, beside)):
            for row, numbers in zip(rows, passages, strict=False):
                np.add(row, share * vectors[numbers].sum(0), out=row)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(lengths > 0, lengths, 1)

    def _read(self, row: int) -> tuple[float, ...]:
        return self._row.unpack_from(self._file, self._start + row * self._row.size)

    def _cut(self, word: str) -> list[int]:
        """Return the table's rows of a word: byte pair encoding, in which the earlier token merges first."""
        tokens = self._tokens
        parts = [_SPACE, *word[:_LONGEST_WORD]]
        unknown = len(tokens)
        while len(parts) > 1:
            merged = [tokens.get(left + right, unknown) for left, right in pairwise(parts)]
            best = min(merged)
            if best == unknown:
                break
            at = merged.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [row for part in parts for row in self._rows(part)]

    def _rows(self, part: str) -> Iterable[int]:
        if part in self._tokens:
            return (self._tokens[part],)
        return (self._tokens[f"<0x{byte:02X}>"] for byte in part.encode("utf-8", "replace"))


@lru_cache(maxsize=1)
def load() -> StaticEmbedding | None:
    """Open the table, memory-mapped and once a process; return None when the package is not installed.

    `install_command()` of `errors` says what repairs the installation.
    """
    spec = find_spec(_FOLDER)
    if spec is None or spec.origin is None:
        return None
    try:
        return StaticEmbedding(path.dirname(spec.origin))
    except (OSError, ValueError, LookupError, struct.error):  # a package of another version, or damaged
        return None


def quantized(vector: Sequence[float]) -> bytes:
    """Return a vector with one signed byte a dimension; the cosine does not depend on the scale."""
    largest = max(map(abs, vector), default=0.0)
    return array("b", (round(value / largest * 127) for value in vector)).tobytes() if largest else bytes(len(vector))


def quantized_all(rows: Any) -> list[bytes]:
    """Return the rows of a numpy array as `quantized` does."""
    import numpy as np

    largest = np.abs(rows).max(1, keepdims=True)
    scaled = np.divide(rows, largest, dtype=np.float64, where=largest > 0, out=np.zeros(rows.shape))
    return [row.tobytes() for row in np.rint(scaled * 127).astype(np.int8)]


class _Numbered(dict[str, int]):
    """Number words in the order in which they are met."""

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        return number


def _weighted(text: str, weight: Weight) -> list[tuple[str, float]]:
    """Return a text's different words with their weights; case is kept, since the table knows names by it."""
    weights = {word: weight(word.lower()) for word in _WORD.findall(text)}
    return [(word, factor) for word, factor in weights.items() if factor > 0]


def _vocabulary(file_name: str) -> dict[str, int]:
    """Return each token's row; of the file only this member is decoded, for a cold process waits for it."""
    with open(file_name, "rb") as file:
        data = file.read()
    start = data.index(b"{", data.index(b'"vocab"'))
    tokens: dict[str, int] = json.loads(data[start : data.rindex(b"}", start, data.index(b'"merges"', start)) + 1])
    return tokens
