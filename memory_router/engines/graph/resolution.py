"""Find out what references mean, and turn them into edges.

Names of code are followed as their language defines them (`denotation`), notes by links and names (`notes`); things
that no text defines come into being here (`things`). What a call on an unknown receiver may mean is kept apart: such
an edge weighs no more than `POSSIBLE`.
"""

import json
from collections.abc import Iterator
from typing import Any

import apsw

from memory_router.engines.graph.denotation import Denotation, Node, Ref
from memory_router.engines.graph.naming import Stems
from memory_router.engines.graph.notes import Notes
from memory_router.engines.graph.possible import Candidates
from memory_router.engines.graph.store import CONTAINS, NAMING, WITHIN, steps_of
from memory_router.engines.graph.things import Things
from memory_router.engines.graph.walking import POSSIBLE
from memory_router.storage.sqlite import writing

_BATCH = 20_000
# After how many references what their names mean is forgotten, which bounds the memory that a build takes.
_REMEMBERED = 100_000
_PENDING = """
    SELECT r.id, r.file, r.source, r.kind, r.target, r.key FROM pending p JOIN refs r ON r.id = p.ref
    WHERE p.ref > ? {further} ORDER BY p.ref LIMIT ?
"""
# Packages must be known before imports can mean them, full names before first names alone can, and imports before what
# a file may call by its last name alone.
_PASSES = tuple(
    _PENDING.format(further=further)
    for further in (
        "AND (r.kind = 'within' OR r.kind = 'person' AND r.target GLOB '* *')",
        "AND r.kind = 'imports'",
        "",
    )
)
_REOPEN = "INSERT OR IGNORE INTO pending SELECT r.id FROM touched t CROSS JOIN refs r ON r.key = t.name"
_REOPEN_BEHIND = """
    INSERT OR IGNORE INTO pending SELECT r.id
    FROM (SELECT DISTINCT s.file FROM touched t CROSS JOIN steps s ON s.step = t.name WHERE t.is_owner) f
    CROSS JOIN refs r ON r.file = f.file WHERE goes_through(r.target)
"""
_CERTAIN = ("imports", CONTAINS)  # of several things that are meant, each is
_IMPORTABLE = ("module", "package")
_WEIGHTS = {
    "calls": 1.0, "imports": 1.0, "inherits": 1.0, "requires": 1.0, "contains": 1.0, "uses": 0.9, "links": 0.9,
    "mentions": 0.7, "within": 0.5, "tagged": 0.5, "person": 0.5, "names": 0.4,
}  # fmt: skip


def resolve(connection: apsw.Connection, stems: Stems) -> int:
    """Give every reference that waits for it its edges, and return how many there were."""
    _reopen(connection)
    count = 0
    for query in _PASSES:
        last, resolver, left = 0, _Resolver(connection, stems), _REMEMBERED
        while batch := [Ref(*row) for row in connection.execute(query, (last, _BATCH))]:
            if left <= 0:
                resolver, left = _Resolver(connection, stems), _REMEMBERED
            left -= len(batch)
            count += len(batch)
            last = batch[-1].id
            numbers = [(ref.id,) for ref in batch]
            with writing(connection):
                connection.executemany("DELETE FROM edges WHERE ref = ?", numbers)
                connection.executemany(
                    "INSERT INTO edges(source, target, kind, weight, ref) VALUES (?, ?, ?, ?, ?)",
                    [edge for ref in batch for edge in resolver.edges(ref)],
                )
                connection.executemany("DELETE FROM pending WHERE ref = ?", numbers)
    _forget_lost_things(connection)
    return count


def _reopen(connection: apsw.Connection) -> None:
    """Have the references looked up again that what was stored and removed since the last run concerns."""
    owners = {str(name) for (name,) in connection.execute("SELECT name FROM touched WHERE is_owner")}

    def goes_through(*target: Any) -> bool:
        return not owners.isdisjoint(steps_of(target[0]))

    connection.create_scalar_function("goes_through", goes_through, 1)
    with writing(connection):
        connection.execute(_REOPEN)
        connection.execute(_REOPEN_BEHIND)
        connection.execute("DELETE FROM touched")


def _forget_lost_things(connection: apsw.Connection) -> None:
    """Remove what no text defines and none names any more; a package, if none is within it."""
    lost = [
        (node,)
        for (node,) in connection.execute(
            "SELECT id FROM nodes WHERE file IS NULL AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.target = nodes.id"
            " AND (nodes.kind <> 'package' OR e.kind = 'within'))"
        )
    ]
    if not lost:
        return
    with writing(connection):
        connection.executemany("DELETE FROM edges WHERE target = ?", lost)
        connection.executemany("DELETE FROM node_text WHERE rowid = ?", lost)
        connection.executemany("DELETE FROM nodes WHERE id = ?", lost)


