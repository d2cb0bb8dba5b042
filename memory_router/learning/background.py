"""Start background work in processes of their own."""

import os
import sys
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from memory_router import paths
from memory_router.routing import survivors
from memory_router.routing.journal import BACKGROUND

if TYPE_CHECKING:
    from subprocess import Popen

_LOWEST = 19
# What continuous integration and test runners set.
_OF_TESTS = ("CI", "PYTEST_CURRENT_TEST")
# What this process started last, by its arguments: a process that answers for long starts nothing twice at a time.
_started: "dict[tuple[str, ...], Popen[bytes]]" = {}
_starting = Lock()


def is_tested() -> bool:
    """Return whether this process runs for tests, which would leave behind what stays for long."""
    return any(map(os.environ.get, _OF_TESTS))


def end_without_home() -> None:
    """End this process, which does background work, where its home was removed while it started.

    Whatever it would write would bring the home back, or keep it from being removed.
    """
    if not any(map(os.path.isdir, (paths.state_dir(), paths.data_dir(), paths.cache_dir()))):
        sys.exit(0)


def learn_later() -> None:
    """Start `memory-router rules learn` and leave it alone; one that finds another at work ends at once."""
    with suppress(OSError):  # no room for a process: the next batch is as good
        start("learn", "--quiet")


def import_later() -> None:
    """Start `memory-router index --transcripts` and leave it alone."""
    with suppress(OSError):
        start("index", "--transcripts")


def index_later() -> None:
    """Start `memory-router index` for the folders that are known, and leave it alone."""
    with suppress(OSError):
        start("index")


def start(*arguments: str, niceness: int = _LOWEST) -> "Popen[bytes]":
    """Start `memory-router ARGUMENTS`, unless the last one is still at work, and return its process, to be left alone.

    What goes wrong in it is a line `BACKGROUND` of `router.log`.

    Args:
        arguments: the command line.
        niceness: its priority; 0 for that of this process.

    Raises:
        OSError: it cannot be started.
    """
    # Imported here because most answers start nothing.
    import subprocess

    with _starting:
        earlier = _started.get(arguments)
        if earlier is not None and earlier.poll() is None:
            return earlier
        process = _started[arguments] = subprocess.Popen(
            [sys.executable, "-m", "memory_router", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # It outlives what started it, on purpose.
            env={name: value for name, value in os.environ.items() if name != survivors.VARIABLE}
            | {BACKGROUND: " ".join(arguments)},
        )
        with suppress(OSError):  # it has ended already
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
        return process


def reap() -> None:
    """Collect background processes that have ended, so that no zombie stays."""
    with _starting:
        for process in _started.values():
            process.poll()
