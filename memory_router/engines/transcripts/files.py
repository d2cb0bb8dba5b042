"""Find files of sessions and read them line by line, however large they and their lines are."""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from memory_router import paths
from memory_router.engines.transcripts.hosts import registry
from memory_router.engines.transcripts.hosts.registry import Host
from memory_router.errors import StoreError

# From this length on a line is read in pieces, without the pictures in it.
_LONG_LINE = 4_000_000
_LONGEST_LINE = 16_000_000  # bytes, without pictures
# A picture is spelt with characters that no JSON gives a meaning, so that any part of it can be left out.
_PICTURE = re.compile(rb"[A-Za-z0-9+/=_-]{1024,}")
_HEAD = 1024


class FileLine(NamedTuple):
    """One line: where it begins and ends in its file, in bytes, and its content, None if it is too long."""

    start: int
    end: int
    raw: bytes | None


class SessionFile(NamedTuple):
    """A file that may hold sessions, and the host in whose folders it lies, if it does."""

    path: str
    host: Host | None


def standard_places() -> list[str]:
    """Return the folders and files in which hosts keep their sessions on this machine; only those that exist."""
    return list(registry.standard_places())


def sessions_below(places: Sequence[str]) -> list[SessionFile]:
    """Return all files of sessions in folders, and files named as such, the oldest first.

    Symbolic links are followed to the folders directly below a host's own place, and nowhere else.

    Args:
        places: folders and files; none for those of all hosts.

    Raises:
        StoreError: one of the places does not exist.
    """
    standard = {os.path.realpath(place): host for place, host in registry.standard_places().items()}
    by_path: dict[str, tuple[int, Host | None]] = {}
    for place in map(os.path.realpath, places or standard):
        host = standard.get(place) or next((owner for root, owner in standard.items() if _is_below(place, root)), None)
        keeps = host.keeps if host else registry.keeps
        if not os.path.exists(place):
            raise StoreError(
                f"{paths.shown(place)} does not exist.",
                "Give `memory-router index --transcripts` a folder or a file that is there.",
            )
        listed = _walked(place, keeps, follow=place in standard) if os.path.isdir(place) else (place,)
        by_path |= {path: (_modified(path), host) for path in listed if _modified(path)}
    return [
        SessionFile(path, host)
        for path, (_, host) in sorted(by_path.items(), key=lambda entry: (entry[1][0], entry[0]))
    ]


def host_of(path: str) -> Host | None:
    """Return the host in whose own places a file lies, or None."""
    return next((host for place, host in registry.standard_places().items() if _is_below(path, place)), None)


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading; refuse links and pipes, which may have taken its place.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a regular file", path)
    return os.fdopen(descriptor, "rb", buffering=1 << 18)


def lines(stream: BinaryIO, start: int) -> Iterator[FileLine]:
    """Yield the lines of a file from a position; the last one may have no end yet.

    Args:
        stream: an open file.
        start: where to begin, in bytes.
    """
    stream.seek(start)
    while raw := stream.readline(_LONG_LINE):
        end = start + len(raw)
        if len(raw) < _LONG_LINE or raw.endswith(b"\n"):
            yield FileLine(start, end, raw)
        else:
            kept = bytearray(_PICTURE.sub(b"", raw))
            while not raw.endswith(b"\n") and (raw := stream.readline(_LONG_LINE)):
                end += len(raw)
                if len(kept) <= _LONGEST_LINE:
                    kept += _PICTURE.sub(b"", raw)
            yield FileLine(start, end, bytes(kept) if len(kept) <= _LONGEST_LINE else None)
        start = end


def digest(stream: BinaryIO, consumed: int) -> bytes:
    """Return a digest of the beginning of a file, of the part already read: it tells another file of that name."""
    stream.seek(0)
    return hashlib.blake2b(stream.read(min(_HEAD, consumed)), digest_size=16).digest()


def _walked(place: str, keeps: Callable[[str], bool], *, follow: bool) -> Iterator[str]:
    yield from _below(place, keeps)
    if not follow:
        return
    with os.scandir(place) as entries:
        linked: Iterable[str] = [entry.path for entry in entries if entry.is_symlink() and entry.is_dir()]
    for folder in {os.path.realpath(link) for link in linked}:
        if not _is_below(folder, place) and not _is_below(place, folder):
            yield from _below(folder, keeps)


def _below(folder: str, keeps: Callable[[str], bool]) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        yield from (os.path.join(parent, name) for name in names if keeps(name))


def _is_below(path: str, place: str) -> bool:
    return path == place or path.startswith(place.rstrip(os.sep) + os.sep)


def _modified(path: str) -> int:
    """Return when a regular file was changed, in nanoseconds; 0 for anything else."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return 0
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0
