"""Recover what can be read of a damaged SQLite database; the damaged file is kept beside it."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

import apsw

from memory_router.storage import lost_root, schema_copy
from memory_router.storage.files import COMPANIONS, make_file_private, quarantine
from memory_router.storage.fulltext import register
from memory_router.storage.sqlite import connect, named_errors, writing

# The numbers that rows may have. Past a damaged page the search for the next readable row goes on in steps that double.
_FIRST_ROW, _LAST_ROW = -(2**63), 2**63 - 1
# What hinders any program from reading a database that is whole.
_NO_DAMAGE = (apsw.BusyError, apsw.CantOpenError, apsw.FullError, apsw.IOError, apsw.NoMemError, apsw.PermissionsError)


class Salvaged(NamedTuple):
    """The result of salvaging a damaged database.

    Args:
        aside: where the damaged file lies now; None if its indexes were all that was wrong, and were built anew.
        rows: how many rows could be read; 0 if `aside` is None.
        damaged_tables: the tables of which rows may be missing.
    """

    aside: str | None
    rows: int
    damaged_tables: tuple[str, ...]


def is_whole(database: str) -> bool:
    """Return whether SQLite finds nothing wrong with a database.

    Args:
        database: the file; one that is not there is whole.

    Raises:
        StoreError: it cannot be looked at, as on a full disk, which is not damage.
    """
    if not os.path.exists(database):
        return True
    if not os.path.getsize(database):
        return False
    with named_errors(database):
        try:
            with closing(apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
                register(connection)
                return bool(connection.execute("PRAGMA quick_check(1)").get == "ok")
        except _NO_DAMAGE as error:
            if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_READ:  # the medium is damaged
                return False
            raise
        except apsw.Error:
            return False


def salvage(database: str, rebuild: Callable[[apsw.Connection], None] = lambda _connection: None) -> Salvaged:
    """Mend a damaged database in place: first its indexes, else by copying every row that can be read to a new file.

    Args:
        database: the file. The caller holds its lock.
        rebuild: fills what cannot be copied, such as full-text tables without their texts; runs in the transaction.

    Raises:
        StoreError: the folder cannot be written; the database is where it was.
    """
    if not os.path.getsize(database):
        with named_errors(database):  # to open it would remove its log
            aside = quarantine(database)
        connect(database, precious=True).close()
        return Salvaged(aside, 0, ())
    if _reindexed(database):
        return Salvaged(None, 0, ())
    draft = f"{database}.{os.getpid()}.part"
    with named_errors(database):
        try:
            make_file_private(draft)
            with _readable(database, f"{draft}.read") as old, closing(apsw.Connection(draft)) as new:
                register(new)
                with writing(new):
                    rows, damaged = _copy_all(old, new) if old else (0, [])
                    if rows or damaged:
                        rebuild(new)
                    schema_copy.keep(new)
            aside = quarantine(database, replaced_by=draft)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)
    return Salvaged(aside, rows, tuple(damaged))


@contextmanager
def _readable(damaged: str, copy: str) -> Iterator[apsw.Connection | None]:
    """Open a damaged database for reading, or a copy of it in which a page was put back; yield None if none helps.

    Args:
        damaged: the file; it stays as it is.
        copy: where a copy may stand meanwhile.
    """
    try:
        if connection := _opened(_regrown(damaged, copy)) or _opened(damaged) or _opened(_restored(damaged, copy)):
            with closing(connection):
                yield connection
        else:
            yield None
    finally:
        for name in (copy, *(copy + companion for companion in COMPANIONS)):
            with suppress(FileNotFoundError):
                os.unlink(name)


def _opened(database: str | None) -> apsw.Connection | None:
    """Open a database for reading; return None where it cannot be said which tables it has."""
    if database is None:
        return None
    connection = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        register(connection)
        list(connection.execute(_ENTRIES))
    except apsw.Error:
        connection.close()
        return None
    return connection


def _regrown(damaged: str, copy: str) -> str | None:
    """Copy a damaged database and put the first page of a table back; return None unless one is lost."""
    with suppress(apsw.Error), closing(apsw.Connection(damaged, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        roots = [int(root) for (root,) in connection.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 1")]
        if lost_root.is_lost(damaged, roots):
            _copy_file(damaged, copy)
            return copy if lost_root.regrow(copy, roots) else None
    return None


def _restored(damaged: str, copy: str) -> str | None:
    """Copy a damaged database, and put its schema back; return None where that is lost."""
    _copy_file(damaged, copy)
    return copy if schema_copy.restore(copy) else None


def _copy_file(damaged: str, copy: str) -> None:
    """Copy a damaged database with what its log holds."""
    for companion in ("", "-wal"):
        if os.path.exists(damaged + companion):
            make_file_private(copy + companion)
            shutil.copyfile(damaged + companion, copy + companion)
    with suppress(apsw.Error), closing(apsw.Connection(copy)) as connection:
        connection.execute("SELECT 1 FROM sqlite_schema").get  # noqa: B018 - opens the log, which closing takes in


def _copy_all(old: apsw.Connection, new: apsw.Connection) -> tuple[int, list[str]]:
    """Copy every row that can be read; return how many they are, and the tables of which some could not be."""
    rows, damaged = 0, []
    entries = [tuple(map(str, row)) for row in old.execute(_ENTRIES)]
    virtual = [name for kind, name, sql in entries if sql.upper().startswith("CREATE VIRTUAL")]
    shadows = tuple(f"{table}_" for table in virtual)
    for kind, name, sql in entries:
        if kind == "table" and name not in virtual and not name.startswith(shadows):
            new.execute(sql)
            copied, is_damaged = _copy(old, new, name)
            rows += copied
            damaged += [name] if is_damaged else []
    for _, name, sql in entries:
        if name in virtual:
            new.execute(sql)
            with suppress(apsw.Error):  # it holds no texts of its own, `rebuild` fills it
                new.execute(f"INSERT INTO {name}({name}) VALUES ('rebuild')")  # noqa: S608
    for kind, _, sql in entries:
        if kind in ("index", "trigger"):
            new.execute(sql)
    with suppress(apsw.Error):
        new.pragma("user_version", int(old.pragma("user_version") or 0))
    return rows, damaged


def _reindexed(database: str) -> bool:
    """Build the indexes of a database anew; return whether nothing is wrong with it then."""
    try:
        with closing(apsw.Connection(database)) as connection:
            register(connection)
            connection.execute("BEGIN IMMEDIATE; REINDEX")
            is_mended = bool(connection.execute("PRAGMA integrity_check(1)").get == "ok")
            connection.execute("COMMIT" if is_mended else "ROLLBACK")
            return is_mended
    except apsw.Error:
        return False


def _copy(old: apsw.Connection, new: apsw.Connection, table: str) -> tuple[int, bool]:
    """Copy the rows of a table that can be read; return how many they are, and whether some could not."""
    columns = [str(name) for (name,) in new.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    insert = f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    before, is_damaged = new.total_changes(), False
    for is_backwards in (False, True):
        if is_backwards and not is_damaged:
            break
        for row in _rows(old, table, ", ".join(columns), is_backwards=is_backwards):
            if row is None:
                is_damaged = True
            else:
                with suppress(apsw.Error):  # damaged bytes that are not a value of the column
                    new.execute(insert, row)
    for index in _repeating(old, table, columns) if is_damaged else ():
        with suppress(apsw.Error):
            new.executemany(insert, old.execute(f"SELECT {', '.join(columns)} FROM {table} INDEXED BY {index}"))  # noqa: S608
    return new.total_changes() - before, is_damaged


def _repeating(connection: apsw.Connection, table: str, columns: Collection[str]) -> list[str]:
    """Return the indexes that hold every column of a table: they can be read where the table cannot."""
    sql = "SELECT i.name, c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c WHERE NOT i.partial"
    held: dict[str, set[str]] = {}
    for index, column in connection.execute(sql, (table,)):
        held.setdefault(str(index), set()).add(str(column))
    return [index for index, names in held.items() if names.issuperset(columns)]


def _rows(
    connection: apsw.Connection, table: str, columns: str, *, is_backwards: bool
) -> "Iterator[tuple[apsw.SQLiteValue, ...] | None]":
    """Yield the rows of a table that can be read, and None wherever some cannot."""
    at, step = (_LAST_ROW, -1) if is_backwards else (_FIRST_ROW, 1)
    compared, order = ("<=", "DESC") if is_backwards else (">=", "ASC")
    sql = f"SELECT rowid, {columns} FROM {table} WHERE rowid {compared} ? ORDER BY rowid {order}"  # noqa: S608
    while _FIRST_ROW <= at <= _LAST_ROW:
        try:
            for row in connection.execute(sql, (at,)):
                step = 1 if step > 0 else -1
                at = int(str(row[0])) + step
                yield row[1:]
            return
        except apsw.SQLError:  # a table without row numbers
            try:
                yield from connection.execute(f"SELECT {columns} FROM {table}")  # noqa: S608
            except apsw.Error:
                yield None
            return
        except apsw.Error:
            yield None
            at, step = at + step, step * 2


_ENTRIES = """
    SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'
"""
