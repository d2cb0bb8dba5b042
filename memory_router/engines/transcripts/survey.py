"""Find quickly whether agents wrote sessions since the last import: folders are listed, no file is opened.

The last import leaves behind when it began and where it looked, so that the look loads no reader of any host. Standard
library only: it follows every question.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence

from memory_router import paths
from memory_router.storage.files import is_locked, write_whole

# How files are named in which agents keep sessions and notes; a database that is being written grows its log.
_KEPT = (".json", ".jsonl", ".db", ".sqlite", ".vscdb", "-wal", ".md")
# A look that takes longer is given up; then the next import is due when the last one is so old, in seconds.
_LOOK, _STALE = 0.004, 3600.0


def note(began: float, places: Sequence[str]) -> None:
    """Remember an import of everything that agents keep.

    Args:
        began: when, in seconds since the epoch.
        places: the folders and files in which agents keep sessions, whether they exist or not; the last are looked at
            first.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(paths.sessions_survey(), json.dumps({"began": began, "places": list(places)}).encode())


def is_behind() -> bool:
    """Return whether sessions were written since the last import; False where there was none, or one is at work."""
    try:
        with open(paths.sessions_survey(), "rb") as stream:
            noted = json.load(stream)
        began, places = float(noted["began"]), [str(place) for place in noted["places"]]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return _any_newer(began, places) and not is_locked(paths.transcripts_db())


def _any_newer(began: float, places: Sequence[str]) -> bool:
    until = time.monotonic() + _LOOK
    for modified in _modified(began, places):
        if modified > began:
            return True
        if time.monotonic() > until:
            return time.time() - began > _STALE
    return False


def _modified(began: float, places: Sequence[str]) -> Iterator[float]:
    """Yield when each file of sessions was changed, in seconds since the epoch; folders with new files come first."""
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        is_newer = entry.stat(follow_symlinks=False).st_mtime > began
                        waiting.insert(len(waiting) if is_newer else 0, entry.path)
                    elif entry.name.endswith(_KEPT) or ".jsonl." in entry.name:
                        yield entry.stat(follow_symlinks=False).st_mtime
        except NotADirectoryError:
            yield os.stat(place).st_mtime
        except OSError:
            continue
