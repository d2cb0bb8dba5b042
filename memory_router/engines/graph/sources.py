"""List the texts that the graph is made of: whatever the other engines hold.

Their databases are read as files, not through their code: the graph needs three columns of each, and an engine that
imported another could not be left out or replaced any more. What is absent, damaged or of another make is passed
over: its own engine is the one to complain.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import apsw

from memory_router.engines.graph.facts import Source

_DOCUMENTS = (
    "SELECT f.path, r.path, f.language, hex(f.hash), f.mtime_ns / 1e9 FROM files f JOIN roots r ON r.id = f.root"
    " WHERE f.unfit = '' ORDER BY f.path"
)
_MEMORIES = "SELECT id, coalesce(project, ''), created, text FROM memories ORDER BY row"
_TURNS = (
    "SELECT n.name, s.name, coalesce(n.time, 0), n.text FROM nodes n JOIN sessions s ON s.id = n.session"
    " WHERE n.role IN ('user', 'assistant', 'summary') AND n.text <> '' ORDER BY n.id"
)


def documents(database: str) -> Iterator[Source]:
    """Yield the files of the document index."""
    for path, root, language, digest, modified in _rows(database, _DOCUMENTS):
        yield Source(path, root, language, digest, modified)


def memories(database: str) -> Iterator[Source]:
    """Yield what is remembered."""
    for identity, project, created, text in _rows(database, _MEMORIES):
        yield Source(f"memory:{identity}", project, "memory", identity, created, text)


def revision(database: str) -> int:
    """Return how often what is remembered has changed; 0 if nothing was ever remembered."""
    return next((int(number) for (number,) in _rows(database, "SELECT number FROM revision")), 0)


def turns(database: str) -> Iterator[Source]:
    """Yield what was said in imported conversations."""
    for name, session, time, text in _rows(database, _TURNS):
        yield Source(f"turn:{session}:{name}", session, "turn", str(len(text)), time, text)


def _rows(database: str, query: str) -> Iterator[tuple[Any, ...]]:
    if not os.path.exists(database):
        return
    try:
        with closing(apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(5000)
            yield from connection.execute(query)
    except apsw.Error:
        return
