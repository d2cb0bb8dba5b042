"""Keep the indexes of a home fresh by a process of its own, which watches folders and sessions and is in no hurry."""

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from memory_router import paths

_LOWEST = 19


class Watcher:
    """Start what watches, and start it anew where it ended and there is something else to watch now."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stamp: Any = None

    def look(self) -> None:
        """See to it that what watches is there; call it about once a second."""
        if self.is_running():
            return
        stamp = [_modified(paths.documents_db()), _modified(paths.sessions_survey())]
        if stamp == self._stamp or not any(stamp):
            return  # it ended because it could not go on; what it cannot watch now it may after a change
        self._stamp = stamp
        with suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "memory_router", "resident", "watch"],
                stdin=subprocess.PIPE,  # at its end, whatever ended this process, the other one ends, too
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            os.setpriority(os.PRIO_PROCESS, self._process.pid, _LOWEST)

    def stop(self) -> None:
        """End what watches; a run of the index that it is in is cut off, and loses nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def is_running(self) -> bool:
        """Return whether something watches."""
        return self._process is not None and self._process.poll() is None


def _modified(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0
