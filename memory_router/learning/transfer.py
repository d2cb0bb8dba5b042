"""Copy the learning tables from one database to another, and check that nothing is wrong with them."""

from typing import NamedTuple

from memory_router.errors import StoreError
from memory_router.learning.schema import SCHEMA, TABLES
from memory_router.storage.database import Database, decode_vector

_PAGE = 2000


class Copied(NamedTuple):
    """Say how many rows of a table were there, and how many of them were new to the other database."""

    table: str
    rows: int
    added: int


def copy(source: Database, target: Database) -> list[Copied]:
    """Add to `target` every row of `source` that it lacks, in one transaction; nothing in either is changed.

    Raises:
        StoreError: a database cannot be used; the target is as it was.
    """
    with target.transaction():
        return [_copy(table, key, source, target) for table, key in TABLES.items()]


def check(database: Database) -> list[str]:
    """Return what is wrong with the learning tables, a sentence each."""
    problems: list[str] = []
    if database.dialect == "sqlite":
        found = [row["integrity_check"] for row in database.rows("PRAGMA integrity_check")]
        problems += [f"the file is damaged: {message}" for message in found if message != "ok"]
    version = database.version(SCHEMA.room)
    if version != len(SCHEMA.migrations):
        problems.append(f"its schema is {version}, not {len(SCHEMA.migrations)}")
    for table, key in TABLES.items():
        # A table that cannot be read to its end is what this is to find.
        try:
            rows = database.rows(f"SELECT {key} AS key FROM {table}")  # noqa: S608 - our own tables
        except StoreError as error:
            problems.append(f"{table}: {error.cause}")
            continue
        if len({row["key"] for row in rows}) != len(rows):
            problems.append(f"{table}: several rows have the same {key}")
    return problems


def _copy(table: str, key: str, source: Database, target: Database) -> Copied:
    total = added = 0
    after = ""
    while True:
        rows = source.rows(
            f"SELECT * FROM {table} WHERE {key} > :after ORDER BY {key} LIMIT :page",  # noqa: S608 - our own tables
            {"after": after, "page": _PAGE},
        )
        if not rows:
            return Copied(table, total, added)
        columns = list(rows[0])
        before = _count(table, target)
        target.run_all(
            f"INSERT INTO {table}({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"  # noqa: S608
            f" ON CONFLICT ({key}) DO NOTHING",
            ({name: _converted(name, value) for name, value in row.items()} for row in rows),
        )
        total += len(rows)
        added += _count(table, target) - before
        after = rows[-1][key]


def _count(table: str, database: Database) -> int:
    return int(database.rows(f"SELECT count(*) AS number FROM {table}")[0]["number"])  # noqa: S608 - our own tables


def _converted(column: str, value: object) -> object:
    """Return a value as either database takes it: flags are numbers in one of them, vectors bytes."""
    if column.endswith("_embedding"):
        return decode_vector(value) if isinstance(value, bytes | str) else None
    return bool(value) if column in _FLAGS and value is not None else value


_FLAGS = (
    *("should_retry_with_different_path", "auto_generated", "is_active", "requires_approval"),
    *("escalation_required", "promote"),
)
