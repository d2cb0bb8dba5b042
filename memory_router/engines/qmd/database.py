"""Read QMD's database as it stands, without ever creating, changing or locking anything of it.

While no process writes there, it is read as an immutable file: nothing appears beside it, and read-only folders do. If
it changed meanwhile, or a log of writes (`-wal`) lies next to it, it is read like any database that others write to.
"""

import os
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import apsw

from memory_router.errors import CorruptStoreError, NewerStoreError, StoreError
from memory_router.paths import shown

_T = TypeVar("_T")

# Waiting longer than this for a writer would cost more than the answer is worth: WAL readers do not wait at all.
_BUSY_MS = 1000
_COLUMNS = {
    "documents": {"id", "collection", "path", "title", "hash", "modified_at", "active"},
    "content": {"hash", "doc"},
    "documents_fts": {"filepath", "title", "body"},
    "store_collections": {"name", "path", "include_by_default"},
}


class QmdDatabase(NamedTuple):
    """An open database, and whether what was written last may be missing from what it shows."""

    connection: apsw.Connection
    may_lag: bool = False


def read(path: str, work: Callable[[QmdDatabase], _T]) -> _T:
    """Return what `work` makes of the database at `path`.

    Args:
        path: the file, which must exist.
        work: reads; it may be called twice, if the file changes meanwhile.

    Raises:
        CorruptStoreError: it is damaged or no database.
        NewerStoreError: its tables are not those of QMD 2.
        StoreError: it is locked or cannot be opened.
    """
    try:
        before = _stamp(path)
        if not before.pending:
            try:
                result = _work_immutable(path, work)
            except apsw.CorruptError:
                if _stamp(path) == before:
                    raise
            else:
                if _stamp(path) == before:
                    return result
        return _work_shared(path, work)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise CorruptStoreError(
            f"QMD's index {shown(path)} is damaged ({error}).",
            "Move it away and run `qmd update`, which builds it again from your files.",
        ) from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreError(
            f"QMD's index {shown(path)} is locked by another program ({error}).",
            "Wait for it to end (`qmd update` or `qmd embed`, often), then ask again.",
        ) from error
    except (apsw.Error, OSError) as error:
        raise StoreError(
            f"QMD's index {shown(path)} cannot be read ({error}).",
            "Check the permissions of the file and its folder; `qmd status` tells what QMD makes of it.",
        ) from error


class _Stamp(NamedTuple):
    """What can be seen of a database from outside."""

    identity: tuple[int, int]
    size: int
    modified: int
    pending: bool


def _stamp(path: str) -> _Stamp:
    status = os.stat(path)
    try:
        pending = os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        pending = False
    return _Stamp((status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, pending)


def _work_shared(path: str, work: Callable[[QmdDatabase], _T]) -> _T:
    try:
        return _work(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY), work)
    except (apsw.ReadOnlyError, apsw.CantOpenError):
        # In a folder that may not be written SQLite cannot join the writers; all but their last pages can be read.
        return _work_immutable(path, work, may_lag=True)


def _work_immutable(path: str, work: Callable[[QmdDatabase], _T], *, may_lag: bool = False) -> _T:
    name = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    return _work(apsw.Connection(f"file:{name}?immutable=1", flags=flags), work, may_lag)


def _work(connection: apsw.Connection, work: Callable[[QmdDatabase], _T], may_lag: bool = False) -> _T:
    try:
        connection.set_busy_timeout(_BUSY_MS)
        # The file may come from anywhere: its schema must not call functions of ours.
        connection.pragma("trusted_schema", False)
        _check(connection)
        # One snapshot, so that a hit is not gone when its text is fetched.
        connection.execute("BEGIN")
        return work(QmdDatabase(connection, may_lag))
    finally:
        connection.close()


def _check(connection: apsw.Connection) -> None:
    for table, columns in _COLUMNS.items():
        present = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        if missing := columns - present:
            raise NewerStoreError(
                f"QMD's index {shown(connection.filename)} has other tables than those of QMD 2 "
                f"({table}: no {', '.join(sorted(missing))}).",
                "Run `qmd update` with QMD 2.x, or update memory-router. Nothing was changed.",
            )
