"""Say which project a file belongs to."""

import functools
import json
import os
from collections.abc import Sequence

from memory_router.engines.documents.schema import MIGRATIONS
from memory_router.storage.sqlite import named_errors, open_read_only


@functools.lru_cache(maxsize=4096)
def project_of(folder: str, root: str) -> str:
    """Return the name of the repository that a folder is in, or that of the root if it is in none.

    Args:
        folder: the absolute path of a folder.
        root: the root that it was found from.
    """
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return os.path.basename(root)
        folder = parent
    return os.path.basename(folder)


def indexed_projects(database: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the projects of those files that an index holds, by path.

    Raises:
        StoreError: the index is damaged or locked.
    """
    connection = open_read_only(database, MIGRATIONS)
    if connection is None:
        return {}
    with named_errors(database):
        sql = "SELECT path, project FROM files WHERE path IN (SELECT value FROM json_each(?))"
        found = dict(connection.execute(sql, (json.dumps(sorted(set(paths))),)))
    connection.close()
    return found


def project_names(database: str) -> frozenset[str]:
    """Return the names of all projects that an index holds.

    Raises:
        StoreError: the index is damaged or locked.
    """
    connection = open_read_only(database, MIGRATIONS)
    if connection is None:
        return frozenset()
    with named_errors(database):
        found = frozenset(name for (name,) in connection.execute("SELECT DISTINCT project FROM files"))
    connection.close()
    return found
