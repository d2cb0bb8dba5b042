"""Spell what source files import as the names that modules have in the graph.

A module of a script, of C and of Rust is called by its path below the root; of Java, by its package; a package of Go,
by its import path. A member follows after a dot.
"""

import os
import re
from collections.abc import Iterator

from memory_router.engines.graph.extraction.modules import module_path

_ENDINGS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d")
_VERSION = re.compile(r"v\d+$")
_DEEPEST = 8  # braces in braces of one `use`


def script_module(target: str, path: str, root: str) -> str:
    """Return the module that a script imports from, or a library's name.

    Args:
        target: what stands after `from`.
        path: the file that imports.
        root: the folder that it was indexed with.
    """
    if not target.startswith("."):
        return target.removeprefix("@/").removeprefix("~/") if target[:2] in ("@/", "~/") else target
    full = os.path.normpath(os.path.join(os.path.dirname(path), target))
    stem, ending = os.path.splitext(full)
    return module_path((stem if ending in _ENDINGS else full) + ".ts", root)


def c_module(text: str, path: str, root: str) -> str:
    """Return the module that an `#include` names: beside the file in quotes, elsewhere in angle brackets."""
    name = text.partition("include")[2].strip().strip('"<>')
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return module_path(beside, root) if '"' in text else name


def go_import(text: str) -> tuple[str, str]:
    """Return the local name and the path of an import of Go."""
    alias, _, path = text.strip().rpartition(" ")
    path = path.strip('"')
    steps = path.split("/")
    last = steps[-2] if len(steps) > 1 and _VERSION.match(steps[-1]) else steps[-1]
    return alias.strip() or last, path


def java_import(text: str) -> tuple[str, str]:
    """Return the local name and the target of an import of Java; the name is empty for a whole package."""
    path = text.removeprefix("import").strip(" ;").removeprefix("static ").strip()
    if path.endswith(".*"):
        return "", path[:-2].replace(".", "/")
    steps = path.split(".")
    # A class is called like its file; what follows it is a member of it.
    first = next((number for number, step in enumerate(steps) if step[:1].isupper()), len(steps) - 1)
    return steps[-1], "/".join(steps[: first + 1]) + "." + ".".join(steps[first:])


def rust_imports(text: str, module: str) -> Iterator[tuple[str, str]]:
    """Yield the local names and targets of a `use` of Rust.

    Args:
        text: the whole declaration.
        module: the module that it stands in.
    """
    path = re.sub(r"^(?:pub(?:\([^)]*\))?\s+)?use\s+", "", text.strip()).rstrip(" ;")
    for steps, local in _spread(path, _DEEPEST):
        if steps:
            yield local, rust_target(steps, module)


def rust_target(steps: list[str], module: str) -> str:
    """Return what a path of Rust means as seen from a module: `module.member`."""
    folder = module.rpartition("/")[0]
    own = [*filter(None, folder.split("/"))]
    if module.endswith(("/lib", "/main")) or module in ("lib", "main"):
        here = own
    else:
        here = [*filter(None, module.split("/"))]
    if steps[0] == "crate":
        # The crate begins where `src` ends; without one, at the root.
        base = here[: here.index("src") + 1] if "src" in here else []
        steps = steps[1:]
    elif steps[0] in ("self", "super"):
        base = here
        while steps and steps[0] in ("self", "super"):
            base = base[:-1] if steps[0] == "super" else base
            steps = steps[1:]
    else:
        base = []
    whole = [*base, *steps]
    return "/".join(whole[:-1]) + "." + whole[-1] if len(whole) > 1 else "".join(whole)


def _spread(path: str, depth: int) -> Iterator[tuple[list[str], str]]:
    before, brace, inside = path.partition("{")
    if not brace or depth == 0:
        full, _, alias = before.partition(" as ")
        steps = [step.strip() for step in full.split("::") if step.strip()]
        if steps and steps[-1] == "self":
            steps = steps[:-1]
        if steps and steps[-1] != "*":
            yield steps, alias.strip() or steps[-1]
        elif steps:
            yield steps[:-1], ""
        return
    for part in _parts(inside.strip().removesuffix("}")):
        yield from _spread(before + part.strip(), depth - 1)


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
