"""Read things and edges of an open graph."""

from collections.abc import Iterable, Sequence

import apsw

from memory_router.engines.graph import linking, walking
from memory_router.engines.graph.entity import Edge, Entity
from memory_router.engines.graph.naming import Stems


class Graph:
    """Read things and edges of one open graph."""

    def __init__(self, connection: apsw.Connection, stems: Stems) -> None:
        self.connection = connection
        self.stems = stems

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
