"""Read dates as files and people write them: `2026-03-02`, `20260302`, `8 May, 2023`, `May 8th 2023`."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
# Each month by its name or its first three letters; September by four, too.
MONTH = "|".join(f"{name[:3]}{'t?' if name == 'september' else ''}(?:{name[3:]})?" for name in MONTHS)
YEAR = r"(?:19|20)\d\d"

_ISO = re.compile(rf"(?<!\d)({YEAR})([-/._]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_DAY_FIRST = re.compile(
    rf"(?<!\d)(0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?(?: of)? ({MONTH})\.?,? ({YEAR})(?!\d)", re.IGNORECASE
)
_MONTH_FIRST = re.compile(rf"\b({MONTH})\.? (0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?,? ({YEAR})(?!\d)", re.IGNORECASE)


class DateSpan(NamedTuple):
    """A date found in a text: where it begins and ends there, and what it is."""

    start: int
    end: int
    year: int
    month: int
    day: int


def found(text: str) -> Iterator[DateSpan]:
    """Yield the dates of a text, those of each way of writing in their order."""
    for match in _ISO.finditer(text):
        yield DateSpan(*match.span(), int(match[1]), int(match[3]), int(match[4]))
    for match in _DAY_FIRST.finditer(text):
        yield DateSpan(*match.span(), int(match[3]), month(match[2]), int(match[1]))
    for match in _MONTH_FIRST.finditer(text):
        yield DateSpan(*match.span(), int(match[3]), month(match[1]), int(match[2]))


def last_day(text: str) -> str:
    """Return the last date of a text as `YYYY-MM-DD`, or nothing."""
    last = max(found(text), default=None)
    return f"{last.year}-{last.month:02}-{last.day:02}" if last else ""


def month(name: str) -> int:
    """Return the number of a month, from 1, by its name or the beginning of it."""
    return 1 + next(number for number, full in enumerate(MONTHS) if full.startswith(name[:3].lower()))
