"""Keep lines that wait for the database in a file: appended by many processes, taken away by one.

An append costs a fraction of a millisecond, and whoever writes to the database never makes it wait.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from memory_router.paths import make_private

# A spool that nobody takes in must not fill the disk.
_MOST_BYTES = 64 * 2**20
_TAKEN = ".taken"


class Spool:
    """Lines in the file at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def append(self, line: bytes) -> None:
        """Append one line, whole, whoever else appends.

        Raises:
            OSError: the file cannot be written, or nobody has emptied it for very long.
        """
        make_private(os.path.dirname(self._path))
        with self._opened() as descriptor:
            if os.fstat(descriptor).st_size > _MOST_BYTES:
                raise OSError(f"{self._path} is full; run: memory-router rules learn")
            os.write(descriptor, line + b"\n")

    def count(self) -> int:
        """Return how many lines wait."""
        with suppress(OSError), open(self._path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(2**16), b""))
        return 0

    @contextmanager
    def taken(self) -> Iterator[list[bytes]]:
        """Give all lines that wait, and drop them at the end unless there was an error; one process at a time.

        Lines that a process took before it died come first: whoever stores them must know those stored already.
        """
        aside = self._path + _TAKEN
        if not os.path.exists(aside):
            self._set_aside(aside)
        if not os.path.exists(aside):
            yield []
            return
        with open(aside, "rb") as file:
            yield file.read().splitlines()
        os.unlink(aside)

    def _set_aside(self, aside: str) -> None:
        with suppress(FileNotFoundError), open(self._path, "rb") as file:
            # Writers hold the lock while they write: now none of them is half-way.
            fcntl.flock(file, fcntl.LOCK_EX)
            os.rename(self._path, aside)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        while True:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if self._is_current(descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        """Return whether the open file still stands at the path, and was not taken away meanwhile."""
        with suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        return False
