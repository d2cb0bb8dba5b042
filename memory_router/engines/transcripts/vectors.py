"""Keep vectors beside turns, made after the import, and tell how alike a question and turns are.

A turn's vector holds what was said two turns each way, too, at half the weight. All words of it count alike, so that
it never has to be made again as the archive grows; the words of a question count by how rare they are there. One bit
a dimension chooses the nearest, one byte a dimension orders them.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import apsw

from memory_router.engines.transcripts.turn import SPEAKERS
from memory_router.storage.sqlite import load_distances, writing
from memory_router.text.embedding import Identity, StaticEmbedding, load, quantized, quantized_all
from memory_router.text.words import is_stop_word

_BATCH = 5_000
_AROUND = 2
# How much of a turn is embedded, in characters, and how much of those around it, at the near end.
_READ, _NEAR_END = 4_000, 1_000
# So many of the newest turns are compared with every question: 80 ns each. Older ones are chosen by words alone.
_COMPARED = 20_000
# How many of those that differ in the fewest bits are compared exactly, for each one wanted.
_OVERSAMPLED = 6

_EMBEDDED = "role IN ('user', 'assistant', 'summary')"
_COUNT = f"SELECT count(*) FROM nodes WHERE id > ? AND {_EMBEDDED}"  # noqa: S608 - a constant
_PENDING = f"""
    SELECT id, previous, substr(text, 1, ?3), role FROM nodes WHERE id > ?1 AND {_EMBEDDED} ORDER BY id LIMIT ?2
"""  # noqa: S608
_SAID = "SELECT n.id, n.previous, substr(n.text, 1, ?2), n.role FROM json_each(?1) w JOIN nodes n ON n.id = w.value"
_NEAREST = """
    SELECT node FROM node_bits WHERE node > ?2
    ORDER BY vec_distance_hamming(vec_bit(bits), vec_quantize_binary(vec_int8(?1))) LIMIT ?3
"""
# A text without a word that tells has a vector of zeros, which has no distance to anything.
_LIKENESS = """
    SELECT v.node, 1 - coalesce(vec_distance_cosine(vec_int8(v.vector), vec_int8(?2)), 1)
    FROM json_each(?1) w JOIN node_vectors v ON v.node = w.value
"""


class Embedded(NamedTuple):
    """Tell how many turns were given vectors, and in how many seconds."""

    turns: int
    seconds: float


class _Said(NamedTuple):
    """Hold a turn that is embedded, or that stands around one."""

    key: int
    previous: int | None
    text: str
    role: str


def refresh(connection: apsw.Connection, advanced: Callable[[int, int], None]) -> Embedded:
    """Give vectors to the turns that have none yet, and new ones to those that somebody went on from.

    Each batch is a transaction, so an interrupted run goes on where it ended. Without the extra `vectors` nothing is
    done; with another table of words all are made anew.

    Args:
        connection: an archive opened for writing, outside a transaction.
        advanced: hears how many turns are done, and of how many.
    """
    embedding = load()
    if embedding is None or not load_distances(connection):
        return Embedded(0, 0.0)
    started = time.perf_counter()
    if _made_by(connection) != embedding.identity:
        with writing(connection):
            connection.execute("DELETE FROM node_vectors; DELETE FROM node_bits; DELETE FROM vector_model")
            connection.execute("INSERT INTO vector_model VALUES (?, ?)", embedding.identity)
    done = int(connection.execute("SELECT coalesce(max(node), 0) FROM node_vectors").get)
    total, embedded = int(connection.execute(_COUNT, (done,)).get), 0
    while batch := [_Said(*row) for row in connection.execute(_PENDING, (done, _BATCH, _READ))]:
        _embed(connection, embedding, batch)
        done, embedded = batch[-1].key, embedded + len(batch)
        advanced(embedded, total)
    return Embedded(embedded, time.perf_counter() - started)


class Likeness:
    """Compare questions with the turns of one archive; open it with `Likeness.open`.

    Args:
        connection: an archive that knows the distance functions.
        embedding: what made its vectors.
    """

    def __init__(self, connection: apsw.Connection, embedding: StaticEmbedding) -> None:
        self._connection = connection
        self._embedding = embedding

    @classmethod
    def open(cls, connection: apsw.Connection) -> "Likeness | None":
        """Return what compares, or None where there is nothing to compare with."""
        made_by = _made_by(connection)
        embedding = load() if made_by else None
        if embedding is None or made_by != embedding.identity or not load_distances(connection):
            return None
        return cls(connection, embedding)

    def vector(self, text: str, weight: Callable[[str], float]) -> bytes:
        """Return the vector of a question; empty if no word of it tells anything."""
        made = quantized(self._embedding.embed(text, weight))
        return made if any(made) else b""

    def nearest(self, vector: bytes, limit: int) -> list[int]:
        """Return those of the newest turns that lie nearest to a question, the nearest first."""
        last = int(self._connection.execute("SELECT coalesce(max(node), 0) FROM node_bits").get)
        bound = (vector, last - _COMPARED, _OVERSAMPLED * limit)
        near = self.of(vector, [key for (key,) in self._connection.execute(_NEAREST, bound)])
        return sorted(near, key=lambda key: -near[key])[:limit]

    def of(self, vector: bytes, keys: Iterable[int]) -> dict[int, float]:
        """Return the cosine of a question and turns; those without a vector are left out."""
        return dict(self._connection.execute(_LIKENESS, (json.dumps(list(keys)), vector)))


def _made_by(connection: apsw.Connection) -> Identity | None:
    row = connection.execute("SELECT name, dimension FROM vector_model").fetchone()
    return Identity(*row) if row else None


def _embed(connection: apsw.Connection, embedding: StaticEmbedding, batch: Sequence[_Said]) -> None:
    """Embed turns, and anew those that they go on from, whose surroundings have grown."""
    levels = [{one.key: one for one in batch}]
    for _ in range(2 * _AROUND):
        above = json.dumps(list({one.previous for one in levels[-1].values() if one.previous is not None}))
        levels.append({row[0]: _Said(*row) for row in connection.execute(_SAID, (above, _READ))})
    held = {key: one for level in levels for key, one in level.items()}
    below = {one.previous: key for key, one in sorted(held.items()) if one.role in SPEAKERS}
    keys = list({key: None for level in levels[: 1 + _AROUND] for key in level})
    rows = quantized_all(
        embedding.embed_all(
            [held[key].text for key in keys],
            lambda word: 0.0 if is_stop_word(word) else 1.0,
            [_around(held, below, key) for key in keys],
        )
    )
    with writing(connection):
        made = list(zip(keys, rows, strict=True))
        connection.executemany("INSERT OR REPLACE INTO node_vectors VALUES (?, ?)", made)
        connection.executemany("INSERT OR REPLACE INTO node_bits VALUES (?, vec_quantize_binary(vec_int8(?)))", made)


def _around(held: Mapping[int, _Said], below: Mapping[int | None, int], key: int) -> str:
    """Return what was said just before a turn and just after it; of several branches the last one counts."""
    near: list[str] = []
    one, other = held[key].previous, below.get(key)
    for _ in range(_AROUND):
        if one is not None and one in held:
            near.append(held[one].text[-_NEAR_END:])
            one = held[one].previous
        if other is not None:
            near.append(held[other].text[:_NEAR_END])
            other = below.get(other)
    return "\n".join(near)
