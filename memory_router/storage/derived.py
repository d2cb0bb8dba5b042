"""Keep databases that can be built again: one writer at a time, and damaged ones out of the way."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from memory_router import paths
from memory_router.storage.sqlite import named_errors


@contextmanager
def sole_writer(database: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the right to write a database; the system takes it back when the process ends, however it ends.

    Args:
        database: the file; its folder is created.
        waiting: is called once if another process holds the right and this one has to wait.

    Raises:
        StoreError: the folder cannot be used.
    """
    with named_errors(database):
        paths.make_private(os.path.dirname(database))
        descriptor = os.open(database + ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def set_aside(database: str) -> str:
    """Move a damaged database out of the way and return where it lies now."""
    aside = database + ".damaged"
    os.replace(database, aside)
    for companion in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(database + companion)
    return aside
