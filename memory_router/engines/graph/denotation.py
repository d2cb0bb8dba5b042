"""Follow qualified names of code to what defines them, as each language says.

A name is looked up as it stands; else step by step: what a module imports, re-exports or takes over with a star, what
a class inherits, what a package holds, and what the value of a variable or a call is an instance of.
"""

import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import apsw

_DEPTH = 24  # steps through imports, base classes and types; cycles end there
# What ends a name that means an element, with how the types of what has such elements end: lists, maps, either; what
# may be no list at all (`[?]`) is then meant itself.
_ELEMENTS = {"[]": ("[]",), "{}": ("{}",), "[*]": ("[]", "{}"), "[?]": ("[]", "{}")}
_DEFINED = """
    SELECT id, kind, qualified, file, type FROM nodes
    WHERE qualified = ? AND (file IS NOT NULL OR kind = 'package')
"""
_MODULE = "SELECT id, kind, qualified, file, type FROM nodes WHERE file = ? AND kind = 'module'"
_MODULES_CALLED = """
    SELECT DISTINCT n.qualified FROM nodes n JOIN files f ON f.id = n.file AND f.language = 'python'
    WHERE n.name = ?1 AND n.kind = 'module' AND substr(n.qualified, -length(?2)) = ?2 LIMIT 2
"""


class Node(NamedTuple):
    """One thing that a text defines; `facts.Definition` says what the members mean."""

    id: int
    kind: str
    qualified: str
    file: int | None
    type: str


class Ref(NamedTuple):
    """One stored reference with its number; `facts.Reference` says what the members mean."""

    id: int
    file: int
    source: int
    kind: str
    target: str
    key: str


