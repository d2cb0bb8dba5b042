"""Publish the progress of an index run in a file, for other processes to read."""

import json
import os
import time
from contextlib import suppress
from typing import NamedTuple

from memory_router import paths
from memory_router.engines.documents.indexing import IndexListener
from memory_router.storage.files import is_locked, write_whole

# How often it is written down.
_SECONDS = 0.5


class Progress(NamedTuple):
    """How far a run of the index is.

    Args:
        root: the folder that it looks through now.
        files: how many files of it are looked at.
        done: how many of them are done.
    """

    root: str
    files: int
    done: int


def progress() -> Progress | None:
    """Return how far the run of the index is that is at work, or None if none is."""
    if not is_locked(paths.documents_db()):
        return None
    try:
        with open(paths.index_progress(), "rb") as stream:
            root, files, done = json.load(stream)
        return Progress(str(root), int(files), int(done))
    except (OSError, ValueError, TypeError):  # it has only begun
        return None


class Noting(IndexListener):
    """Write down how far a run is, and tell another listener.

    Args:
        listener: hears everything, too.
    """

    def __init__(self, listener: IndexListener) -> None:
        self._listener = listener
        self._progress = Progress("", 0, 0)
        self._noted = time.monotonic()  # a run that ends at once writes nothing

    def waiting(self) -> None:
        """Note that another run holds the index."""
        self._listener.waiting()

    def surveyed(self, root: str, files: int) -> None:
        """Note how many files of a root are to be looked at."""
        self._listener.surveyed(root, files)
        self._progress = Progress(root, files, 0)
        self._note()

    def advanced(self, files: int) -> None:
        """Add to the number of files that are done."""
        self._listener.advanced(files)
        self._progress = self._progress._replace(done=self._progress.done + files)
        self._note()

    def ended(self) -> None:
        """Take away what was written down."""
        with suppress(OSError):
            os.unlink(paths.index_progress())

    def _note(self) -> None:
        if time.monotonic() - self._noted >= _SECONDS:
            self._noted = time.monotonic()
            with suppress(OSError):  # the run is what counts
                write_whole(paths.index_progress(), json.dumps(self._progress).encode())
