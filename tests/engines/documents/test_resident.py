"""Vectors held in memory find what those in the index find."""

import random

import apsw
import pytest

from memory_router.engines.documents.resident import ResidentVectors
from memory_router.storage.sqlite import load_distances

pytest.importorskip("numpy")
DIMENSION = 16
NEAREST = """
    SELECT chunk, 1 - vec_distance_cosine(vec_int8(vector), vec_int8(?)) AS likeness FROM chunk_vectors
    ORDER BY likeness DESC, chunk LIMIT ?
"""


def a_vector(chance: random.Random) -> bytes:
    """Return a vector that is not nothing."""
    return bytes([1, *chance.randbytes(DIMENSION - 1)])


@pytest.fixture
def index(tmp_path: object) -> tuple[apsw.Connection, apsw.Connection]:
    """Return one connection that reads and one that writes an index of 300 vectors."""
    chance = random.Random(3)
    writer = apsw.Connection(f"{tmp_path}/index.db")
    writer.execute("CREATE TABLE chunk_vectors(chunk INTEGER PRIMARY KEY, vector BLOB)")
    writer.executemany("INSERT INTO chunk_vectors VALUES (?, ?)", [(n * 7, a_vector(chance)) for n in range(300)])
    return apsw.Connection(f"{tmp_path}/index.db"), writer


def held(vectors: ResidentVectors, vector: bytes, limit: int = 5) -> list[tuple[int, float]]:
    """Ask until the vectors are held, and return what they find."""
    for _ in range(5):
        found = vectors.nearest(vector, limit)
    assert found is not None
    return found


def test_they_find_what_the_index_finds(index: tuple[apsw.Connection, apsw.Connection]) -> None:
    """For any question and limit, the chunks are the same in the same order, and so are their cosines."""
    reader, _ = index
    if not load_distances(reader):
        pytest.skip("sqlite-vec is not installed")
    chance = random.Random(5)
    vectors = ResidentVectors(reader)
    for limit in (1, 5, 299, 300, 1000):
        vector = a_vector(chance)
        expected = list(reader.execute(NEAREST, (vector, limit)))
        found = held(vectors, vector, limit)
        assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)
        assert {chunk for chunk, _ in found} == {chunk for chunk, _ in expected}


def test_one_question_does_not_read_all(index: tuple[apsw.Connection, apsw.Connection]) -> None:
    """The first questions are answered by the index: holding the vectors would cost more."""
    vectors = ResidentVectors(index[0])
    assert vectors.nearest(bytes(DIMENSION - 1) + b"\1", 5) is None


def test_a_changed_index_is_read_anew(index: tuple[apsw.Connection, apsw.Connection]) -> None:
    """What is added, or removed, by another process is found, or gone, at once."""
    reader, writer = index
    vectors = ResidentVectors(reader)
    vector = a_vector(random.Random(9))
    first = held(vectors, vector)[0][0]
    writer.execute("DELETE FROM chunk_vectors WHERE chunk = ?", (first,))
    writer.execute("INSERT INTO chunk_vectors VALUES (99999, ?)", (vector,))
    assert vectors.nearest(vector, 5) is None
    found = held(vectors, vector)
    assert found[0][0] == 99999
    assert found[0][1] == pytest.approx(1.0, abs=1e-5)
    assert first not in [chunk for chunk, _ in found]


def test_what_does_not_fit_is_left_to_the_index(index: tuple[apsw.Connection, apsw.Connection]) -> None:
    """An empty table, vectors of several lengths and a question of another length are not held."""
    reader, writer = index
    vectors = ResidentVectors(reader)
    held(vectors, bytes([1] * DIMENSION))
    assert vectors.nearest(b"\1\2", 5) is None
    writer.execute("INSERT INTO chunk_vectors VALUES (5, ?)", (b"\1\2",))
    assert [vectors.nearest(bytes([1] * DIMENSION), 5) for _ in range(4)] == [None] * 4
    writer.execute("DELETE FROM chunk_vectors")
    assert [vectors.nearest(bytes([1] * DIMENSION), 5) for _ in range(4)] == [None] * 4
