"""Run the learning rooms' statements on SQLite."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import apsw

from memory_router.errors import StoreError
from memory_router.paths import shown
from memory_router.storage.schema import VERSION, Dialect, Row, Schema
from memory_router.storage.sqlite import load_distances, named_errors, open_database, open_read_only, writing


class SqliteDatabase:
    """Keep the tables of `schema` in the file at `path`, along with those of other rooms.

    Raises:
        NewerStoreError: a newer version of the program wrote them.
        CorruptStoreError: the file is damaged or no database.
        StoreError: the file cannot be opened or written.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, path: str, schema: Schema) -> None:
        self._path = path
        with self._named_errors():
            self._connection = open_database(path, schema)
        self._compares: bool | None = None

    @classmethod
    def read_only(cls, path: str, schema: Schema) -> "SqliteDatabase | None":
        """Open a database for reading; return None where it is missing or lacks the tables of `schema`."""
        connection = open_read_only(path, schema)
        if connection is None:
            return None
        opened = cls.__new__(cls)
        opened._path, opened._connection, opened._compares = path, connection, None
        return opened

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of a query, as mappings by column."""
        with self._named_errors():
            cursor = self._connection.execute(sql, _bindings(values))
            first = next(cursor, None)
            if first is None:
                return []
            names = [column[0] for column in cursor.get_description()]
            return [dict(zip(names, row, strict=True)) for row in (first, *cursor)]

    def run(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it changed."""
        with self._named_errors():
            before = self._connection.total_changes()
            self._connection.execute(sql, _bindings(values))
            return self._connection.total_changes() - before

    def run_all(self, sql: str, many: Iterable[Mapping[str, Any]]) -> None:
        """Run one statement for each mapping of values."""
        with self._named_errors():
            self._connection.executemany(sql, map(_bindings, many))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run one write transaction: committed at the end, rolled back on any error."""
        with self._named_errors(), writing(self._connection):
            yield

    def compares_vectors(self) -> bool:
        """Return whether vectors can be compared in statements, by the functions of sqlite-vec."""
        if self._compares is None:
            self._compares = load_distances(self._connection)
        return self._compares

    def version(self, room: str) -> int:
        """Return how many migrations of a room were done."""
        rows = self.rows(VERSION, {"room": room})
        return int(rows[0]["version"]) if rows else 0

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        with named_errors(self._path):
            try:
                yield
            except apsw.SQLError as error:
                raise StoreError(
                    f"The database {shown(self._path)} does not hold what this program keeps there ({error}).",
                    "`memory-router backends db check` says what is missing; a migrated one is backed up beside it.",
                ) from error


def _bindings(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value.tobytes() if isinstance(value, array) else value for name, value in (values or {}).items()}
