"""The packages of Go: by the `go.mod` above a folder, and the name of an import that is not renamed."""

import functools
import glob
import os
import re

from memory_router.engines.graph.extraction.modules import upwards
from memory_router.storage.files import beginning

_MODULE = re.compile(r"^module[ \t]+(\S+)", re.MULTILINE)
_CLAUSE = re.compile(r"^package[ \t]+(\w+)", re.MULTILINE)
_VERSION = re.compile(r"v\d+$")
_LONGEST = 100_000  # characters of a file that are read
# The first steps of the standard library's packages (https://pkg.go.dev/std).
_STANDARD = frozenset(
    """
    archive arena bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar
    flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime
    slices sort strconv strings structs sync syscall testing text time unicode unique unsafe weak C
    """.split()  # noqa: SIM905
)


@functools.lru_cache(maxsize=100_000)
def go_package(folder: str, root: str) -> str:
    """Return the path under which a folder of Go files is imported: its `go.mod` says how that begins.

    Args:
        folder: the absolute path of the folder.
        root: the folder that it was indexed with.
    """
    module, above = _module(folder, root)
    return os.path.normpath(os.path.join(module, os.path.relpath(folder, above)))


@functools.lru_cache(maxsize=100_000)
def go_import(path: str, folder: str, root: str) -> tuple[str, str]:
    """Return the package that an import names, and its name in the file that imports it.

    Args:
        path: as it is written.
        folder: the absolute path of the folder of the file that imports.
        root: the folder that it was indexed with.
    """
    steps = path.split("/")
    last = steps[-2] if len(steps) > 1 and _VERSION.match(steps[-1]) else steps[-1]
    name = last.removeprefix("go-")
    if steps[0] in _STANDARD or ".." in steps:
        return path, name
    module, above = _module(folder, root)
    if path == module or path.startswith(f"{module}/"):
        return path, _clause(os.path.join(above, path[len(module) :].strip("/"))) or name
    for base in upwards(folder, root):
        if declared := _clause(os.path.join(base, "vendor", path)):
            return go_package(os.path.join(base, "vendor", path), root), declared
    if module:
        return path, name
    # Without a `go.mod` the end of the path is a folder below one of those around.
    for start in range(len(steps)):
        inside = os.path.join(*steps[start:])
        for base in upwards(folder, root):
            if declared := _clause(os.path.join(base, inside)):
                return go_package(os.path.join(base, inside), root), declared
    return path, name


def _module(folder: str, root: str) -> tuple[str, str]:
    """Return the module that a folder lies in, with the folder of its `go.mod`; without one nothing, and the root."""
    for above in upwards(folder, root):
        named = _MODULE.search(_text(os.path.join(above, "go.mod")))
        if named:
            return named[1], above
    return "", root


@functools.lru_cache(maxsize=10_000)
def _text(path: str) -> str:
    return beginning(path, _LONGEST)


@functools.lru_cache(maxsize=100_000)
def _clause(folder: str) -> str:
    """Return what the files of a folder call their package; nothing without such files."""
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.go"))):
        if not path.endswith("_test.go") and (named := _CLAUSE.search(_text(path))):
            return named[1]
    return ""


def forget() -> None:
    """Forget what files say."""
    for known in (go_package, go_import, _text, _clause):
        known.cache_clear()
