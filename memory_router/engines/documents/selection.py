"""Choose the passages that may answer at all: of one project, of a span of time."""

import json
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from memory_router.scope import admits


class PassageSelection(NamedTuple):
    """Which passages may answer.

    A date in the headings above a passage is its time, else one in its file's name, else the file's modification.

    Args:
        since: none older, in seconds since the epoch.
        until: none newer, in seconds since the epoch.
        project: only those of the project with this name, and of everywhere; letter case does not matter.
        absent: none in these files, or below these folders, which are gone.
    """

    since: float | None = None
    until: float | None = None
    project: str | None = None
    absent: tuple[str, ...] = ()

    def admits(self, projects: Sequence[str], day: str, modified: float) -> bool:
        """Return whether a passage may answer.

        Args:
            projects: the names that its project goes by.
            day: what `day_of` says of it.
            modified: when its file was modified, in seconds since the epoch.
        """
        if self.project is not None and not any(admits(project, self.project) for project in projects):
            return False
        if day:
            return (self.since is None or day >= _day(self.since)) and (self.until is None or day <= _day(self.until))
        return (self.since is None or modified >= self.since) and (self.until is None or modified <= self.until)

    def bindings(self) -> dict[str, Any]:
        """Return the values for SQL that selects by day, or by time of modification where there is no day."""
        first, last = (None if end is None else _day(end) for end in (self.since, self.until))
        span = {"since": self.since, "until": self.until, "first": first, "last": last}
        return {**span, "project": self.project, "absent": json.dumps(self.absent) if self.absent else None}


EVERYTHING = PassageSelection()


def day_of(heading: str, date: str, path: str) -> str:
    """Return the day that a passage is of, as `YYYY-MM-DD`, or nothing if neither its place nor its file tells one.

    Args:
        heading: the headings above it, outermost first.
        date: when it was said, in words.
        path: its file.
    """
    from memory_router.text import dates  # few questions have a span of time

    return dates.last_day(heading) or dates.last_day(date) or dates.last_day(os.path.basename(path))


def seconds_of(day: str) -> float | None:
    """Return the noon of a day, in seconds since the epoch, or None if there is no day."""
    try:
        return time.mktime(time.strptime(f"{day} 12", "%Y-%m-%d %H")) if day else None
    except (ValueError, OverflowError):
        return None


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
