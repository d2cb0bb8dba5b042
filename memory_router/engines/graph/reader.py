"""Read things and edges of an open graph."""

from collections.abc import Iterable, Sequence

import apsw

from memory_router.engines.graph import linking, walking
from memory_router.engines.graph.entity import Edge, Entity, LinkedEntities
from memory_router.engines.graph.schema import LAYOUT
from memory_router.retrieval.fulltext import FullText


class Graph:
    """Read things and edges of one open graph."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self._fulltext = FullText(connection, LAYOUT)

    def link(self, phrase: str) -> LinkedEntities:
        """Return what a phrase means, the likeliest first."""
        return linking.link(self.connection, self._fulltext, phrase)

    def link_name(self, phrase: str) -> LinkedEntities:
        """Return what bears the name that a phrase is or holds, the likeliest first; nothing if nothing does."""
        return linking.link_name(self.connection, self._fulltext.stems, phrase)

    def edges(self, nodes: Iterable[int], end: str, kinds: Sequence[str], most: int) -> list[Edge]:
        """Return the edges of some kinds that begin or end at some things, up to a limit."""
        return walking.edges_at(self.connection, nodes, end, kinds, most)

    def entities(self, ids: Iterable[int]) -> dict[int, Entity]:
        """Return things by their numbers."""
        return linking.entities(self.connection, list(dict.fromkeys(ids)))

    def language(self, path: str | None) -> str:
        """Return the language of a text; empty if it is not in the graph."""
        return str(self.connection.execute("SELECT language FROM files WHERE path = ?", (path,)).get or "")

    def modules(self, paths: Iterable[str | None]) -> dict[str, Entity]:
        """Return the modules that some texts are, by path."""
        return linking.modules(self.connection, list(dict.fromkeys(filter(None, paths))))
