"""Keep a vector beside every passage and find those that lie nearest to a question's.

One byte a dimension and brute force by `sqlite-vec`: 10,000 passages take four milliseconds and 2.5 MB, and nothing
has to be trained or kept balanced. Static vectors are made with the idf of this index; once it has grown by half they
are made anew. An unknown model's cosines are brought to a scale for which the relevance is known to tell.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import apsw

from memory_router.engines.documents.resident import ResidentVectors
from memory_router.sources.document import surroundings
from memory_router.storage.sqlite import load_distances, writing
from memory_router.text import words
from memory_router.text.embedding import Embedding, Identity, UnansweredError, quantized, quantized_all
from memory_router.text.relevance import idf, stemmer

# Passages of one transaction: static vectors are made in no time, of other models' little work may be lost.
_BATCH, _SLOW_BATCH = 2000, 128
_GROWTH = 1.5
# Of how many passages the scale of a model is taken, and how a question lies to passages at large by all-MiniLM-L6-v2:
# mean and deviation of the cosine over LoCoMo development questions.
_SAMPLED, _FEWEST = 200, 50
_MEAN, _DEVIATION = 0.255, 0.121

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
    """Hold a passage that has no vector yet, with the title and headings above it and what stands around it."""

    chunk: int
    text: str
    above: str
    around: str


class Vectors:
    """Compare a question with the vectors of one index; open with `Vectors.open`."""

    def __init__(
        self, connection: apsw.Connection, embedding: Embedding, dimension: int, weight: Callable[[str], float]
    ) -> None:
        self._connection = connection
        self._embedding = embedding
        self._dimension = dimension
        self._weight = weight
        self._asked: tuple[str, bytes] = ("", b"")
        self._scale = (0.0, 1.0)
        self._resident = ResidentVectors(connection)

    @classmethod
    def open(
        cls, connection: apsw.Connection, embedding: Embedding | str, weight: Callable[[str], float]
    ) -> "Vectors | str":
        """Return the vectors of an index, or one sentence that says why there are none to compare with.

        Args:
            connection: an open index; it learns the distance functions.
            embedding: what questions are embedded with, or why it cannot be used.
            weight: idf of a word in this index.
        """
        held = connection.execute(_CREATED_FOR).fetchone()
        if isinstance(embedding, str):
            return embedding
        if held is None:
            return "The index holds no vectors yet. Run: memory-router index"
        if not embedding.identity.fits(Identity(*held[:2])):
            return f"The index holds vectors of {held[0]}, not of {embedding.identity.name}. Run: memory-router index"
        if not load_distances(connection):
            return "The extension sqlite-vec is missing. Run: pip install 'memory-router[vectors]'"
        return cls(connection, embedding, held[1], weight)

    @property
    def reads_sentences(self) -> bool:
        """Say whether the model reads a text as a whole, not word by word."""
        return not self._embedding.is_weighted

    def prepare(self, question: str, seconds: float) -> str:
        """Embed a question; return one sentence that says why that failed, or nothing.

        Args:
            question: any text.
            seconds: how long it may take.
        """
        if self._asked[0] == question and self._asked[1]:
            return ""
        weight = lambda word: 0.0 if words.is_stop_word(word) else self._weight(word)  # noqa: E731
        try:
            vector = self._embedding.embed(question, weight, seconds)
        except UnansweredError as error:
            return f"The question could not be embedded: {error}"
        if len(vector) != self._dimension:
            return (
                f"{self._embedding.identity.name} gives {len(vector)} numbers, and the index holds {self._dimension}."
                " Run: memory-router index"
            )
        self._asked = question, quantized(vector)
        self._scale = (0.0, 1.0) if self._embedding.is_calibrated else self._scale_of(self._asked[1])
        return ""

    def of(self, question: str) -> bytes:
        """Return a question's vector in the form in which vectors are stored; it was prepared."""
        return self._asked[1] if self._asked[0] == question else b""

    def nearest(self, vector: bytes, limit: int, chunks: Sequence[int] | None = None) -> dict[int, float]:
        """Return the nearest chunks with their cosine, nearest first.

        Args:
            vector: what `of` gave.
            limit: how many at the most.
            chunks: ids of the only chunks to look at, or None for all.
        """
        if not any(vector):
            return {}
        if chunks is None and (held := self._resident.nearest(vector, limit)) is not None:
            return self._scaled(held)
        if chunks is None:
            return self._scaled(self._connection.execute(_NEAREST, {"vector": vector, "limit": limit}))
        bindings = {"vector": vector, "limit": limit, "chunks": json.dumps(chunks)}
        return self._scaled(self._connection.execute(_NEAREST_AMONG, bindings))

    def likeness(self, vector: bytes, chunks: Sequence[int]) -> dict[int, float]:
        """Return the cosine of given chunks; those without a vector are missing."""
        if not any(vector):
            return {}
        return self._scaled(self._connection.execute(_OF_CHUNKS, {"vector": vector, "chunks": json.dumps(chunks)}))

    def _scaled(self, rows: Iterable[Any]) -> dict[int, float]:
        shift, factor = self._scale
        return {chunk: shift + factor * cosine for chunk, cosine in rows}

    def _scale_of(self, vector: bytes) -> tuple[float, float]:
        """Return what brings an unknown model's cosines to the scale of a known one: a shift and a factor.

        How a question lies to passages at large tells a model's scale; a small index has too few to tell.
        """
        last = int(self._connection.execute("SELECT coalesce(max(chunk), 0) FROM chunk_vectors").get)
        sample = json.dumps(list(range(1, last + 1, max(1, last // _SAMPLED))))
        cosines = [cosine for _, cosine in self._connection.execute(_OF_CHUNKS, {"vector": vector, "chunks": sample})]
        if len(cosines) < _FEWEST:
            return 0.0, 1.0
        mean = math.fsum(cosines) / len(cosines)
        deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in cosines) / len(cosines))
        factor = _DEVIATION / max(deviation, 1e-6)
        return _MEAN - factor * mean, factor


def refresh(connection: apsw.Connection, embedding: Embedding | None) -> int:
    """Give every chunk without a vector one; make all anew for another model or a store half as large again.

    Each batch is a transaction, so an interrupted run goes on where it ended.

    Args:
        connection: an index opened for writing, outside a transaction.
        embedding: what to embed with; without it nothing is done.

    Returns:
        How many chunks were embedded.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer; what was embedded is kept.
    """
    if embedding is None:
        return 0
    chunks = int(connection.execute("SELECT chunks FROM totals").get)
    held = connection.execute(_CREATED_FOR).fetchone()
    if (
        held is None
        or not embedding.identity.fits(Identity(*held[:2]))
        or (embedding.is_weighted and not chunks / _GROWTH <= held[2] <= chunks * _GROWTH)
    ):
        _begin(connection, embedding.identity, chunks)
    weight = _store_weight(connection, chunks) if embedding.is_weighted else lambda _word: 1.0
    embedded = 0
    size = _BATCH if embedding.is_weighted else _SLOW_BATCH
    while batch := list(_passages(connection, size)):
        # A model of sentences reads one text: what it is about belongs to it, what others say does not.
        texts = [one.text if embedding.is_weighted else f"{one.above}\n{one.text}".lstrip() for one in batch]
        around = [f"{one.above}\n{one.around}" for one in batch]
        made = embedding.embed_all(texts, weight, around)
        rows = [quantized(row) for row in made] if isinstance(made, list) else quantized_all(made)
        length = int(connection.execute("SELECT dimension FROM vector_model").get)
        if length not in (0, len(rows[0])):
            if embedded:
                raise UnansweredError(f"{embedding.identity.name} gives vectors of different lengths.")
            _begin(connection, embedding.identity, chunks)
            continue
        with writing(connection):
            connection.execute("UPDATE vector_model SET dimension = ?", (len(rows[0]),))
            connection.executemany(
                "INSERT INTO chunk_vectors(chunk, vector) VALUES (?, ?)",
                ((one.chunk, row) for one, row in zip(batch, rows, strict=True)),
            )
        embedded += len(batch)
    return embedded


def _begin(connection: apsw.Connection, identity: Identity, chunks: int) -> None:
    with writing(connection):
        connection.execute("DELETE FROM chunk_vectors")
        connection.execute("DELETE FROM vector_model")
        connection.execute("INSERT INTO vector_model VALUES (?, ?, ?)", (*identity, chunks))


def _passages(connection: apsw.Connection, size: int) -> Iterator[Passage]:
    """Yield a batch of chunks without vectors."""
    rows: list[Any] = connection.execute(_PASSAGES, (size,)).fetchall()
    texts: dict[int, list[str]] = {}
    for chunk, text, title, heading, file, position in rows:
        if file not in texts:
            held = connection.execute("SELECT text FROM chunks WHERE file = ? ORDER BY position", (file,))
            texts[file] = [str(one) for (one,) in held]
        yield Passage(chunk, text, f"{title}\n{heading}", surroundings(texts[file], position))


def _store_weight(connection: apsw.Connection, chunks: int) -> Callable[[str], float]:
    """Return the idf of words, from all words of the index at once."""
    sql = "SELECT term, max(doc) FROM chunk_words WHERE col <> 'context' GROUP BY term"
    frequencies = dict(connection.execute(sql))
    stems = stemmer(connection)

    @lru_cache(maxsize=100_000)
    def weight(word: str) -> float:
        return max((idf(chunks, frequencies.get(stem, 0)) for stem in stems(word)), default=0.0)

    return weight