class _Resolver:
    def __init__(self, connection: apsw.Connection, stems: Stems) -> None:
        self._connection = connection
        self._names = Denotation(connection)
        self._candidates = Candidates(connection, self._names)
        self._notes = Notes(connection, self._names)
        self._things = Things(connection, stems)

    def edges(self, ref: Ref) -> Iterator[tuple[int, int, str, float, int]]:
        """Yield the edges of one reference as rows."""
        weight = _WEIGHTS[ref.kind]
        meant = list(dict.fromkeys(self._meant(ref)))
        if not meant and ref.kind in ("calls", "uses"):
            meant = self._candidates.linked(ref)
        if not meant and ref.kind == "calls":
            meant, weight = self._candidates.of(ref), POSSIBLE
        for node in meant:
            if node != ref.source:
                yield ref.source, node, ref.kind, weight if ref.kind in _CERTAIN else weight / len(meant), ref.id

    def _meant(self, ref: Ref) -> Iterator[int]:
        if ref.kind in NAMING:
            yield from self._things.named(ref.kind, ref.target, ref.key)
        elif ref.kind == WITHIN:
            yield self._things.package(ref.target)
        elif ref.kind == "requires":
            yield self._things.required(ref.target)
        elif ref.kind == CONTAINS:
            yield from self._contained(ref.target)
        elif ref.kind == "links":
            yield from self._notes.linked(ref)
        elif ref.kind == "mentions":
            yield from self._notes.mentioned(ref)
        elif ref.kind == "imports":
            yield from self._imported(ref)
        elif not ref.target.startswith("."):
            yield from self._referred(ref)

    def _referred(self, ref: Ref) -> Iterator[int]:
        """Yield what a name of code means; who calls a class calls its constructor, too."""
        nodes = self._names.meant(ref.target, ref.file)
        if not nodes and ref.kind == "uses":  # a constant that is not a thing of the graph is its class's
            owners = self._names.meant(ref.target.rpartition(".")[0], ref.file)
            nodes = [node for node in owners if node.kind == "class" and node.file != ref.file]
        for node in [*nodes, *(other for alias in nodes for other in self._names.renamed(alias))]:
            yield node.id
            if ref.kind == "calls" and node.kind in ("class", "module"):
                yield from (constructor.id for constructor in self._names.constructors(node))

    def _imported(self, ref: Ref) -> Iterator[int]:
        """Yield the imported module and the member; else the library."""
        target = self._names.seen_from(ref.file, ref.target)
        nodes = self._names.meant(target, ref.file)
        modules = self._names.modules_called(target, ref.file)
        if modules:
            # `from package import module`: the module, not the package, or all would depend on every package.
            yield from (node.id for node in modules)
            return
        owner = target.rpartition(".")[0]
        owners = self._names.meant(owner, ref.file) if owner else []
        modules = [node for node in owners if node.kind in _IMPORTABLE]
        nodes = nodes or [node for node in owners if node.kind == "class"]  # a member that is not a thing of the graph
        if not modules and not nodes:
            yield from self._library(target)
            return
        yield from (node.id for node in modules or self._defining(nodes))
        yield from (node.id for node in nodes if node.kind not in _IMPORTABLE)

    def _defining(self, nodes: list[Node]) -> Iterator[Node]:
        """Yield the modules that define some things: of Java, a class is imported by its package."""
        for node in nodes:
            if node.file is not None:
                yield from self._names.modules(node.file)

    def _library(self, target: str) -> Iterator[int]:
        if "/" in target and not target.startswith("@"):
            steps = target.split("/")
            name = "/".join(steps[:3]) if "." in steps[0] else steps[0]  # a host, its owner, the library
        else:
            name = "/".join(target.split("/")[:2]) if target.startswith("@") else target.partition(".")[0]
        name = name.removesuffix(".default")
        if not name or name == "__future__" or self._names.is_defined(name):
            return
        yield self._things.library(name)

    def _contained(self, folder: str) -> Iterator[int]:
        """Yield the modules below a folder, and the packages that they make."""
        rows = self._connection.execute(
            "SELECT n.id FROM files f JOIN nodes n ON n.file = f.id"
            " WHERE n.kind = 'module' AND f.path > ? AND f.path < ?",
            (f"{folder}/", f"{folder}0"),
        )
        modules = [node for (node,) in rows]
        yield from modules
        yield from (
            node
            for (node,) in self._connection.execute(
                "SELECT DISTINCT e.target FROM json_each(?) m JOIN edges e ON e.source = m.value AND e.kind = 'within'",
                (json.dumps(modules),),
            )
        )
