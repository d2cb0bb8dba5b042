"""The walls of the house: which module may import which."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "memory_router"
OURS = "memory_router"
MODULES = sorted(PACKAGE.rglob("*.py"))
ADAPTERS = sorted(ROOT.glob("backends/*/adapter.py"))

ALL_ROOMS = {
    *(
        "advisor",
        "app",
        "contract",
        "engines",
        "errors",
        "installation",
        "learning",
        "outcomes",
        "paths",
        "resident",
        "retrieval",
        "routing",
        "scope",
        "sources",
        "storage",
    ),
    *("testing", "text", "wilson"),
}
# What each room may import of ours, besides itself: rooms, or single modules where only they are allowed.
WALLS = {
    "errors": set[str](),
    "paths": {"errors"},
    "scope": {"paths"},
    "text": set[str](),
    "contract": {"errors", "paths", "text.redaction", "text.question_vector"},
    "routing": {
        *(
            "contract",
            "errors",
            "paths",
            "storage.files",
            "text.redaction",
            "text.moments",
            "text.intents",
            "text.phrases",
            "text.timewords",
            "text.tokens",
            "retrieval.merging",
            "retrieval.folding",
        ),
        "text.words",
    },
    "storage": {"errors", "paths", "text.terms"},
    "sources": {"text", "paths", "errors"},
    "retrieval": {"text", "storage", "paths", "errors"},
    "engines": {"retrieval", "sources", "text", "storage", "scope", "paths", "errors"},
    "wilson": set[str](),
    # What is learned about a prior is counted in the log-odds that answers are merged by.
    "learning": {"routing", "contract", "retrieval.merging", "storage", "text", "paths", "errors", "wilson"},
    "outcomes": {"contract", "storage", "text", "paths", "errors", "wilson"},
    "advisor": {"outcomes", "learning", "routing", "contract", "storage", "text", "paths", "errors", "wilson"},
    "testing": {"contract"},
    # The side of the caller and of the serving process; what is answered comes from `interfaces`.
    "resident": {"paths", "__version__"},
    "app": ALL_ROOMS - {"testing"},
    "interfaces": ALL_ROOMS,
    "__main__": {"interfaces", "resident"},
    "__init__": {"app", "engines", "routing"},
    "adapter": {"contract", "engines", "paths", "scope", "errors"},
}
# What may come from elsewhere; the other rooms are free.
THIRD_PARTY = {
    "routing": {"regex", "orjson", "msgspec"},
    "contract": {"orjson", "msgspec"},
    "errors": set[str](),
    "paths": set[str](),
}


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the full dotted name of everything that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(file.read_text("utf-8"))


def of_ours(tree: ast.Module) -> list[str]:
    """Return what a module imports of this project, without the name of the package."""
    return [name.removeprefix(f"{OURS}.") for name in imports(tree) if name.startswith(f"{OURS}.")]


def module(file: Path) -> str:
    """Return the dotted name of a module within the package; a package's own name is its folder's."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Return which modules each module imports, wherever in the file and for whatever reason."""
    files = {module(file): file for file in MODULES if file != PACKAGE / "__init__.py"}
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        # `from a.b import c` names the module a.b.c, or something in a.b.
        imported = {
            next((m for m in (one, one.rpartition(".")[0]) if m in files), name) for one in of_ours(parsed(file))
        }
        graph[name] = imported - {name}
    return graph


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that reach each other, by Tarjan's algorithm (SIAM J. Comput. 1, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    loops: list[set[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        path.append(node)
        for target in sorted(graph[node]):
            if target not in order:
                visit(target)
            if target in path:
                lowest[node] = min(lowest[node], lowest[target])
        if lowest[node] == order[node]:
            loop = set(path[path.index(node) :])
            del path[path.index(node) :]
            if len(loop) > 1:
                loops.append(loop)

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return loops


def room(file: Path) -> str:
    """Return the room that a module is in."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_within(name: str, allowed: set[str]) -> bool:
    """Return whether a dotted name is one of `allowed` or below one."""
    return any(f"{name}.".startswith(f"{wall}.") for wall in allowed)


def named(file: Path) -> str:
    """Return the path of a module for names of test cases."""
    return str(file.relative_to(ROOT))


def test_imports_run_one_way() -> None:
    """No module imports, directly or through others, a module that imports it, not even inside a function."""
    assert circles(import_graph()) == []


def test_a_circle_is_seen() -> None:
    """Modules that reach each other are found, however long the way, and those that only stand beside it are not."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_rooms_import_only_what_the_map_allows(file: Path) -> None:
    """A module imports its own room and those that the map names for it."""
    allowed = WALLS[room(file)] | {room(file), "__version__"}
    assert [name for name in of_ours(parsed(file)) if not is_within(name, allowed)] == []


def at_run_time(file: Path) -> list[str]:
    """Return what a module imports of ours when it runs: not what only its annotations name."""
    tree = parsed(file)
    only_types = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for node in only_types:
        node.body = [ast.Pass()]
    return of_ours(tree)


@pytest.mark.parametrize("file", [file for file in MODULES if room(file) == "interfaces"], ids=named)
def test_interfaces_call_the_flows(file: Path) -> None:
    """An interface imports no engine, except for the types of what a flow returns."""
    assert [name for name in at_run_time(file) if is_within(name, {"engines"})] == []


@pytest.mark.parametrize("file", [file for file in MODULES if room(file) != "app"], ids=named)
def test_only_the_flows_know_engines_and_learning(file: Path) -> None:
    """No room but `app` imports engines together with what learns and advises."""
    imported = of_ours(parsed(file))
    reached = [{"engines"}, {"learning", "advisor"}]
    assert not all(any(is_within(name, rooms) for name in imported) for rooms in reached)


@pytest.mark.parametrize("file", [file for file in MODULES if room(file) in THIRD_PARTY], ids=named)
def test_the_ask_path_needs_little_from_elsewhere(file: Path) -> None:
    """Routing and the contract import the standard library and the few packages that the map names."""
    allowed = {OURS, *sys.stdlib_module_names, *THIRD_PARTY[room(file)]}
    assert {name.partition(".")[0] for name in imports(parsed(file))} <= allowed


@pytest.mark.parametrize("file", ADAPTERS, ids=named)
def test_adapters_are_thin(file: Path) -> None:
    """An adapter speaks the contract for an engine, in less than 200 lines."""
    assert [name for name in of_ours(parsed(file)) if not is_within(name, WALLS["adapter"])] == []
    assert len(file.read_text("utf-8").splitlines()) < 200


@pytest.mark.parametrize("file", [file for file in MODULES if room(file) != "interfaces"], ids=named)
def test_only_the_command_line_draws(file: Path) -> None:
    """Frameworks for the command line are imported by the command line alone."""
    assert {"typer", "rich", "click"} & {name.partition(".")[0] for name in imports(parsed(file))} == set()


@pytest.mark.parametrize("file", [*MODULES, *ADAPTERS], ids=named)
def test_modules_are_small(file: Path) -> None:
    """A module has one idea and at most 400 lines."""
    assert len(file.read_text("utf-8").splitlines()) <= 400
