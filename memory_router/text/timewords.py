"""Read words of time in a question as a span of time: "this morning", "last week", "earlier in the conversation"."""

import re
import time
from typing import NamedTuple

_DAY = 86_400.0
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "couple of": 2, "three": 3, "few": 4, "four": 4, "five": 5, "six": 6}
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": _DAY, "week": 7 * _DAY, "month": 30.5 * _DAY, "year": 365 * _DAY}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_CONVERSATION = re.compile(
    r"\b(?:earlier |before |previously )?(?:in|during) (?:the|this|our|that) (?:current )?conversation\b"
    r"|\bearlier in conversation\b|\b(?:in )?this session\b",
    re.IGNORECASE,
)
AGO = re.compile(
    r"\b(?:about |some )?(\d{1,4}|a few|few|a couple of|couple of|an?|one|two|three|four|five|six) "
    r"(minute|hour|day|week|month|year)s? ago\b",
    re.IGNORECASE,
)
_PART = (
    r"(?:in |during |from |of )?(?:(this|the|today'?s|yesterday'?s?|yesterday|last) )?(morning|afternoon|evening|night)"
)
_PART_OF_DAY = re.compile(rf"\b{_PART}(?:'s)?(?: session)?\b|\b(tonight)\b", re.IGNORECASE)
_DAYS = re.compile(r"\b(?:(earlier) )?(today|yesterday)(?:'s)?(?: session)?\b", re.IGNORECASE)
_SPANS = re.compile(r"\b(?:in |during |from )?(this|last|past|previous) (week|month|year)(?:'s)?\b", re.IGNORECASE)
_WEEKDAY = re.compile(rf"\b(?:on |last |from ){{1,2}}({'|'.join(_WEEKDAYS)})(?:'s)?\b", re.IGNORECASE)
_HOURS = {"morning": (0, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 29)}


class Asked(NamedTuple):
    """Hold what a question says about time.

    Args:
        rest: the question without it.
        words: the words of time, as written; empty if there are none.
        since: the beginning of the span, in seconds since the epoch, or None.
        until: its end, or None.
        is_conversation: whether it asks for the conversation that is going on.
    """

    rest: str
    words: str = ""
    since: float | None = None
    until: float | None = None
    is_conversation: bool = False


def read(question: str, now: float) -> Asked:
    """Split a question into what it says about time and the rest; days begin at the local midnight.

    Args:
        question: any text.
        now: what "today" is counted from, in seconds since the epoch.
    """
    for pattern, span in _SPEECH:
        found = pattern.search(question)
        if found and (ends := span(found, now)) is not None:
            return narrowed(question, *found.span(), *ends)._replace(is_conversation=pattern is _CONVERSATION)
    return Asked(question)


def narrowed(question: str, start: int, end: int, since: float | None, until: float | None) -> Asked:
    """Return a question without the words of time between `start` and `end`, which mean that span."""
    rest = " ".join((question[:start] + " " + question[end:]).split())
    return Asked(rest, question[start:end], since, until)


def midnight(year: int, month: int = 1, day: int = 1) -> float:
    """Return the local midnight in which a day begins, in seconds since the epoch; days past the month count on."""
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))


def _midnight(now: float, days: int = 0) -> float:
    local = time.localtime(now)
    return midnight(local.tm_year, local.tm_mon, local.tm_mday + days)


def _month(now: float, months: int = 0) -> float:
    local = time.localtime(now)
    return midnight(local.tm_year, local.tm_mon + months)


def _year(now: float, years: int = 0) -> float:
    return midnight(time.localtime(now).tm_year + years)


def ago(found: re.Match[str], now: float) -> tuple[float, float]:
    """Return the span that a match of `AGO` means; its middle is the moment."""
    said = found[1].lower().removeprefix("a ")
    count = int(said) if said.isdigit() else _NUMBERS[said]
    unit = _UNITS[found[2].lower()]
    # "Three days ago" is a day, "a few weeks ago" some weeks.
    slack = max(unit / 2, count * unit / 2 if said in ("few", "couple of") else 0.0)
    return now - count * unit - slack, now - count * unit + slack


def _part_of_day(found: re.Match[str], now: float) -> tuple[float, float] | None:
    which, part = (found[1] or "").lower(), (found[2] or "night").lower()
    if not which and "session" not in found[0].lower() and not found[3]:
        return None  # "in the night": a subject, not a time
    if which == "the" and "session" not in found[0].lower():
        return None
    day = _midnight(now, -1 if which.startswith("yesterday") or which == "last" else 0)
    first, last = _HOURS[part]
    return day + first * 3600, day + last * 3600


def _days(found: re.Match[str], now: float) -> tuple[float, float]:
    if found[2].lower() == "today":
        return _midnight(now), now
    return _midnight(now, -1), _midnight(now)


def _spans(found: re.Match[str], now: float) -> tuple[float, float]:
    which, unit = found[1].lower(), found[2].lower()
    if which == "past":
        return now - _UNITS[unit], now
    back = 0 if which == "this" else -1
    if unit == "week":
        monday = -time.localtime(now).tm_wday
        return _midnight(now, monday + 7 * back), now if not back else _midnight(now, monday)
    if unit == "month":
        return _month(now, back), now if not back else _month(now)
    return _year(now, back), now if not back else _year(now)


def _weekday(found: re.Match[str], now: float) -> tuple[float, float]:
    back = (time.localtime(now).tm_wday - _WEEKDAYS.index(found[1].lower())) % 7 or 7
    return _midnight(now, -back), _midnight(now, 1 - back)


_SPEECH = (
    (_CONVERSATION, lambda _found, _now: (None, None)),
    (AGO, ago),
    (_PART_OF_DAY, _part_of_day),
    (_DAYS, _days),
    (_SPANS, _spans),
    (_WEEKDAY, _weekday),
)
