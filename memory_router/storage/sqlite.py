"""Open a SQLite database with the settings that several processes at once need, and migrate it.

The driver is `apsw` throughout: it brings its own current SQLite, so FTS5 and the tokenizers are the same on
every machine, and it imports faster than the standard library's module.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar, Self

import apsw

from memory_router.errors import CorruptStoreError, StoreError
from memory_router.paths import make_private, shown
from memory_router.storage import schema_copy
from memory_router.storage.files import make_file_private
from memory_router.storage.fulltext import register
from memory_router.storage.schema import SET_VERSION, VERSION, VERSIONS, Schema

_BUSY_MS = 5000
# Stands in `user_version` since `schema_versions` counts: programs that count in the file itself refuse it as newer.
_COUNTED_IN_TABLE = 1000


def open_database(path: str, schema: Schema) -> apsw.Connection:
    """Open the database at `path` for writing, creating and migrating it as needed.

    Args:
        path: the file; its folder is created for this user alone.
        schema: the tables that are needed; those of other rooms stay.

    Raises:
        NewerStoreError: more migrations are recorded than this program knows.
        CorruptStoreError: the file is damaged or no database.
        StoreError: the file cannot be opened or written.
    """
    connection = connect(path, precious=schema.precious)
    try:
        with named_errors(path):
            _migrate(connection, path, schema)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: str, *, precious: bool = False) -> apsw.Connection:
    """Open the database at `path` for writing as it is, creating it as needed.

    What is deleted in it is overwritten at once.

    Args:
        path: the file; its folder is created for this user alone, and so is the file.
        precious: let each commit outlive a power cut.

    Raises:
        CorruptStoreError: the file is not a database.
        StoreError: the file cannot be opened or written.
    """
    with named_errors(path):
        make_private(os.path.dirname(path))
        if precious:
            _create_whole(path)
            refuse_empty(path)
        make_file_private(path)
        connection = apsw.Connection(path)
        try:
            connection.set_busy_timeout(_BUSY_MS)
            register(connection)
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full" if precious else "normal")
            connection.pragma("secure_delete", True)
        except BaseException:
            connection.close()
            raise
        return connection


def refuse_empty(path: str) -> None:
    """Refuse a database that lost everything: a new one is never empty (see `_create_whole`).

    Raises:
        CorruptStoreError: the file has no bytes. Opening it would throw away its log, too.
    """
    try:
        if os.stat(path).st_size:
            return
    except OSError:  # whoever opens it says why
        return
    raise CorruptStoreError(
        f"The database {shown(path)} is empty: what stood in it is gone.",
        "Put a copy of it back, or run `memory-router backends db repair` to keep the empty file and begin anew.",
    )


def _create_whole(path: str) -> None:
    """Create the database at `path` if it is missing; no process ever sees it without its header."""
    if os.path.exists(path):
        return
    draft = f"{path}.{os.getpid()}-{os.urandom(4).hex()}"
    make_file_private(draft)
    try:
        connection = apsw.Connection(draft)
        try:
            connection.pragma("journal_mode", "wal")
        finally:
            connection.close()
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        os.unlink(draft)


def open_read_only(path: str, schema: Schema) -> apsw.Connection | None:
    """Open the database at `path` for reading; return None when it is missing or has no table of this room.

    One that an earlier version of the program wrote is migrated first.

    Raises:
        NewerStoreError: more migrations are recorded than this program knows.
        CorruptStoreError: the file is damaged or no database.
        StoreError: the file cannot be opened.
    """
    if not os.path.exists(path):
        return None
    if schema.precious:
        refuse_empty(path)
    with named_errors(path):
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(_BUSY_MS)
            register(connection)
            version = _version(connection, schema)
            to_do = schema.to_do(version, shown(path))
        except BaseException:
            connection.close()
            raise
    if not to_do:
        return connection
    connection.close()
    if not version:
        return None
    open_database(path, schema).close()
    return open_read_only(path, schema)


class DatabaseReader:
    """One database open for reading, as long as questions come; subclasses say what is in it.

    Args:
        connection: an open connection.
        path: the file.
    """

    schema: ClassVar[Schema]

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self._identity = _identity(path)

    @classmethod
    def open(cls, path: str) -> Self | None:
        """Open the database at `path`; return None before it is made.

        Raises:
            StoreError: it is damaged, newer than this program, or cannot be opened.
        """
        connection = open_read_only(path, cls.schema)
        return cls(connection, path) if connection else None

    def is_replaced(self) -> bool:
        """Return whether another file stands at the path by now: it was deleted, or built anew."""
        return _identity(self.path) != self._identity

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


def open_foreign(path: str, busy_ms: int = 2000) -> apsw.Connection:
    """Open another program's database for reading; nothing is ever written to it.

    Args:
        path: the file.
        busy_ms: how long to wait for its writer, in milliseconds.

    Raises:
        apsw.Error: it cannot be opened.
    """
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(busy_ms)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").get  # noqa: B018 - only a read opens the file
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        # In a folder that cannot be written a database at rest can still be read as it is.
        if os.path.exists(path + "-wal"):
            raise
        escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        return apsw.Connection(f"file:{escaped}?immutable=1", flags=flags)
    return connection


@contextmanager
def writing(connection: apsw.Connection) -> Iterator[None]:
    """Run one write transaction: committed at the end, rolled back on any error.

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
    """Register the distance functions on a connection; return whether they are installed."""
    from importlib.util import find_spec  # few open a database to compare vectors

    spec = find_spec("sqlite_vec")  # located, not imported: the package imports numpy
    if spec is None or spec.origin is None:
        return False
    try:
        connection.enable_load_extension(True)
        connection.load_extension(os.path.join(os.path.dirname(spec.origin), "vec0"))
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
            "Memories and conversations: run `memory-router backends db repair`, which keeps the damaged file and "
            "salvages what can be read of it. An index: run `memory-router index`, which builds it again.",
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


