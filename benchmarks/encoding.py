"""Encode the passages of a store as `memory-router index --meaning` does, each text once however often a store is made.

What was encoded is kept in a file of the temporary folder, because a world takes minutes and is asked in many ways.
"""

import hashlib
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from memory_router.engines.documents import schema as documents
from memory_router.engines.documents import store
from memory_router.engines.tiers import recall
from memory_router.engines.tiers import schema as tiers
from memory_router.engines.transcripts import schema as transcripts
from memory_router.engines.transcripts import vectors as turns
from memory_router.retrieval import models, vectors
from memory_router.storage.sqlite import open_database
from memory_router.text.embedding import quantized
from memory_router.text.question_vector import QuestionVector

KEPT = Path(tempfile.gettempdir()) / "memory-router-encoded.db"

Pending = Callable[[apsw.Connection, int, int], Sequence[vectors.UnembeddedPassage]]


class KeptEncoder:
    """The encoder, with a memory.

    Raises:
        RuntimeError: this machine has no encoder.
    """

    is_weighted = False
    is_calibrated = True

    def __init__(self, file: Path = KEPT) -> None:
        loaded = models.encoder(threads=2)
        if isinstance(loaded, str):
            raise RuntimeError(loaded)
        self._encoder = loaded
        self.identity = loaded.identity
        self._kept = sqlite3.connect(file)
        self._kept.execute("CREATE TABLE IF NOT EXISTS encoded(text BLOB PRIMARY KEY, vector BLOB NOT NULL)")

    def embed(self, text: str, _weight: object = None, _seconds: float = 0.0) -> Any:
        """Return the vector of a question."""
        return self._made(f"question {text}", lambda: self._encoder.embed(text, _alike))

    def embed_all(self, texts: Sequence[str], _weight: object = None, _around: Sequence[str] = ()) -> Any:
        """Return the vectors of passages."""
        return np.array([self._passage(text) for text in texts])

    def encode(self, connection: apsw.Connection, pending: Pending) -> None:
        """Encode the passages of an open store."""
        vectors.refresh(connection, self, partial(pending, connection))

    def encode_home(self, home: Path) -> None:
        """Encode everything that a home holds."""
        for name, schema, pending in (
            ("cache/documents.db", documents.SCHEMA, store.without_vectors),
            ("data/memory.db", tiers.SCHEMA, recall.without_vectors),
            ("data/conversations.db", transcripts.SCHEMA, turns.without_meaning),
        ):
            with closing(open_database(str(home / name), schema)) as connection:
                self.encode(connection, pending)

    def vector(self, question: str) -> str:
        """Return the vector of a question, written."""
        return QuestionVector(self.identity.name, quantized(self.embed(question))).written()

    def _passage(self, text: str) -> Any:
        return self._made(f"passage {text}", lambda: self._encoder.embed_all([text], _alike)[0])

    def _made(self, text: str, make: Callable[[], Any]) -> Any:
        key = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
        row = self._kept.execute("SELECT vector FROM encoded WHERE text = ?", (key,)).fetchone()
        if row is None:
            row = (np.asarray(make(), np.float32).tobytes(),)
            with self._kept:
                self._kept.execute("INSERT OR IGNORE INTO encoded VALUES (?, ?)", (key, *row))
        return np.frombuffer(row[0], np.float32)


def _alike(_word: str) -> float:
    return 1.0
