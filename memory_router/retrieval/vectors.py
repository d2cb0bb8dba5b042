"""Keep vectors beside the passages of a store, and find those that lie nearest to a question's.

One bit a dimension chooses the nearest, one byte a dimension orders them: a million passages take 32 MB to look
through. A store may hold the vectors of several models side by side. Where the words of a passage are weighted they
all count alike, so that its vector never ages; the words of a question count by how rare they are in the store.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import apsw

from memory_router.errors import install_command
from memory_router.storage.sqlite import load_distances, writing
from memory_router.text.embedding import Embedding, Identity, UnansweredError, quantized, quantized_all
from memory_router.text.words import is_stop_word

# Passages of one transaction: static vectors are made in no time, of other models' little work may be lost.
_BATCH, _SLOW_BATCH = 2000, 128
# Up to so many short texts are embedded without numpy, whose import takes longer.
_FEW = 16
# How many of those that differ in the fewest bits are compared exactly, for each one wanted.
_OVERSAMPLED = 6
# Of how many passages the scale of a model is taken, and from how many on it says something.
_SAMPLED, _FEWEST = 200, 20
# Mean and deviation of the cosines of static vectors (regression over the results that `fit_relevance.py` labels).
_MEAN, _DEVIATION = 0.060, 0.080

SCHEMA = """
    CREATE TABLE vector_models(model INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL);
    CREATE TABLE vector_bits(
        model INTEGER NOT NULL, id INTEGER NOT NULL, bits BLOB NOT NULL, PRIMARY KEY (model, id)
    ) WITHOUT ROWID;
    CREATE TABLE vectors(
        model INTEGER NOT NULL, id INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, id)
    ) WITHOUT ROWID;
    CREATE TRIGGER {rows}_lose_vectors AFTER DELETE ON {rows} BEGIN
        DELETE FROM vector_bits WHERE model IN (SELECT model FROM vector_models) AND id = old.{key};
        DELETE FROM vectors WHERE model IN (SELECT model FROM vector_models) AND id = old.{key};
    END;
"""

_NEAREST = """
    SELECT id FROM vector_bits WHERE model = ?1
    ORDER BY vec_distance_hamming(vec_bit(bits), vec_quantize_binary(vec_int8(?2))) LIMIT ?3
"""
# A text without a word that tells has a vector of zeros, which has no distance to anything.
_COSINES = """
    SELECT v.id, 1 - coalesce(vec_distance_cosine(vec_int8(v.vector), vec_int8(?2)), 1)
    FROM json_each(?3) wanted CROSS JOIN vectors v ON v.model = ?1 AND v.id = wanted.value