def erase_traces(connection: apsw.Connection, path: str) -> None:
    """Leave no byte of what was deleted in the files of a database: its log, its copies and its full-text indexes.

    Args:
        connection: the database, open for writing, outside a transaction.
        path: its file.

    Raises:
        StoreError: a file cannot be written, or another program still reads what was deleted.
    """
    with named_errors(path):
        tables = [str(name) for (name,) in connection.execute(_FULL_TEXT)]
        for table in tables:
            # Merging rewrites all segments, the deleted words are left out of the new ones.
            connection.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")  # noqa: S608 - our own tables
        connection.execute("VACUUM")
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_copy'").get:
            with writing(connection):  # the tables stand on other pages now
                schema_copy.keep(connection)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError as error:
            raise StoreError(
                f"What was deleted is not found any more, but another program reads {shown(path)}, so its bytes stay.",
                "End that program, then run `memory-router forget` again, with the same choice: it erases them.",
            ) from error
        from glob import escape, glob  # only what erases needs it

        for copy in glob(f"{escape(path)}.*.bak"):
            os.unlink(copy)


def back_up(connection: apsw.Connection, path: str) -> None:
    """Copy an open database to the file at `path`, for this user alone, as it stands at this moment."""
    make_file_private(path)
    copy = apsw.Connection(path)
    try:
        with copy.backup("main", connection, "main") as backup:
            backup.step()
    finally:
        copy.close()


def _copy_committed(path: str, copy: str) -> None:
    """Copy a database that this process is about to change: a connection that writes cannot be copied from."""
    source = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        back_up(source, copy)
    finally:
        source.close()


_FULL_TEXT = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%USING fts5(%'"


def _version(connection: apsw.Connection, schema: Schema) -> int:
    """Return how many migrations of a room were done."""
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions'").get:
        version = connection.execute(VERSION, {"room": schema.room}).get
        if version is not None:
            return int(version)
    if not schema.counted_by_file:
        return 0
    by_file = int(connection.pragma("user_version") or 0)
    return 0 if by_file == _COUNTED_IN_TABLE else by_file


def _migrate(connection: apsw.Connection, path: str, schema: Schema) -> None:
    if not schema.to_do(_version(connection, schema), shown(path)) and _is_counted(connection, schema):
        return
    with writing(connection):
        # Another process may have migrated while this one waited for the lock.
        version = _version(connection, schema)
        to_do = schema.to_do(version, shown(path))
        if to_do and version and schema.precious:
            _copy_committed(path, f"{path}.{schema.room}-{version}.bak")
        for migration in to_do:
            if callable(migration.sqlite):
                migration.sqlite(connection)
            else:
                connection.execute(migration.sqlite)
        connection.execute(VERSIONS)
        connection.execute(SET_VERSION, {"room": schema.room, "version": len(schema.migrations)})
        if schema.counted_by_file:
            connection.pragma("user_version", _COUNTED_IN_TABLE)
        if schema.precious:
            schema_copy.keep(connection)


def _is_counted(connection: apsw.Connection, schema: Schema) -> bool:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions_copy'").get:
        return False
    if schema.precious and not schema_copy.is_kept(connection):
        return False
    return not schema.counted_by_file or int(connection.pragma("user_version") or 0) == _COUNTED_IN_TABLE
