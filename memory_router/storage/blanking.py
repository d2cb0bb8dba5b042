"""Blank free text in rows that stay."""

from collections.abc import Callable
from typing import Any, NamedTuple

from memory_router.storage.database import Database, Row, decode_json, encode_json


class FreeText(NamedTuple):
    """Where a table holds free text.

    Args:
        table: its name.
        key: its primary key.
        texts: columns of text.
        json: columns of JSON.
        made_from_it: columns that are computed from the text and become NULL with it, such as vectors.
    """

    table: str
    key: str
    texts: tuple[str, ...] = ()
    json: tuple[str, ...] = ()
    made_from_it: tuple[str, ...] = ()


def blank(database: Database, free: FreeText, blanked: Callable[[Any], Any]) -> list[Any]:
    """Blank the free text of a table, and return the keys of the rows that were changed.

    Args:
        database: where the table is; the caller holds the transaction.
        free: the table and its columns.
        blanked: returns a text or decoded JSON as it is to be.

    Raises:
        StoreError: the database cannot be read or written.
    """
    columns = (*free.texts, *free.json)
    changed = [(row, new) for row in _rows(database, free) if (new := blanked(row)) != row]
    assigned = [f"{name} = :{name}" for name in columns] + [f"{name} = NULL" for name in free.made_from_it]
    database.run_all(
        f"UPDATE {free.table} SET {', '.join(assigned)} WHERE {free.key} = :key",  # noqa: S608 - our own tables
        (
            {name: encode_json(new[name]) if name in free.json else new[name] for name in columns} | {"key": row["key"]}
            for row, new in changed
        ),
    )
    return [row["key"] for row, _ in changed]


def holding(database: Database, free: FreeText, blanked: Callable[[Any], Any]) -> list[Any]:
    """Return the keys of the rows that `blank` would change."""
    return [row["key"] for row in _rows(database, free) if blanked(row) != row]


def _rows(database: Database, free: FreeText) -> list[Row]:
    columns = ", ".join((*free.texts, *free.json))
    rows = database.rows(f"SELECT {free.key} AS key, {columns} FROM {free.table}")  # noqa: S608 - our own tables
    return [{**row, **{name: decode_json(row[name]) for name in free.json}} for row in rows]
