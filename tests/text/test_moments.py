"""Dates, months and years become spans; names of months are words first."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text import moments, timewords

# Wednesday, 2026-11-18, 15:30 where the test runs.
NOW = 1795015800.0


@pytest.fixture(autouse=True, params=["UTC", "America/New_York"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in two zones."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def day(moment: float | None) -> str:
    """Return the local day of a time."""
    assert moment is not None
    return time.strftime("%Y-%m-%d", time.localtime(moment))


@pytest.mark.parametrize(
    ("question", "since", "until", "rest"),
    [
        ("what was on the list in March 2025", "2025-03-01", "2025-04-01", "what was on the list"),
        ("the regatta of sept. 2025", "2025-09-01", "2025-10-01", "the regatta of"),
        ("who came in March", "2026-03-01", "2026-04-01", "who came"),
        ("who came in December", "2025-12-01", "2026-01-01", "who came"),
        ("what did it cost in 2024?", "2024-01-01", "2025-01-01", "what did it cost ?"),
        ("notes of 2026-02-28", "2026-02-28", "2026-03-01", "notes of"),
        ("notes of the 3rd of May 2026", "2026-05-03", "2026-05-04", "notes of the"),
        ("what was decided recently", "2026-10-19", "2026-11-18", "what was decided"),
    ],
)
def test_dates_in_questions(question: str, since: str, until: str, rest: str) -> None:
    """A date, a month, a year and "recently" are spans, too, for those who ask for hints."""
    asked = moments.read_dates(question, time.mktime((2026, 11, 18, 15, 30, 0, 0, 0, -1)))
    assert (day(asked.since), day(asked.until), asked.rest) == (since, until, rest)


@pytest.mark.parametrize("question", ["we may march on", "the may pole", "room 2025", "in version 2.2025"])
def test_names_of_months_are_words_first(question: str) -> None:
    """Without a year or a preposition they are verbs and names."""
    assert moments.read_dates(question, NOW) == timewords.QuestionTime(question)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-01", "2026-03-01 00:00:00", "2026-03-01 23:59:59"),
        ("2026-02", "2026-02-01 00:00:00", "2026-02-28 23:59:59"),
        ("2025", "2025-01-01 00:00:00", "2025-12-31 23:59:59"),
        ("2026-03-01T12:30:15", "2026-03-01 12:30:15", "2026-03-01 12:30:15"),
        ("last week", "2026-11-09 00:00:00", "2026-11-15 23:59:59"),
        ("yesterday", "2026-11-17 00:00:00", "2026-11-17 23:59:59"),
        ("today", "2026-11-18 00:00:00", "2026-11-18 15:30:00"),
        ("monday", "2026-11-16 00:00:00", "2026-11-16 23:59:59"),
        ("3 days ago", "2026-11-15 15:30:00", "2026-11-15 15:30:00"),
        ("March 2025", "2025-03-01 00:00:00", "2025-03-31 23:59:59"),
        (" march ", "2026-03-01 00:00:00", "2026-03-31 23:59:59"),
        ("8 May, 2023", "2023-05-08 00:00:00", "2023-05-08 23:59:59"),
        ("now", "2026-11-18 15:30:00", "2026-11-18 15:30:00"),
    ],
)
def test_a_time_is_named(text: str, first: str, last: str) -> None:
    """What lasts longer than a moment is meant from its beginning, or until its end."""
    now = time.mktime((2026, 11, 18, 15, 30, 0, 0, 0, -1))
    ends = [moments.moment(text, now, is_end=is_end) for is_end in (False, True)]
    assert [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(end)) for end in ends] == [first, last]


def test_a_zone_is_heeded() -> None:
    """ISO 8601 times with a zone mean that zone, wherever the reader is."""
    assert moments.moment("1970-01-01T02:00:00+02:00", NOW, is_end=False) == 0
    assert moments.moment("1970-01-01T00:01Z", NOW, is_end=True) == 60


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-02-31T00:00", "last week in Rome", "-", "the night"])
def test_what_is_no_time_is_none(text: str) -> None:
    """Anything with more or less in it than a time is refused."""
    assert moments.moment(text, NOW, is_end=False) is None


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_none(text: str) -> None:
    """No text breaks the reader."""
    assert isinstance(moments.moment(text, NOW, is_end=True), float | int | None)
