"""Run the learning rooms' statements on PostgreSQL with pgvector, for a team that shares one database."""

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.rows import dict_row, tuple_row
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.string import TextLoader

from memory_router.errors import StoreError
from memory_router.storage.schema import SET_VERSION, VERSION, VERSIONS, Dialect, Moment, Row, Schema, without_password

_CONNECT_SECONDS = 5
# Any number will do, as long as all processes that migrate use the same.
_LOCK = 7_301_625
# 0001-01-02 and 9999-12-31, what Python knows as a time in any zone.
_EARLIEST, _LATEST = -62_135_510_400.0, 253_402_214_400.0
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")


class _SecondsLoader(Loader):
    """Read timestamps as seconds since the epoch."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._timestamps = TimestamptzLoader(oid, context)

    def load(self, data: Buffer) -> float:
        return self._timestamps.load(data).timestamp()


class _MomentDumper(Dumper):
    """Write moments as timestamps."""

    oid = psycopg.adapters.types["timestamptz"].oid

    def dump(self, obj: Moment) -> bytes:
        return datetime.fromtimestamp(min(max(obj, _EARLIEST), _LATEST), UTC).isoformat().encode()


def migrate(connection: "psycopg.Connection[Any]", schema: Schema, database: str, before: str = "") -> None:
    """Bring the tables of a room up to date, one process at a time; the caller holds the transaction.

    Args:
        connection: an open connection.
        schema: the tables that are needed; those of other rooms stay.
        database: what messages call the database.
        before: SQL that is run before the room's version is read.

    Raises:
        NewerStoreError: a newer version of the program wrote them.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    cursor.execute(VERSIONS.encode())
    if before:
        cursor.execute(before.encode())
    row = cursor.execute(_translated(VERSION), {"room": schema.room}).fetchone()
    to_do = schema.to_do(row[0] if row else 0, database)
    for migration in to_do:
        cursor.execute(migration.postgresql.encode())
    if to_do:
        cursor.execute(_translated(SET_VERSION), {"room": schema.room, "version": len(schema.migrations)})


class PostgresDatabase:
    """Keep the tables of `schema` in the database at `url`, along with those of other rooms.

    Raises:
        NewerStoreError: a newer version of the program wrote them.
        StoreError: the database cannot be reached or used.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, schema: Schema) -> None:
        self._shown = without_password(url)
        with self._named_errors():
            self._connection = psycopg.connect(
                url, autocommit=True, connect_timeout=_CONNECT_SECONDS, row_factory=dict_row
            )
            # JSON comes as text, as SQLite gives it.
            self._connection.adapters.register_loader("jsonb", TextLoader)
            self._connection.adapters.register_loader("timestamptz", _SecondsLoader)
            self._connection.adapters.register_dumper(Moment, _MomentDumper)
        try:
            with self._named_errors(), self._connection.transaction():
                migrate(self._connection, schema, self._shown, "CREATE EXTENSION IF NOT EXISTS vector")
        except BaseException:
            self._connection.close()
            raise

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of a query, as mappings by column."""
        with self._named_errors():
            return self._connection.execute(_translated(sql), _bindings(values)).fetchall()

    def run(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it changed."""
        with self._named_errors():
            return max(self._connection.execute(_translated(sql), _bindings(values)).rowcount, 0)

    def run_all(self, sql: str, many: Iterable[Mapping[str, Any]]) -> None:
        """Run one statement for each mapping of values."""
        with self._named_errors(), self._connection.cursor() as cursor:
            cursor.executemany(_translated(sql), [_bindings(values) for values in many])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run one write transaction: committed at the end, rolled back on any error."""
        with self._named_errors(), self._connection.transaction():
            yield

    def compares_vectors(self) -> bool:
        """Return whether vectors can be compared in statements: pgvector is always there."""
        return True

    def version(self, room: str) -> int:
        """Return how many migrations of a room were done."""
        rows = self.rows(VERSION, {"room": room})
        return int(rows[0]["version"]) if rows else 0

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.UndefinedFile as error:
            raise StoreError(
                f"The database at {self._shown} has no extension `vector`.",
                "Install pgvector on its server, then try again.",
            ) from error
        except psycopg.Error as error:
            cause = str(error).partition("\n")[0] or repr(error)
            raise StoreError(
                f"The database at {self._shown} cannot be used ({cause}).",
                "Check that its server runs and that MEMORY_ROUTER_DATABASE names it rightly.",
            ) from error


@cache
def _translated(sql: str) -> bytes:
    """Write `:name` as psycopg has it; bytes, since its type for statements admits no text made at run time."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()


def _bindings(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: str(value.tolist()) if isinstance(value, array) else value for name, value in (values or {}).items()}
