"""Add what was remembered since the graph was built, when it is next asked.

Files wait for the next `memory-router index`, which has to look at them anyway; memories come one by one, and whoever
remembers something asks for it soon.
"""

import os
from contextlib import closing, suppress

import apsw

from memory_router import paths
from memory_router.engines.graph import sources
from memory_router.errors import StoreError


def take_in_memories(database: str | None = None, memories: str | None = None) -> None:
    """Bring the graph's memories up to date if any were stored or forgotten since; without an error if it cannot.

    Args:
        database: the graph; the user's own when None. A missing one is not made.
        memories: the database of memories; the user's own when None.
    """
    graph, store = database or paths.graph_db(), memories or paths.memory_file() or ""
    if not os.path.exists(graph) or _followed(graph) == sources.revision(store):
        return
    from memory_router.engines.graph import building  # what builds is not loaded where nothing is to be built

    with suppress(StoreError):
        building.take_in_memories(graph, store)


def _followed(graph: str) -> int:
    """Return the revision of the memories that a graph holds; -1 if it never took any in."""
    try:
        with closing(apsw.Connection(graph, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            revision = connection.execute("SELECT revision FROM followed WHERE store = 'memories'").get
    except apsw.Error:
        return -1
    return -1 if revision is None else int(revision)
