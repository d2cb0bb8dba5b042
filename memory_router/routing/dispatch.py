"""Ask backends as processes, each under one deadline, and keep those running that are worth it."""

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, Protocol, TypeVar

from memory_router import contract, paths
from memory_router.errors import BackendError, BackendTimeoutError, InvalidResponseError
from memory_router.routing.process import Caller, Deadline, Process, timed_out
from memory_router.routing.registry import Manifest

# More processes of a backend than there are processors would only wait for one.
_MOST = max(2, os.cpu_count() or 1)
# If none of the running processes ends its work in this time, they are taken to be stuck, and another one is started.
_STUCK_SECONDS = 0.25
# More than this many times the usual number of processes are never started: the machine needs room.
_OVERFLOW = 4
# Callers in many folders, or with many environments, have processes of their own: memory is for a few of them.
_MOST_IDLE = 16
# Longer than an agent thinks between two questions, shorter than a pause.
IDLE_SECONDS = 120.0


class Endable(Protocol):
    """A process that can be ended."""

    def part(self) -> None:
        """Give it a moment to end on its own, then end it."""


_Kept = TypeVar("_Kept", bound=Endable)


class IdleProcesses(Generic[_Kept]):
    """Idle processes by what they can do; several threads may take and give at once.

    The most recent one is taken first, so that surplus ones grow old and are stopped.

    Args:
        most: how many are kept of a kind.
        most_in_all: how many are kept of all kinds.
        idle_seconds: how long one is kept that nobody takes.
        now: a clock that never goes back, in seconds.
    """

    def __init__(
        self,
        most: int = _MOST,
        most_in_all: int = _MOST_IDLE,
        idle_seconds: float = IDLE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_in_all = most_in_all
        self._idle_seconds = idle_seconds
        self._now = now
        # With its kind and the time since when it is idle, in the order of the times.
        self._idle: list[tuple[Hashable, _Kept, float]] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def take(self, kind: Hashable) -> _Kept | None:
        """Return an idle process of a kind, the one that came last, or None."""
        with self._lock:
            places = (place for place in reversed(range(len(self._idle))) if self._idle[place][0] == kind)
            place = next(places, None)
            return None if place is None else self._idle.pop(place)[1]

    def give(self, kind: Hashable, process: _Kept) -> None:
        """Keep a process for the next request; end it if there are enough of its kind, else the oldest if of all."""
        surplus: _Kept | None = process
        with self._lock:
            if sum(own == kind for own, *_ in self._idle) < self._most and not self._closed.is_set():
                self._idle.append((kind, process, self._now()))
                surplus = self._idle.pop(0)[1] if len(self._idle) > self._most_in_all else None
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, daemon=True)
                self._keeper.start()
        if surplus is not None:
            surplus.part()

    def retire(self) -> None:
        """End the processes that have been idle for too long."""
        self._end_those_until(self._now() - self._idle_seconds)

    def close(self) -> None:
        """End all idle processes, and those that are still to come."""
        self._closed.set()
        self._end_those_until(math.inf)

    def _end_those_until(self, latest: float) -> None:
        with self._lock:
            old = [process for _, process, since in self._idle if since <= latest]
            self._idle = [idle for idle in self._idle if idle[2] > latest]
        for process in old:
            process.part()

    def _keep(self) -> None:
        while not self._closed.wait(self._idle_seconds / 4):
            self.retire()