"""
_PUT_BITS = "INSERT OR REPLACE INTO vector_bits VALUES (?1, ?2, vec_quantize_binary(vec_int8(?3)))"
_PUT = "INSERT OR REPLACE INTO vectors VALUES (?1, ?2, ?3)"


class Passage(NamedTuple):
    """A passage to be embedded.

    Args:
        key: its row number.
        text: the passage.
        above: the title and headings above it.
        around: what stands around it.
    """

    key: int
    text: str
    above: str = ""
    around: str = ""


class Vectors:
    """The vectors of one model in one store; open with `Vectors.open`."""

    def __init__(self, connection: apsw.Connection, embedding: Embedding, model: int, dimension: int) -> None:
        self._connection = connection
        self._embedding = embedding
        self._model = model
        self._dimension = dimension
        self._asked: tuple[str, bytes] = ("", b"")

    @classmethod
    def open(cls, connection: apsw.Connection, embedding: Embedding | str) -> "Vectors | str":
        """Return the vectors of a store, or one sentence that says why they cannot be compared.

        Args:
            connection: an open store; it learns the distance functions.
            embedding: what questions are embedded with, or why it cannot be used.
        """
        if isinstance(embedding, str):
            return embedding
        name = embedding.identity.name
        row = connection.execute("SELECT model, dimension FROM vector_models WHERE name = ?", (name,)).fetchone()
        if row is None:
            held = connection.execute("SELECT name FROM vector_models").get
            if held is None:
                return "The index holds no vectors yet. Run: memory-router index"
            return f"The index holds vectors of {held}, not of {name}. Run: memory-router index"
        if not load_distances(connection):
            return f"Vectors cannot be compared: sqlite-vec is not installed. Run: {install_command()}"
        return cls(connection, embedding, *row)

    @property
    def model(self) -> str:
        """The name of the model."""
        return self._embedding.identity.name

    @property
    def is_static(self) -> bool:
        """Whether the model sums vectors of words; others read a text as a whole."""
        return self._embedding.is_weighted

    def prepare(self, question: str, weight: Callable[[str], float], seconds: float) -> str:
        """Embed a question; return one sentence that says why that failed, or nothing.

        Args:
            question: any text.
            weight: idf of a lower-case word in this store.
            seconds: how long it may take.
        """
        if self._asked[0] == question and self._asked[1]:
            return ""
        try:
            vector = self._embedding.embed(question, lambda word: 0.0 if is_stop_word(word) else weight(word), seconds)
        except UnansweredError as error:
            return f"The question could not be embedded: {error}"
        if len(vector) != self._dimension:
            return (
                f"{self.model} gives {len(vector)} numbers, and the index holds {self._dimension}."
                " Run: memory-router index"
            )
        self._asked = question, quantized(vector)
        return ""

    def nearest(self, limit: int) -> list[int]:
        """Return the keys of the passages nearest to the prepared question, nearest first."""
        vector = self._asked[1]
        if not any(vector):
            return []
        near = [key for (key,) in self._connection.execute(_NEAREST, (self._model, vector, _OVERSAMPLED * limit))]
        cosines = self._cosines(near)
        return sorted(cosines, key=lambda key: (-cosines[key], key))[:limit]

    def likeness(self, keys: Iterable[int]) -> dict[int, tuple[float, float]]:
        """Return how like the prepared question passages are, by key; those without a vector are left out.

        The first number is the cosine. The second is how far it lies above the cosines of passages at large, in their
        standard deviations: that means the same for every model. It is 0 in a store too small to tell.
        """
        if not any(self._asked[1]):
            return {}
        last = int(self._connection.execute("SELECT max(id) FROM vectors WHERE model = ?", (self._model,)).get or 0)
        sample = self._cosines(range(1, last + 1, max(1, last // _SAMPLED))).values()
        mean, deviation = 0.0, 0.0
        if len(sample) >= _FEWEST:
            mean = math.fsum(sample) / len(sample)
            deviation = math.sqrt(math.fsum((sampled - mean) ** 2 for sampled in sample) / len(sample))
        likeness = {}
        for key, cosine in self._cosines(keys).items():
            standing = (cosine - mean) / deviation if deviation > 1e-6 else 0.0
            # What a cosine means differs from model to model; where it is not known, the standing tells.
            likeness[key] = (cosine if self.is_static else _MEAN + _DEVIATION * standing), standing
        return likeness

    def _cosines(self, keys: Iterable[int]) -> dict[int, float]:
        return dict(self._connection.execute(_COSINES, (self._model, self._asked[1], json.dumps(list(keys)))))


def refresh(
    connection: apsw.Connection,
    embedding: Embedding,
    pending: Callable[[int, int], Sequence[Passage]],
    advanced: Callable[[int], None] = lambda _count: None,
) -> int:
    """Give every passage without a vector one.

    Each batch is a transaction, so an interrupted run goes on where it ended. What another model of the same kind
    made is removed first.

    Args:
        connection: a store opened for writing, outside a transaction.
        embedding: what to embed with.
        pending: returns the next passages after a row number, in order, as many as asked for at most.
        advanced: hears of every batch how many passages were embedded.

    Returns:
        How many passages were embedded.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer; what was embedded is kept.
    """
    if not load_distances(connection):
        return 0
    with writing(connection):
        model = model_number(connection, embedding.identity)
    done = int(connection.execute("SELECT max(id) FROM vectors WHERE model = ?", (model,)).get or 0)
    count, begun_anew = 0, False
    size = _BATCH if embedding.is_weighted else _SLOW_BATCH
    while batch := pending(done, size):
        if not _put(connection, embedding, model, batch):
            if begun_anew:
                raise UnansweredError(f"{embedding.identity.name} gives vectors of different lengths.")
            done, count, begun_anew = 0, 0, True
            continue
        done, count = batch[-1].key, count + len(batch)
        advanced(len(batch))
    return count


def add(connection: apsw.Connection, embedding: Embedding, passages: Sequence[Passage]) -> None:
    """Give passages vectors, outside a transaction; without the vectors of this model in the store, nothing happens.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer.
    """
    model = connection.execute("SELECT model FROM vector_models WHERE name = ?", (embedding.identity.name,)).get
    if model is not None and passages and load_distances(connection):
        _put(connection, embedding, int(model), passages)


def remove(connection: apsw.Connection, keys: Collection[int]) -> None:
    """Remove the vectors of passages inside a transaction, whichever models made them."""
    for table in ("vector_bits", "vectors"):
        sql = f"DELETE FROM {table} WHERE model IN (SELECT model FROM vector_models) AND id = ?"  # noqa: S608 - ours
        connection.executemany(sql, ((key,) for key in keys))


def model_number(connection: apsw.Connection, identity: Identity) -> int:
    """Return the number under which a model's vectors are stored; vectors of other models are removed.

    The caller holds the transaction.
    """
    held = connection.execute("SELECT model FROM vector_models WHERE name = ?", (identity.name,)).get
    if held is not None and connection.execute("SELECT count(*) FROM vector_models").get == 1:
        return int(held)
    for table in ("vector_bits", "vectors", "vector_models"):
        connection.execute(f"DELETE FROM {table} WHERE model IS NOT ?", (held,))  # noqa: S608  # names of ours
    if held is not None:
        return int(held)
    sql = "INSERT INTO vector_models(name, dimension) VALUES (?, ?) RETURNING model"
    return int(connection.execute(sql, identity).get)


def embedded(embedding: Embedding, batch: Sequence[Passage]) -> list[bytes]:
    """Return the vectors of passages, one signed byte a dimension.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer.
    """
    if embedding.is_weighted and len(batch) <= _FEW and not any(passage.above or passage.around for passage in batch):
        return [quantized(embedding.embed(passage.text, _alike)) for passage in batch]
    # A model of sentences reads one text: what it is about belongs to it, what others say does not.
    texts = [
        passage.text if embedding.is_weighted else f"{passage.above}\n{passage.text}".lstrip() for passage in batch
    ]
    made = embedding.embed_all(texts, _alike, [f"{passage.above}\n{passage.around}" for passage in batch])
    return [quantized(row) for row in made] if isinstance(made, list) else quantized_all(made)


def store(connection: apsw.Connection, model: int, vectors: Iterable[tuple[int, bytes]]) -> None:
    """Store vectors by key inside a transaction; those that are there are replaced."""
    rows = [(model, key, vector) for key, vector in vectors]
    connection.executemany(_PUT, rows)
    connection.executemany(_PUT_BITS, rows)


def _put(connection: apsw.Connection, embedding: Embedding, model: int, batch: Sequence[Passage]) -> bool:
    """Embed passages and store their vectors; return False if all vectors were removed, as they had another length."""
    rows = embedded(embedding, batch)
    with writing(connection):
        length = int(connection.execute("SELECT dimension FROM vector_models WHERE model = ?", (model,)).get)
        is_new = length in (0, len(rows[0]))
        connection.execute("UPDATE vector_models SET dimension = ? WHERE model = ?", (len(rows[0]), model))
        if is_new:
            store(connection, model, zip((passage.key for passage in batch), rows, strict=True))
        else:
            connection.execute("DELETE FROM vector_bits WHERE model = ?", (model,))
            connection.execute("DELETE FROM vectors WHERE model = ?", (model,))
    return is_new


def _alike(word: str) -> float:
    return 0.0 if is_stop_word(word) else 1.0
