"""Decide which project a folder belongs to: the one place that every memory asks.

A project is a repository of code. A linked worktree, a subfolder and a checkout that was moved are the same project;
what lies outside repositories, or in a repository of notes, belongs to everywhere. A checkout is known again by its
first commit: `projects.jsonl` in the data directory keeps the name under which each was seen first.
"""

import functools
import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from memory_router import paths

# Files at the top of a repository that say that it holds code.
_MANIFESTS = {
    *("build.gradle", "build.gradle.kts", "build.sbt", "cargo.toml", "cmakelists.txt", "composer.json", "deno.json"),
    *("gemfile", "go.mod", "makefile", "meson.build", "mix.exs", "package.json", "package.swift", "pom.xml"),
    *("project.clj", "pubspec.yaml", "pyproject.toml", "setup.cfg", "setup.py", "stack.yaml"),
}
NOTES = (".md", ".markdown", ".mdx", ".org", ".rst", ".txt", ".adoc")
_NOT_COUNTED = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".pdf", ".canvas", ".json")
# How many files are looked at to tell what a repository is for.
_LOOKED_AT = 300
_GIT_SECONDS = 2.0
# How many folders beside a former place are searched for a moved repository.
_BESIDE = 50


class Project(NamedTuple):
    """One repository as it was seen first.

    Args:
        name: what it is called everywhere; the folder's name, with the parent folder's where another has that name.
            Empty for a repository of notes, which is not a project: it is known only to be found where it moved.
        commit: its first commit, or empty where it has none yet.
        folder: where its main checkout was seen last, an absolute path.
    """

    name: str
    commit: str
    folder: str


@functools.lru_cache(maxsize=4096)
def project_of(folder: str) -> str | None:
    """Return the name of the project that a folder belongs to; None for everywhere.

    A process that asks again hears the same, whatever became of the folder: it may ask for each of many files.

    Args:
        folder: an absolute path. It may be gone: then it belongs to the project whose checkout stood there, or else,
            as nothing better is known, to one with the name of its last part.
    """
    return _present_project(folder)


def _present_project(folder: str) -> str | None:
    checkout = _checkout(folder)
    if checkout is None:
        return None if os.path.isdir(folder) else _gone(folder)
    git = paths.stamp(os.path.join(checkout, ".git"))[:1]
    return _project_at(checkout, paths.stamp(checkout), git, paths.stamp(_registry()))


@functools.lru_cache(maxsize=256)
def _project_at(checkout: str, *_stamps: tuple[int, ...]) -> str | None:
    """Return the project of a checkout; asked again where one of the stamps of what decides it is another one."""
    return None if _holds_notes(checkout) else _named(checkout)


def checkout_of(folder: str) -> str | None:
    """Return the folder of the main checkout that a folder lies in, or None outside repositories.

    Args:
        folder: an absolute path.
    """
    return _checkout(os.path.realpath(folder))


def current_project(folder: str | None = None) -> str | None:
    """Return the project that a caller works in; None for everywhere.

    A process that lives for long sees repositories come, move, and become code.

    Args:
        folder: an absolute path; the working folder if left out.
    """
    try:
        return _present_project(os.path.realpath(folder or os.getcwd()))
    except OSError:  # the working folder was removed
        return None


def admits(project: str | None, scope: str | None) -> bool:
    """Return whether what belongs to a project may answer a question of a scope: it and everywhere may.

    Args:
        project: what a passage belongs to; None or empty for everywhere.
        scope: the project that is asked about; None for all.
    """
    return scope is None or not project or project.lower() == scope.lower()


def _checkout(folder: str) -> str | None:
    """Return the folder of the main checkout that a folder lies in; for a linked worktree, of its repository."""
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    git = os.path.join(folder, ".git")
    if os.path.isdir(git):
        return folder
    worktree = _pointed_to(git)
    common = os.path.join(worktree, "commondir") if worktree else ""
    if not os.path.isfile(common):
        return folder  # a submodule, or a worktree whose repository is gone: a repository of its own
    with open(common, encoding="utf-8", errors="replace") as lines:
        repository = os.path.normpath(os.path.join(worktree, lines.read().strip()))
    return os.path.dirname(repository) if os.path.basename(repository) == ".git" else repository


def _pointed_to(git: str) -> str:
    """Return the folder that a `.git` file names (gitrepository-layout(5)); empty if it names none."""
    try:
        with open(git, encoding="utf-8", errors="replace") as lines:
            label, _, path = lines.read(4096).partition(":")
    except OSError:
        return ""
    return os.path.normpath(os.path.join(os.path.dirname(git), path.strip())) if label == "gitdir" else ""


def _holds_notes(checkout: str) -> bool:
    """Return whether most of a repository is notes and nothing at its top says that it holds code."""
    try:
        top = {name.lower() for name in os.listdir(checkout)}
    except OSError:
        return False
    if not top.isdisjoint(_MANIFESTS) or any(name.endswith((".csproj", ".sln", ".cabal")) for name in top):
        return False
    names = [name for _, name in zip(range(_LOOKED_AT), _files(checkout), strict=False)]
    notes = sum(name.endswith(NOTES[:4]) for name in names)
    others = sum(not name.endswith((*NOTES, *_NOT_COUNTED)) for name in names)
    return notes > others


