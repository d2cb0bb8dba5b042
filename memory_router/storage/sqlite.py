"""Open a SQLite database with the settings that several processes at once need, and migrate it.

The driver is `apsw` throughout: it brings its own current SQLite, so FTS5 and the tokenizers are the same on
every machine, and it imports faster than the standard library's module.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Self

import apsw

from memory_router.errors import CorruptStoreError, NewerStoreError, StoreError
from memory_router.paths import make_private, shown

Migration = Callable[[apsw.Connection], None]

_BUSY_MS = 5000


def open_database(path: str, migrations: Sequence[Migration]) -> apsw.Connection:
    """Open the database at `path` for writing, creating and migrating it as needed.

    Args:
        path: the file; its folder is created for this user alone.
        migrations: every step that the schema ever took, oldest first; `user_version` counts those done.

    Raises:
        NewerStoreError: more migrations are recorded than this program knows.
        CorruptStoreError: the file is damaged or no database.
        StoreError: the file cannot be opened or written.
    """
    connection = connect(path)
    with named_errors(path):
        _migrate(connection, path, migrations)
        return connection


def connect(path: str) -> apsw.Connection:
    """Open the database at `path` for writing as it is, creating it as needed.

    Args:
        path: the file; its folder is created for this user alone.

    Raises:
        CorruptStoreError: the file is no database.
        StoreError: the file cannot be opened or written.
    """
    with named_errors(path):
        make_private(os.path.dirname(path))
        connection = apsw.Connection(path)
        connection.set_busy_timeout(_BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "normal")
        return connection


def open_read_only(path: str, migrations: Sequence[Migration]) -> apsw.Connection | None:
    """Open the database at `path` for reading; return None when there is none or it is not migrated yet.

    Raises:
        NewerStoreError: more migrations are recorded than this program knows.
        CorruptStoreError: the file is damaged or no database.
        StoreError: the file cannot be opened.
    """
    if not os.path.exists(path):
        return None
    with named_errors(path):
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(_BUSY_MS)
        version = _version(connection, path, migrations)
        return connection if version == len(migrations) else None


class DatabaseReader:
    """Hold one database open for reading, as long as questions come; subclasses say what is in it.

    Args:
        connection: an open connection.
        path: the file.
    """

    migrations: ClassVar[Sequence[Migration]]

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self._identity = _identity(path)

    @classmethod
    def open(cls, path: str) -> Self | None:
        """Open the database at `path`; return None when there is none yet.

        Raises:
            StoreError: it is damaged, newer than this program, or cannot be opened.
        """
        connection = open_read_only(path, cls.migrations)
        return cls(connection, path) if connection else None

    def is_replaced(self) -> bool:
        """Say whether another file stands at the path by now: it was deleted, or built anew."""
        return _identity(self.path) != self._identity

    def close(self) -> None:
        """Let the database go."""
        self.connection.close()


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """Hold one write transaction: committed at the end, rolled back on any error.

    It takes the write lock at once, so that two writers wait for each other instead of failing half-way.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def load_distances(connection: apsw.Connection) -> bool:
    """Teach a connection the distance functions; return whether they are installed."""
    from importlib.util import find_spec  # few open a database to compare vectors

    found = find_spec("sqlite_vec")  # located, not imported: the package imports numpy
    if found is None or found.origin is None:
        return False
    try:
        connection.enable_load_extension(True)
        connection.load_extension(os.path.join(os.path.dirname(found.origin), "vec0"))
        connection.enable_load_extension(False)
    except apsw.Error:
        return False
    return True


@contextmanager
def named_errors(path: str) -> Iterator[None]:
    """Turn the driver's errors about the database at `path` into ours, with a fix."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise CorruptStoreError(
            f"The database {shown(path)} is damaged ({error}).",
            "Move it away; an index is rebuilt by `memory-router index`, memories come back from a backup.",
        ) from error
    except apsw.BusyError as error:
        raise StoreError(
            f"The database {shown(path)} stayed locked for {_BUSY_MS / 1000:.0f} s.",
            "Wait for the program that writes to it, then try again.",
        ) from error
    except (apsw.FullError, apsw.ReadOnlyError, apsw.CantOpenError, apsw.IOError, apsw.PermissionsError) as error:
        raise StoreError(
            f"The database {shown(path)} cannot be used ({error}).",
            "Check free disk space and the permissions of its folder; what was stored before is intact.",
        ) from error
    except OSError as error:
        raise StoreError(
            f"The folder of the database {shown(path)} cannot be used ({error.strerror}).",
            "Check its permissions, or point MEMORY_ROUTER_HOME at a folder you may write.",
        ) from error


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _version(connection: apsw.Connection, path: str, migrations: Sequence[Migration]) -> int:
    version = int(connection.pragma("user_version") or 0)
    if version > len(migrations):
        raise NewerStoreError(
            f"The database {shown(path)} has schema {version}, and this program knows {len(migrations)}.",
            "Update memory-router, or point MEMORY_ROUTER_HOME at another folder. Nothing was changed.",
        )
    return version


def _migrate(connection: apsw.Connection, path: str, migrations: Sequence[Migration]) -> None:
    version = _version(connection, path, migrations)
    if version == len(migrations):
        return
    if version > 0:
        back_up(connection, f"{path}.schema-{version}.bak")
    with writing(connection):
        # Another process may have migrated while this one waited for the lock.
        for migrate in migrations[_version(connection, path, migrations) :]:
            migrate(connection)
        connection.pragma("user_version", len(migrations))


def back_up(connection: apsw.Connection, path: str) -> None:
    """Copy an open database to the file at `path`, as it stands at this moment."""
    copy = apsw.Connection(path)
    with copy.backup("main", connection, "main") as backup:
        backup.step()
    copy.close()
