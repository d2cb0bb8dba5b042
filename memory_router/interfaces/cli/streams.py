"""Write to stdout whatever it is: closed, full, a pipe without a reader, or a terminal that is not UTF-8."""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputError(Exception):
    """What should be printed cannot be written.

    Args:
        error: what the system said.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.is_quiet = error.errno == errno.EPIPE

    @property
    def exit_code(self) -> int:
        """Return 141 where the reader went away, as SIGPIPE has it, else 1."""
        return 141 if self.is_quiet else 1


class _Output(io.FileIO):
    """An error of stdout, as distinct from all other errors of the system."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputError(error) from error


def prepare() -> None:
    """Open what was closed of the three standard streams, and let stdout raise `OutputError` and nothing else.

    A closed descriptor would be given to the next file that is opened, and what is printed would be written into it.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # nothing can be written to a closed stdout, and that is told like a full disk
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    encoding = sys.stdout.encoding if sys.stdout else "utf-8"
    binary = io.BufferedWriter(_Output(1, "wb", closefd=False))
    sys.stdout = io.TextIOWrapper(binary, encoding, "replace", line_buffering=os.isatty(1))


def finish(code: str | int | None) -> int:
    """Write everything that was printed, and return the exit code that says how that went.

    Args:
        code: as `sys.exit` takes it.
    """
    status = code if isinstance(code, int) else int(code is not None)
    try:
        if isinstance(code, str):
            print(code, file=sys.stderr)
        sys.stdout.flush()
    except OutputError as error:
        if not error.is_quiet:
            print(f"memory-router: the output cannot be written: {error}.", file=sys.stderr)
        status = error.exit_code
        # What is left is tried again at the very end, and must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stderr.flush()
    return status
