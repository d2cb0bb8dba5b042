"""Browse every memory: one list of what all stores hold, the history of a fact, the neighbourhood of a thing."""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple

import apsw

from memory_router import paths
from memory_router.app import indexing, remembering
from memory_router.engines.cognee import listing as things
from memory_router.engines.cognee import place as cognee
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
from memory_router.engines.transcripts.lcm import LcmArchive, standard_path
from memory_router.engines.transcripts.schema import SCHEMA as TURNS
from memory_router.errors import QueryError, StoreError
from memory_router.retrieval.listing import TOP, Entry, Filter, ListPosition
from memory_router.storage.schema import Schema
from memory_router.storage.sqlite import named_errors, open_read_only

__all__ = ["STORES", "TIERS", "Entry", "Filter", "Listed", "Page"]


# How long another program's data may take, in seconds.
_FOREIGN_SECONDS = 2.0
_List = Callable[[Filter, ListPosition, int], Sequence[Entry]]


class _Store(NamedTuple):
    backend: str
    entries: _List


def _memories_file() -> str:
    """Return the file of the memories.

    Raises:
        StoreError: a server keeps them.
    """
    file = paths.memory_file()
    if file is None:
        raise StoreError("Your memories are kept by a server.", "List them with: memory-router memories list")
    return file


def _own(
    path: Callable[[], str], schema: Schema, read: Callable[[apsw.Connection, Filter, ListPosition, int], list[Entry]]
) -> _List:
    def entries(chosen: Filter, after: ListPosition, limit: int) -> Sequence[Entry]:
        connection = open_read_only(path(), schema)
        if connection is None:
            return ()
        with closing(connection), named_errors(path()):
            return read(connection, chosen, after, limit)

    return entries


def _of_lossless_claw(chosen: Filter, after: ListPosition, limit: int) -> Sequence[Entry]:
    archive = LcmArchive.open(standard_path())
    if archive is None:
        return ()
    with closing(archive.connection), named_errors(archive.path):
        return turns.entries_of_lcm(archive, chosen, after, limit)


def _of_cognee(chosen: Filter, after: ListPosition, limit: int) -> Sequence[Entry]:
    there = cognee.place()
    if there is None or not there.files:
        return ()
    return things.entries(there, chosen, after, limit, _FOREIGN_SECONDS)


# What is listed, with the backend that answers from it; entries of the same time stand in this order.
_STORES = {
    "totalrecall": _Store("totalrecall", _own(_memories_file, MEMORIES, memories.entries)),
    "lossless": _Store("lossless", _own(place.archive, TURNS, turns.entries)),
    "qmd": _Store("qmd", _own(paths.documents_db, DOCUMENTS, documents.entries)),
    "cognee": _Store("cognee", _own(paths.graph_db, GRAPH, graph.entries)),
    "lossless-claw": _Store("lossless", _of_lossless_claw),
    "Cognee": _Store("cognee", _of_cognee),
}
STORES = tuple(_STORES)
# Only remembered facts have a tier, tags, and successors.
_OF_MEMORIES = ("totalrecall",)


class Listed(NamedTuple):
    """An entry with the store that it is from."""

    store: str
    entry: Entry

    @property
    def backend(self) -> str:
        """Return which backend answers from it."""
        return _STORES[self.store].backend

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


def page(chosen: Filter, store: str = "", after: str = "", limit: int = 30) -> Page:
    """Return a page of everything that is stored, the newest first.

    Args:
        chosen: which entries are meant.
        store: only what this one holds; all if empty.
        after: the `following` of the page before.
        limit: the largest number of entries.

    Raises:
        QueryError: `after` is not a place in the list, or there is no such store.
    """
    if store and store not in _STORES:
        raise QueryError(f"Nothing is listed of {store!r}.", f"Choose one of: {', '.join(STORES)}.")
    names = [name for name in (_OF_MEMORIES if chosen.is_about_memories else STORES) if store in ("", name)]
    listed: list[Listed] = []
    problems: list[str] = []
    for name in names:
        try:
            entries = _STORES[name].entries(chosen, _place(after, name), limit + 1)
            listed += [Listed(name, entry) for entry in entries]
        except StoreError as error:
            problems.append(str(error))
    listed.sort(key=lambda listing: (-listing.entry.place.time, STORES.index(listing.store), -listing.entry.place.row))
    following = _following(listed[limit - 1]) if len(listed) > limit else ""
    return Page(listed[:limit], following, problems)


def projects() -> list[str]:
    """Return the projects that anything belongs to, in the alphabet's order."""
    named = set(project_names(paths.documents_db()))
    for path, schema, read in (
        (_memories_file(), MEMORIES, memories.projects),
        (place.archive(), TURNS, turns.projects),
    ):
        if connection := open_read_only(path, schema):
            with closing(connection), named_errors(path):
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
        return opened.neighbourhood(name, depth, most) if name else None


def _following(last: Listed) -> str:
    return f"{last.entry.place.time!r}/{last.store}/{last.entry.place.row}"


def _place(after: str, store: str) -> ListPosition:
    """Return where the page of one store begins, given where the page of all of them does."""
    if not after:
        return TOP
    try:
        time, last, row = after.split("/")
        before = STORES.index(last) - STORES.index(store)
        # Of its time, stores before it in the order have shown everything, those after it nothing.
        return ListPosition(float(time), int(row) if before == 0 else _LAST if before > 0 else _FIRST)
    except ValueError as error:
        raise QueryError(f"{after!r} is not a place in the list.", "Begin with the first page.") from error


_FIRST, _LAST = 2**62, -(2**62)
