"""Ask backends as processes, each under one deadline, and keep those running that are worth it."""

import threading
from typing import Protocol

from memory_router import contract
from memory_router.errors import BackendError, BackendTimeoutError, InvalidResponseError
from memory_router.routing import response
from memory_router.routing.pool import Pool
from memory_router.routing.process import Deadline, Process, timed_out
from memory_router.routing.registry import Manifest


class Dispatcher(Protocol):
    """Carry a request to a backend and bring back what it printed."""

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


class ProcessDispatcher:
    """Ask each backend in a process; several threads may ask at once.

    Args:
        keep_warm: whether the process of a backend whose manifest says `warm` stays for the next request.
    """

    def __init__(self, *, keep_warm: bool = False) -> None:
        self._idle: Pool[Process] | None = Pool() if keep_warm else None
        self._busy: set[Process] = set()
        self._is_closed = False
        # Whoever closes must miss no process that is being started or taken.
        self._lock = threading.Lock()

    def ask(self, manifest: Manifest, request: contract.Request, stop: int | None = None) -> bytes:
        """Return the bytes of the answer (see `Dispatcher`)."""
        deadline = Deadline.within(request.deadline_ms)
        if self._idle is None or not manifest.warm:
            return self._ask_once(manifest, request, deadline, stop)
        kept = self._take(self._idle, manifest)
        if kept:
            try:
                return self._ask_and_keep(self._idle, kept, manifest, request, deadline, stop)
            except (BackendTimeoutError, InvalidResponseError):
                raise
            except BackendError:
                # It may have been ended for a reason that is over: a new one is asked in the time that is left.
                left_ms = round(deadline.left() * 1000)
                if left_ms <= 0:
                    raise timed_out(manifest.name, deadline) from None
                request = request._replace(deadline_ms=left_ms)
        return self._ask_and_keep(self._idle, self._start(manifest, request), manifest, request, deadline, stop)

    def close(self) -> None:
        """End the processes that were kept, and those that others are still waiting for."""
        with self._lock:
            self._is_closed = True
            busy = list(self._busy)
        for process in busy:
            process.stop()
        if self._idle:
            self._idle.close()

    def _start(self, manifest: Manifest, request: contract.Request) -> Process:
        with self._lock:
            if self._is_closed:
                raise BackendError("The router was closed.", "Ask again.")
            process = Process(manifest, request)
            self._busy.add(process)
            return process

    def _take(self, idle: Pool[Process], manifest: Manifest) -> Process | None:
        """Return a kept process that waits for a request; those that ended, or talked unasked, are ended."""
        while True:
            with self._lock:
                kept = idle.take(manifest)
                if kept is None:
                    return None
                self._busy.add(kept)
            if kept.is_ready():
                return kept
            self._kill(kept)

    def _ask_and_keep(
        self,
        idle: Pool[Process],
        process: Process,
        manifest: Manifest,
        request: contract.Request,
        deadline: Deadline,
        stop: int | None,
    ) -> bytes:
        try:
            answer = process.exchange(contract.encode_request(request), request.verb, deadline, stop, last=False)
        except BaseException:
            self._kill(process)
            raise
        if response.ends_with_answer(answer, request.verb):
            self._busy.discard(process)
            idle.give(manifest, process)
        else:
            self._kill(process)
        return answer

    def _ask_once(self, manifest: Manifest, request: contract.Request, deadline: Deadline, stop: int | None) -> bytes:
        process = self._start(manifest, request)
        body = contract.encode_request(request) if manifest.command else b""
        try:
            return process.exchange(body, request.verb, deadline, stop, last=True)
        except BaseException:
            process.kill()
            raise
        finally:
            process.part()
            self._busy.discard(process)

    def _kill(self, process: Process) -> None:
        process.kill()
        self._busy.discard(process)
