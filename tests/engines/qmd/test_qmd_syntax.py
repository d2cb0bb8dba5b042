"""Laws of reading a question as QMD's `search` reads it."""

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.engines.qmd import syntax


@pytest.mark.parametrize(
    ("question", "expression"),
    [
        ("berth allocator", '"berth"* AND "allocator"*'),
        ("Auth OR x", '"auth"* AND "or"* AND "x"*'),
        ("auth -ledger", '"auth"* NOT "ledger"*'),
        ('auth -"two words" -a.b', '"auth"* NOT "two words" NOT ("a"* AND "b"*)'),
        ('"exact phrase" more', '"exact phrase" AND "more"*'),
        ('"unbalanced phrase', '"unbalanced phrase"'),
        ("DEC-0054", '"dec 0054"'),
        ("1.7.3", '"1"* AND "7"* AND "3"*'),
        ("src/auth/login.ts", '"srcauthlogints"*'),
        ("認証 test", '"認 証" AND "test"*'),
        ("don't", '"don\'t"*'),
        ("-only", None),
        ("?! --", None),
        ("", None),
    ],
)
def test_words_become_what_qmd_asks_for(question: str, expression: str | None) -> None:
    """All words are required beginnings; quotation marks, minus, hyphens and dots mean what they mean in QMD."""
    assert syntax.match_expression(question) == expression


def test_exclusions_are_taken_out_of_a_question() -> None:
    """What is excluded is not searched for, and a hyphen within a word excludes nothing."""
    assert syntax.without_exclusions("multi-agent -ledger memory").split() == ["multi-agent", "memory"]
    assert syntax.without_exclusions('-"two words" memory - x').split() == ["memory", "-", "x"]


@given(st.text(max_size=200))
def test_any_text_is_a_valid_expression(question: str) -> None:
    """Whatever is typed, FTS5 understands the expression."""
    expression = syntax.match_expression(question.encode("utf-8", "replace").decode())
    database = apsw.Connection(":memory:")
    database.execute("CREATE VIRTUAL TABLE t USING fts5(body, tokenize = 'porter unicode61')")
    if expression:
        assert database.execute("SELECT count(*) FROM t WHERE t MATCH ?", (expression,)).get == 0
