"""Copy the tables of a room from one database to another, and check that nothing is wrong with them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from memory_router.errors import StoreError
from memory_router.storage.database import Database, Dialect, Moment, Row, Schema, decode_vector

_PAGE = 2000


class Table(NamedTuple):
    """How rows of a table are identified, and which columns differ in form between two databases.

    Args:
        name: the table.
        key: the column of texts that tells a row from those of every database.
        number: the column whose numbers each database gives on its own, or nothing.
        refers: which columns hold numbers of which tables; these come before.
        flags: columns that are true or false.
        vectors: columns of vectors.
        bits: columns of bits.
        times: columns that are timestamps in PostgreSQL.
    """

    name: str
    key: str
    number: str = ""
    refers: tuple[tuple[str, "Table"], ...] = ()
    flags: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    bits: tuple[str, ...] = ()
    times: tuple[str, ...] = ()


class Copied(NamedTuple):
    """How many rows a table has, and how many of them were new to the other database."""

    table: str
    rows: int
    added: int


def copy(
    source: Database, target: Database, tables: Sequence[Table], after: Callable[[], None] = lambda: None
) -> list[Copied]:
    """Add to `target` every row of `source` that it lacks, in one transaction; nothing in either is changed.

    Args:
        source: where rows come from.
        target: where they go.
        tables: which tables; one that others refer to comes before them.
        after: what has to be done in the same transaction.

    Raises:
        StoreError: a database cannot be used; the target is as it was.
    """
    with target.transaction():
        copied = [_copy(table, source, target) for table in tables]
        after()
        return copied


def check(database: Database, schema: Schema, tables: Sequence[Table]) -> list[str]:
    """Return what is wrong with the tables of a room, a sentence each."""
    problems: list[str] = []
    if database.dialect == "sqlite":
        messages = [row["integrity_check"] for row in database.rows("PRAGMA integrity_check")]
        problems += [f"the file is damaged: {message}" for message in messages if message != "ok"]
    version = database.version(schema.room)
    if version != len(schema.migrations):
        problems.append(f"the schema of {schema.room} is {version}, not {len(schema.migrations)}")
    for table in tables:
        # A table that cannot be read to its end is what this is to find.
        try:
            problems += _problems(database, table)
        except StoreError as error:
            problems.append(f"{table.name}: {error.cause}")
    return problems


def _problems(database: Database, table: Table) -> list[str]:
    keys = database.rows(f"SELECT {table.key} AS key FROM {table.name}")  # noqa: S608 - our own tables
    problems = []
    if len({row["key"] for row in keys}) != len(keys):
        problems.append(f"{table.name}: several rows have the same {table.key}")
    for column, other in table.refers:
        lost = database.rows(
            f"SELECT count(*) AS number FROM {table.name} WHERE {column} NOT IN"  # noqa: S608 - our own tables
            f" (SELECT {other.number} FROM {other.name})"
        )[0]["number"]
        problems += [f"{table.name}: {lost} rows have a {column} that is not there"] if lost else []
    return problems


def _copy(table: Table, source: Database, target: Database) -> Copied:
    total = added = 0
    after = ""
    numbers = {column: _numbers(other, source, target) for column, other in table.refers}
    while True:
        rows = source.rows(
            f"SELECT * FROM {table.name} WHERE {table.key} > :after"  # noqa: S608 - our own tables
            f" ORDER BY {table.key} LIMIT :page",
            {"after": after, "page": _PAGE},
        )
        if not rows:
            return Copied(table.name, total, added)
        columns = [name for name in rows[0] if name != table.number]
        before = _count(table, target)
        target.run_all(
            f"INSERT INTO {table.name}({', '.join(columns)})"  # noqa: S608 - our own tables
            f" VALUES ({', '.join(f':{name}' for name in columns)}) ON CONFLICT ({table.key}) DO NOTHING",
            (_converted(table, row, columns, numbers, target.dialect) for row in rows),
        )
        total += len(rows)
        added += _count(table, target) - before
        after = rows[-1][table.key]


def _numbers(table: Table, source: Database, target: Database) -> dict[int, int]:
    """Return the number that a row has in the target, by the one that it has in the source."""
    sql = f"SELECT {table.key} AS key, {table.number} AS number FROM {table.name}"  # noqa: S608 - our own tables
    there = {row["key"]: row["number"] for row in target.rows(sql)}
    return {row["number"]: there[row["key"]] for row in source.rows(sql) if row["key"] in there}


def _count(table: Table, database: Database) -> int:
    return int(database.rows(f"SELECT count(*) AS number FROM {table.name}")[0]["number"])  # noqa: S608


def _converted(
    table: Table, row: Row, columns: Sequence[str], numbers: dict[str, dict[int, int]], dialect: Dialect
) -> Row:
    """Return a row as the target takes it."""
    converted = {name: row[name] for name in columns}
    converted |= {name: numbers[name][row[name]] for name, _ in table.refers}
    converted |= {name: bool(row[name]) for name in table.flags if row[name] is not None}
    converted |= {name: decode_vector(row[name]) for name in table.vectors}
    converted |= {name: Moment(row[name]) for name in table.times}
    return converted | {name: _bits(row[name], dialect) for name in table.bits}


def _bits(value: Any, dialect: Dialect) -> bytes | str | None:
    """Return bits as a database takes them: bytes in SQLite, zeros and ones in PostgreSQL."""
    if value is None:
        return None
    text = value if isinstance(value, str) else f"{int.from_bytes(value, 'big'):0{len(value) * 8}b}"
    return text if dialect == "postgresql" else int(text, 2).to_bytes(len(text) // 8, "big")
