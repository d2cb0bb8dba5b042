"""Write what texts state into the graph; the caller holds the transaction.

A definition that stays keeps its node, and with it the edges that lead there from other texts. What comes, goes
or changes its name opens the references to that name again, wherever they stand; what changes how its members are
found (a type, a base, an import) opens those that go through it. `settle` does so before a transaction ends.
"""

import functools
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from memory_router.engines.graph.facts import Definition, Facts, Reference, Source
from memory_router.engines.graph.naming import Stems, key, spoken

NAMING = ("names", "person", "tagged")  # references to things that no text defines
WITHIN = "within"  # a reference to a package that only its members make
CONTAINS = "contains"  # one to whatever lies in a folder
_MAKING = (*NAMING, WITHIN)
_MODULE_NAMES = "SELECT name FROM nodes WHERE file = ? AND kind = 'module'"
_FILE = re.compile(r"/|\.[A-Za-z]{1,5}$")
_STEPS = re.compile(r"[]./[]+")


class GraphWriter:
    """Write into one graph that is open for writing."""

    def __init__(self, connection: apsw.Connection, stems: Stems) -> None:
        self._connection = connection
        self._key = functools.lru_cache(maxsize=50_000)(lambda name: key(name, stems))
        self._next = int(connection.execute("SELECT coalesce(max(id), 0) FROM nodes").get) + 1
        self._touched: set[str] = set()
        self._owners: set[str] = set()
        self._is_first = connection.execute("SELECT 1 FROM files LIMIT 1").get is None

    def put(self, source: Source, facts: Facts) -> None:
        """Store what a text states, in place of what it stated before."""
        file = self._file(source, facts.problem)
        touched = self._touched
        touched |= self._reopened_by(file)
        bases = self._bases(file)
        nodes = self._put_nodes(source, file, facts.definitions, touched)
        self._put_bindings(file, facts)
        self._remove_references(file)
        self._put_references(file, nodes, facts.references)
        self._owners.update(name for name, _ in bases ^ self._bases(file))

    def remove(self, path: str) -> None:
        """Forget a text and everything it stated."""
        file = self._connection.execute("SELECT id FROM files WHERE path = ?", (path,)).get
        if file is None:
            return
        self._touched |= self._reopened_by(file) | {CONTAINS}
        self._put_bindings(file, Facts(()))
        self._remove_references(file)
        rows = self._connection.execute("SELECT id, name, key FROM nodes WHERE file = ?", (file,)).fetchall()
        self._owners.update(str(name) for _, name, _ in rows)
        self._remove_nodes(rows, self._touched)
        self._connection.execute("DELETE FROM files WHERE id = ?", (file,))

    def settle(self) -> None:
        """Note what the texts that were stored and removed since have touched; end each transaction with it."""
        if not self._is_first:  # everything is pending then
            names = {**dict.fromkeys(self._touched, 0), **dict.fromkeys(self._owners, 1)}
            self._connection.executemany(
                "INSERT INTO touched(name, is_owner) VALUES (?, ?)"
                " ON CONFLICT DO UPDATE SET is_owner = max(is_owner, excluded.is_owner)",
                names.items(),
            )
        self._touched.clear()
        self._owners.clear()

    def _bases(self, file: int) -> set[tuple[str, str]]:
        rows = self._connection.execute(
            "SELECT n.name, r.target FROM refs r JOIN nodes n ON n.id = r.source"
            " WHERE r.file = ? AND r.kind = 'inherits'",
            (file,),
        )
        return {(str(name), str(target)) for name, target in rows}

    def _file(self, source: Source, problem: str) -> int:
        return int(
            self._connection.execute(
                "INSERT INTO files(path, root, language, fingerprint, modified, problem) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT(path) DO UPDATE SET root = excluded.root, language = excluded.language,"
                " fingerprint = excluded.fingerprint, modified = excluded.modified, problem = excluded.problem"
                " RETURNING id",
                (source.path, source.root, source.language, source.fingerprint, source.modified, problem),
            ).get
        )

    def _put_nodes(
        self, source: Source, file: int, definitions: Sequence[Definition], touched: set[str]
    ) -> dict[str, int]:
        before = {
            row[0]: row[1:]
            for row in self._connection.execute(
                "SELECT qualified, id, kind, digest, name, key FROM nodes WHERE file = ?", (file,)
            )
        }
        nodes: dict[str, int] = {}
        fresh: list[tuple[int, Definition, int]] = []
        moved: list[tuple[int, int, int]] = []
        for definition in definitions:
            if definition.qualified in nodes:
                continue
            digest = _digest(definition)
            held = before.get(definition.qualified)
            if held and held[1:3] == (definition.kind, digest):
                nodes[definition.qualified] = held[0]
                moved.append((definition.line, definition.last_line, held[0]))
            else:
                nodes[definition.qualified] = self._next
                fresh.append((self._next, definition, digest))
                self._next += 1
        self._connection.executemany("UPDATE nodes SET line = ?, last_line = ? WHERE id = ?", moved)
        if not before:
            touched.add(CONTAINS)
        self._owners.update(definition.name for _, definition, _ in fresh)
        kept = set(nodes.values())
        self._remove_nodes(((held[0], held[3], held[4]) for held in before.values() if held[0] not in kept), touched)
        self._insert(file, fresh, touched)
        self._put_aliases(source, nodes, definitions)
        added = {node for node, *_ in fresh}
        self._connection.executemany(
            "INSERT INTO edges(source, target, kind, weight) VALUES (?, ?, 'defines', 1.0)",
            [
                (nodes[definition.parent], nodes[definition.qualified])
                for definition in definitions
                if definition.parent in nodes
                and (nodes[definition.qualified] in added or nodes[definition.parent] in added)
            ],
        )
        return nodes

    def _insert(self, file: int, fresh: Sequence[tuple[int, Definition, int]], touched: set[str]) -> None:
        keys = [self._key(definition.name) for _, definition, _ in fresh]
        touched.update(keys, (definition.name for _, definition, _ in fresh))
        self._connection.executemany(
            "INSERT INTO nodes(id, file, kind, name, qualified, key, line, last_line, summary, digest, type)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    node,
                    file,
                    definition.kind,
                    definition.name,
                    definition.qualified,
                    own,
                    definition.line,
                    definition.last_line,
                    definition.summary,
                    digest,
                    definition.type,
                )
                for (node, definition, digest), own in zip(fresh, keys, strict=True)
            ],
        )
        self._connection.executemany(
            "INSERT INTO node_text(rowid, name, summary, body) VALUES (?, ?, ?, ?)",
            [
                (
                    node,
                    f"{spoken(definition.name)} {own}",
                    definition.summary,
                    definition.body or spoken(definition.qualified),
                )
                for (node, definition, _), own in zip(fresh, keys, strict=True)
            ],
        )

    def _put_aliases(self, source: Source, nodes: Mapping[str, int], definitions: Sequence[Definition]) -> None:
        """Make a file findable by its own name and its aliases, a section by the blocks that are named in it."""
        rows = [
            (self._key(alias), nodes[definition.qualified])
            for definition in definitions
            for alias in definition.aliases
        ]
        if os.path.isabs(source.path) and definitions:
            rows.append((self._key(_stem(source.path)), nodes[definitions[0].qualified]))
        self._connection.executemany(
            "DELETE FROM aliases WHERE node = ?", [(node,) for node in dict.fromkeys(node for _, node in rows)]
        )
        self._connection.executemany("INSERT OR IGNORE INTO aliases(key, node) VALUES (?, ?)", rows)
        self._touched.update(own for own, _ in rows)

    def _remove_nodes(self, rows: Iterable[Sequence[Any]], touched: set[str]) -> None:
        for node, name, own in list(rows):
            aliases = self._connection.execute("DELETE FROM aliases WHERE node = ? RETURNING key", (node,))
            touched.update((name, own), (alias for (alias,) in aliases))
            self._connection.execute("DELETE FROM edges WHERE source = ?", (node,))
            self._connection.execute("DELETE FROM edges WHERE target = ?", (node,))
            self._connection.execute("DELETE FROM node_text WHERE rowid = ?", (node,))
            self._connection.execute("DELETE FROM nodes WHERE id = ?", (node,))

    def _put_bindings(self, file: int, facts: Facts) -> None:
        before = set(self._connection.execute("SELECT name, target FROM bindings WHERE file = ?", (file,)))
        after = set(facts.bindings.items())
        self._owners.update(name for name, _ in before ^ after)
        if any(name.startswith("*") for name, _ in before ^ after):
            self._owners.update(name for (name,) in self._connection.execute(_MODULE_NAMES, (file,)))
        self._connection.executemany(
            "DELETE FROM bindings WHERE file = ? AND name = ?", [(file, name) for name, _ in before - after]
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO bindings(file, name, target) VALUES (?, ?, ?)",
            [(file, name, target) for name, target in after - before],
        )

    def _row(self, node: int, reference: Reference) -> tuple[int | str, ...]:
        own, target = reference.key, reference.target
        if reference.kind in NAMING:
            own = self._key(target)
            self._touched.add(own)
        elif reference.kind == WITHIN:
            self._touched.add(own)
        elif reference.kind == CONTAINS:
            own = CONTAINS
        elif reference.kind == "links":
            path, _, part = target.partition("#")
            own = self._key(_stem(path) if os.path.isabs(path) else path.rpartition("/")[2])
            target = f"{path}#{self._key(part)}" if part else path
        elif reference.kind == "mentions":
            own = self._key(_stem(target) if _FILE.search(target) else own)
        return node, reference.kind, target, own, reference.line, reference.times, reference.evidence

    def _put_references(self, file: int, nodes: Mapping[str, int], references: Sequence[Reference]) -> None:
        first = int(self._connection.execute("SELECT coalesce(max(id), 0) FROM refs").get) + 1
        rows = [
            (first + number, file, *self._row(nodes[reference.source], reference))
            for number, reference in enumerate(references)
            if reference.source in nodes
        ]
        self._connection.executemany("INSERT INTO refs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._connection.executemany("INSERT OR IGNORE INTO pending VALUES (?)", [row[:1] for row in rows])
        # Those of an earlier state stay: which references go through a step is looked at again.
        steps = {step for reference in references for step in steps_of(reference.target)}
        self._connection.executemany("INSERT OR IGNORE INTO steps VALUES (?, ?)", [(step, file) for step in steps])

    def _remove_references(self, file: int) -> None:
        # Edges first: without their reference nothing would name them any more.
        self._connection.execute("DELETE FROM edges WHERE ref IN (SELECT id FROM refs WHERE file = ?)", (file,))
        self._connection.execute("DELETE FROM refs WHERE file = ?", (file,))

    def _reopened_by(self, file: int) -> set[str]:
        """Return the names of things that only references make: they may lose their reason with this text."""
        rows = self._connection.execute(
            f"SELECT DISTINCT key FROM refs WHERE file = ? AND kind IN {_MAKING!r}",  # noqa: S608  # a constant
            (file,),
        )
        return {own for (own,) in rows}


def steps_of(target: str) -> list[str]:
    """Return the names that a reference goes through on its way to what it means."""
    return _STEPS.split(target)[:-1]


def _stem(path: str) -> str:
    """Return the name of a file without its ending."""
    return os.path.splitext(path.rpartition("/")[2])[0]


def _digest(one: Definition) -> int:
    text = f"{one.name}\0{one.summary}\0{one.body}\0{one.type}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")
