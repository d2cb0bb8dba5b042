"""Dates are found in names, headings and prose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text import dates


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-02 Meeting", "2026-03-02"),
        ("log/2026/03/02.md", "2026-03-02"),
        ("20260302-notes.md", "2026-03-02"),
        ("1:56 pm on 8 May, 2023", "2023-05-08"),
        ("Log > 1 March 2026 > 2nd of March 2026", "2026-03-02"),
        ("Sept 5, 2025", "2025-09-05"),
        ("2026-03-02 to 2026-03-09", "2026-03-09"),
        ("May 8", ""),
        ("2026-13-02", ""),
        ("build 120260302", ""),
    ],
)
def test_the_last_date_counts(text: str, day: str) -> None:
    """The last full date of a text is told as ISO 8601 does; anything else gives nothing."""
    assert dates.last_day(text) == day


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    """No text breaks the reader."""
    assert len(dates.last_day(text)) in (0, 10)