class _Namesakes:
    """Things of one qualified name, told apart by which text lies nearest to the one that refers."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self._below: dict[str, list[Node]] = {}

    def nearest(self, folder: str, folder_of: Callable[[int | None], str]) -> list[Node]:
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


class Denotation:
    """Look up names in one open graph, and remember what they mean."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._exact: dict[str, _Namesakes] = {}
        self._members: dict[tuple[str, str], _Namesakes] = {}
        self._bindings: dict[int, dict[str, list[str]]] = {}
        self._files: dict[int, tuple[str, str]] = {}
        self._modules: dict[int, list[Node]] = {}
        self._meanings: dict[tuple[str, str, str], list[Node]] = {}
        self._packages: dict[int, str] = {}
        self._tops: dict[tuple[str, str], str] = {}
        self._placements: dict[str, str] = {}

    def meant(self, target: str, file: int) -> list[Node]:
        """Return what a qualified name means in a text: of namesakes those that lie nearest."""
        place = target, self.folder(file), self._package(file)
        if place not in self._meanings:
            self._meanings[place] = self._meaning(self.seen_from(file, target), place[1], _DEPTH)
        return self._meanings[place]

    def modules_called(self, target: str, file: int) -> list[Node]:
        """Return the modules and packages that an import names: by their own name; of Rust, in any way."""
        folder, seen = self.folder(file), self.seen_from(file, target)
        nodes = self._denoted(seen, folder, _DEPTH).nearest(folder, self.folder)
        exact = nodes if self.language(file) == "rust" else self._named(seen).nodes
        return [node for node in nodes if node.kind in ("module", "package") and node in exact]

    def constructors(self, node: Node) -> list[Node]:
        """Return what runs when a class is called; of a module, what it exports as its default."""
        file = node.file
        if file is None:
            return []
        name = {"python": "__init__", "java": node.qualified.rpartition(".")[2]}.get(self.language(file), "constructor")
        name = "default" if node.kind == "module" else name
        candidates = self.meant(f"{node.qualified}.{name}", file)
        return [
            candidate for candidate in candidates if candidate.kind in ("function", "class") and candidate.id != node.id
        ]

    def renamed(self, node: Node) -> list[Node]:
        """Return what a variable is but another name of."""
        return self.meant(node.type[1:], node.file) if node.type.startswith("=") and node.file is not None else []

    def is_open(self, target: str, file: int) -> bool:
        """Return whether a member is looked for in the value of something of which no type is known."""
        owner, steps = target.rpartition(".")[0], 1
        if owner.endswith(tuple(_ELEMENTS)):
            held = self.meant(owner.rstrip("[*?]{}"), file)  # a method of a list, or of an element that nothing tells
            return any(node.kind in ("function", "variable") and not node.type for node in held)
        while owner:
            if nodes := self.meant(owner, file):
                if all(node.kind == "class" for node in nodes):
                    return steps > 1  # an attribute that nothing was seen to be assigned to
                return any(node.kind in ("function", "variable") and not node.type for node in nodes)
            owner, steps = owner.rpartition(".")[0], steps + 1
        return False

    def is_defined(self, name: str) -> bool:
        """Return whether a text or a package bears a qualified name."""
        return bool(self._named(name).nodes)

    def modules(self, file: int) -> list[Node]:
        """Return the module that a text is; nothing for other texts."""
        if file not in self._modules:
            self._modules[file] = [Node(*row) for row in self._connection.execute(_MODULE, (file,))]
        return self._modules[file]

    def seen_from(self, file: int, target: str) -> str:
        """Return a target of Python as a script means it that imports its neighbours; any other unchanged.

        The folder of the script comes first on the path of imports, then folders around it.
        """
        top, _, rest = target.partition(".")
        package = self._package(file)
        if not package or not top or "/" in top or top in sys.stdlib_module_names:
            return target
        if (package, top) not in self._tops:
            self._tops[package, top] = self._top(package, top)
        seen = self._tops[package, top]
        if not rest:
            return seen
        second = rest.partition(".")[0]
        if any(node.file for node in self._named(seen).nodes) or self.is_defined(f"{seen}.{second}"):
            return f"{seen}.{rest}"
        return f"{self._placed(f'{top}.{second}') or f'{seen}.{second}'}{rest.removeprefix(second)}"

    def _top(self, package: str, top: str) -> str:
        if self.is_defined(top):
            return top
        while package:
            beside = f"{package}.{top}"
            # Within a package only a whole name is an import: its modules are not scripts.
            is_script = all(node.kind == "package" for node in self._named(package).nodes)
            if is_script and any(node.kind in ("module", "package") for node in self._named(beside).nodes):
                return beside
            package = package.rpartition(".")[0]
        return top

    def _package(self, file: int) -> str:
        """Return the package of a file of Python, of others nothing."""
        if file not in self._packages:
            module = next((node.qualified for node in self.modules(file)), "")
            self._packages[file] = module.rpartition(".")[0] if self.language(file) == "python" else ""
        return self._packages[file]

    def _placed(self, name: str) -> str:
        """Return the one module whose name ends so: its folder is on the path of imports, though nothing says so."""
        if name not in self._placements:
            last = name.rpartition(".")[2]
            rows = self._connection.execute(_MODULES_CALLED, (last, f".{name}")).fetchall()
            self._placements[name] = str(rows[0][0]) if len(rows) == 1 else ""
        return self._placements[name]

    def folder(self, file: int | None) -> str:
        """Return the folder of a text; nothing if it is not a file."""
        return "" if file is None else self._file(file)[0]

    def language(self, file: int) -> str:
        """Return the language of a text."""
        return self._file(file)[1]

    def _file(self, file: int) -> tuple[str, str]:
        if file not in self._files:
            path, language = self._connection.execute(
                "SELECT path, language FROM files WHERE id = ?", (file,)
            ).fetchone() or ("", "")
            self._files[file] = os.path.dirname(path) if os.path.isabs(path) else "", language
        return self._files[file]

    def _named(self, qualified: str) -> _Namesakes:
        held = self._exact.get(qualified)
        if held is None:
            rows = self._connection.execute(_DEFINED, (qualified,))
            held = self._exact[qualified] = _Namesakes([Node(*row) for row in rows])
        return held

    def _meaning(self, target: str, folder: str, depth: int) -> list[Node]:
        """Return what a name means: what a package itself calls so comes before its module of that name."""
        nodes = self._denoted(target, folder, depth).nearest(folder, self.folder)
        owner, _, name = target.rpartition(".")
        if not owner or depth == 0 or not any(node.kind == "module" and node.file is not None for node in nodes):
            return nodes
        for package in self._named(owner).nodes:
            bindings = self._bound(package.file) if package.file is not None and package.kind == "module" else {}
            for other in (*bindings.get(name, ()), *(f"{star}.{name}" for star in bindings.get("*", ()))):
                rebound = self._denoted(other, folder, depth - 1).nodes if other != target else []
                if rebound and rebound[0].kind in ("class", "function"):
                    return rebound
        return nodes

    def _denoted(self, target: str, folder: str, depth: int) -> _Namesakes:
        exact = self._named(target)
        if exact.nodes:
            return exact
        owner, _, name = target.rpartition(".")
        if not owner or depth == 0:
            return _NOTHING
        held = self._members.get((target, folder))
        if held is not None:
            return held
        self._members[target, folder] = _NOTHING  # a cycle of re-exports finds nothing here
        denoted: dict[Node, None] = {}
        if mark := next((mark for mark in _ELEMENTS if name.endswith(mark)), ""):
            for holder in self._denoted(target.removesuffix(mark), folder, depth - 1).nearest(folder, self.folder):
                is_list = holder.type.endswith(_ELEMENTS[mark])
                if (is_list or mark == "[?]") and holder.type and holder.file is not None:
                    element = self.seen_from(holder.file, holder.type[:-2] if is_list else holder.type)
                    denoted.update(dict.fromkeys(self._denoted(element, folder, depth - 1).nodes))
            self._members[target, folder] = _Namesakes(list(denoted))
            return self._members[target, folder]
        for holder in self._denoted(owner, folder, depth - 1).nearest(folder, self.folder):
            around = self.folder(holder.file) or folder
            own: dict[Node, None] = {}
            for other, is_last in self._elsewhere(holder, name):
                if own and is_last:
                    break  # a name of its own comes before one from a star
                if other != target:
                    own.update(dict.fromkeys(self._meaning(other, around, depth - 1)))
            denoted.update(own)
        if not denoted and "/" in target:
            denoted = dict.fromkeys(self._named(f"{owner}/{name}").nodes)  # Rust: a module in a module
        self._members[target, folder] = _Namesakes(list(denoted))
        return self._members[target, folder]

    def _elsewhere(self, holder: Node, name: str) -> Iterator[tuple[str, bool]]:
        """Yield under which other names a thing has a member, and whether only if none before it means anything."""
        if holder.file is None:
            return
        if holder.kind == "module":
            bindings = self._bound(holder.file)
            yield from ((own, False) for own in bindings.get(name, ()))
            yield f"{holder.qualified}.{name}", True
            if self.language(holder.file) == "rust":
                yield f"{holder.qualified}/{name}", True
            yield from ((f"{star}.{name}", True) for star in bindings.get("*", ()))
            if name == "default":
                yield holder.qualified, True  # CommonJS: the module is what is exported
            else:
                yield from ((f"{whole}.{name}", True) for whole in bindings.get("default", ()))
        elif holder.kind == "class":
            rows = self._connection.execute(
                "SELECT target FROM refs WHERE source = ? AND kind = 'inherits'", (holder.id,)
            )
            yield f"{holder.qualified}.{name}", False
            for base in [str(target) for (target,) in rows]:
                yield f"{self.seen_from(holder.file, base)}.{name}", False
        else:
            yield f"{holder.qualified}.{name}", False
            if holder.type:
                yield f"{self.seen_from(holder.file, holder.type.lstrip('='))}.{name}", False

    def _bound(self, file: int) -> dict[str, list[str]]:
        """Return what the names that a module has from others are called there; under `*`, whole modules."""
        held = self._bindings.get(file)
        if held is None:
            held = self._bindings[file] = {}
            for name, target in self._connection.execute("SELECT name, target FROM bindings WHERE file = ?", (file,)):
                own = "*" if name.startswith("*") else name.partition("#")[0]  # `name#2` under another condition
                held.setdefault(own, []).append(self.seen_from(file, target))
        return held


@functools.lru_cache(maxsize=10_000)
def _upwards(folder: str) -> tuple[str, ...]:
    """Return a folder and those around it, the innermost first."""
    folders = []
    while folder:
        folders.append(folder)
        above = os.path.dirname(folder)
        folder = above if above != folder else ""
    return tuple(folders)
