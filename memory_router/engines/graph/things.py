"""Find or make the things that no text defines: people, tags, terms, libraries, packages without a file.

They come into being when enough texts name them, and go with the last one.
"""

from collections.abc import Iterator

import apsw

from memory_router.engines.graph.facts import last_step
from memory_router.engines.graph.naming import Stems, key

_THINGS = {"person": ("person", 1), "tagged": ("tag", 1), "names": ("term", 2)}  # kind of node, texts that must name it


class Things:
    """Look things up in one graph that is open for writing, and make those that are new."""

    def __init__(self, connection: apsw.Connection, stems: Stems) -> None:
        self._connection = connection
        self._stems = stems
        self._known: dict[tuple[str, str], int | None] = {}

    def named(self, relation: str, name: str, own: str) -> Iterator[int]:
        """Yield the person, tag or term of a name, if enough texts name it.

        Args:
            relation: `person`, `tagged` or `names`.
            name: as it is written.
            own: its key.
        """
        if not own:
            return
        if (relation, own) not in self._known:
            self._known[relation, own] = self._found(relation, name, own)
        node = self._known[relation, own]
        if node is not None:
            yield node

    def package(self, name: str) -> int:
        """Return the package of a name, which only its members make."""
        return self._made("package", name, name, key(last_step(name), self._stems))

    def library(self, name: str) -> int:
        """Return the library of a name."""
        own = key(name, self._stems)
        return self._made("library", name, f"library:{own}", own)

    def required(self, name: str) -> int:
        """Return the project that declares a name, else the library."""
        project = self._connection.execute("SELECT id FROM nodes WHERE name = ? AND kind = 'project'", (name,)).get
        return self.library(name) if project is None else int(project)

    def _found(self, relation: str, name: str, own: str) -> int | None:
        kind, needed = _THINGS[relation]
        if kind == "person":
            nodes = self._of_first_name(name)
            if len(nodes) == 1:
                return nodes[0]
        if kind == "term":
            # What a document is about, or code defines, is what its name means elsewhere.
            rows = self._connection.execute(
                "SELECT id FROM nodes WHERE key = ? AND kind IN ('document', 'class', 'module', 'person', 'project')"
                " LIMIT 2",
                (own,),
            )
            nodes = [node for (node,) in rows]
            if len(nodes) == 1:
                return int(nodes[0])
            nodes = self._of_first_name(name)
            if len(nodes) == 1:
                return nodes[0]
        texts = self._connection.execute(
            "SELECT count(DISTINCT file) FROM refs WHERE key = ? AND kind = ?", (own, relation)
        ).get
        return self._made(kind, name, f"{kind}:{own}", own) if texts >= needed else None

    def _of_first_name(self, name: str) -> list[int]:
        rows = self._connection.execute(
            "SELECT id FROM nodes WHERE name > ? || ' ' AND name < ? || '!' AND kind = 'person' LIMIT 2", (name, name)
        )
        return [node for (node,) in rows]

    def _made(self, kind: str, name: str, qualified: str, own: str) -> int:
        """Return the node of a thing that no text defines, making it if it is new."""
        node = self._connection.execute(
            "SELECT id FROM nodes WHERE qualified = ? AND kind = ? AND file IS NULL", (qualified, kind)
        ).get
        if node is None:
            node = self._connection.execute(
                "INSERT INTO nodes(kind, name, qualified, key, line, last_line, summary, digest)"
                " VALUES (?, ?, ?, ?, 0, 0, '', 0) RETURNING id",
                (kind, name, qualified, own),
            ).get
            self._connection.execute(
                "INSERT INTO node_text(rowid, name, summary, body) VALUES (?, ?, '', '')", (node, f"{name} {own}")
            )
        return int(node)
