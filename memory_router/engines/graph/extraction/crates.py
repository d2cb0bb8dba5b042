"""The crates of Rust: where each has its root, by which names they know each other, and what a `use` names."""

import functools
import glob
import os
import tomllib
from collections.abc import Iterator
from typing import Any

from memory_router.engines.graph.extraction.modules import module_path, upwards

_DEEPEST = 8  # braces in braces of one `use`
_LONGEST = 1_000_000  # bytes of a manifest
_ROOTS = ("/lib", "/main")
_ALONE = ("bin", "examples", "tests", "benches")  # folders in which each file is a crate


def crate_of(path: str, root: str) -> str:
    """Return the module that is the root of a file's crate: the folder of `lib.rs` or `main.rs`.

    Args:
        path: the absolute path of the file.
        root: the folder that it was indexed with.
    """
    folder = os.path.dirname(path)
    if os.path.basename(folder) in _ALONE and not os.path.exists(os.path.join(folder, "mod.rs")):
        above = os.path.basename(os.path.dirname(folder))
        if above == "src" or os.path.exists(os.path.join(os.path.dirname(folder), "Cargo.toml")):
            return module_path(path, root)
    for above in upwards(folder, root):
        if os.path.basename(above) == "src" or any(os.path.isfile(f"{above}{stem}.rs") for stem in _ROOTS):
            return module_path(f"{above}/lib.rs", root)
    return module_path(f"{root}/lib.rs", root)


def own_folder(module: str, path: str, crate: str) -> str:
    """Return the folder, as a module, in which the submodules of a file lie.

    Args:
        module: the module that the file is.
        path: the file.
        crate: the root of its crate.
    """
    return os.path.dirname(module) if module == crate and os.path.basename(path)[:-3] not in ("lib", "main") else module


@functools.lru_cache(maxsize=10_000)
def _manifest(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.loads(file.read(_LONGEST).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return {}


def crates(path: str, root: str) -> dict[str, str]:
    """Return the crates that a file knows by name, each with the module that is its root.

    Args:
        path: the absolute path of the file.
        root: the folder that it was indexed with.
    """
    return _crates(os.path.dirname(path), root)


@functools.lru_cache(maxsize=100_000)
def _crates(folder: str, root: str) -> dict[str, str]:
    roots: dict[str, str] = {}
    for above in upwards(folder, root):
        body = _manifest(os.path.join(above, "Cargo.toml"))
        if not body:
            continue
        members = [above]
        patterns = body.get("workspace", {}).get("members", []) if isinstance(body.get("workspace"), dict) else []
        for pattern in patterns if isinstance(patterns, list) else []:
            if isinstance(pattern, str) and ".." not in pattern.split("/"):
                members += sorted(glob.glob(os.path.join(glob.escape(above), pattern)))
        depended = body.get("dependencies", {})
        for name, dependency in depended.items() if isinstance(depended, dict) else ():
            if isinstance(dependency, dict) and isinstance(dependency.get("path"), str):
                where = os.path.normpath(os.path.join(above, dependency["path"]))
                roots.setdefault(name.replace("-", "_"), _root_of(where, root))
        for member in members:
            named = _manifest(os.path.join(member, "Cargo.toml"))
            package, library = named.get("package", {}), named.get("lib", {})
            name = (library.get("name") if isinstance(library, dict) else None) or (
                package.get("name") if isinstance(package, dict) else None
            )
            if isinstance(name, str):
                roots.setdefault(name.replace("-", "_"), _root_of(member, root))
        package = body.get("package")
        if isinstance(package, dict) and package.get("edition", "2015") == "2015":
            # In that edition a path begins at the root of the crate.
            crate = _root_of(above, root)
            for module in (
                *glob.glob(f"{glob.escape(above)}/src/*.rs"),
                *glob.glob(f"{glob.escape(above)}/src/*/mod.rs"),
            ):
                named_so = module_path(module, root)
                if named_so != crate:
                    roots.setdefault(os.path.basename(named_so), named_so)
    return roots


def _root_of(folder: str, root: str) -> str:
    declared = _manifest(os.path.join(folder, "Cargo.toml")).get("lib", {})
    path = declared.get("path") if isinstance(declared, dict) else None
    return module_path(os.path.join(folder, path if isinstance(path, str) else "src/lib.rs"), root)


def forget() -> None:
    """Forget what manifests say."""
    _manifest.cache_clear()
    _crates.cache_clear()


def spread(path: str, depth: int = _DEEPEST) -> Iterator[tuple[list[str], str]]:
    """Yield the paths of a `use`, each with its local name; that is empty for all of a module.

    Args:
        path: what stands after `use`.
        depth: how many braces in braces are followed.
    """
    before, brace, inside = path.partition("{")
    if not brace or depth == 0:
        full, _, alias = before.partition(" as ")
        steps = [step.strip() for step in full.split("::") if step.strip()]
        if steps and steps[-1] == "self" and len(steps) > 1:
            steps = steps[:-1]
        if steps and steps[-1] != "*":
            yield steps, alias.strip() or steps[-1]
        elif steps:
            yield steps[:-1], ""
        return
    for part in _parts(inside.strip().removesuffix("}")):
        yield from spread(before + part.strip(), depth - 1)


def _parts(text: str) -> list[str]:
    """Return what commas outside of braces part."""
    parts, open_braces = [""], 0
    for letter in text:
        open_braces += (letter == "{") - (letter == "}")
        if letter == "," and not open_braces:
            parts.append("")
        else:
            parts[-1] += letter
    return [part for part in parts if part.strip()]
