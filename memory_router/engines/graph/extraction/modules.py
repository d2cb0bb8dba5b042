"""The name of the module that a source file is."""

import functools
import os
from collections.abc import Iterator

_SOURCE_FOLDERS = ("src", "lib", "python")
# A file called so is what its folder is imported as; `.d` says that a script has only types.
_WHOLE = {".rs": ("/mod", "/lib", "/main"), ".ts": (".d", "/index")}


def python_module(path: str, root: str) -> str:
    """Return the dotted name under which a Python file is imported.

    The outermost folder with an `__init__.py` begins the name, also above the root; folders without one in
    between are namespace packages. Without any, the name begins at the root.

    Args:
        path: the absolute path of the file.
        root: the folder that it was indexed with.
    """
    folder, name = os.path.split(os.path.splitext(path)[0])
    top = _import_root(folder, root if os.path.isdir(root) else os.path.dirname(root))
    steps = [step for step in os.path.relpath(folder, top).split(os.sep) if step != "."]
    if not _is_package(os.path.join(top, *steps[:1])) and steps and steps[0] in _SOURCE_FOLDERS:
        steps = steps[1:]
    if "src" in steps:  # the root is that of several projects, and what lies in `src` is imported without it
        steps = steps[steps.index("src") + 1 :]
    return ".".join(steps if name == "__init__" and steps else [*steps, name])


def namespace_packages(path: str, module: str) -> Iterator[str]:
    """Yield the packages around a Python module that no `__init__.py` defines: their folders alone make them.

    Args:
        path: the absolute path of the module's file.
        module: the name under which it is imported.
    """
    folder = os.path.dirname(path)
    if os.path.basename(path).startswith("__init__."):
        folder = os.path.dirname(folder)
    package = module.rpartition(".")[0]
    while package:
        if not _is_package(folder):
            yield package
        folder, package = os.path.dirname(folder), package.rpartition(".")[0]


def module_path(path: str, root: str) -> str:
    """Return the name of a module in a language that imports by paths: below the root, without its ending."""
    stem, ending = os.path.splitext(path)
    base = root if os.path.isdir(root) else os.path.dirname(root)
    stem = os.path.relpath(stem, base) if stem.startswith(base.rstrip(os.sep) + os.sep) else stem
    for whole in _WHOLE.get(ending, ("/index",)):
        stem = stem.removesuffix(whole)
    return stem


@functools.lru_cache(maxsize=100_000)
def _import_root(folder: str, root: str) -> str:
    """Return the folder that stands on the import path for files of `folder`."""
    packages = [above for above in upwards(folder, root) if _is_package(above)]
    if not packages:
        return root
    top = packages[-1]
    while _is_package(os.path.dirname(top)):
        top = os.path.dirname(top)
    return os.path.dirname(top)


def upwards(folder: str, root: str) -> list[str]:
    """Return a folder and those around it, up to the root or to the top, the innermost first."""
    folders = [folder]
    while folders[-1] != root and os.path.dirname(folders[-1]) != folders[-1]:
        folders.append(os.path.dirname(folders[-1]))
    return folders


@functools.lru_cache(maxsize=100_000)
def _is_package(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "__init__.py"))


def forget() -> None:
    """Forget which folders are packages: files may have come and gone since."""
    _import_root.cache_clear()
    _is_package.cache_clear()
