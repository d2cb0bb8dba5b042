"""Let the graph take in what was remembered since it was built, when it is next asked.

Files wait for the next `memory-router index`, which has to look at them anyway; memories come one by one, and whoever
remembers something asks for it soon.
"""

import os
from contextlib import suppress

from memory_router import paths
from memory_router.errors import StoreError


def take_in_memories(database: str | None = None, memories: str | None = None) -> None:
    """Bring the graph's memories up to date if any were stored or forgotten since; without an error if it cannot.

    Args:
        database: the graph; the user's own when None. Where there is none, none is made.
        memories: the database of memories; the user's own when None.
    """
    graph, store = database or paths.graph_db(), memories or paths.memory_db()
    if not os.path.exists(graph) or _changed(store) <= _changed(graph):
        return
    from memory_router.engines.graph import building  # what builds is not loaded where nothing is to be built

    with suppress(StoreError):
        building.take_in_memories(graph, store)


def _changed(database: str) -> float:
    """Return when a database was last written, its log included; 0 if there is none."""
    changed = 0.0
    for path in (database, f"{database}-wal"):
        with suppress(OSError):
            changed = max(changed, os.stat(path).st_mtime)
    return changed
