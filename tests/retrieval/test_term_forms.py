"""A term is looked for by each of its forms, and found where the whole of it is."""

from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.retrieval.fulltext import FullText, TableLayout, quoted
from memory_router.retrieval.query import weighed
from memory_router.storage.fulltext import TOKENIZER, register

_LATIN = ["haus", "häuser", "house", "houses", "maison", "maisons", "server", "servern", "casa", "casas", "huizen"]
_WORDS = [*_LATIN, "дом", "дома", "東京", "数据库", "c++", "a.b"]
_LAYOUT = TableLayout(
    "texts",
    {"title": 2.0, "body": 1.0},
    own=("body",),
    named=("title",),
    count_sql="SELECT count(*) FROM texts",
    ends_sql="SELECT min(rowid), max(rowid) FROM texts",
)


@pytest.fixture(scope="module")
def connection() -> Iterator[apsw.Connection]:
    """A connection that knows how texts are cut."""
    opened = apsw.Connection(":memory:")
    register(opened)
    yield opened
    opened.close()


def _table(connection: apsw.Connection, texts: list[list[str]]) -> FullText:
    connection.execute("DROP TABLE IF EXISTS texts")
    connection.execute(f"CREATE VIRTUAL TABLE texts USING fts5(title, body, tokenize = '{TOKENIZER}')")
    rows = [(" ".join(words[:1]), " ".join(words[1:])) for words in texts]
    connection.executemany("INSERT INTO texts(title, body) VALUES (?, ?)", rows)
    fulltext = FullText(connection, _LAYOUT)
    fulltext.refresh()
    return fulltext


_TEXTS = st.lists(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=12), min_size=1, max_size=6)


@given(_TEXTS, st.sampled_from([*_WORDS, "hous*", "haus*", "maison huis"]))
def test_the_forms_of_a_term_stand_where_the_term_does(
    connection: apsw.Connection, texts: list[list[str]], term: str
) -> None:
    """The rows that hold a term are those that FTS5 finds by the whole term, and so is what is counted."""
    fulltext = _table(connection, texts)
    found = {row for (row,) in connection.execute("SELECT rowid FROM texts WHERE texts MATCH ?", (quoted(term),))}
    assert fulltext.frequency(term) == len(found)
    query = weighed(fulltext, [term])
    assert set(fulltext.among(query, range(1, len(texts) + 1))) == found
    assert set(fulltext.candidates(query, 10)) == found


@given(_TEXTS, st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4))
def test_given_rows_are_judged_as_the_best_are(
    connection: apsw.Connection, texts: list[list[str]], terms: list[str]
) -> None:
    """What of a question stands in a row is the same whether the row was chosen or given."""
    fulltext = _table(connection, texts)
    query = weighed(fulltext, terms)
    chosen = fulltext.candidates(query, 10)
    assert fulltext.candidates(query, 10, also=range(1, len(texts) + 1)) == chosen
    assert fulltext.among(query, chosen) == chosen


def test_a_text_with_a_control_character_is_cut_like_any_other(connection: apsw.Connection) -> None:
    """What marks a term of a question as it stands in an index means nothing in a text."""
    fulltext = _table(connection, [["\x01the", "\x01harbour walls"]])
    assert fulltext.frequency("wall") == 1
