"""Choose the passages that may answer at all: of one project, of a span of time."""

import json
import os
import time
from collections.abc import Sequence
from typing import NamedTuple

import apsw

from memory_router.scope import admits

_WITH_YEAR = "*[12][0-9][0-9][0-9]*"  # SQLite looks for it quicker than Python for a date
_CHOSEN = """
    SELECT id FROM (
        SELECT c.id, f.mtime_ns / 1e9 AS modified, CASE
            WHEN :since IS NULL AND :until IS NULL THEN ''
            WHEN c.heading GLOB :year OR c.date GLOB :year OR f.name GLOB :year THEN day_of(c.heading, c.date, f.name)
            ELSE ''
        END AS day
        FROM chunks c JOIN files f ON f.id = c.file
        WHERE (:project IS NULL OR f.project = '' OR f.project = :project COLLATE NOCASE)
        AND (:files IS NULL OR f.id IN (SELECT value FROM json_each(:files)))
    )
    WHERE CASE WHEN day <> ''
        THEN (:since IS NULL OR day >= :first) AND (:until IS NULL OR day <= :last)
        ELSE (:since IS NULL OR modified >= :since) AND (:until IS NULL OR modified <= :until)
    END
"""


class Selection(NamedTuple):
    """Say which passages may answer.

    A date in the headings above a passage is its time, else one in its file's name, else the file's modification.

    Args:
        since: none older, in seconds since the epoch.
        until: none newer, in seconds since the epoch.
        project: only those of the project with this name, and of everywhere; letter case does not matter.
    """

    since: float | None = None
    until: float | None = None
    project: str | None = None

    def admits(self, projects: Sequence[str], day: str, modified: float) -> bool:
        """Say whether a passage may answer.

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


def day_of(heading: str, date: str, path: str) -> str:
    """Return the day that a passage is of, as `YYYY-MM-DD`, or nothing if neither its place nor its file tells one.

    Args:
        heading: the headings above it, outermost first.
        date: when it was said, in words.
        path: its file.
    """
    from memory_router.text import dates  # few questions have a span of time

    return dates.last_day(heading) or dates.last_day(date) or dates.last_day(os.path.basename(path))


def chosen(connection: apsw.Connection, selection: Selection, files: Sequence[int] | None = None) -> list[int]:
    """Return the ids of the passages that may answer.

    Args:
        connection: an open index.
        selection: which ones may.
        files: ids of the only files that may, or None for all.
    """
    connection.create_scalar_function("day_of", lambda *told: day_of(*map(str, told)), deterministic=True)
    since, until, project = selection
    bindings = {
        "since": since,
        "until": until,
        "first": None if since is None else _day(since),
        "last": None if until is None else _day(until),
        "project": project,
        "files": None if files is None else json.dumps(files),
        "year": _WITH_YEAR,
    }
    return [chunk for (chunk,) in connection.execute(_CHOSEN, bindings)]


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
