"""Read dates, months and years as spans of time: "on 8 May 2023", "in March", "2026-03", "recently"."""

import re
import time
from collections.abc import Callable, Iterator

from memory_router.text import dates
from memory_router.text.timewords import QuestionTime, midnight, moment_ago, narrowed, read

_MONTH_OF_YEAR = re.compile(rf"\b(?:in |during |from )?({dates.MONTH})\.?(?: of)?,? ({dates.YEAR})\b", re.IGNORECASE)
_MONTH_ALONE = re.compile(rf"\b(?:in|during|since|last|from) (?:last )?({dates.MONTH})\b(?! \d)", re.IGNORECASE)
_YEAR_ALONE = re.compile(rf"\b(?:in|during|since|from) ({dates.YEAR})\b(?!-)", re.IGNORECASE)
_RECENTLY = re.compile(r"\b(?:recent|recently|lately|these days)\b", re.IGNORECASE)
_ISO_PART = re.compile(rf"({dates.YEAR})(?:-(0[1-9]|1[0-2]))?")
_RECENT_DAYS = 30
_DAY = 86_400.0


def read_dates(question: str, now: float) -> QuestionTime:
    """Split a question likewise by a date, a month, a year, or a word such as "recently".

    What is said of a date need not have been said on it, so this is a hint where `read` is a condition.
    """
    for date in dates.found(question):
        day = midnight(date.year, date.month, date.day), midnight(date.year, date.month, date.day + 1)
        return narrowed(question, date.start, date.end, *day)
    for pattern, span in _DATES:
        if match := pattern.search(question):
            return narrowed(question, *match.span(), *span(match, now))
    return QuestionTime(question)


def moment(text: str, now: float, *, is_end: bool) -> float | None:
    """Return the time that a date, an ISO 8601 time or words of time name, in seconds since the epoch, or None.

    Args:
        text: such as `2026-03-01`, `2026-03`, `2026-03-01T12:00Z`, `last week`, `3 days ago`, `March 2025`.
        now: what "today" is counted from, in seconds since the epoch.
        is_end: whether the end of what lasts longer is meant, not its beginning. Without a zone, times are local.
    """
    text = " ".join(text.split())
    if (exact := moment_ago(text, now)) is not None:
        return exact
    for reading in _readings(text, now):
        if reading.words and not reading.rest and reading.since is not None and reading.until is not None:
            return reading.since if not is_end else reading.until - (reading.until != now)
    if "-" not in text:
        return now if text.lower() == "now" else None
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _readings(text: str, now: float) -> Iterator[QuestionTime]:
    if part := _ISO_PART.fullmatch(text):
        year, month = int(part[1]), int(part[2] or 0)
        yield narrowed(text, 0, len(text), *(_month_of(year, month) if month else _year_of(year)))
    for phrase in (text, f"on {text}", f"in {text}"):
        yield read(phrase, now)
        yield read_dates(phrase, now)


def _month_of(year: int, month: int) -> tuple[float, float]:
    return midnight(year, month), midnight(year, month + 1)


def _year_of(year: int) -> tuple[float, float]:
    return midnight(year), midnight(year + 1)


def _month_alone(found: re.Match[str], now: float) -> tuple[float, float]:
    """Return the last month of that name that has begun."""
    local, month = time.localtime(now), dates.month(found[1])
    return _month_of(local.tm_year - (month > local.tm_mon), month)


_DATES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], float], tuple[float, float]]], ...] = (
    (_MONTH_OF_YEAR, lambda match, _now: _month_of(int(match[2]), dates.month(match[1]))),
    (_MONTH_ALONE, _month_alone),
    (_YEAR_ALONE, lambda match, _now: _year_of(int(match[1]))),
    (_RECENTLY, lambda _found, now: (now - _RECENT_DAYS * _DAY, now)),
)
