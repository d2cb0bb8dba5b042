"""What is kept between questions never shows in what they are told."""

import random
from collections.abc import Iterator

import apsw
import pytest

from memory_router.retrieval import vectors
from memory_router.retrieval.likeness import Vectors
from memory_router.retrieval.query import weighed
from memory_router.storage.sqlite import load_distances

_DIMENSION = 64


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    """A store with 300 passages and their vectors."""
    opened = apsw.Connection(":memory:")
    opened.execute("CREATE TABLE passages(id INTEGER PRIMARY KEY)")
    opened.execute(vectors.SCHEMA.format(rows="passages", key="id"))
    opened.execute("INSERT INTO vector_models VALUES (1, 'made-up', ?)", (_DIMENSION,))
    assert load_distances(opened)
    _put(opened, range(1, 301))
    yield opened
    opened.close()


def _vector(seed: int) -> bytes:
    return random.Random(seed).randbytes(_DIMENSION)


def _put(connection: apsw.Connection, keys: range) -> None:
    vectors.store(connection, 1, [(key, _vector(key)) for key in keys])


def test_a_second_question_is_compared_as_the_first_would_be(connection: apsw.Connection) -> None:
    """Cosines and standings are the same whatever was asked before, and however the store has changed since."""
    kept = Vectors(connection, "made-up", 1, _DIMENSION)
    for seed, stored in ((1001, range(0)), (1002, range(301, 700)), (1003, range(1, 50))):
        _put(connection, stored)
        fresh = Vectors(connection, "made-up", 1, _DIMENSION)
        kept.ask(_vector(seed))
        fresh.ask(_vector(seed))
        wanted = [*kept.nearest(10), 5, 299]
        assert fresh.likeness(wanted) == kept.likeness(wanted)
        assert fresh.nearest(10) == wanted[:10]
        best = kept.likeness(wanted[:10]).of
        assert wanted[:10] == sorted(best, key=lambda key: (-best[key][0], key))


class _Words:
    """The words of a store of 10,000 rows: `w30` stands in 30 of them."""

    count = 10_000

    def stems(self, text: str) -> list[str]:
        return text.split()

    def frequency(self, term: str) -> int:
        return int(term.removeprefix("w"))

    frequency_beside = frequency


def test_a_word_of_most_rows_of_a_large_store_tells_nothing() -> None:
    """A word of most rows is left out of a question that others tell, and stays where it is a part of what is told."""
    assert [term.text for term in weighed(_Words(), ["w9000", "w30", "w4000"]).terms] == ["w30", "w4000"]
    for question in (["w9000", "w0", "w8000"], ["w9000"], ["w5000", "w6000", "w4500"]):
        held = sorted(set(question) - {"w0"}, key=_Words().frequency)
        assert [term.text for term in weighed(_Words(), question).terms] == held
