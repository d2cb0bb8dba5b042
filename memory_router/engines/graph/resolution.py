"""Find out what references mean, and turn them into edges.

A qualified name is looked up as it stands; else through what its module makes available under that name, and
through base classes. A call whose receiver is unknown means the methods of that name if there are few.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import apsw

from memory_router.engines.graph.naming import Stems
from memory_router.engines.graph.store import CONTAINS, NAMING, WITHIN
from memory_router.engines.graph.things import Things
from memory_router.storage.sqlite import writing

_BATCH = 20_000
_ALL = "SELECT id, file, source, kind, target, key FROM refs WHERE resolved = 0 ORDER BY id LIMIT ?"
# Packages must be known before imports can mean them, and full names before first names alone can.
_FIRST = _ALL.replace("resolved = 0", "resolved = 0 AND (kind = 'within' OR kind = 'person' AND target GLOB '* *')")
_TOP_LEVEL = (
    "SELECT n.name, n.qualified FROM nodes m JOIN edges e ON e.source = m.id AND e.kind = 'defines'"
    " JOIN nodes n ON n.id = e.target WHERE m.file = ? AND m.kind = 'module'"
)
_WITHIN = (
    "SELECT n.qualified FROM edges w JOIN edges d ON d.source = w.source AND d.kind = 'defines'"
    " JOIN nodes n ON n.id = d.target AND n.name = ? WHERE w.target = ? AND w.kind = 'within'"
)
_CERTAIN = ("imports", CONTAINS)  # of several things that are meant, each is
_IMPORTABLE = ("module", "package")
_DEPTH = 12  # steps through re-exports and base classes; cycles end there
_FEW = 3  # methods of one name that a call on an unknown receiver may mean
_HOMONYMS = 4  # things of one name that a mention in prose may mean
_WEIGHTS = {
    "calls": 1.0, "imports": 1.0, "inherits": 1.0, "requires": 1.0, "contains": 1.0, "uses": 0.9, "links": 0.9,
    "mentions": 0.7, "within": 0.5, "tagged": 0.5, "person": 0.5, "names": 0.4,
}  # fmt: skip


class _Node(NamedTuple):
    id: int
    kind: str
    qualified: str
    file: int | None


class _Namesakes:
    """Hold things of one qualified name, told apart by which text lies nearest to the one that refers."""

    def __init__(self, nodes: list[_Node]) -> None:
        self.nodes = nodes
        self._below: dict[str, list[_Node]] = {}

    def nearest(self, folder: str, folder_of: Callable[[int | None], str]) -> list[_Node]:
        """Return those that share most of a folder's path; all if none does."""
        if len(self.nodes) < 2:
            return self.nodes
        if not self._below:
            for node in self.nodes:
                for above in _upwards(folder_of(node.file)):
                    self._below.setdefault(above, []).append(node)
        held = self._below.get(folder)
        if held is None:
            held = next((self._below[above] for above in _upwards(folder) if above in self._below), self.nodes)
            self._below[folder] = held
        return held


_NOTHING = _Namesakes([])


class _Ref(NamedTuple):
    id: int
    file: int
    source: int
    kind: str
    target: str
    key: str


def resolve(connection: apsw.Connection, stems: Stems) -> int:
    """Give every reference that waits for it its edges, and return how many there were."""
    count = 0
    resolver = _Resolver(connection, stems)
    for query in (_FIRST, _ALL):
        for batch in _waiting(connection, query):
            count += len(batch)
            with writing(connection):
                connection.executemany("DELETE FROM edges WHERE ref = ?", [(ref.id,) for ref in batch])
                connection.executemany(
                    "INSERT INTO edges(source, target, kind, weight, ref) VALUES (?, ?, ?, ?, ?)",
                    [edge for ref in batch for edge in resolver.edges(ref)],
                )
                connection.executemany("UPDATE refs SET resolved = 1 WHERE id = ?", [(ref.id,) for ref in batch])
        _forget_lost_things(connection)
    return count


