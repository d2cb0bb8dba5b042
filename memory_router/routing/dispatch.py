"""Ask a backend as a separate process under a deadline, and leave nothing of it behind.

The process gets a group of its own and no shell; the request goes to its stdin (or into its arguments, where the
manifest has a template) and the response comes from its stdout. At the deadline the whole group is killed.
"""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from typing import IO, Protocol, cast

from memory_router import contract
from memory_router.errors import BackendError, BackendTimeoutError, InvalidResponseError
from memory_router.routing import response
from memory_router.routing.pool import Pool
from memory_router.routing.registry import Manifest

MAX_ANSWER_BYTES = 8 * 2**20
_MAX_NOTES_BYTES = 64 * 2**10
# A process that has answered may take this long to end by itself: it could be writing a cache.
_PARTING_SECONDS = 0.2
# How often to look whether an answer is still wanted from a process that only has to end.
_GLANCE_SECONDS = 0.05


class Dispatcher(Protocol):
    """Carry a request to a backend and bring back what it printed."""

    def ask(self, manifest: Manifest, request: contract.Request, stop: int | None = None) -> bytes:
        """Return the bytes of the answer.

        Args:
            manifest: the backend.
            request: what to ask it.
            stop: a descriptor that becomes readable when the answer is no longer wanted.

        Raises:
            SupersededError: `stop` became readable first.
            BackendTimeoutError: the deadline in the request passed.
            BackendError: the backend could not be started or died.
            InvalidResponseError: it printed more than any answer needs.
        """

    def close(self) -> None:
        """End whatever is still running."""


class SupersededError(Exception):
    """The answer is no longer wanted: another one was accepted."""


class ProcessDispatcher:
    """Ask each backend in a process; keep those running whose manifest allows it, if told so.

    Args:
        keep_warm: whether a `warm` backend's process stays for the next request.
    """

    def __init__(self, *, keep_warm: bool = False) -> None:
        self._idle: Pool[_Process] | None = Pool() if keep_warm else None
        self._busy: set[_Process] = set()
        self._is_closed = False
        # Whoever closes must miss no process that is being started or taken.
        self._lock = threading.Lock()

    def ask(self, manifest: Manifest, request: contract.Request, stop: int | None = None) -> bytes:
        """Return the bytes of the answer (see `Dispatcher`); several threads may ask at once."""
        if self._idle is None or not manifest.warm:
            return self._ask_once(manifest, request, stop)
        while kept := self._taken(self._idle, manifest):
            if answer := self._ask_kept(self._idle, kept, manifest, request, stop):
                return answer
        return self._ask_and_keep(self._idle, self._started(manifest, request), manifest, request, stop)

    def close(self) -> None:
        """End the processes that were kept, and those that others are still waiting for."""
        with self._lock:
            self._is_closed = True
            busy = list(self._busy)
        for process in busy:
            process.stop()
        if self._idle:
            self._idle.close()

    def _started(self, manifest: Manifest, request: contract.Request) -> "_Process":
        with self._lock:
            if self._is_closed:
                raise BackendError("The router was closed.", "Ask again.")
            process = _Process(manifest, request)
            self._busy.add(process)
            return process

    def _taken(self, idle: "Pool[_Process]", manifest: Manifest) -> "_Process | None":
        with self._lock:
            kept = idle.take(manifest)
            if kept:
                self._busy.add(kept)
            return kept

    def _ask_kept(
        self,
        idle: "Pool[_Process]",
        process: "_Process",
        manifest: Manifest,
        request: contract.Request,
        stop: int | None,
    ) -> bytes:
        """Ask a process that answered before; return nothing if it has ended, or talked unasked, meanwhile."""
        if not process.is_ready():
            self._kill(process)
            return b""
        try:
            return self._ask_and_keep(idle, process, manifest, request, stop)
        except BackendTimeoutError:
            raise
        except BackendError:
            return b""

    def _ask_and_keep(
        self,
        idle: "Pool[_Process]",
        process: "_Process",
        manifest: Manifest,
        request: contract.Request,
        stop: int | None,
    ) -> bytes:
        try:
            answer = process.exchange(contract.encode_request(request), request.deadline_ms, stop, last=False)
        except BaseException:
            self._kill(process)
            raise
        if response.ends_with_answer(answer):
            self._busy.discard(process)
            idle.give(manifest, process)
        else:
            self._kill(process)
        return answer

    def _ask_once(self, manifest: Manifest, request: contract.Request, stop: int | None) -> bytes:
        process = self._started(manifest, request)
        body = contract.encode_request(request) if manifest.command else b""
        try:
            return process.exchange(body, request.deadline_ms, stop, last=True)
        except BaseException:
            process.kill()
            raise
        finally:
            process.part()
            self._busy.discard(process)

    def _kill(self, process: "_Process") -> None:
        process.kill()
        self._busy.discard(process)


