"""Laws of counting words without walking their whole lists."""

from pathlib import Path

import pytest

from memory_router.engines.documents import frequencies, store
from memory_router.engines.documents.frequencies import Frequencies
from memory_router.engines.documents.schema import SCHEMA
from memory_router.sources.document import Chunk, Document
from memory_router.storage.sqlite import open_database, writing

PASSAGES = 1000


def text(number: int) -> str:
    """Return a passage: one word in all, one in every third, one in a run of them, one in a single one."""
    kinds = {"everywhere": True, "third": number % 3 == 0, "crowded": number < 90, "single": number == 500}
    return " ".join(word for word, stands in kinds.items() if stands)


def test_rare_words_are_counted_and_frequent_ones_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are exact up to the limit; beyond it they are near, also for a word that crowds at one end."""
    monkeypatch.setattr(frequencies, "_COUNTED", 60)
    connection = open_database(str(tmp_path / "x.db"), SCHEMA)
    with writing(connection):
        root = store.add_root(connection, "made-up")
        for number in range(PASSAGES):
            store.put_document(connection, root, Document(f"n{number}", "", "text", [Chunk(text(number))]))
    counted = Frequencies(connection)
    counted.refresh()
    assert counted.texts == counted.own("everywhere") == PASSAGES
    assert counted.own("nowhere") == 0
    assert counted.own("single") == counted.anywhere("single") == 1
    assert counted.own("third") == pytest.approx(PASSAGES / 3, rel=0.1)
    assert 60 <= counted.own("crowded") <= 90
    assert counted.own("thir*") == counted.own("third")


def test_what_was_counted_is_forgotten_when_the_index_changes(tmp_path: Path) -> None:
    """A warm reader counts anew once another process has written, and only then."""
    database = str(tmp_path / "x.db")
    writer, reader = open_database(database, SCHEMA), open_database(database, SCHEMA)
    counted = Frequencies(reader)
    for number in range(3):
        counted.refresh()
        assert (counted.texts, counted.own("walrus")) == (number, number)
        with writing(writer):
            root = store.add_root(writer, "made-up")
            store.put_document(writer, root, Document(f"n{number}", "", "text", [Chunk("walrus")]))
        assert counted.own("walrus") == number
