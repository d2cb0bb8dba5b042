"""Speak to the one database of what the router learns: SQLite by default, PostgreSQL by URL.

Statements are written once, in the SQL that both understand, with `:name` parameters. Times are seconds since the
epoch, lists and objects are JSON, vectors are float32 arrays; `decode_json` and `decode_vector` read what either
database gives back. Each room of the program owns its tables and counts its own migrations.
"""

import json
from array import array
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from memory_router.errors import ConfigError, install_command
from memory_router.storage.schema import Dialect, Migration, Moment, Row, Schema, without_password

__all__ = [
    "Database",
    "Dialect",
    "Migration",
    "Moment",
    "Row",
    "Schema",
    "decode_json",
    "decode_vector",
    "encode_json",
    "missing_driver",
    "open_database",
    "without_password",
]


class Database(Protocol):
    """Run statements on an open database.

    Attributes:
        dialect: which SQL it speaks where the two differ.
    """

    dialect: Dialect

    def rows(self, sql: str, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Return the rows of a query, as mappings by column."""

    def run(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement and return how many rows it changed."""

    def run_all(self, sql: str, many: Iterable[Mapping[str, Any]]) -> None:
        """Run one statement for each mapping of values."""

    def transaction(self) -> AbstractContextManager[None]:
        """Run one write transaction: committed at the end, rolled back on any error."""

    def compares_vectors(self) -> bool:
        """Return whether vectors can be compared in statements; SQLite needs the extension sqlite-vec for it."""

    def version(self, room: str) -> int:
        """Return how many migrations of a room were done."""

    def close(self) -> None:
        """Close the database."""


def open_database(url: str, schema: Schema) -> Database:
    """Open the database at `url` and bring the tables of `schema` up to date.

    Args:
        url: `sqlite:PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.
        schema: the tables that are needed.

    Raises:
        NewerStoreError: a newer version of the program wrote them.
        ConfigError: no database is meant by `url`, or the driver for PostgreSQL is not installed.
        StoreError: the database cannot be reached or used.
    """
    if url.startswith("sqlite:"):
        from memory_router.storage.sqlite_database import SqliteDatabase

        return SqliteDatabase(url.removeprefix("sqlite:"), schema)
    if not url.startswith(("postgresql:", "postgres:")):
        raise ConfigError(
            f"{url.partition(':')[0]!r} names no database.", "Use sqlite:PATH or postgresql://USER:PASSWORD@HOST/NAME."
        )
    try:
        from memory_router.storage.postgres_database import PostgresDatabase
    except ImportError as error:
        raise missing_driver("PostgreSQL", "postgres") from error
    return PostgresDatabase(url, schema)


def missing_driver(program: str, extra: str) -> ConfigError:
    """Return the error that says which extra brings the driver of a database."""
    return ConfigError(f"The Python driver for {program} is not installed.", f"Run: {install_command(extra)}")


def encode_json(value: Any) -> str | None:
    """Return a value as the text of a JSON column; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def decode_json(value: str | None) -> Any:
    """Return what a JSON column holds."""
    return None if value is None else json.loads(value)


def decode_vector(value: bytes | str | None) -> "array[float] | None":
    """Return what a column of vectors holds: bytes in SQLite, `[0.1,0.2]` in PostgreSQL."""
    if value is None:
        return None
    return array("f", value) if isinstance(value, bytes) else array("f", json.loads(value))
