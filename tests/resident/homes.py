"""Homes whose resident tests may ask, and its answers."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Home

PATIENCE = 60.0
SOON: dict[str, Any] = {"default_ms": 700, "total_ms": None, "backends": {}}
# What differs between two answers to one question.
OWN = ("execution_id", "router_duration_ms", "backend_duration_ms")


def until(holds: Callable[[], Any]) -> Any:
    """Wait for something that comes sooner or later, and return it."""
    give_up = time.monotonic() + PATIENCE
    while not (value := holds()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.02)
    return value


def resident(home: Home) -> int:
    """Return the process id of the resident of a home, or 0."""
    if not home.folder.exists():
        return 0
    told = home.run("resident", "status", "--json").json
    return int(told["pid"]) if told["running"] else 0


def begin(home: Home) -> int:
    """Let the first question start a resident, and return its process id."""
    assert home.run("query", "auth").code == 0
    return int(until(lambda: resident(home)))


def warmly(home: Home, *arguments: str, cwd: Path | None = None) -> dict[str, Any]:
    """Ask until the resident had time for it; on a busy machine a caller may have gone its own way."""

    def ask() -> dict[str, Any] | None:
        envelope: dict[str, Any] = home.run("query", *arguments, "--trace", cwd=cwd).json
        return envelope if envelope["trace"].get("warm") else None

    envelope: dict[str, Any] = until(ask)
    return envelope


def same(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return an envelope without what differs between two answers to one question."""
    kept = {name: value for name, value in envelope.items() if name not in OWN}
    kept["parts"] = [same(part) for part in kept.get("parts", ())]
    if trace := kept.get("trace"):
        attempts = [{**attempt, "duration_ms": 0} for attempt in trace["attempts"]]
        kept["trace"] = {**trace, "attempts": attempts, "warm": None}
    return kept


def connected(home: Home) -> socket.socket:
    """Return a connection to the resident of a home."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(home.folder / "run/resident.sock"))
    return connection