def _files(folder: str) -> Iterator[str]:
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        yield from (name.lower() for name in names if not name.startswith("."))


def _named(checkout: str) -> str:
    known = tuple(project for project in _known() if project.name)
    for project in reversed(known):
        if project.folder == checkout:
            return project.name
    commit = _first_commit(checkout)
    if commit:
        for project in known:
            if project.commit == commit:
                return project.name
    return _free_name(checkout, known)


def _free_name(checkout: str, known: tuple[Project, ...]) -> str:
    name = os.path.basename(checkout).removesuffix(".git") or checkout
    if all(project.name.lower() != name.lower() for project in known):
        return name
    return f"{os.path.basename(os.path.dirname(checkout))}/{name}"


def _gone(folder: str) -> str | None:
    """Return the project of a folder that is not there any more."""
    inside = [project for project in _known() if _holds(project.folder, folder)]
    if inside:
        return max(reversed(inside), key=lambda project: len(project.folder)).name or None
    return os.path.basename(folder.rstrip("/\\").replace("\\", "/")) or None


def _first_commit(checkout: str) -> str:
    """Return the hash of the oldest commit of a repository; empty where it has none, or there is no git."""
    import subprocess  # most questions come from a place that is known

    command = ["git", "-C", checkout, "rev-list", "--max-parents=0", "HEAD"]
    # What a caller's environment says of repositories must not lead to another one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        run = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    roots = run.stdout.decode("ascii", "replace").split()
    return roots[-1] if run.returncode == 0 and roots else ""


def register(folder: str) -> str | None:
    """Return the project of a folder, and note its name and place, so that it is known again when it has moved.

    Args:
        folder: an absolute path.

    Raises:
        OSError: the registry cannot be written.
    """
    checkout = _checkout(folder)
    if checkout is None:
        return project_of(folder)
    is_project = not _holds_notes(checkout)
    commit = _first_commit(checkout)
    known = _known()
    standing = next((project for project in reversed(known) if project.folder == checkout), None)
    if standing and standing.commit == commit and bool(standing.name) == is_project:
        return standing.name or None
    same = (project.name for project in known if commit and project.commit == commit and project.name)
    name = next(same, None) or _free_name(checkout, known) if is_project else ""
    project = Project(name, commit, checkout)
    # One line is one write at the end of the file, so that processes that register at the same time lose nothing.
    paths.make_private(paths.data_dir())
    descriptor = os.open(_registry(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(project._asdict(), ensure_ascii=False).encode() + b"\n")
    finally:
        os.close(descriptor)
    project_of.cache_clear()
    return project.name or None


def moved_to(folder: str) -> str | None:
    """Return where a registered checkout, or a folder in one, stands since it was moved; None where nobody knows.

    It is known by its first commit, where its project was seen since or beside its former place.

    Args:
        folder: an absolute path.
    """
    known = _known()
    former = max(
        (place for place, project in enumerate(known) if project.commit and _holds(project.folder, folder)),
        key=lambda place: (len(known[place].folder), place),
        default=None,
    )
    if former is None or os.path.exists(known[former].folder):
        return None
    commit, checkout = known[former].commit, known[former].folder
    since = [project.folder for project in reversed(known[former + 1 :]) if project.commit == commit]
    for place in (*since, *_beside(checkout)):
        if os.path.exists(os.path.join(place, ".git")) and _first_commit(place) == commit:
            moved = os.path.normpath(os.path.join(place, os.path.relpath(folder, checkout)))
            return moved if os.path.exists(moved) else None
    return None


def _holds(checkout: str, folder: str) -> bool:
    return folder == checkout or folder.startswith(checkout + os.sep)


def _beside(checkout: str) -> list[str]:
    above = os.path.dirname(checkout)
    try:
        names = sorted(os.listdir(above))
    except OSError:
        return []
    folders = [os.path.join(above, name) for name in names]
    return [folder for folder in folders if os.path.isdir(os.path.join(folder, ".git"))][:_BESIDE]


def _registry() -> str:
    return os.path.join(paths.data_dir(), "projects.jsonl")


def _known() -> tuple[Project, ...]:
    """Return the registered checkouts, oldest first; at one place the last one stands now."""
    return _registered(_registry(), paths.stamp(_registry()))


@functools.lru_cache(maxsize=1)
def _registered(registry: str, _stamps: tuple[int, ...]) -> tuple[Project, ...]:
    try:
        with open(registry, encoding="utf-8", errors="replace") as lines:
            return tuple(project for line in lines if (project := _entry(line)))
    except OSError:
        return ()


def _entry(line: str) -> Project | None:
    try:
        told = json.loads(line)
        return Project(str(told["name"]), str(told["commit"]), str(told["folder"]))
    except (ValueError, TypeError, KeyError):
        return None  # a torn line costs the name of one checkout that moved, never an answer
