"""Run one backend as a process of its own, talk to it until a deadline, and leave nothing of it behind.

The process gets a group of its own and no shell; the request goes to its stdin (or into its arguments, where the
manifest has a template) and the response comes from its stdout. At the end the whole group is killed, and with it
whatever the backend started in another group or session, where the system tells it (`survivors`).
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import IO, NamedTuple, cast

from memory_router import contract
from memory_router.errors import BackendError, BackendTimeoutError, InvalidResponseError
from memory_router.routing import response, survivors
from memory_router.routing.registry import Manifest

MAX_ANSWER_BYTES = 8 * 2**20
_MAX_NOTES_BYTES = 64 * 2**10
# How long a process that has answered may take to end on its own: it could be writing a cache.
_PARTING_SECONDS = 0.2
# How often to look whether an answer is still wanted from a process that only has to end.
_GLANCE_SECONDS = 0.05


class SupersededError(Exception):
    """The answer is no longer wanted: another one was accepted."""


class Deadline(NamedTuple):
    """When to stop listening, whatever is tried again meanwhile.

    Args:
        milliseconds: what was allowed.
        ends: when that is over, on the clock of `time.monotonic`.
    """

    milliseconds: int
    ends: float

    @classmethod
    def within(cls, milliseconds: int) -> "Deadline":
        """Return the deadline that ends `milliseconds` from now."""
        return cls(milliseconds, time.monotonic() + milliseconds / 1000)

    def left(self) -> float:
        """Return the seconds that are left; negative when it has passed."""
        return self.ends - time.monotonic()


class Caller(NamedTuple):
    """On whose behalf a backend is started.

    Args:
        folder: its working folder.
        environment: its environment.
    """

    folder: str
    environment: Mapping[bytes, bytes]


class Process:
    """One running backend.

    Args:
        manifest: what to start.
        request: fills the template of its arguments, where the manifest has one.
        caller: whose working folder and environment it gets; this process's own if left out.

    Raises:
        BackendError: it cannot be started.
    """

    def __init__(self, manifest: Manifest, request: contract.Request, caller: Caller | None = None) -> None:
        self._name = manifest.name
        self._notes = b""
        # Whether the last exchange ended with a whole answer and nothing after it.
        self.has_answered = False
        self._mark = survivors.new_mark()
        arguments = manifest.arguments(request)
        try:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
                cwd=caller.folder if caller else None,
                env={
                    **(caller.environment if caller else os.environb),
                    os.fsencode(survivors.VARIABLE): os.fsencode(self._mark),
                },
            )
        except (OSError, ValueError) as error:
            raise BackendError(
                f"The backend {self._name} cannot be started: {arguments[0]}: {error}.",
                f"Check `command` in {manifest.folder}/backend.json; `memory-router backends doctor` tries each.",
            ) from error
        pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        self._stdin, self._stdout, self._stderr = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", pipes)
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)

    def exchange(self, body: bytes, verb: str, deadline: Deadline, stop: int | None, *, last: bool) -> bytes:
        """Send `body`, read until an answer is complete, and return it.

        Args:
            body: the request; empty for a program that got it as arguments.
            verb: what the request asks for, by which its answer is told from other output.
            deadline: when to stop listening.
            stop: a descriptor that becomes readable when the answer is no longer wanted, or None.
            last: whether no further request follows, so that stdin is closed after this one.

        Raises:
            SupersededError: `stop` became readable first.
            BackendTimeoutError: the deadline passed.
            BackendError: the process died.
            InvalidResponseError: it printed more than any answer needs.
        """
        answer, self.has_answered = bytearray(), False
        ended = self._converse(body, verb, answer, deadline, stop, last)
        if ended and not answer:
            ended = self._has_failed(deadline, stop)
        # At the deadline, an answer may be in hand although the process, or a child of it, lingers.
        if not ended and not response.holds_answer(answer, verb):
            raise timed_out(self._name, deadline, self._last_note())
        return bytes(answer)

    def is_ready(self) -> bool:
        """Return whether the process waits for a request; output without a request would be taken for an answer."""
        return not _readers(self._stdout).poll(0)

    def part(self, deadline: Deadline | None = None) -> None:
        """Give the process a moment to end on its own, then make sure that its whole group is gone.

        Args:
            deadline: that of the attempt, past which it gets no such moment.
        """
        if self._stdout.closed:
            return
        self._stdin.close()
        # Its end shows as the end of its output. Waiting for the process itself would free its number before
        # the group of that number is killed.
        poll = select.poll()
        poll.register(self._stdout, 0)
        poll.poll(1000 * (min(_PARTING_SECONDS, max(deadline.left(), 0)) if deadline else _PARTING_SECONDS))
        self.kill()

    def stop(self) -> None:
        """Kill the process and all that it started; whoever listens to it finds its output at an end."""
        pid = self._process.pid
        # Asked for before the group is killed: then the children of what ended would have no parent to tell them by.
        children = survivors.find(self._mark, pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        survivors.kill(children, self._mark, pid)

    def kill(self) -> None:
        """Kill the process and all that it started, and collect it."""
        self.stop()
        self._process.wait()
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def _converse(
        self, body: bytes, verb: str, answer: bytearray, deadline: Deadline, stop: int | None, last: bool
    ) -> bool:
        """Write and read whatever is ready; return True when `answer` is complete, False at the deadline."""
        poll = _readers(self._stdout, self._stderr, stop)
        unsent = memoryview(body)
        if unsent:
            poll.register(self._stdin, select.POLLOUT)
        elif last:
            self._stdin.close()
        while True:
            left = deadline.left()
            if left <= 0:
                return False
            for descriptor, _ in poll.poll(left * 1000):
                if descriptor == stop:
                    raise SupersededError
                if descriptor == self._stderr.fileno():
                    self._take_note(poll)
                elif descriptor == self._stdout.fileno():
                    is_open = self._take(answer)
                    self.has_answered = is_open and response.ends_with_answer(answer, verb)
                    if self.has_answered or not is_open:
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
            # It may answer without having read to the end.
            return len(unsent)

    def _has_failed(self, deadline: Deadline, stop: int | None) -> bool:
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
            "Run `memory-router backends doctor` to try it alone.",
        )

    def _exit_code(self, deadline: Deadline, stop: int | None) -> int | None:
        """Wait for the end of the process and return its exit code; None at the deadline."""
        while (left := deadline.left()) > 0:
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


def timed_out(backend: str, deadline: Deadline, note: str = "") -> BackendTimeoutError:
    """Return the error of a backend that did not answer in its time.

    Args:
        backend: its name.
        deadline: what it was given.
        note: what else is known, as a sentence to append.
    """
    return BackendTimeoutError(
        f"The backend {backend} did not answer within {deadline.milliseconds} ms.{note}",
        f"If it needs longer, raise `deadlines.backends.{backend}` in router-config.json.",
    )


def _readers(*sources: IO[bytes] | int | None) -> "select.poll":
    """Return what waits until one of `sources` can be read."""
    poll = select.poll()
    for source in sources:
        if source is not None:
            poll.register(source, select.POLLIN)
    return poll
