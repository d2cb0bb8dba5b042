"""Return whether a file is still what QMD read: it never looks again unasked, and answers from what was."""

import hashlib
import os
import stat
import time

# Larger ones are not read for a comparison; their time alone tells.
_MAX_BYTES = 5_000_000


def is_deleted(root: str | None, path: str) -> bool:
    """Return whether a file is gone from a folder that is still there.

    Args:
        root: the collection's folder, or None if it is not known; on another machine's or an unplugged disk nothing
            can be said.
        path: the file's absolute path.
    """
    return root is not None and not os.path.lexists(path) and os.path.isdir(root)


def is_changed(path: str, modified: str, digest: str) -> bool:
    """Return whether a file holds something else than what was read.

    Args:
        path: the file's absolute path.
        modified: its time when it was read, ISO 8601 in UTC with milliseconds.
        digest: SHA-256 of what was read, in hexadecimal digits.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or _iso(status.st_mtime_ns) <= modified:
            return False
        if status.st_size > _MAX_BYTES:
            return True
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() != digest
    except OSError:
        return False


def _iso(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 10**6:03}Z"
