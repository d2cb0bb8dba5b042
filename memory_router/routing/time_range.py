"""Read the span of time that a caller gives: dates, ISO 8601 times, or words such as `last week`."""

import time

from memory_router.contract import iso_time
from memory_router.errors import InvalidTimeError
from memory_router.text import moments

_FIX = "Give a date such as 2026-03-01, an ISO 8601 time, or words such as `yesterday`, `last week` or `March 2026`."


def iso_time_range(since: str | None, until: str | None) -> tuple[str | None, str | None]:
    """Return the ends of a span as ISO 8601 times in UTC, as backends take them; a day ends with its last second.

    Args:
        since: nothing older is wanted; None for any time.
        until: nothing newer is wanted; None for any time.

    Raises:
        InvalidTimeError: one of them is not a time, or the second lies before the first.
    """
    now = time.time()
    first, last = _moment(since, now, is_end=False), _moment(until, now, is_end=True)
    if first is not None and last is not None and last < first:
        raise InvalidTimeError(f"Nothing lies between {since!r} and {until!r}.", "Give the earlier one as `since`.")
    return None if first is None else iso_time(first), None if last is None else iso_time(last)


def _moment(text: str | None, now: float, *, is_end: bool) -> float | None:
    if text is None:
        return None
    moment = moments.moment(text, now, is_end=is_end)
    if moment is None:
        raise InvalidTimeError(f"{text!r} is not a time that is understood.", _FIX)
    return moment