class _Process:
    """Run one backend in a process group of its own."""

    def __init__(self, manifest: Manifest, request: contract.Request) -> None:
        self._name = manifest.name
        self._notes = b""
        arguments = manifest.arguments(request)
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            raise BackendError(
                f"The backend {self._name} cannot be started: {arguments[0]}: {error}.",
                f"Check `command` in {manifest.folder}/backend.json; `memory-router doctor` tries every backend.",
            ) from error
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._stdin, self._stdout, self._stderr = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", pipes)
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)

    def exchange(self, body: bytes, deadline_ms: int, stop: int | None, *, last: bool) -> bytes:
        """Send `body`, read until an answer is complete, and return it.

        Args:
            body: the request; empty for a program that got it as arguments.
            deadline_ms: when to stop listening, from now.
            stop: a descriptor that becomes readable when the answer is no longer wanted, or None.
            last: whether no further request follows, so that stdin is closed behind this one.
        """
        deadline = time.monotonic() + deadline_ms / 1000
        answer = bytearray()
        ended = self._converse(body, answer, deadline, stop, last)
        if ended and not answer:
            ended = self._has_failed(deadline, stop)
        # At the deadline, an answer may be in hand although the process, or a child of it, lingers.
        if not ended and not response.holds_answer(answer):
            raise BackendTimeoutError(
                f"The backend {self._name} did not answer within {deadline_ms} ms.{self._last_note()}",
                f"If it needs longer, raise `deadlines.backends.{self._name}` in router-config.json.",
            )
        return bytes(answer)

    def is_ready(self) -> bool:
        """Say whether the process waits for a request; what it printed unasked would be taken for the next answer."""
        return not _readers(self._stdout).poll(0)

    def part(self) -> None:
        """Let the process end by itself, for a moment, then make sure that its whole group is gone."""
        if self._stdout.closed:
            return
        self._stdin.close()
        # Its end shows as the end of its output. Waiting for the process itself would free its number before
        # the group of that number is killed.
        poll = select.poll()
        poll.register(self._stdout, 0)
        poll.poll(_PARTING_SECONDS * 1000)
        self.kill()

    def stop(self) -> None:
        """Kill the whole process group; whoever listens to it finds its output at an end."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the whole process group and collect the process."""
        self.stop()
        self._process.wait()
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def _converse(self, body: bytes, answer: bytearray, deadline: float, stop: int | None, last: bool) -> bool:
        """Write and read whatever is ready; return True when `answer` is complete, False at the deadline."""
        poll = _readers(self._stdout, self._stderr, stop)
        unsent = memoryview(body)
        if unsent:
            poll.register(self._stdin, select.POLLOUT)
        elif last:
            self._stdin.close()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for descriptor, _ in poll.poll(left * 1000):
                if descriptor == stop:
                    raise SupersededError
                if descriptor == self._stderr.fileno():
                    self._take_note(poll)
                elif descriptor == self._stdout.fileno():
                    if not self._take(answer) or response.ends_with_answer(answer):
                        return True
                else:
                    unsent = unsent[self._send(unsent) :]
                    if not unsent:
                        poll.unregister(descriptor)
                        if last:
                            self._stdin.close()

    def _take(self, answer: bytearray) -> bool:
        """Add what stdout holds to `answer`; return False at its end."""
        chunk = os.read(self._stdout.fileno(), 2**16)
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise InvalidResponseError(
                f"The backend {self._name} printed more than {MAX_ANSWER_BYTES // 2**20} MiB.",
                "An adapter must keep to the request's `limit`.",
            )
        return bool(chunk)

    def _take_note(self, poll: "select.poll") -> None:
        chunk = os.read(self._stderr.fileno(), 2**16)
        if not chunk:
            poll.unregister(self._stderr)
        self._notes = (self._notes + chunk)[-_MAX_NOTES_BYTES:]

    def _send(self, unsent: memoryview) -> int:
        try:
            return os.write(self._stdin.fileno(), unsent)
        except BrokenPipeError:
            # It may answer all the same without having read to the end.
            return len(unsent)

    def _has_failed(self, deadline: float, stop: int | None) -> bool:
        """Wait for the end of a process that closed its output without an answer; return False at the deadline.

        Raises:
            BackendError: it ended badly.
        """
        code = self._exit_code(deadline, stop)
        if code is None:
            return False
        if code == 0:
            return True
        self._drain_notes()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        raise BackendError(
            f"The backend {self._name} {how} without an answer.{self._last_note()}",
            "Run `memory-router doctor` to try it by itself.",
        )

    def _exit_code(self, deadline: float, stop: int | None) -> int | None:
        """Wait for the end of the process and return its exit code; None at the deadline."""
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(min(left, _GLANCE_SECONDS))
            if _readers(stop).poll(0):
                raise SupersededError
        return self._process.poll()

    def _drain_notes(self) -> None:
        with contextlib.suppress(BlockingIOError, ValueError, OSError):
            self._notes = (self._notes + os.read(self._stderr.fileno(), _MAX_NOTES_BYTES))[-_MAX_NOTES_BYTES:]

    def _last_note(self) -> str:
        """Return the last line that the process wrote to stderr, as a sentence to append."""
        lines = self._notes.decode("utf-8", "replace").strip().splitlines()
        printable = "".join(char for char in lines[-1] if char.isprintable()) if lines else ""
        return f" Its last words: {printable[:300]}" if printable else ""


def _readers(*sources: IO[bytes] | int | None) -> "select.poll":
    """Return what waits until one of `sources` can be read."""
    poll = select.poll()
    for source in sources:
        if source is not None:
            poll.register(source, select.POLLIN)
    return poll
