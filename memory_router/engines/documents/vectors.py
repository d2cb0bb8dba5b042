"""Keep a vector beside every passage and find those that lie nearest to a question's.

One byte a dimension and brute force by `sqlite-vec`: 10,000 passages take four milliseconds and 2.5 MB, and nothing
has to be trained or kept balanced. The vectors are made with the idf of this index; once it has grown by half they
are made anew.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import apsw

from memory_router.engines.documents.document import surroundings
from memory_router.storage.sqlite import load_distances, writing
from memory_router.text import words
from memory_router.text.embedding import Identity, StaticEmbedding, quantized
from memory_router.text.relevance import idf, stemmer

_BATCH = 2000
_GROWTH = 1.5

_CREATED_FOR = "SELECT name, dimension, chunks FROM vector_model"
_NEAREST = """
    SELECT chunk, 1 - vec_distance_cosine(vec_int8(vector), vec_int8(:vector)) AS likeness FROM chunk_vectors
    ORDER BY likeness DESC LIMIT :limit
"""
_OF_CHUNKS = """
    SELECT v.chunk, 1 - vec_distance_cosine(vec_int8(v.vector), vec_int8(:vector)) AS likeness
    FROM json_each(:chunks) wanted JOIN chunk_vectors v ON v.chunk = wanted.value
"""
_NEAREST_AMONG = f"{_OF_CHUNKS} ORDER BY likeness DESC LIMIT :limit"
_PASSAGES = """
    SELECT c.id, c.text, f.title, c.heading, c.file, c.position FROM chunks c JOIN files f ON f.id = c.file
    WHERE c.id NOT IN (SELECT chunk FROM chunk_vectors) ORDER BY c.id LIMIT ?
"""


class Passage(NamedTuple):
    """Hold a passage that has no vector yet, with what stands around it."""

    chunk: int
    text: str
    around: str


class Vectors:
    """Compare a question with the vectors of one index; open with `Vectors.open`."""

    def __init__(self, connection: apsw.Connection, embedding: StaticEmbedding, weight: Callable[[str], float]) -> None:
        self._connection = connection
        self._embedding = embedding
        self._weight = weight

    @classmethod
    def open(
        cls, connection: apsw.Connection, embedding: StaticEmbedding | None, weight: Callable[[str], float]
    ) -> "Vectors | str":
        """Return the vectors of an index, or one sentence that says why there are none to compare with.

        Args:
            connection: an open index; it learns the distance functions.
            embedding: what questions are embedded with, None where it is not installed.
            weight: idf of a word in this index.
        """
        held = connection.execute(_CREATED_FOR).fetchone()
        if embedding is None:
            return "Vectors are not installed. Run: pip install 'memory-router[vectors]'"
        if held is None:
            return "The index holds no vectors yet. Run: memory-router index"
        if held[:2] != embedding.identity:
            return f"The index holds vectors of {held[0]}, not of {embedding.identity.name}. Run: memory-router index"
        if not load_distances(connection):
            return "The extension sqlite-vec is missing. Run: pip install 'memory-router[vectors]'"
        return cls(connection, embedding, weight)

    def of(self, question: str) -> bytes:
        """Return a question's vector in the form in which vectors are stored."""
        vector = self._embedding.embed(question, lambda word: 0.0 if words.is_stop_word(word) else self._weight(word))
        return quantized(vector)

    def nearest(self, vector: bytes, limit: int, chunks: Sequence[int] | None = None) -> dict[int, float]:
        """Return the nearest chunks with their cosine, nearest first.

        Args:
            vector: what `of` gave.
            limit: how many at the most.
            chunks: ids of the only chunks to look at, or None for all.
        """
        if not any(vector):
            return {}
        if chunks is None:
            return dict(self._connection.execute(_NEAREST, {"vector": vector, "limit": limit}))
        bindings = {"vector": vector, "limit": limit, "chunks": json.dumps(chunks)}
        return dict(self._connection.execute(_NEAREST_AMONG, bindings))

    def likeness(self, vector: bytes, chunks: Sequence[int]) -> dict[int, float]:
        """Return the cosine of given chunks; those without a vector are missing."""
        if not any(vector):
            return {}
        return dict(self._connection.execute(_OF_CHUNKS, {"vector": vector, "chunks": json.dumps(chunks)}))


def refresh(connection: apsw.Connection, embedding: StaticEmbedding | None) -> int:
    """Give every chunk without a vector one; make all anew for another model or a store half as large again.

    Each batch is a transaction, so an interrupted run goes on where it ended.

    Args:
        connection: an index opened for writing, outside a transaction.
        embedding: what to embed with; without it nothing is done.

    Returns:
        How many chunks were embedded.
    """
    if embedding is None:
        return 0
    chunks = int(connection.execute("SELECT chunks FROM totals").get)
    held = connection.execute(_CREATED_FOR).fetchone()
    if held is None or held[:2] != embedding.identity or not chunks / _GROWTH <= held[2] <= chunks * _GROWTH:
        _begin(connection, embedding.identity, chunks)
    weight = _store_weight(connection, chunks)
    embedded = 0
    while batch := list(_passages(connection)):
        texts, around = [one.text for one in batch], [one.around for one in batch]
        rows = embedding.embed_all(texts, weight, around)
        with writing(connection):
            connection.executemany(
                "INSERT INTO chunk_vectors(chunk, vector) VALUES (?, ?)",
                ((one.chunk, quantized(row)) for one, row in zip(batch, rows.tolist(), strict=True)),
            )
        embedded += len(batch)
    return embedded


def _begin(connection: apsw.Connection, identity: Identity, chunks: int) -> None:
    with writing(connection):
        connection.execute("DELETE FROM chunk_vectors")
        connection.execute("DELETE FROM vector_model")
        connection.execute("INSERT INTO vector_model VALUES (?, ?, ?)", (*identity, chunks))


def _passages(connection: apsw.Connection) -> Iterator[Passage]:
    """Yield a batch of chunks without vectors."""
    rows: list[Any] = connection.execute(_PASSAGES, (_BATCH,)).fetchall()
    texts: dict[int, list[str]] = {}
    for chunk, text, title, heading, file, position in rows:
        if file not in texts:
            held = connection.execute("SELECT text FROM chunks WHERE file = ? ORDER BY position", (file,))
            texts[file] = [str(one) for (one,) in held]
        yield Passage(chunk, text, f"{title}\n{heading}\n{surroundings(texts[file], position)}")


def _store_weight(connection: apsw.Connection, chunks: int) -> Callable[[str], float]:
    """Return the idf of words, from all words of the index at once."""
    sql = "SELECT term, max(doc) FROM chunk_words WHERE col <> 'context' GROUP BY term"
    frequencies = dict(connection.execute(sql))
    stems = stemmer(connection)

    @lru_cache(maxsize=100_000)
    def weight(word: str) -> float:
        return max((idf(chunks, frequencies.get(stem, 0)) for stem in stems(word)), default=0.0)

    return weight
