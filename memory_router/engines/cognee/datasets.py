"""Find the dataset of a graph file: Cognee keeps the names in a SQLite database beside its graphs."""

import os
from collections.abc import Sequence
from contextlib import closing, suppress
from urllib.parse import quote

import apsw

_NAMES = "cognee_db"


def datasets(files: Sequence[str]) -> dict[str, str]:
    """Return the names of the datasets that graph files hold, as far as they are known.

    Args:
        files: graphs, each called by its dataset's id in a folder of its owner's, or one of everything.
    """
    by_path = {}
    for path in files:
        stem, ending = os.path.splitext(os.path.basename(path))
        folder = os.path.dirname(path)
        if ending:
            names = _names(os.path.dirname(folder))
            by_path[path] = names.get(stem.replace("-", ""), "")
        else:
            names = _names(folder)
            by_path[path] = next(iter(names.values())) if len(names) == 1 else ""
    return {path: name for path, name in by_path.items() if name}


def _names(folder: str) -> dict[str, str]:
    """Return the names of datasets by their ids, without an error if they cannot be read."""
    path = os.path.join(folder, _NAMES)
    # To read a database that nobody has open would create files beside it.
    mode = "mode=ro" if os.path.exists(f"{path}-wal") else "immutable=1"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    with suppress(apsw.Error), closing(apsw.Connection(f"file:{quote(path)}?{mode}", flags=flags)) as connection:
        return {
            str(key).replace("-", ""): str(name) for key, name in connection.execute("SELECT id, name FROM datasets")
        }
    return {}
