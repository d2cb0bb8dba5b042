"""Keep processes that wait for the next request, and stop those that nobody needed for a while."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

# As many as a server lets ask at once; more would only wait for a processor.
_MOST = 8
# Longer than an agent thinks between two questions, shorter than a pause.
IDLE_SECONDS = 120.0


class Endable(Protocol):
    """Be a process that can be ended."""

    def part(self) -> None:
        """Let it end by itself for a moment, then end it."""


Process = TypeVar("Process", bound=Endable)


class Pool(Generic[Process]):
    """Idle processes by what they can do; several threads may take and give at once.

    The one that came last is taken first, so that those which are too many grow old and are stopped.

    Args:
        most: how many are kept of a kind.
        idle_seconds: how long one is kept that nobody takes.
        now: a clock that never goes back, in seconds.
    """

    def __init__(
        self, most: int = _MOST, idle_seconds: float = IDLE_SECONDS, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._idle_seconds = idle_seconds
        self._now = now
        self._idle: dict[Hashable, list[tuple[Process, float]]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def take(self, kind: Hashable) -> Process | None:
        """Return an idle process of a kind, the one that came last, or None."""
        with self._lock:
            idle = self._idle.get(kind)
            return idle.pop()[0] if idle else None

    def give(self, kind: Hashable, process: Process) -> None:
        """Keep a process for the next request, or end it if there are enough."""
        with self._lock:
            idle = self._idle.setdefault(kind, [])
            is_kept = len(idle) < self._most and not self._closed.is_set()
            if is_kept:
                idle.append((process, self._now()))
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, daemon=True)
                self._keeper.start()
        if not is_kept:
            process.part()

    def retire(self) -> None:
        """End the processes that have been idle for too long."""
        with self._lock:
            latest = self._now() - self._idle_seconds
            old = [process for idle in self._idle.values() for process, since in idle if since <= latest]
            self._idle = {
                kind: young
                for kind, idle in self._idle.items()
                if (young := [(process, since) for process, since in idle if since > latest])
            }
        for process in old:
            process.part()

    def close(self) -> None:
        """End all idle processes, and those that are still to come."""
        self._closed.set()
        with self._lock:
            left = [process for idle in self._idle.values() for process, _ in idle]
            self._idle = {}
        for process in left:
            process.part()

    def _keep(self) -> None:
        while not self._closed.wait(self._idle_seconds / 4):
            self.retire()
