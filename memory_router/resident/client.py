"""Ask the resident, if there is one: the first thing that a question does, so nothing but builtins is imported."""

import _socket
import os
import sys

from memory_router.resident import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

GREETING_SECONDS = 0.02
# A reply comes when the patience of the resident is over at the latest, unless it stands still.
_GRACE_SECONDS = 0.05
_CONTROL_SECONDS = 2.0


def is_wanted() -> bool:
    """Return whether this caller may ask a resident, if one runs."""
    return (os.environ.get("MEMORY_ROUTER_RESIDENT") or "auto") == "auto"


def ask(
    arguments: "Sequence[str]",
    stdin: bytes = b"",
    connection: "_socket.socket | None" = None,
    within: float | None = None,
) -> "tuple[bytes, bytes, int] | None":
    """Return what the resident answers to a command line; None where it is asked in vain, and nothing was printed.

    Args:
        arguments: the command line, without the program.
        stdin: what was read from there.
        connection: to the resident, where there is one already.
        within: how many seconds the resident may take to say how long it will need. Whoever sets it has no time to do
            the work once more.

    Returns:
        What to print to stdout and to stderr, and the exit code.

    Raises:
        TimeoutError: there was a limit, and it passed, or the resident took the question and gave no answer.
    """
    connection = connection or connect()
    if connection is None:
        return None
    try:
        return _exchange(connection, arguments, stdin, within)
    except TimeoutError:
        if within is not None:
            raise
        return None  # it stands still
    except (OSError, ValueError):  # it ended
        return None
    finally:
        connection.close()


def read_all(descriptor: int) -> bytes:
    """Return everything up to the end of a file or pipe that can be read."""
    parts = []
    try:
        while part := os.read(descriptor, 2**16):
            parts.append(part)
    except OSError:  # no resident runs
        pass
    return b"".join(parts)


def control(verb: str) -> "tuple[bytes, bytes, int] | None":
    """Return what the resident of this home says to `status` or `stop`, whichever installation it belongs to."""
    connection = connect(_CONTROL_SECONDS, wire.PROTOCOL)
    return ask(["resident", verb], connection=connection) if connection else None


def connect(seconds: float = GREETING_SECONDS, greeting: bytes = b"") -> "_socket.socket | None":
    """Return a connection to a resident of this user that greeted in time, or None.

    Args:
        seconds: how long it may take.
        greeting: how the greeting must begin; as a whole like that of this installation if left out.
    """
    path = wire.socket_path()
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(path)
        if peer(connection) == os.getuid() and _greeting(connection).startswith(greeting or wire.greeting()):
            return connection
    except OSError:  # nobody listens, or nobody has time
        pass
    connection.close()
    return None


def peer(connection: "_socket.socket") -> int:
    """Return the user id of the process at the other end; where the system does not tell, the folder's mode decides."""
    if not hasattr(_socket, "SO_PEERCRED"):
        return os.getuid()
    credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], sys.byteorder)


def _greeting(connection: "_socket.socket") -> bytes:
    said = b""
    while not said.endswith(b"\n") and len(said) < 2 * 4096:
        part = connection.recv(4096)
        if not part:
            break
        said += part
    return said


def _exchange(
    connection: "_socket.socket", arguments: "Sequence[str]", stdin: bytes, within: float | None
) -> "tuple[bytes, bytes, int] | None":
    environment = [name + b"=" + value for name, value in os.environb.items()]
    connection.settimeout(within or _CONTROL_SECONDS)
    connection.sendall(
        wire.pack(
            [
                os.getcwdb(),
                stdin,
                str(len(arguments)).encode(),
                *map(os.fsencode, arguments),
                *environment,
            ]
        )
    )
    patience_ms = int.from_bytes(receive(connection, 4), "big")
    if not patience_ms:
        return None
    connection.settimeout(patience_ms / 1000 + _GRACE_SECONDS)
    try:
        fields = wire.unpack(receive(connection, int.from_bytes(receive(connection, 4), "big")))
    except (OSError, ValueError) as error:
        raise TimeoutError("the resident gave no answer") from error
    if len(fields) != 3:
        return None
    return fields[0], fields[1], int(fields[2])


def receive(connection: "_socket.socket", size: int) -> bytes:
    """Return so many bytes.

    Raises:
        OSError: they do not come.
    """
    parts, left = [], size
    while left:
        part = connection.recv(min(left, 2**18))
        if not part:
            raise OSError("the connection was closed")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