def _waiting(connection: apsw.Connection, query: str) -> Iterator[list[_Ref]]:
    while batch := [_Ref(*row) for row in connection.execute(query, (_BATCH,))]:
        yield batch


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
        self._exact: dict[str, _Namesakes] = {}
        self._members: dict[str, _Namesakes] = {}
        self._imports: dict[int, dict[str, list[str]]] = {}
        self._by_name: dict[tuple[str, str, str], list[int]] = {}
        self._things = Things(connection, stems)
        self._files: dict[int, tuple[str, str]] = {}

    def edges(self, ref: _Ref) -> Iterator[tuple[int, int, str, float, int]]:
        """Yield the edges of one reference as rows."""
        weight = _WEIGHTS[ref.kind]
        found = list(dict.fromkeys(self._meant(ref)))
        for node in found:
            if node != ref.source:
                yield ref.source, node, ref.kind, weight if ref.kind in _CERTAIN else weight / len(found), ref.id

    def _meant(self, ref: _Ref) -> Iterator[int]:
        if ref.kind in NAMING:
            yield from self._things.named(ref.kind, ref.target, ref.key)
        elif ref.kind == WITHIN:
            yield self._things.package(ref.target)
        elif ref.kind == "requires":
            yield self._things.required(ref.target)
        elif ref.kind == CONTAINS:
            yield from self._contained(ref.target)
        elif ref.kind == "links":
            yield from self._linked(ref)
        elif ref.kind == "mentions":
            yield from self._mentioned(ref)
        elif ref.kind == "imports":
            yield from self._imported(ref)
        elif ref.target.startswith("."):
            yield from self._by_last_step(ref)
        else:
            yield from (node.id for node in self._nearest(self._denoted(ref.target), ref))

    def _named(self, qualified: str) -> _Namesakes:
        held = self._exact.get(qualified)
        if held is None:
            rows = self._connection.execute(
                "SELECT id, kind, qualified, file FROM nodes WHERE qualified = ?"
                " AND (file IS NOT NULL OR kind = 'package')",
                (qualified,),
            )
            held = self._exact[qualified] = _Namesakes([_Node(*row) for row in rows])
        return held

    def _denoted(self, target: str, depth: int = _DEPTH) -> _Namesakes:
        """Return what a qualified name means, through re-exports and base classes."""
        exact = self._named(target)
        if exact.nodes:
            return exact
        owner, _, name = target.rpartition(".")
        if not owner or depth == 0:
            return _NOTHING
        held = self._members.get(target)
        if held is not None:
            return held
        self._members[target] = _NOTHING  # a cycle of re-exports finds nothing here
        found: dict[_Node, None] = {}
        for meant in dict.fromkeys(
            meant for holder in self._denoted(owner, depth - 1).nodes for meant in self._elsewhere(holder, name)
        ):
            found.update(dict.fromkeys(self._denoted(meant, depth - 1).nodes))
        self._members[target] = _Namesakes(list(found))
        return self._members[target]

    def _elsewhere(self, holder: _Node, name: str) -> Iterator[str]:
        """Yield under which other names a module or class has a member."""
        if holder.kind == "module" and holder.file is not None:
            yield from self._handed_on(holder.file).get(name, ())
            if holder.qualified.rpartition(".")[2] != name:
                yield f"{holder.qualified}.{name}"
        elif holder.kind == "class":
            rows = self._connection.execute(
                "SELECT target FROM refs WHERE source = ? AND kind = 'inherits'", (holder.id,)
            )
            yield from (f"{base}.{name}" for (base,) in rows)
        elif holder.kind == "package":
            rows = self._connection.execute(_WITHIN, (name, holder.id))
            yield from (qualified for (qualified,) in rows)

    def _handed_on(self, file: int) -> dict[str, list[str]]:
        """Return what the names that a module has from others are called there, star imports followed."""
        held = self._imports.get(file)
        if held is not None:
            return held
        held = self._imports[file] = {}
        todo, seen = [file], {file}
        for at in todo:
            for name, target in self._connection.execute("SELECT name, target FROM bindings WHERE file = ?", (at,)):
                if not name.startswith("*"):
                    held.setdefault(name, []).append(target)
                    continue
                modules = self._denoted(target).nearest(self._folder(at), self._folder)
                fresh = [node.file for node in modules if node.kind == "module" and node.file is not None]
                todo += [module for module in fresh if module not in seen]
                seen.update(fresh)
            if at != file:
                for name, qualified in self._connection.execute(_TOP_LEVEL, (at,)):
                    held.setdefault(name, []).append(qualified)
        return held

    def _imported(self, ref: _Ref) -> Iterator[int]:
        """Yield the module that is imported, and beside it the member; else the library."""
        target = self._importable(ref)
        if "/" in target and not self._named(target).nodes:
            target = self._submodule(target)
        exact = [node for node in self._nearest(self._named(target), ref) if node.kind in _IMPORTABLE]
        if exact:
            # `from package import module`: the module, not the package, or all would depend on every package.
            yield from (node.id for node in exact)
            return
        owner = target.rpartition(".")[0]
        modules = [node for node in self._nearest(self._named(owner), ref) if node.kind in _IMPORTABLE]
        if not modules:
            yield from self._library(ref)
            return
        yield from (node.id for node in modules)
        yield from (node.id for node in self._nearest(self._denoted(target), ref))

    def _submodule(self, target: str) -> str:
        """Return a target whose last step is no member but a module below, as `use crate::store` means it."""
        owner, _, last = target.rpartition(".")
        below = f"{owner}/{last}"
        return below if owner and self._named(below).nodes else target

    def _importable(self, ref: _Ref) -> str:
        """Return a target as seen from a script that imports its neighbour, or unchanged."""
        top = ref.target.partition(".")[0]
        if self._named(top).nodes or top in sys.stdlib_module_names or "/" in ref.target:
            return ref.target
        row = self._connection.execute("SELECT qualified FROM nodes WHERE id = ?", (ref.source,)).get
        package = str(row or "").rpartition(".")[0]
        if not package or any(node.kind == "module" for node in self._named(package).nodes):
            return ref.target
        beside = f"{package}.{ref.target}"
        is_there = self._named(beside).nodes or ("." in ref.target and self._named(beside.rpartition(".")[0]).nodes)
        return beside if is_there else ref.target

    def _library(self, ref: _Ref) -> Iterator[int]:
        if "/" in ref.target and not ref.target.startswith("@"):
            steps = ref.target.split("/")
            name = "/".join(steps[:3]) if "." in steps[0] else steps[0]  # a host, its owner, the library
        else:
            name = "/".join(ref.target.split("/")[:2]) if ref.target.startswith("@") else ref.target.partition(".")[0]
        if not name or name == "__future__" or self._named(name).nodes:
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

    def _by_last_step(self, ref: _Ref) -> list[int]:
        """Return the functions of a name in the same language, for a base the classes, if they are few."""
        _, language = self._file(ref.file)
        kind = "class" if ref.kind == "inherits" else "function"
        held = self._by_name.get((ref.key, language, kind))
        if held is None:
            rows = self._connection.execute(
                "SELECT n.id FROM nodes n JOIN files f ON f.id = n.file"
                " WHERE n.name = ? AND n.kind = ? AND f.language = ? LIMIT ?",
                (ref.key, kind, language, _FEW + 1),
            )
            found = [node for (node,) in rows]
            held = self._by_name[ref.key, language, kind] = found if len(found) <= _FEW else []
        return held

    def _mentioned(self, ref: _Ref) -> Iterator[int]:
        """Yield what prose means by a name of code: the whole name, its end, or another spelling of it."""
        name = ref.target
        if "/" in name:
            yield from self._file_named(name)
            return
        rows = self._connection.execute(
            "SELECT id, name, qualified FROM nodes WHERE key = ? AND file IS NOT NULL"
            " AND kind NOT IN ('section', 'memory', 'turn') AND file <> ? LIMIT 200",
            (ref.key, ref.file),
        )
        candidates = list(rows)
        last = name.rpartition(".")[2]
        for fits in (
            [node for node, own, full in candidates if f".{full}".endswith(f".{name}") and own == last],
            [] if "." in name else [node for node, _, _ in candidates],
        ):
            if fits:
                if len(fits) <= _HOMONYMS:
                    yield from fits
                return
        if "." in name:
            yield from self._file_named(name)

    def _file_named(self, path: str) -> Iterator[int]:
        rows = self._connection.execute(
            "SELECT (SELECT min(id) FROM nodes WHERE file = f.id) FROM files f"
            " WHERE f.path = :path OR substr(f.path, -length(:end)) = :end LIMIT :few",
            {"path": path, "end": "/" + path.lstrip("./"), "few": _HOMONYMS + 1},
        )
        found = [node for (node,) in rows if node is not None]
        if len(found) <= _HOMONYMS:
            yield from found

    def _linked(self, ref: _Ref) -> Iterator[int]:
        if os.path.isabs(ref.target):
            node = self._connection.execute(
                "SELECT min(n.id) FROM nodes n JOIN files f ON f.id = n.file WHERE f.path = ?", (ref.target,)
            ).get
            if node is not None:
                yield node
            return
        rows = self._connection.execute(
            "SELECT min(id) FROM nodes WHERE key = ? AND kind IN ('document', 'module') GROUP BY file LIMIT ?",
            (ref.key, _HOMONYMS),
        )
        yield from (node for (node,) in rows)

    def _nearest(self, found: _Namesakes, ref: _Ref) -> list[_Node]:
        """Return, of several things of one qualified name, those that lie closest to the text that refers."""
        return found.nearest(self._folder(ref.file), self._folder)

    def _folder(self, file: int | None) -> str:
        return "" if file is None else self._file(file)[0]

    def _file(self, file: int) -> tuple[str, str]:
        """Return the folder of a text, nothing if it is no file, and its language."""
        if file not in self._files:
            path, language = self._connection.execute(
                "SELECT path, language FROM files WHERE id = ?", (file,)
            ).fetchone() or ("", "")
            self._files[file] = os.path.dirname(path) if os.path.isabs(path) else "", language
        return self._files[file]


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and those around it, the innermost first."""
    while folder:
        yield folder
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
