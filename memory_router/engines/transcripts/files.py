"""Find transcript files and read them line by line, however large they and their lines are."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from memory_router import paths
from memory_router.errors import StoreError

_LONGEST_LINE = 16_000_000  # bytes; a pasted image may be some megabytes
_HEAD = 1024
_SUFFIX = ".jsonl"


class Line(NamedTuple):
    """Hold one line: where it begins and ends in its file, in bytes, and its content, None if it is too long."""

    start: int
    end: int
    raw: bytes | None


def standard_places() -> list[str]:
    """Return the folders in which hosts keep their transcripts on this machine; only those that exist."""
    agents = os.path.join(paths.openclaw_dir(), "agents")
    found = [os.path.join(paths.claude_code_dir(), "projects")]
    if os.path.isdir(agents):
        found += [os.path.join(agents, name, "sessions") for name in sorted(os.listdir(agents))]
    return [folder for folder in found if os.path.isdir(folder)]


def transcripts_below(places: Sequence[str]) -> list[str]:
    """Return all transcript files in folders, and files named as such, the oldest first.

    Symbolic links inside folders are not followed.

    Raises:
        StoreError: one of the places does not exist.
    """
    found: dict[str, int] = {}
    for place in map(os.path.realpath, places):
        if os.path.isdir(place):
            for folder, _, names in os.walk(place):
                for name in names:
                    if name.endswith(_SUFFIX):
                        _add(os.path.join(folder, name), found)
        elif os.path.exists(place):
            _add(place, found)
        else:
            raise StoreError(
                f"{paths.shown(place)} does not exist.",
                "Give `memory-router index --transcripts` a folder or a file that is there.",
            )
    return sorted(found, key=lambda path: (found[path], path))


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading; refuse links and pipes, which may have taken its place.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is no regular file", path)
    return os.fdopen(descriptor, "rb", buffering=1 << 18)


def lines(stream: BinaryIO, start: int) -> Iterator[Line]:
    """Yield the lines of a file from a position; the last one may have no end yet.

    Args:
        stream: an open file.
        start: where to begin, in bytes.
    """
    stream.seek(start)
    while raw := stream.readline(_LONGEST_LINE):
        end = start + len(raw)
        if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
            while (more := stream.readline(_LONGEST_LINE)) and not more.endswith(b"\n"):
                end += len(more)
            end += len(more)
            yield Line(start, end, None)
        else:
            yield Line(start, end, raw)
        start = end


def digest(stream: BinaryIO, consumed: int) -> bytes:
    """Return a digest of the beginning of a file, of the part already read: it tells another file of that name."""
    stream.seek(0)
    return hashlib.blake2b(stream.read(min(_HEAD, consumed)), digest_size=16).digest()


def _add(path: str, found: dict[str, int]) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode):
        found[path] = status.st_mtime_ns
