"""Find the module that a script imports: beside it, by `paths`, in the packages of a workspace, or a library.

What configuration says is read once; `forget` drops it.
"""

import functools
import glob
import json
import os
import re
from collections.abc import Iterator
from typing import Any

from memory_router.engines.graph.extraction.modules import module_path, upwards

_ENDINGS = (".ts", ".tsx", ".mts", ".cts", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte")
_WRITTEN = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_CONFIGS = ("tsconfig.json", "jsconfig.json", "tsconfig.base.json")
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r",(\s*[}\]])")
_LONGEST = 1_000_000  # characters of a configuration
_MOST_EXTENDED = 8
_Paths = tuple[tuple[str, tuple[str, ...]], ...]  # patterns, each with the places that it maps to
_BUILT = re.compile(r"(^|/)(?:dist|build|lib|out)/")
_ENTRIES = ("source", "types", "typings", "module", "main")


def script_module(target: str, path: str, root: str) -> str:
    """Return the module that a script imports from, or a library's name.

    Args:
        target: what stands after `from`.
        path: the file that imports.
        root: the folder that it was indexed with.
    """
    folder = os.path.dirname(path)
    if target.startswith("."):
        full = os.path.normpath(os.path.join(folder, target))
        return module_path(_resolved(full) or full + ".ts" * (_stem(full) == full) or full, root)
    for full in _mapped(target, folder, root):
        if file := _resolved(full):
            return module_path(file, root)
    if target[:2] in ("@/", "~/"):
        return target[2:]
    return target


def _mapped(target: str, folder: str, root: str) -> Iterator[str]:
    """Yield the paths that a name which is not relative may refer to."""
    yield from _by_paths(target, folder, root)
    if target.startswith("#"):
        for above in upwards(folder, root):
            imports = _json(os.path.join(above, "package.json")).get("imports")
            for place in _chosen(imports, target) if isinstance(imports, dict) else ():
                yield from _sources(above, place)
    if target[:2] in ("@/", "~/"):
        for above in upwards(folder, root):
            yield from (os.path.join(above, "src", target[2:]), os.path.join(above, target[2:]))
    package = "/".join(target.split("/")[: 2 if target.startswith("@") else 1])
    for name, where in _workspace(folder, root):
        if name == package:
            yield from _in_package(where, target[len(package) + 1 :])


def _by_paths(target: str, folder: str, root: str) -> Iterator[str]:
    """Yield what `paths` and `baseUrl` of the nearest configurations make of a name, the longest pattern first."""
    for above in upwards(folder, root):
        for name in _CONFIGS:
            base, paths = _config(os.path.join(above, name))
            for pattern, places in paths:
                rest = _rest(pattern, target)
                if rest is not None:
                    yield from (os.path.normpath(place.replace("*", rest)) for place in places)
            if base:
                yield os.path.join(base, target)


def _rest(pattern: str, target: str) -> str | None:
    """Return what the star of a pattern stands for in a name; None if the name does not fit."""
    before, star, after = pattern.partition("*")
    if not star:
        return "" if target == pattern else None
    fits = len(target) >= len(before) + len(after) and target.startswith(before) and target.endswith(after)
    return target[len(before) : len(target) - len(after)] if fits else None


def _chosen(named: dict[str, Any], target: str) -> Iterator[str]:
    """Yield the places that `imports` or `exports` of a package give for a name, the longest pattern first."""
    for pattern in sorted(named, key=lambda pattern: -len(pattern.partition("*")[0])):
        rest = _rest(pattern, target)
        if rest is not None:
            yield from (place.replace("*", rest) for place in _texts(named[pattern]))
            return


def _sources(folder: str, place: str) -> Iterator[str]:
    """Yield the source that a place of a package is built from, then that place."""
    yield from (
        os.path.normpath(os.path.join(folder, path)) for path in dict.fromkeys([_BUILT.sub(r"\1src/", place), place])
    )


