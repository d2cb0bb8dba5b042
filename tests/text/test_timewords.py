"""Words of time become spans; anything else is left in the question."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text import timewords

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


def local(moment: float | None) -> str:
    """Return a time as the local clock shows it."""
    assert moment is not None
    return time.strftime("%m-%d %H", time.localtime(moment))


@pytest.mark.parametrize(
    ("question", "since", "until", "rest"),
    [
        ("recall the decision from this morning", "11-18 00", "11-18 12", "recall the decision"),
        ("what did we decide in the afternoon session", "11-18 12", "11-18 18", "what did we decide"),
        ("what happened in yesterday's session", "11-17 00", "11-18 00", "what happened in"),
        ("what did we choose last week", "11-09 00", "11-16 00", "what did we choose"),
        ("what did we agree on Monday", "11-16 00", "11-17 00", "what did we agree"),
        ("the fence last month", "10-01 00", "11-01 00", "the fence"),
    ],
)
def test_spans(question: str, since: str, until: str, rest: str) -> None:
    """A span begins and ends at the local clock's hours, and its words are taken out of the question."""
    local_now = time.mktime((2026, 11, 18, 15, 30, 0, 0, 0, -1))
    asked = timewords.read(question, local_now)
    assert (local(asked.since), local(asked.until), asked.rest) == (since, until, rest)


SPANS = [
    ("today", "11-18 00", "11-18 15"),
    ("the day before yesterday", "11-16 00", "11-17 00"),
    ("the last 3 days", "11-15 15", "11-18 15"),
    ("in the past two weeks", "11-04 15", "11-18 15"),
    ("past hour", "11-18 14", "11-18 15"),
    ("the last hour", "11-18 14", "11-18 15"),
    ("since Monday", "11-16 00", "11-18 15"),
    ("since last Friday", "11-13 00", "11-18 15"),
    ("since yesterday", "11-17 00", "11-18 15"),
    ("since this morning", "11-18 00", "11-18 15"),
    ("since last week", "11-09 00", "11-18 15"),
    ("Tuesday morning", "11-17 00", "11-17 12"),
    ("yesterday afternoon", "11-17 12", "11-17 18"),
    ("this week", "11-16 00", "11-18 15"),
    ("this month", "11-01 00", "11-18 15"),
    ("gestern Abend", "11-17 17", "11-18 00"),
    ("vorgestern", "11-16 00", "11-17 00"),
    ("in den letzten 3 Tagen", "11-15 15", "11-18 15"),
    ("seit Montag", "11-16 00", "11-18 15"),
    ("letzte Woche", "11-09 00", "11-16 00"),
    ("hier", "11-17 00", "11-18 00"),
    ("avant-hier", "11-16 00", "11-17 00"),
    ("la semaine derni\u00e8re", "11-09 00", "11-16 00"),
    ("les 3 derniers jours", "11-15 15", "11-18 15"),
    ("depuis lundi", "11-16 00", "11-18 15"),
    ("anteayer", "11-16 00", "11-17 00"),
    ("la semana pasada", "11-09 00", "11-16 00"),
    ("en los \u00faltimos 3 d\u00edas", "11-15 15", "11-18 15"),
    ("desde el lunes", "11-16 00", "11-18 15"),
    ("\u6628\u5929", "11-17 00", "11-18 00"),
    ("\u524d\u5929", "11-16 00", "11-17 00"),
    ("\u6700\u8fd1\u4e09\u5929", "11-15 15", "11-18 15"),
    ("\u4e0a\u5468", "11-09 00", "11-16 00"),
    ("\u6628\u65e5", "11-17 00", "11-18 00"),
    ("\u4e00\u6628\u65e5", "11-16 00", "11-17 00"),
    ("\u904e\u53bb3\u65e5\u9593", "11-15 15", "11-18 15"),
    ("\u6708\u66dc\u65e5\u304b\u3089", "11-16 00", "11-18 15"),
    ("\u5148\u9031", "11-09 00", "11-16 00"),
]


@pytest.mark.parametrize(("words", "since", "until"), SPANS)
def test_words_of_time(words: str, since: str, until: str) -> None:
    """The same times are understood in each language, all of their words and in any surroundings."""
    now = time.mktime((2026, 11, 18, 15, 30, 0, 0, 0, -1))
    for question in (words, words.capitalize(), f"tokens, {words}?"):
        asked = timewords.read(question, now)
        assert (local(asked.since), local(asked.until)) == (since, until), question
        assert asked.words.lower() == words.lower()


@pytest.mark.parametrize(
    "question",
    ["il y a 2 heures", "vor 2 Stunden", "hace 2 horas", "2\u5c0f\u65f6\u524d", "2\u6642\u9593\u524d", "2 hours ago"],
)
def test_ago_in_each_language(question: str) -> None:
    """What was two hours ago was about then."""
    asked = timewords.read(question, NOW)
    assert (asked.since, asked.until) == (NOW - 2.5 * 3600, NOW - 1.5 * 3600)


def test_ago() -> None:
    """What was three days ago was about that day."""
    asked = timewords.read("what broke three days ago", NOW)
    assert asked.since is not None
    assert asked.until is not None
    assert asked.since < NOW - 3 * 86400 < asked.until


@pytest.mark.parametrize(
    "question",
    [
        "the night watch",
        "why did we choose Postgres",
        "how long is a week",
        "a day in May",
        "the last row",
        "since when",
    ],
)
def test_subjects_are_no_times(question: str) -> None:
    """Words of time that name a subject narrow nothing."""
    assert timewords.read(question, NOW) == timewords.QuestionTime(question)


def test_the_conversation() -> None:
    """To ask for something earlier in conversation is to ask for the conversation, not for a time."""
    asked = timewords.read("what did we say earlier in conversation", NOW)
    assert asked.is_conversation
    assert asked.since is None


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    """No question breaks the reader, and a span never ends before it begins."""
    asked = timewords.read(text, NOW)
    assert asked.since is None or asked.until is None or asked.since <= asked.until
