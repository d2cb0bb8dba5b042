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
        """Return the edges of some kinds that begin or end at some things, so many at the most."""
        return walking.edges_at(self.connection, nodes, end, kinds, most)

    def entities(self, ids: Iterable[int]) -> dict[int, Entity]:
        """Return things by their numbers."""
        return linking.entities(self.connection, list(dict.fromkeys(ids)))

    def body(self, node: int) -> str:
        """Return the text of a passage; nothing for code."""
        return str(self.connection.execute("SELECT body FROM node_text WHERE rowid = ?", (node,)).get or "")