class Turns:
    """Limit how many ask one backend at once to the number of processors; the others wait in line.

    Args:
        most: how many.
        stuck_seconds: after this long without an end, those that run are taken to be stuck, and nobody waits for them.
    """

    def __init__(self, most: int = _MOST, stuck_seconds: float = _STUCK_SECONDS) -> None:
        self._most = most
        self._stuck_seconds = stuck_seconds
        self._busy = 0
        self._ended = 0
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, seconds: float) -> Iterator[None]:
        """Wait for a turn, at most `seconds`; then go ahead without one."""
        turn = threading.Event()
        with self._lock:
            if self._busy < self._most:
                self._busy += 1
                turn.set()
            else:
                self._line.append(turn)
        self._wait(turn, time.monotonic() + seconds)
        try:
            yield
        finally:
            with self._lock:
                self._ended += 1
                if self._line and self._busy <= self._most:
                    self._line.popleft().set()
                else:
                    self._busy -= 1

    def _wait(self, turn: threading.Event, until: float) -> None:
        left, ended = 1.0, -1
        while left > 0 and (ended != self._ended or self._busy >= _OVERFLOW * self._most):
            left, ended = until - time.monotonic(), self._ended
            if turn.wait(max(0.0, min(self._stuck_seconds, left))):
                return
        with self._lock:
            if not turn.is_set():
                self._line.remove(turn)
                self._busy += 1


class Dispatcher(Protocol):
    """Sends a request to a backend and returns what it printed."""

    def ask(self, manifest: Manifest, request: contract.Request, stop: int | None = None) -> bytes:
        """Return the bytes of the answer.

        Args:
            manifest: the backend.
            request: what to ask it; its `deadline_ms` begins with this call and bounds it, whatever is tried again.
            stop: a descriptor that becomes readable when the answer is no longer wanted.

        Raises:
            SupersededError: `stop` became readable first.
            BackendTimeoutError: the deadline in the request passed.
            BackendError: the backend could not be started or died.
            InvalidResponseError: it printed more than any answer needs.
        """

    def close(self) -> None:
        """End whatever is still running."""


def _no_vector(_question: str) -> None:
    """Return no vector."""


class ProcessDispatcher:
    """Ask each backend in a process; several threads may ask at once.

    Args:
        keep_warm: whether the process of a backend whose manifest says `warm` stays for the next request.
        idle_seconds: for how long it stays.
        vector_of: gives the vector of a question that is put to a process which stays, or None.
    """

    def __init__(
        self,
        *,
        keep_warm: bool = False,
        idle_seconds: float = IDLE_SECONDS,
        vector_of: Callable[[str], str | None] = _no_vector,
    ) -> None:
        self._idle: IdleProcesses[Process] | None = IdleProcesses(idle_seconds=idle_seconds) if keep_warm else None
        self._vector_of = vector_of
        self._busy: set[Process] = set()
        self._turns: dict[str, Turns] = {}
        self._is_closed = False
        # Whoever closes must miss no process that is being started or taken.
        self._lock = threading.Lock()

    def ask(
        self,
        manifest: Manifest,
        request: contract.Request,
        stop: int | None = None,
        caller: Caller | None = None,
    ) -> bytes:
        """Return the bytes of the answer (see `Dispatcher`), of a process that works for `caller` and nobody else."""
        deadline = Deadline.within(request.deadline_ms)
        if self._idle is None or not manifest.warm:
            return self._ask_once(manifest, request, deadline, stop, caller)
        if request.verb == "query":
            request = request._replace(vector=self._vector_of(request.query))
        turns = self._turns.setdefault(manifest.name, Turns())
        # What may be superseded does not wait: others wait for its end.
        with turns.turn(deadline.left() if stop is None else 0.0):
            return self._ask_kept(self._idle, manifest, request, deadline, stop, caller)

    def close(self) -> None:
        """End the processes that were kept, and those that others are still waiting for."""
        with self._lock:
            self._is_closed = True
            busy = list(self._busy)
        for process in busy:
            process.stop()
        if self._idle:
            self._idle.close()

    def _ask_kept(
        self,
        idle: IdleProcesses[Process],
        manifest: Manifest,
        request: contract.Request,
        deadline: Deadline,
        stop: int | None,
        caller: Caller | None,
    ) -> bytes:
        if deadline.left() <= 0:
            raise timed_out(manifest.name, deadline)
        kind = (manifest, _written(manifest), *_world(manifest, caller))
        kept = self._take(idle, kind)
        if kept:
            try:
                # One that ended well while the request came says nothing.
                if answer := self._ask_and_keep(idle, kept, kind, request, deadline, stop):
                    return answer
            except (BackendTimeoutError, InvalidResponseError):
                raise
            except BackendError:
                pass
            # It may have been ended for a reason that is over: a new one is asked in the time that is left.
            left_ms = round(deadline.left() * 1000)
            if left_ms <= 0:
                raise timed_out(manifest.name, deadline)
            request = request._replace(deadline_ms=left_ms)
        started = self._start(manifest, request, caller)
        return self._ask_and_keep(idle, started, kind, request, deadline, stop)

    def _start(self, manifest: Manifest, request: contract.Request, caller: Caller | None) -> Process:
        with self._lock:
            if self._is_closed:
                raise BackendError("The router was closed.", "Ask again.")
            process = Process(manifest, request, caller)
            self._busy.add(process)
            return process

    def _take(self, idle: IdleProcesses[Process], kind: Hashable) -> Process | None:
        """Return a kept process that waits for a request; those that exited, or printed unasked, are ended."""
        while True:
            with self._lock:
                kept = idle.take(kind)
                if kept is None:
                    return None
                self._busy.add(kept)
            if kept.is_ready():
                return kept
            self._kill(kept)

    def _ask_and_keep(
        self,
        idle: IdleProcesses[Process],
        process: Process,
        kind: Hashable,
        request: contract.Request,
        deadline: Deadline,
        stop: int | None,
    ) -> bytes:
        try:
            answer = process.exchange(contract.encode_request(request), request.verb, deadline, stop, last=False)
        except BaseException:
            self._kill(process)
            raise
        if process.has_answered:
            self._busy.discard(process)
            idle.give(kind, process)
        else:
            self._kill(process)
        return answer

    def _ask_once(
        self,
        manifest: Manifest,
        request: contract.Request,
        deadline: Deadline,
        stop: int | None,
        caller: Caller | None,
    ) -> bytes:
        process = self._start(manifest, request, caller)
        body = contract.encode_request(request) if manifest.command else b""
        try:
            return process.exchange(body, request.verb, deadline, stop, last=True)
        except BaseException:
            process.kill()
            raise
        finally:
            process.part(deadline)
            self._busy.discard(process)

    def _kill(self, process: Process) -> None:
        process.kill()
        self._busy.discard(process)


