"""Read what a project declares about itself: its name, its requirements, and that it contains the files beside it."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from memory_router.engines.graph.facts import Definition, Facts, References, Source, first_sentence, shown

_REQUIRED = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")  # PEP 508: the name comes first
_GO_MODULE = re.compile(r"^module[ \t]+(\S+)", re.MULTILINE)
_GO_REQUIRED = re.compile(r"^(?:require[ \t]+|[ \t]+)([\w.-]+\.[\w.-]+/\S+)[ \t]+v\d", re.MULTILINE)

_Declared = tuple[str, str, list[str]]  # name, description, names of what it requires


def facts(source: Source, text: str) -> Facts | None:
    """Return what a project's manifest states, or None if the file is not a manifest or declares no name.

    Args:
        source: names the file.
        text: its content.
    """
    read = _READERS.get(os.path.basename(source.path))
    if read is None:
        return None
    try:
        name, description, required = read(text)
        "".join([name, *required]).encode()  # half a surrogate pair is JSON but no text
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None  # another sort of file under that name; it is read as the text that it is
    if not name:
        return None
    lines = text.split("\n")
    qualified = shown(source.path, source.root)
    references = References(lines)
    for requirement in dict.fromkeys(required):
        line = next((number for number, held in enumerate(lines, 1) if requirement in held), 1)
        references.add(qualified, "requires", requirement, line)
    references.add(qualified, "contains", os.path.dirname(source.path), 1)
    summary = first_sentence(description)
    return Facts([Definition("project", name, qualified, "", 1, len(lines), summary)], references.collected())


def _python(text: str) -> _Declared:
    body = tomllib.loads(text)
    project, poetry = body.get("project", {}), body.get("tool", {}).get("poetry", {})
    extra = [requirement for group in project.get("optional-dependencies", {}).values() for requirement in group]
    named = [_name_of(requirement) for requirement in [*project.get("dependencies", ()), *extra]]
    older = [name for name in poetry.get("dependencies", {}) if name != "python"]
    return _text(project, poetry, "name"), _text(project, poetry, "description"), [*filter(None, named), *older]


def _node(text: str) -> _Declared:
    body = json.loads(text)
    return str(body.get("name", "")), str(body.get("description", "")), _keys(body, "ependencies")


def _rust(text: str) -> _Declared:
    body = tomllib.loads(text)
    package = body.get("package", {})
    return str(package.get("name", "")), _text(package, {}, "description"), _keys(body, "dependencies")


def _go(text: str) -> _Declared:
    module = _GO_MODULE.search(text)
    return module[1] if module else "", "", _GO_REQUIRED.findall(text)


_READERS: dict[str, Callable[[str], _Declared]] = {
    "pyproject.toml": _python,
    "package.json": _node,
    "Cargo.toml": _rust,
    "go.mod": _go,
}


def _keys(body: dict[str, Any], ending: str) -> list[str]:
    tables: Iterable[Any] = (table for section, table in body.items() if section.endswith(ending))
    return [str(name) for table in tables for name in table]


def _name_of(requirement: str) -> str:
    match = _REQUIRED.match(requirement)
    return match[1] if match else ""


def _text(first: dict[str, Any], second: dict[str, Any], field: str) -> str:
    """Return a text of the first table that has it; values of another type do not count."""
    return next((table[field] for table in (first, second) if isinstance(table.get(field), str)), "")
