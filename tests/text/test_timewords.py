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


def test_ago() -> None:
    """What was three days ago was about that day."""
    asked = timewords.read("what broke three days ago", NOW)
    assert asked.since is not None
    assert asked.until is not None
    assert asked.since < NOW - 3 * 86400 < asked.until


@pytest.mark.parametrize(
    "question", ["the night watch", "why did we choose Postgres", "how long is a week", "a day in May"]
)
def test_subjects_are_no_times(question: str) -> None:
    """Words of time that name a subject narrow nothing."""
    assert timewords.read(question, NOW) == timewords.Asked(question)


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
