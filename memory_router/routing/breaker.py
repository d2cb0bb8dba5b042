"""Skip a step that keeps timing out for a while, then probe it again (circuit breaker; Nygard, Release It!).

Only timeouts count: an error costs milliseconds, a timeout the whole deadline. The state lies beside
`backends.json` in `breakers.json`; it is a hint, so a lost or damaged file only costs one more wait.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from memory_router.routing.config import CircuitBreaking, Step
from memory_router.storage.files import write_whole


class CircuitBreaker:
    """Remember which steps timed out, across processes.

    Args:
        file: the path of `breakers.json`.
        settings: how many timeouts open the circuit, and for how long.
        now: the time in seconds since the epoch.
    """

    def __init__(self, file: str, settings: CircuitBreaking, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._settings = settings
        self._now = now

    def seconds_open(self, step: Step) -> float:
        """Return for how many seconds `step` is still to be skipped; 0 when it may be tried."""
        entry = self._read().get(str(step))
        if entry is None or entry["failures"] < self._settings.failures:
            return 0.0
        left = float(entry["failed_at"] + self._settings.cooldown_ms / 1000 - self._now())
        # A clock that was set back must not keep a backend out for longer than the cool-down.
        return min(max(left, 0.0), self._settings.cooldown_ms / 1000)

    def record(self, step: Step, *, timed_out: bool) -> None:
        """Count a timeout of `step`, or forget the earlier ones because it answered.

        Raises:
            OSError: the state cannot be written.
        """
        entries = self._read()
        known = entries.get(str(step))
        if timed_out:
            entries[str(step)] = {"failures": (known["failures"] if known else 0) + 1, "failed_at": self._now()}
        elif known:
            del entries[str(step)]
        else:
            return
        self._write(entries)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            with open(self._file, "rb") as stream:
                entries = json.loads(stream.read())
            return {
                step: {"failures": int(entry["failures"]), "failed_at": float(entry["failed_at"])}
                for step, entry in entries.items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        write_whole(self._file, json.dumps(entries).encode())
