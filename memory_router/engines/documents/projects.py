"""Read which projects an index holds."""

import json
from collections.abc import Sequence
from typing import Any


def indexed_projects(database: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the projects of those files that an index holds, by path.

    Raises:
        StoreError: the index is damaged or locked.
    """
    sql = "SELECT path, project FROM files WHERE path IN (SELECT value FROM json_each(?))"
    return dict(_rows(database, sql, json.dumps(sorted(set(paths)))))


def project_names(database: str) -> frozenset[str]:
    """Return the names of all projects that an index holds.

    Raises:
        StoreError: the index is damaged or locked.
    """
    return frozenset(name for (name,) in _rows(database, "SELECT DISTINCT project FROM files WHERE project <> ''"))


def _rows(database: str, sql: str, *values: str) -> list[tuple[Any, ...]]:
    # Loaded now: whoever asks only where a folder belongs needs no database.
    from memory_router.engines.documents.schema import SCHEMA
    from memory_router.storage.sqlite import named_errors, open_read_only

    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return []
    with named_errors(database):
        rows = list(connection.execute(sql, values))
    connection.close()
    return rows