class CallersDispatcher:
    """Ask on behalf of one caller, with processes that another dispatcher keeps and that stay when this one is closed.

    Args:
        shared: starts and keeps the processes.
        caller: whose working folder and environment they get.
    """

    def __init__(self, shared: ProcessDispatcher, caller: Caller) -> None:
        self._shared = shared
        self._caller = caller

    def ask(self, manifest: Manifest, request: contract.Request, stop: int | None = None) -> bytes:
        """Return the bytes of the answer (see `Dispatcher`)."""
        return self._shared.ask(manifest, request, stop, self._caller)

    def close(self) -> None:
        """Do nothing: the processes are for the next caller, too."""


def _written(manifest: Manifest) -> tuple[int, ...]:
    """Return when the files of a backend that its command names were written: a changed program is started anew."""
    written = []
    for word in manifest.command:
        with suppress(OSError, ValueError):
            written.append(os.stat(os.path.join(manifest.folder, word)).st_mtime_ns)
    return tuple(written)


# What bundled backends and the programs they ask read in addition to what all callers of one home share.
_READ_BY_OURS = (
    *(b"PATH", b"PYTHON", b"LANG", b"LC_", b"NODE_"),
    *(b"QMD_", b"COGNEE_", b"SYSTEM_ROOT_DIRECTORY", b"HTTP_API_PORT"),
)


def _world(manifest: Manifest, caller: Caller | None) -> tuple[Hashable, ...]:
    """Return what a kept process must share with a caller: the folder, and what it reads of the environment."""
    if caller is None:
        return ()
    is_ours = os.path.dirname(manifest.folder) == paths.bundled("backends")
    read = (variable for variable in caller.environment.items() if not is_ours or variable[0].startswith(_READ_BY_OURS))
    return caller.folder, frozenset(read)
