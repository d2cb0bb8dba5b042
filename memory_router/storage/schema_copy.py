"""Keep a second copy of what names a database's tables, so that a damaged page of `sqlite_schema` costs none of them.

The copy is an ordinary table. Its rows look like those of `sqlite_schema`, by which they are found in a file that
SQLite cannot read any more. Formats of pages and records: https://www.sqlite.org/fileformat2.html
"""

import os
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import apsw

_TABLE = "CREATE TABLE IF NOT EXISTS schema_copy(type TEXT, name TEXT, tbl_name TEXT, rootpage INTEGER, sql TEXT)"
_KINDS = ("table", "index", "trigger", "view")
# The number that SQLite counts up at every change of the schema: it tells whether the copy is of this schema.
_COUNTER = "counter"
LEAF = 13  # the first byte of a page that holds rows of a table
_SIZE = 4096
HEADER = 100
_MAGIC = b"SQLite format 3\0"
# The lengths of values in bytes, by the number of their type; longer ones are texts and blobs.
_LENGTHS = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0, 0)


class _Entry(NamedTuple):
    kind: str
    name: str
    table: str
    root: int
    sql: str | None


def keep(connection: apsw.Connection) -> None:
    """Copy the schema of a database into it, inside a transaction."""
    connection.execute(_TABLE)
    connection.execute("DELETE FROM schema_copy")
    connection.execute("INSERT INTO schema_copy SELECT * FROM sqlite_schema")
    counter = connection.pragma("schema_version")
    connection.execute("INSERT INTO schema_copy VALUES (?, '', '', ?, NULL)", (_COUNTER, counter))


def is_kept(connection: apsw.Connection) -> bool:
    """Return whether a database holds a copy of the schema that it has now."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_copy'").get:
        return False
    kept = connection.execute("SELECT rootpage FROM schema_copy WHERE type = ?", (_COUNTER,)).get
    return bool(kept == connection.pragma("schema_version"))


def restore(database: str) -> bool:
    """Put the schema back in a file of which nobody needs the present state; return False where no copy is found.

    Args:
        database: the file; what was committed is in it, not in a log beside it.

    Raises:
        OSError: a file cannot be read or written.
        apsw.Error: a file cannot be written.
    """
    with open(database, "rb") as stream:
        header = stream.read(HEADER)
    is_read, size = header.startswith(_MAGIC), page_size(header)
    entries = set(_entries(database, size))
    counters = {entry.root for entry in entries if entry.kind == _COUNTER}
    if is_read and counters and int.from_bytes(header[40:44]) not in counters:
        return False  # the tables were moved to other pages since
    entries = {entry for entry in entries if entry.kind != _COUNTER}
    if not any(entry.kind == "table" for entry in entries):
        return False
    draft = f"{database}.schema"
    try:
        _graft(database, draft, entries, size)
    finally:
        os.unlink(draft)
    return True


def page_size(header: bytes) -> int:
    """Return how many bytes a page of a database has, by its header; the usual number where that is damaged."""
    size = int.from_bytes(header[16:18]) if header.startswith(_MAGIC) else 0
    return 65536 if size == 1 else size or _SIZE


def _graft(database: str, draft: str, entries: set[_Entry], size: int) -> None:
    """Have SQLite write the schema into a draft as long as the database, and put its pages in and after that."""
    pages = -(-os.path.getsize(database) // size)
    with closing(apsw.Connection(draft)) as new:
        new.pragma("page_size", size)
        new.pragma("journal_mode", "off")
        new.execute("CREATE TABLE filler(block BLOB)")
        while (count := int(new.pragma("page_count"))) <= pages:
            new.execute("INSERT INTO filler VALUES (zeroblob(?))", (min(pages - count + 2, 10_000) * size,))
        new.pragma("writable_schema", True)
        new.execute("DELETE FROM sqlite_schema")
        for is_table in (True, False):  # SQLite wants a table before its indexes
            rows = [entry for entry in entries if (entry.kind == "table") == is_table]
            new.executemany("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", rows)
    with open(draft, "rb") as schema, open(database, "r+b") as stream:
        stream.write(schema.read(size))
        schema.seek(count * size)
        stream.seek(count * size)
        stream.write(schema.read())


def _entries(database: str, size: int) -> Iterator[_Entry]:
    with open(database, "rb") as stream:
        first = HEADER
        while page := stream.read(size):
            if (page[first : first + 1] == bytes([LEAF]) and b"table" in page) or _COUNTER.encode() in page:
                for row in _rows(page, first):
                    kind, name, table, root, sql = row
                    if kind in (*_KINDS, _COUNTER) and isinstance(root, int):
                        yield _Entry(str(kind), str(name), str(table), root, None if sql is None else str(sql))
            first = 0


def _rows(page: bytes, first: int) -> Iterator[list[str | int | None]]:
    """Yield the rows of five columns that stand whole on a page of rows.

    Args:
        page: its bytes.
        first: where its own header begins.
    """
    for number in range(int.from_bytes(page[first + 3 : first + 5])):
        place = first + 8 + 2 * number
        try:
            _, at = varint(page, int.from_bytes(page[place : place + 2]))
            _, at = varint(page, at)
            length, types_at = varint(page, at)
            types: list[int] = []
            body = at + length
            while types_at < body and len(types) <= 5:
                kind, types_at = varint(page, types_at)
                types.append(kind)
            if len(types) == 5:
                yield _values(page, body, types)
        except (IndexError, UnicodeDecodeError, _UnreadableError):
            continue


class _UnreadableError(Exception):
    """A schema cannot hold a value."""


def _values(page: bytes, at: int, types: list[int]) -> list[str | int | None]:
    values: list[str | int | None] = []
    for kind in types:
        length = (kind - 13) // 2 if kind >= 13 else _LENGTHS[kind]
        content = page[at : at + length]
        if len(content) < length or kind == 7 or (kind >= 10 and kind % 2 == 0):
            raise _UnreadableError
        at += length
        if kind >= 13:
            values.append(content.decode())
        else:
            values.append(None if kind == 0 else kind - 8 if kind in (8, 9) else int.from_bytes(content, signed=True))
    return values


def varint(page: bytes, at: int) -> tuple[int, int]:
    """Return a number of SQLite's variable length, and where the next byte stands."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | page[place] & 0x7F
        if page[place] < 0x80:
            return value, place + 1
    return value << 8 | page[at + 8], at + 9