@functools.lru_cache(maxsize=10_000)
def _config(path: str, depth: int = _MOST_EXTENDED) -> tuple[str, _Paths]:
    """Return the folder of `baseUrl`, if it is set, and `paths`, absolute; what a file extends comes first."""
    body = _json(path)
    if not body or depth == 0:
        return "", ()
    folder = os.path.dirname(path)
    base = ""
    paths: _Paths = ()
    extended = body.get("extends")
    for parent in extended if isinstance(extended, list) else [extended]:
        if isinstance(parent, str) and parent.startswith("."):
            inherited = os.path.normpath(os.path.join(folder, parent))
            base, paths = _config(inherited if inherited.endswith(".json") else inherited + ".json", depth - 1)
    references = body.get("references")
    for reference in references if isinstance(references, list) else []:
        part = reference.get("path") if isinstance(reference, dict) else None
        if isinstance(part, str) and part.endswith(".json"):  # a part of the same folder
            paths += _config(os.path.normpath(os.path.join(folder, part)), depth - 1)[1]
    options = body.get("compilerOptions")
    if not isinstance(options, dict):
        return base, paths
    if isinstance(options.get("baseUrl"), str):
        base = os.path.normpath(os.path.join(folder, options["baseUrl"]))
    declared = options.get("paths")
    if isinstance(declared, dict):
        start = base or folder
        named = [
            (pattern, tuple(os.path.join(start, place) for place in places if isinstance(place, str)))
            for pattern, places in declared.items()
            if isinstance(places, list)
        ]
        paths = tuple(sorted(named, key=lambda pair: -len(pair[0].partition("*")[0])))
    return base, paths


def _workspace(folder: str, root: str) -> Iterator[tuple[str, str]]:
    """Yield name and folder of the packages that are developed together."""
    for above in upwards(folder, root):
        yield from _packages(above)


@functools.lru_cache(maxsize=10_000)
def _packages(folder: str) -> tuple[tuple[str, str], ...]:
    body = _json(os.path.join(folder, "package.json"))
    if not body:
        return ()
    members = body.get("workspaces")
    members = members.get("packages") if isinstance(members, dict) else members
    patterns = [member for member in members if isinstance(member, str)] if isinstance(members, list) else []
    patterns += _pnpm(os.path.join(folder, "pnpm-workspace.yaml"))
    packages = [(str(body.get("name", "")), folder)]
    for pattern in patterns:
        if pattern.startswith("!") or ".." in pattern.split("/"):
            continue
        manifests = sorted(glob.glob(os.path.join(glob.escape(folder), pattern.rstrip("/"), "package.json")))
        packages += [(str(_json(manifest).get("name", "")), os.path.dirname(manifest)) for manifest in manifests]
    return tuple(packages)


def _pnpm(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            listed = re.search(r"^packages:\s*\n((?:[ \t]*-[^\n]*\n?)+)", file.read(_LONGEST), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip().lstrip("- ").strip("\"'") for line in listed[1].splitlines()] if listed else []


def _in_package(folder: str, inside: str) -> Iterator[str]:
    """Yield the paths that a package or a path inside it may refer to; the source of what is built comes first."""
    body = _json(os.path.join(folder, "package.json"))
    exports = body.get("exports")
    entry = f"./{inside}" if inside else "."
    named: list[str] = []
    if isinstance(exports, dict) and any(pattern.startswith(".") for pattern in exports):
        named += _chosen(exports, entry)
    elif not inside:
        named += _texts(exports)
    named += [] if inside else [body[key] for key in _ENTRIES if isinstance(body.get(key), str)]
    for place in named:
        yield from _sources(folder, place)
    yield from (os.path.join(folder, "src", inside or "index"), os.path.join(folder, inside or "index"))


def _texts(value: Any) -> Iterator[str]:
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            todo.extend(reversed(part.values()))


@functools.lru_cache(maxsize=100_000)
def _resolved(full: str) -> str:
    """Return the file that a path without its ending, or a folder, refers to, or nothing."""
    stem = _stem(full)
    for base in (stem, full):
        for ending in _ENDINGS:
            if os.path.isfile(base + ending):
                return base + ending
    if os.path.isfile(full):
        return full
    for ending in _ENDINGS:
        if os.path.isfile(os.path.join(full, f"index{ending}")):
            return os.path.join(full, f"index{ending}")
    return ""


def _stem(full: str) -> str:
    """Return a path without the ending that an import may be written with."""
    stem, ending = os.path.splitext(full)
    stem = stem.removesuffix(".d") if ending == ".ts" else stem
    return stem if ending in _WRITTEN else full


def _json(path: str) -> dict[str, Any]:
    """Return an object of JSON as editors take it, with comments and trailing commas; empty without a file."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_LONGEST)
        bare = _TRAILING.sub(r"\1", _COMMENT.sub(lambda match: match[1] or "", text))
        body = json.loads(bare)
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def forget() -> None:
    """Forget what configuration says."""
    _config.cache_clear()
    _packages.cache_clear()
    _resolved.cache_clear()
