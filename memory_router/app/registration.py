"""Register backends: ask each for its health and write `backends.json` (seed 002, Configuration).

The ask path only reads that file; `memory-router backends init`, the setup scripts, and commands that give a backend
its first content come here.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from memory_router import contract, paths
from memory_router.contract import Health, JsonObject
from memory_router.errors import MemoryRouterError, StateError
from memory_router.routing.dispatch import ProcessDispatcher
from memory_router.routing.registry import STATE_VERSION, Manifest, read_manifests, read_state
from memory_router.routing.response import decode_health
from memory_router.storage.files import copy_aside, make_file_private, write_whole

_HEALTH_DEADLINE_MS = 5000
THIRD_PARTY = "third-party"


def probe(manifest: Manifest) -> Health:
    """Ask a backend's process for its health; one that does not answer is `unavailable`."""
    if "health" not in manifest.verbs:
        return Health("ready", "It does not report its health; it is taken to be ready.", engine=manifest.name)
    request = contract.Request("health", deadline_ms=_HEALTH_DEADLINE_MS)
    try:
        return decode_health(ProcessDispatcher().ask(manifest, request))
    except MemoryRouterError as error:
        return Health("unavailable", error.cause, error.fix)


def probe_all(manifests: Iterable[Manifest]) -> dict[str, Health]:
    """Ask several backends at once; return what they say by name, in the order given."""
    manifests = list(manifests)
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip((manifest.name for manifest in manifests), pool.map(probe, manifests), strict=True))


def register(tier: str, names: Iterable[str], now: Callable[[], float] = time.time) -> JsonObject:
    """Write `backends.json` with the health of every backend in `names` and of every third-party one.

    Args:
        tier: the product tier to record.
        names: the backends that belong to it.
        now: the time in seconds since the epoch.

    Returns:
        What was written.

    Raises:
        StateError: the file cannot be written.
    """
    manifests, _ = read_manifests(paths.backend_folders())
    chosen = [m for m in manifests.values() if m.name in set(names) or m.tier == THIRD_PARTY]
    health = probe_all(chosen)
    with _exclusive(paths.backends_file()):
        earlier = _earlier()
        _keep_what_others_wrote(earlier)
        time_now = contract.iso_time(now())
        backends = {
            name: _entry(state, _object(earlier.get("backends", {}).get(name)), time_now)
            for name, state in health.items()
        }
        state = {
            **{name: value for name, value in earlier.items() if name not in ("version", "backends")},
            "version": STATE_VERSION,
            "tier": tier,
            "installed_at": earlier.get("installed_at", time_now),
            "updated_at": time_now,
            "backends": backends,
        }
        _write(state)
    return state


def refresh(name: str, now: Callable[[], float] = time.time) -> None:
    """Record the present health of one backend, if it is registered; it may have got its first content.

    Raises:
        StateError: the file cannot be read or written.
    """
    manifests, _ = read_manifests(paths.backend_folders())
    if name not in manifests or not is_registered(name):
        return
    health = probe(manifests[name])
    with _exclusive(paths.backends_file()):
        state = _earlier()
        _keep_what_others_wrote(state)
        time_now = contract.iso_time(now())
        state["backends"][name] = _entry(health, _object(state["backends"].get(name)), time_now)
        state |= {"version": STATE_VERSION, "updated_at": time_now}
        _write(state)


def is_registered(name: str) -> bool:
    """Return whether a backend stands in `backends.json`.

    Raises:
        StateError: the file is there and cannot be read.
    """
    return os.path.exists(paths.backends_file()) and name in read_state(paths.backends_file()).backends


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _entry(health: Health, earlier: JsonObject, time_now: str) -> JsonObject:
    return {
        "status": health.status,
        "setup_exit_code": 1 if health.status == "unavailable" else 0,
        "installed_at": earlier.get("installed_at", time_now),
        "message": f"{health.reason} {health.fix}".strip(),
    }


def present_tier() -> str | None:
    """Return the tier of the present registration, also of a file that breaks off after it, or None."""
    try:
        with open(paths.backends_file(), encoding="utf-8", errors="replace") as stream:
            named = re.search(r'"tier"\s*:\s*"(\w+)"', stream.read())
    except OSError:
        return None
    return named[1] if named else None


def _earlier() -> dict[str, Any]:
    """Return the present file, or nothing where no file can be read."""
    try:
        with open(paths.backends_file(), "rb") as stream:
            body = json.loads(stream.read())
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and isinstance(body.get("backends"), dict) else {}


def _keep_what_others_wrote(earlier: JsonObject) -> None:
    """Copy a file that another program wrote, or that cannot be read, before it is written anew."""
    file = paths.backends_file()
    if os.path.isfile(file) and earlier.get("version") != STATE_VERSION:
        copy_aside(file, "before-memory-router")


@contextmanager
def _exclusive(file: str) -> Iterator[None]:
    """Allow one process at a time to change `file`; turn errors of the disk into an error with a fix."""
    try:
        paths.make_private(os.path.dirname(file))
        make_file_private(f"{file}.lock")
        with open(f"{file}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise StateError(
            f"{paths.shown(file)} cannot be written ({error.strerror}).",
            "Check the folder's permissions and free space, or point MEMORY_ROUTER_HOME at a folder you may write.",
        ) from error


def _write(state: JsonObject) -> None:
    write_whole(paths.backends_file(), (json.dumps(state, indent=2) + "\n").encode())
