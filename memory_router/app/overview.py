"""Summarise what the memories hold, how fresh they are, what is broken, and what to do next."""

import os
from typing import NamedTuple

from memory_router import paths, scope
from memory_router.app import improving, indexing, registration, repairing
from memory_router.contract import Health
from memory_router.errors import MemoryRouterError
from memory_router.routing.registry import USABLE, Manifest, read_manifests, read_state


class NextStep(NamedTuple):
    """What to do next, and why.

    Args:
        why: what is the matter, one sentence.
        do: what mends it, usually `Run: ` and a command.
    """

    why: str
    do: str


class Overview(NamedTuple):
    """What the memories hold and what they need.

    Args:
        backends: how each registered backend is, by name.
        not_set_up: the backends that are not registered, each with the command that registers it.
        empty: the names of backends that hold nothing yet.
        behind: how many files of indexed folders that are there are new, changed or gone since they were read.
        problems: what is broken, a step each, the worst first.
        next_step: the one thing to do now; None when everything works.
    """

    backends: dict[str, Health]
    not_set_up: dict[str, str]
    empty: list[str]
    behind: int
    problems: list[NextStep]
    next_step: NextStep | None


_SET_UP = NextStep("No memory is set up yet.", "Run: memory-router setup")
_FILL = NextStep("Memory is empty.", "Run: memory-router setup")


def take() -> Overview:
    """Look at every memory, and change nothing."""
    damaged = repairing.damaged()
    problems = [
        NextStep(f"{paths.shown(database)} is damaged.", "Run: memory-router backends db repair")
        for database in damaged
    ]
    manifests, unreadable = read_manifests(paths.backend_folders())
    problems += [NextStep(problem, "Correct the manifest, or remove its folder.") for problem in unreadable]
    try:
        registered = read_state(paths.backends_file()).backends if os.path.exists(paths.backends_file()) else {}
        indexed = indexing.status()
    except MemoryRouterError as error:
        return Overview({}, {}, [], 0, problems, (problems or [NextStep(error.cause, error.fix)])[0])
    present = [root for root in indexed if os.path.exists(root.path)]
    behind = sum(root.new + root.changed + root.removed for root in present)
    problems += [_gone(root.path) for root in indexed if root not in present]
    not_set_up = {name: _registering(manifest) for name, manifest in manifests.items() if name not in registered}
    backends = registration.probe_all([manifest for name, manifest in manifests.items() if name in registered])
    problems += [
        NextStep(f"{name}: {health.reason}", health.fix)
        for name, health in backends.items()
        if health.status not in USABLE and health.status != "installed"
    ]
    empty = [name for name, health in backends.items() if _is_empty(name, health)]
    wishes = _wishes(backends, behind) if len(empty) < len(backends) else [_FILL if backends else _SET_UP]
    return Overview(backends, not_set_up, empty, behind, problems, next(iter([*problems, *wishes]), None))


def _gone(folder: str) -> NextStep:
    if place := scope.moved_to(folder):
        return NextStep(f"{paths.shown(folder)} was moved to {paths.shown(place)}.", "Run: memory-router index")
    return NextStep(
        f"{paths.shown(folder)} is indexed, but it is not there any more.",
        "If it was moved, run: memory-router index NEW_FOLDER; to forget it: memory-router index --remove FOLDER",
    )


def _registering(manifest: Manifest) -> str:
    tier = f" --tier {manifest.tier}" if manifest.tier != registration.THIRD_PARTY else ""
    return f"memory-router backends init{tier}"


def _is_empty(name: str, health: Health) -> bool:
    # An empty store of memories is ready, because it can be written at any time; then it has a fix.
    return health.status == "installed" or (name == "totalrecall" and health.status == "ready" and bool(health.fix))


def _wishes(backends: dict[str, Health], behind: int) -> list[NextStep]:
    """Return what would make memory better though nothing is broken, the most useful first."""
    can_import = bool(indexing.standard_places())
    wishes = [
        NextStep(f"{name}: {health.reason}", health.fix)
        for name, health in backends.items()
        if health.fix and (can_import or name != "lossless" or health.status != "installed")
    ]
    if behind:
        files = "1 file has" if behind == 1 else f"{behind:,} files have"
        wishes.insert(0, NextStep(f"{files} changed since the folders were indexed.", "Run: memory-router index"))
    if waiting := improving.waiting_sentence():
        why, _, command = waiting.partition(": ")
        wishes.append(NextStep(f"{why}.", f"Run: {command}"))
    return wishes
