"""Look into every memory: one list of all that the stores hold, the history of a fact, what surrounds a thing."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple

import apsw

from memory_router import paths
from memory_router.app import indexing, remembering
from memory_router.engines.documents import listing as documents
from memory_router.engines.documents.projects import project_names
from memory_router.engines.documents.schema import SCHEMA as DOCUMENTS
from memory_router.engines.graph import listing as graph
from memory_router.engines.graph.schema import SCHEMA as GRAPH
from memory_router.engines.graph.search import Neighbourhood
from memory_router.engines.tiers import listing as memories
from memory_router.engines.tiers.memory import TIERS, Memory
from memory_router.engines.tiers.schema import SCHEMA as MEMORIES
from memory_router.engines.transcripts import listing as turns
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.schema import SCHEMA as TURNS
from memory_router.errors import QueryError, StoreError
from memory_router.retrieval.listing import TOP, Entry, Filter, Place
from memory_router.storage.schema import Schema
from memory_router.storage.sqlite import named_errors, open_read_only

__all__ = ["STORES", "TIERS", "Entry", "Filter", "Listed", "Page"]


class _Store(NamedTuple):
    path: Callable[[], str]
    schema: Schema
    entries: Callable[[apsw.Connection, Filter, Place, int], list[Entry]]


def _memories_file() -> str:
    """Return the file of the memories.

    Raises:
        StoreError: a server keeps them.
    """
    file = paths.memory_file()
    if file is None:
        raise StoreError("Your memories are kept by a server.", "List them with: memory-router memories list")
    return file


# By the backend that answers from it; entries of the same time stand in this order.
_STORES = {
    "totalrecall": _Store(_memories_file, MEMORIES, memories.entries),
    "lossless": _Store(place.archive, TURNS, turns.entries),
    "qmd": _Store(paths.documents_db, DOCUMENTS, documents.entries),
    "cognee": _Store(paths.graph_db, GRAPH, graph.entries),
}
STORES = tuple(_STORES)
# Only remembered facts have a tier, tags, and successors.
_OF_MEMORIES = ("totalrecall",)


class Listed(NamedTuple):
    """An entry with the backend that it is from."""

    backend: str
    entry: Entry

    @property
    def id(self) -> str:
        """Return its id as answers have it, so that `get` takes it."""
        return f"{self.backend}:{self.entry.id}"


class Page(NamedTuple):
    """A page of the list.

    Args:
        listed: the newest first.
        following: where the next page begins, or empty.
        problems: a sentence for each store that cannot be read.
    """

    listed: list[Listed]
    following: str
    problems: list[str]


def page(chosen: Filter, backend: str = "", after: str = "", limit: int = 30) -> Page:
    """Return a page of everything that is stored, the newest first.

    Args:
        chosen: which entries are meant.
        backend: only what this one answers from; all if empty.
        after: the `following` of the page before.
        limit: the largest number of entries.

    Raises:
        QueryError: `after` is no place in the list, or there is no such backend.
    """
    if backend and backend not in _STORES:
        raise QueryError(f"Nothing is listed of {backend!r}.", f"Choose one of: {', '.join(STORES)}.")
    names = [name for name in (_OF_MEMORIES if chosen.is_about_memories else STORES) if backend in ("", name)]
    listed: list[Listed] = []
    problems: list[str] = []
    for name in names:
        try:
            listed += [Listed(name, entry) for entry in _entries(name, chosen, _place(after, name), limit + 1)]
        except StoreError as error:
            problems.append(str(error))
    listed.sort(
        key=lambda listing: (-listing.entry.place.time, STORES.index(listing.backend), -listing.entry.place.row)
    )
    following = _following(listed[limit - 1]) if len(listed) > limit else ""
    return Page(listed[:limit], following, problems)


def projects() -> list[str]:
    """Return the projects that anything belongs to, in the alphabet's order."""
    named = set(project_names(paths.documents_db()))
    for name, read in (("totalrecall", memories.projects), ("lossless", turns.projects)):
        if connection := _opened(name):
            with closing(connection), named_errors(_STORES[name].path()):
                named |= read(connection)
    return sorted(named, key=str.casefold)


def history(identifier: str) -> list[Memory]:
    """Return what a remembered fact replaced and what replaced it, the oldest first.

    Raises:
        MemoryRouterError: there is no such memory.
    """
    return remembering.work_with(lambda system: system.history(remembering.own(identifier)))


def surroundings(identifier: str, name: str = "", depth: int = 1, most: int = 40) -> Neighbourhood | None:
    """Return what surrounds a thing in the graph, or None where there is no graph or no such thing.

    Args:
        identifier: the id of a thing, as answers have it; empty to look it up by its name.
        name: what it is called.
        depth: how many steps away.
        most: the largest number of things.

    Raises:
        StoreError: the graph is damaged or locked.
    """
    opened = indexing.open_graph()
    if opened is None:
        return None
    with closing(opened):
        number = identifier.removeprefix("cognee:")
        if number.isdecimal():
            return opened.around(int(number), depth, most)
        return opened.neighbourhood(name, depth, most)


def _opened(backend: str) -> apsw.Connection | None:
    store = _STORES[backend]
    return open_read_only(store.path(), store.schema)


def _entries(backend: str, chosen: Filter, after: Place, limit: int) -> Sequence[Entry]:
    connection = _opened(backend)
    if connection is None:
        return ()
    with closing(connection), named_errors(_STORES[backend].path()):
        return _STORES[backend].entries(connection, chosen, after, limit)


def _following(last: Listed) -> str:
    return f"{last.entry.place.time!r}/{last.backend}/{last.entry.place.row}"


def _place(after: str, backend: str) -> Place:
    """Return where the page of one store begins, given where the page of all of them does."""
    if not after:
        return TOP
    try:
        time, last, row = after.split("/")
        before = STORES.index(last) - STORES.index(backend)
        # Of its time, stores before it in the order have shown everything, those behind it nothing.
        return Place(float(time), int(row) if before == 0 else _LAST if before > 0 else _FIRST)
    except ValueError as error:
        raise QueryError(f"{after!r} is no place in the list.", "Begin with the first page.") from error


_FIRST, _LAST = 2**62, -(2**62)
