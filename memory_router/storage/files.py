"""Read files, write them whole or not at all, lock them between processes, and move damaged ones out of the way.

Everything here is for this user alone: folders get mode 0700, files 0600. Standard library only: the ask path uses it.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from memory_router.errors import StoreError
from memory_router.paths import make_private, shown

# What SQLite keeps beside a database.
COMPANIONS = ("-wal", "-shm", "-journal")


def beginning(path: str, characters: int) -> str:
    """Return how a text file begins; nothing if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(characters)
    except OSError:
        return ""


def write_whole(path: str, content: bytes) -> None:
    """Put `content` in the place of the file at `path`; a crash at any moment leaves the old or the new text.

    A link stays a link, and a file keeps its mode; a new one gets 0600.

    Args:
        path: the file; its folder is created.
        content: all that the file is to hold.

    Raises:
        OSError: the file cannot be written; it is as it was.
    """
    target = os.path.realpath(path)
    make_private(os.path.dirname(target))
    draft = f"{target}.{os.getpid()}-{os.urandom(4).hex()}"
    try:
        with open(_create_private(draft), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), _mode(target))
            os.fsync(stream.fileno())
        replace_whole(draft, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft)
        raise


def replace_whole(draft: str, path: str) -> None:
    """Replace a file durably by a complete one in the same folder.

    Args:
        draft: the new file, in the same folder.
        path: what it replaces, or creates.

    Raises:
        OSError: the folder cannot be written.
    """
    os.replace(draft, path)
    _sync_folder(os.path.dirname(path))


def copy_aside(path: str, suffix: str) -> str:
    """Copy the file at `path` to the first free name `PATH.SUFFIX`, `PATH.SUFFIX-2`, ... and return that name.

    Raises:
        OSError: the file cannot be read, or the copy cannot be written.
    """
    with open(path, "rb") as stream:
        content = stream.read()
    aside = _free_name(path, suffix)
    write_whole(aside, content)
    return aside


@contextmanager
def exclusive(path: str, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Allow one process at a time to change the file at `path`; the lock ends with the process, however that ends.

    Args:
        path: the file; the lock is `PATH.lock` beside it.
        waiting: is called once if another process holds the lock and this one has to wait.

    Raises:
        StoreError: the folder cannot be used.
    """
    try:
        make_private(os.path.dirname(path))
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"The folder of {shown(path)} cannot be used ({error.strerror}).",
            "Check its permissions, or point MEMORY_ROUTER_HOME at a folder you may write.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: str) -> bool:
    """Return whether a process holds the lock of `exclusive` on the file at `path`."""
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def quarantine(database: str, replaced_by: str | None = None) -> str:
    """Move a damaged database and its log out of the way, and return where it lies now.

    The log stays beside it under its new name: it may hold what was committed last.

    Args:
        database: the file.
        replaced_by: a whole file in the same folder that takes its place; None leaves the place empty.

    Raises:
        OSError: the folder cannot be written.
    """
    aside = _free_name(database, "damaged")
    if replaced_by:
        os.link(database, aside)
    for companion in COMPANIONS:
        with suppress(FileNotFoundError):
            os.replace(database + companion, aside + companion)
    if replaced_by:
        replace_whole(replaced_by, database)
    else:
        os.replace(database, aside)
    return aside


def make_file_private(path: str) -> None:
    """Create the file at `path` with mode 0600 if it is missing, and take it from other users if it is there.

    Raises:
        OSError: the file cannot be created.
    """
    try:
        os.close(_create_private(path))
    except FileExistsError:
        status = os.stat(path)
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            with suppress(PermissionError):
                os.chmod(path, status.st_mode & 0o700)


def _create_private(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _mode(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        return 0o600


def _free_name(path: str, suffix: str) -> str:
    name, number = f"{path}.{suffix}", 2
    while os.path.lexists(name):
        name, number = f"{path}.{suffix}-{number}", number + 1
    return name


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
