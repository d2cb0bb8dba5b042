"""Hold the vectors of an index in memory, for a process that answers many questions.

That is several times as fast as to read them from the index for each question, and worth neither its memory nor the
import of numpy for a single one.
"""

from typing import Any

import apsw

_ALL = "SELECT chunk, vector FROM chunk_vectors"
_VERSION = "PRAGMA data_version"
# Questions that an index answers, unchanged, before its vectors are held; and how many are held, 1 KB each.
_QUESTIONS = 3
_MOST = 50_000


class ResidentVectors:
    """Find the nearest vectors in memory once an index has answered a few questions and does not change.

    Args:
        connection: the open index.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._version = -1
        self._asked = 0
        self._held: Any = None

    def nearest(self, vector: bytes, limit: int) -> list[tuple[int, float]] | None:
        """Return the nearest chunks with their cosine, nearest first; None if the vectors are not held.

        Args:
            vector: one signed byte a dimension.
            limit: how many at the most.
        """
        version = self._connection.execute(_VERSION).get
        if version != self._version:
            self._version, self._asked, self._held = version, 0, None
        self._asked += 1
        if self._asked == _QUESTIONS:
            self._held = _read(self._connection)
        if self._held is None:
            return None
        import numpy as np

        chunks, matrix = self._held
        asked = np.frombuffer(vector, np.int8).astype(np.float32)
        if asked.size != matrix.shape[1]:
            return None
        # Not by BLAS: its threads would wait for each other on processors that other questions need.
        cosines = np.einsum("ij,j->i", matrix, asked / np.sqrt(np.einsum("i,i", asked, asked)))
        first = np.argpartition(-cosines, limit - 1)[:limit] if limit < cosines.size else np.arange(cosines.size)
        first = first[np.lexsort((first, -cosines[first]))]
        return list(zip(chunks[first].tolist(), cosines[first].tolist(), strict=True))


def _read(connection: apsw.Connection) -> Any:
    """Return the chunks and their vectors, each of length one; None if there are none, too many, or no numpy."""
    if not 0 < int(connection.execute("SELECT count(*) FROM chunk_vectors").get) <= _MOST:
        return None
    try:
        import numpy as np
    except ImportError:
        return None
    rows: list[Any] = connection.execute(_ALL).fetchall()
    if len({len(vector) for _, vector in rows}) != 1:
        return None
    matrix = np.frombuffer(b"".join(vector for _, vector in rows), np.int8).reshape(len(rows), -1).astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    matrix /= np.maximum(lengths, 1e-9)[:, None]
    return np.array([chunk for chunk, _ in rows]), matrix
