"""Answer clients in threads, one resident for each home, until nobody needs it or it should not go on."""

import fcntl
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from memory_router import paths, resident

# As many clients as are heard at once; of their questions, those that have to wait do so at the backends (`dispatch`).
_WORKERS = 64
_IDLE_SECONDS = 900.0
# How often to look whether the home and the program are still there.
_GLANCE_SECONDS = 1.0
_PROGRAM_SECONDS = 5.0
# A client that says nothing, or does not read, is not waited for.
_CLIENT_SECONDS = 1.0


class CommandRequest(NamedTuple):
    """One command line of a caller.

    Args:
        arguments: without the program.
        stdin: what the caller read from there.
        folder: its working folder, an absolute path.
        environment: its environment.
    """

    arguments: list[str]
    stdin: bytes
    folder: str
    environment: Mapping[bytes, bytes]


class CommandResult(NamedTuple):
    """What a command line comes to.

    Args:
        out: for stdout.
        err: for stderr.
        code: the exit code.
        after: what is done once the caller has it.
    """

    out: bytes
    err: bytes
    code: int
    after: Callable[[], None] = lambda: None


class Refused(Exception):  # noqa: N818 - no fault of anybody
    """The caller has to go its own way."""


class Handler(NamedTuple):
    """Something that answers a request.

    Args:
        patience_ms: how long the caller should wait for the answer.
        answer: gives it.
    """

    patience_ms: int
    answer: Callable[[], CommandResult]


# Takes a request, and refuses it or says how to answer it.
Accept = Callable[[CommandRequest], Handler]


class Resident:
    """Listen until there is a reason to end.

    Args:
        accept: takes requests.
        failed: takes what went wrong without a client to hear of it.
        idle_seconds: how long nobody may ask before it ends.
    """

    def __init__(
        self, accept: Accept, failed: Callable[[Exception], None], idle_seconds: float = _IDLE_SECONDS
    ) -> None:
        self._accept = accept
        self._failed = failed
        self._idle_seconds = idle_seconds
        self._greeting = resident.greeting()
        self._environment = resident.relevant(os.environb)
        self._asked = time.monotonic()
        self._busy = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._is_over = False
        self._program, self._looked = _stamp(), time.monotonic()

    def run(self, beside: Callable[[], None] = lambda: None) -> str:
        """Serve until there is a reason to end, and return it; at once if another resident serves this home.

        Args:
            beside: is called about once a second.
        """
        path = os.fsdecode(resident.socket_path())
        folder = os.path.dirname(path)
        home = _home()
        if not os.path.isdir(home):
            return "there is no home"
        paths.make_private(folder)
        os.chmod(folder, 0o700)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "another one serves"
        listener = _listen(path)
        # What is in the file tells those who would start another one that it would be in vain.
        os.ftruncate(lock, int(listener is None))
        if listener is None:
            os.close(lock)
            return "its socket cannot be made"
        with listener:
            own = _identity(path)
            for _ in range(_WORKERS):
                threading.Thread(target=self._work, args=(listener,), daemon=True).start()
            identity = _identity(home)
            try:
                while not (reason := self._reason_to_end(path, own, home, identity)):
                    self._do(beside)
                    self._ending.wait(_GLANCE_SECONDS)
            finally:
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)  # wakes those who wait for the next client
                if _identity(path) == own:  # never the socket of another one
                    with suppress(OSError):
                        os.unlink(path)
        self._finish()
        return reason

    def stop(self) -> None:
        """End soon, after the answers that are on their way."""
        self._ending.set()

    def _do(self, beside: Callable[[], None]) -> None:
        try:
            beside()
        except Exception as error:  # answers do not depend on it
            self._failed(error)

    def _reason_to_end(self, path: str, own: object, home: str, identity: object) -> str:
        if self._ending.is_set():
            return "it was stopped"
        if _identity(home) != identity or _identity(path) != own:
            return "its home is gone"
        if time.monotonic() - self._looked > _PROGRAM_SECONDS:
            self._looked = time.monotonic()
            if _stamp() != self._program:
                return "the program was changed"
        # A clock that never goes back, and that stands still while the machine sleeps.
        if not self._busy and time.monotonic() - self._asked > self._idle_seconds:
            return "nobody asked for a while"
        return ""

    def _finish(self) -> None:
        until = time.monotonic() + _CLIENT_SECONDS
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)
        self._is_over = True

    def _work(self, listener: socket.socket) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                self._busy += 1
            try:
                with connection:
                    self._serve(connection)
            except (OSError, ValueError, Refused):
                pass  # the client went away, or goes its own way
            except Exception as error:  # its client goes its own way
                self._failed(error)
            finally:
                with self._lock:
                    self._busy -= 1

    def _is_of_this_world(self, greeting: bytes, request: CommandRequest) -> bool:
        """Return whether a caller has this program and these files; whoever asks about the resident needs neither."""
        if request.arguments[:1] == ["resident"]:
            return greeting.startswith(resident.PROTOCOL)
        return greeting == self._greeting and resident.relevant(request.environment) == self._environment

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_CLIENT_SECONDS)
        if resident.peer(connection)[1] != os.getuid():
            return
        size = int.from_bytes(resident.receive(connection, 4), "big")
        if size > resident.MAX_REQUEST_BYTES:
            return
        greeting, request = _request(resident.unpack(resident.receive(connection, size)))
        self._asked = time.monotonic()
        try:
            if self._ending.is_set() or not self._is_of_this_world(greeting, request):
                raise Refused
            handler = self._accept(request)
        except Refused:
            connection.sendall(resident.TAKEN + bytes(4))
            return
        # Whoever waited too long is gone, and has answered the question itself.
        connection.sendall(resident.TAKEN + handler.patience_ms.to_bytes(4, "big"))
        answer = handler.answer()
        if self._is_over:  # the backends were ended in the middle of it: the caller does it again
            return
        with suppress(OSError):  # a caller that went away gets no answer; the work was still done
            connection.sendall(resident.pack([answer.out, answer.err, str(answer.code).encode()]))
        connection.close()
        answer.after()
        self._asked = time.monotonic()


def _request(fields: list[bytes]) -> tuple[bytes, CommandRequest]:
    greeting, folder, stdin, count, *rest = fields
    number = int(count)
    variables = (variable.partition(b"=") for variable in rest[number:])
    return greeting, CommandRequest(
        [os.fsdecode(argument) for argument in rest[:number]],
        stdin,
        os.fsdecode(folder),
        {name: value for name, _, value in variables},
    )


def _listen(path: str) -> socket.socket | None:
    """Return a socket that listens at a path, whatever a resident that was killed left there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
        resident.at_socket(listener.bind)
        os.chmod(path, 0o600)
        listener.listen(64)
    except OSError:
        listener.close()
        return None
    return listener


def _home() -> str:
    """Return the folder that has to be there as long as the resident is."""
    return paths.moved_home() or os.path.expanduser("~")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _stamp() -> tuple[int, int]:
    """Return when a file of the program was changed last, and how many there are."""
    newest = count = 0
    for top in (os.path.dirname(os.path.dirname(os.path.abspath(__file__))), paths.bundled("backends")):
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in names:
                count += 1
                with suppress(OSError):
                    newest = max(newest, os.stat(os.path.join(folder, name)).st_mtime_ns)
    return newest, count
