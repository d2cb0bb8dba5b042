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
    *("advice", "app", "contract", "engines", "errors", "installation", "learning", "paths", "routing", "storage"),
    *("testing", "text"),
}
# What each room may import of ours, besides itself: rooms, or single modules where only they are allowed.
WALLS = {
    "errors": set[str](),
    "paths": set[str](),
    "text": set[str](),
    "contract": {"errors", "paths", "text.redaction"},
    "routing": {"contract", "errors", "paths", "text.redaction", "text.moments", "text.tokens", "text.words"},
    "storage": {"errors", "paths"},
    "engines": {"text", "storage", "paths", "errors"},
    "learning": {"routing", "contract", "storage", "text", "paths", "errors"},
    "advice": {"learning", "routing", "contract", "storage", "text", "paths", "errors"},
    "installation": {"routing", "contract", "paths", "errors"},
    "testing": {"contract"},
    "app": {"learning", "routing", "paths", "errors"},
    "interfaces": ALL_ROOMS,
    "__main__": {"interfaces"},
    "__init__": {"app", "routing"},
}
# What may come from elsewhere; the other rooms are free.
THIRD_PARTY = {
    "routing": {"regex", "orjson", "msgspec"},
    "contract": {"orjson", "msgspec"},
    "errors": set[str](),
    "paths": set[str](),
}


def imports(file: Path) -> Iterator[str]:
    """Yield the full dotted name of everything that a module imports, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_ours(file: Path) -> list[str]:
    """Return what a module imports of this project, without the name of the package."""
    return [name.removeprefix(f"{OURS}.") for name in imports(file) if name.startswith(f"{OURS}.")]


def room(file: Path) -> str:
    """Return the room that a module is in."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_within(name: str, allowed: set[str]) -> bool:
    """Say whether a dotted name is one of `allowed` or below one."""
    return any(f"{name}.".startswith(f"{wall}.") for wall in allowed)


def named(file: Path) -> str:
    """Return the path of a module for names of test cases."""
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", MODULES, ids=named)
def test_rooms_import_only_what_the_map_allows(file: Path) -> None:
    """A module imports its own room and those that the map names for it."""
    allowed = WALLS[room(file)] | {room(file), "__version__"}
    assert [name for name in of_ours(file) if not is_within(name, allowed)] == []


@pytest.mark.parametrize("file", [file for file in MODULES if room(file) in THIRD_PARTY], ids=named)
def test_the_ask_path_needs_little_from_elsewhere(file: Path) -> None:
    """Routing and the contract import the standard library and the few packages that the map names."""
    allowed = {OURS, *sys.stdlib_module_names, *THIRD_PARTY[room(file)]}
    assert {name.partition(".")[0] for name in imports(file)} <= allowed


@pytest.mark.parametrize("file", ADAPTERS, ids=named)
def test_adapters_are_thin(file: Path) -> None:
    """An adapter speaks the contract for an engine, in less than 200 lines."""
    assert [name for name in of_ours(file) if not is_within(name, {"contract", "engines", "paths", "errors"})] == []
    assert len(file.read_text("utf-8").splitlines()) < 200


@pytest.mark.parametrize("file", [file for file in MODULES if room(file) != "interfaces"], ids=named)
def test_only_the_command_line_draws(file: Path) -> None:
    """Frameworks for the command line are imported by the command line alone."""
    assert {"typer", "rich", "click"} & {name.partition(".")[0] for name in imports(file)} == set()


@pytest.mark.parametrize("file", [*MODULES, *ADAPTERS], ids=named)
def test_modules_are_small(file: Path) -> None:
    """A module has one idea and at most 400 lines."""
    assert len(file.read_text("utf-8").splitlines()) <= 400
