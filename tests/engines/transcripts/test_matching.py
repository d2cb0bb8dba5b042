"""Rare words choose the candidates; every word of the question is seen in them."""

from pathlib import Path

import apsw
import pytest

from memory_router.engines.transcripts import matching

ROWS = 6_000


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> apsw.Connection:
    """Return a table in which every row says `common`, every third `third`, every hundredth `rare`, one `once`."""
    path: Path = tmp_path_factory.mktemp("words") / "t.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE VIRTUAL TABLE t USING fts5(said, tools, tokenize = 'porter unicode61')")
    with connection:
        connection.executemany(
            "INSERT INTO t(rowid, said, tools) VALUES (?, ?, '')",
            ((row, _text(row)) for row in range(1, ROWS + 1)),
        )
    matching.prepare(connection)
    return connection


def _text(row: int) -> str:
    words = ["common", *(["thirds"] if row % 3 == 0 else []), *(["rare"] if row % 100 == 0 else [])]
    return " ".join([*words, *(["once"] if row == 4_200 else [])])


@pytest.mark.parametrize(("term", "rows"), [("gone", 0), ("once", 1), ("rare", 60), ("third", 2_000), ("common", ROWS)])
def test_frequency(table: apsw.Connection, term: str, rows: int) -> None:
    """A rare term is counted, a frequent one estimated to a hundredth, whatever form it is asked in."""
    assert matching.frequency(table, "t", term, ROWS) == pytest.approx(rows, rel=0.01)


def test_rare_words_choose_and_all_words_count(table: apsw.Connection) -> None:
    """What holds a required word is found with the places of the other words, also where these stand everywhere."""
    found = matching.matches(table, "t", ["common", "once", "third"], ["once"], 10, rank="bm25()")
    assert [match.key for match in found] == [4_200]
    assert found[0].places == [[[0], []], [[3], []], [[1], []]]


def test_one_way_is_as_good_as_the_other(table: apsw.Connection) -> None:
    """With all words required the best are those with most of them."""
    found = matching.matches(table, "t", ["once", "rare"], ["once", "rare"], 3, rank="bm25()")
    assert found[0].key == 4_200
    assert len(found) == 3


def test_of_words_that_stand_everywhere_the_newest_are_taken(table: apsw.Connection) -> None:
    """Without a rare word those that hold all words come first, the newest of them, and no more than asked for."""
    found = matching.matches(table, "t", ["common", "third"], ["third"], 5, rank=None)
    assert sorted(match.key for match in found) == [5_988, 5_991, 5_994, 5_997, 6_000]
    found = matching.matches(table, "t", ["common", "once"], ["once"], 5, rank=None)
    assert [match.key for match in found] == [4_200]
