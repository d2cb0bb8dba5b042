"""Ask the warm process of this home, if there is one: `server` answers there what `interfaces` knows to answer.

It is never needed, only faster: whoever asks goes its own way when nobody takes the question within `TAKEN_SECONDS`.
Every question passes this module, so it imports nothing but builtins: each further module and each further folder costs
a question a few hundredths of a bare interpreter start.

A message is a list of byte strings, each behind its length. The client sends one request and gets, in turn, whether it
was taken, and the answer. Both sides are the same installation of the same version, which the request proves.
"""

import _socket
import os
import sys

from memory_router import __version__, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROTOCOL = b"memory-router-resident 2 "
TAKEN = b"taken"
# Much more than any question or event.
MAX_REQUEST_BYTES = 4 * 2**20
TAKEN_SECONDS = 0.02
# A reply comes when the patience of the resident is over at the latest, unless it stands still.
_GRACE_SECONDS = 0.05
_CONTROL_SECONDS = 2.0
_LENGTH = 4
_KILL = 9  # `signal` is a further import
# What an address of a socket may hold everywhere (`sun_path`: 108 bytes on Linux, 104 elsewhere).
_LONGEST_PATH = 100

# What decides which files the router and the bundled backends work on: a caller where one of these differs is another
# user's world. Names, and how names begin.
ROUTER_VARIABLES = (
    *(b"HOME", b"TZ", b"XDG_CONFIG_HOME", b"XDG_DATA_HOME", b"XDG_CACHE_HOME", b"MEMORY_ROUTER_"),
    *(b"CLAUDE_CONFIG_DIR", b"CODEX_HOME", b"CURSOR_CONFIG_DIR", b"GEMINI_CLI_HOME", b"HERMES_HOME"),
    *(b"INDEX_PATH", b"LCM_", b"OPENCLAW_"),
)
# What says how a process came about, not whose world it is.
_OF_A_PROCESS = (b"MEMORY_ROUTER_RESIDENT", b"MEMORY_ROUTER_BACKGROUND")


def is_wanted() -> bool:
    """Return whether this caller may ask a resident, if one runs."""
    return (os.environ.get("MEMORY_ROUTER_RESIDENT") or "auto") == "auto"


def ask(
    arguments: "Sequence[str]", stdin: bytes = b"", within: float | None = None
) -> "tuple[bytes, bytes, int] | None":
    """Return what the resident answers to a command line; None if it does not answer, and then nothing was printed.

    Args:
        arguments: the command line, without the program.
        stdin: what was read from there.
        within: how many seconds the resident may take to say how long it will need. Whoever sets it has no time to do
            the work again.

    Returns:
        What to print to stdout and to stderr, and the exit code.

    Raises:
        TimeoutError: there was a limit, and it passed, or the resident took the question and gave no answer.
    """
    connection = connect()
    if connection is None:
        return None
    try:
        return exchange(connection, greeting(), arguments, stdin, within or TAKEN_SECONDS)
    except TimeoutError:
        if within is not None:
            raise
        return None  # it stands still
    except (OSError, ValueError):  # it ended
        return None
    finally:
        connection.close()


def control(verb: str) -> "tuple[bytes, bytes, int] | None":
    """Return what the resident of this home says to `status` or `stop`, whichever installation it belongs to.

    For one that stands still its process id is told, and `stop` kills it.
    """
    connection = connect()
    if connection is None:
        return None
    try:
        return exchange(connection, PROTOCOL, ["resident", verb], b"", _CONTROL_SECONDS)
    except TimeoutError:
        pid, _ = peer(connection)
        if verb == "stop" and pid:
            os.kill(pid, _KILL)
        is_running = b"false" if verb == "stop" else b"true"
        return (b'{"running": %s, "pid": %d, "answering": false}' % (is_running, pid), b"", 0) if pid else None
    except (OSError, ValueError):
        return None
    finally:
        connection.close()


def connect() -> "_socket.socket | None":
    """Return a connection to a process of this user that listens for this home, or None."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(TAKEN_SECONDS)
        at_socket(connection.connect)
        if peer(connection)[1] == os.getuid():
            return connection
    except OSError:  # nobody listens, or nobody has time
        pass
    connection.close()
    return None


def exchange(
    connection: "_socket.socket", greeting: bytes, arguments: "Sequence[str]", stdin: bytes, seconds: float
) -> "tuple[bytes, bytes, int] | None":
    """Ask over a connection (see `ask`).

    Args:
        connection: to the resident.
        greeting: who asks.
        arguments: the command line, without the program.
        stdin: what was read from there.
        seconds: how long the resident may take to say that it answers.

    Raises:
        OSError: the resident ended, or is somebody else.
        ValueError: its answer was cut off.
        TimeoutError: it did not take the question in time, or gave no answer to it.
    """
    environment = [name + b"=" + value for name, value in os.environb.items()]
    count = str(len(arguments)).encode()
    connection.settimeout(seconds)
    connection.sendall(pack([greeting, os.getcwdb(), stdin, count, *map(os.fsencode, arguments), *environment]))
    said = receive(connection, len(TAKEN) + _LENGTH)
    patience_ms = int.from_bytes(said[-_LENGTH:], "big")
    if not said.startswith(TAKEN) or not patience_ms:
        return None
    connection.settimeout(patience_ms / 1000 + _GRACE_SECONDS)
    try:
        fields = unpack(receive(connection, int.from_bytes(receive(connection, _LENGTH), "big")))
    except (OSError, ValueError) as error:
        raise TimeoutError("the resident gave no answer") from error
    return (fields[0], fields[1], int(fields[2])) if len(fields) == 3 else None


def read_all(descriptor: int) -> bytes:
    """Return everything up to the end of a file or pipe that can be read."""
    parts = []
    try:
        while part := os.read(descriptor, 2**16):
            parts.append(part)
    except OSError:  # there may be no stdin
        pass
    return b"".join(parts)


def peer(connection: "_socket.socket") -> tuple[int, int]:
    """Return the process id and the user id of the other end.

    Where the system does not tell, the id is 0, and the mode of the socket's folder decides who the user is.
    """
    if not hasattr(_socket, "SO_PEERCRED"):
        return 0, os.getuid()
    credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], sys.byteorder), int.from_bytes(credentials[4:8], sys.byteorder)


def receive(connection: "_socket.socket", size: int) -> bytes:
    """Read exactly `size` bytes.

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


def socket_path() -> bytes:
    """Return the path of the resident's socket; it lies in a folder of mode 0700."""
    return os.fsencode(os.path.join(paths.runtime_dir(), "resident.sock"))


def at_socket(use: "Callable[[bytes], None]") -> None:
    """Connect or bind to the resident's socket, in a way that the system takes also where its path is long.

    Args:
        use: takes the path.

    Raises:
        OSError: `use` did, or nothing is there.
    """
    path = socket_path()
    if len(path) <= _LONGEST_PATH:
        use(path)
        return
    folder, name = os.path.split(path)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        use(b"/proc/self/fd/%d/%s" % (descriptor, name))
    finally:
        os.close(descriptor)


def greeting() -> bytes:
    """Return what a request begins with: protocol, version, and where the program and the interpreter are."""
    program = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return PROTOCOL + os.fsencode(f"{__version__} {sys.hexversion:x} {sys.prefix} {program}")


def pack(fields: "Sequence[bytes]") -> bytes:
    """Return a message."""
    body = b"".join([len(field).to_bytes(_LENGTH, "big") + field for field in fields])
    return len(body).to_bytes(_LENGTH, "big") + body


def unpack(body: bytes) -> list[bytes]:
    """Return the fields of a message without its own length.

    Raises:
        ValueError: it was cut off.
    """
    fields, place = [], 0
    while place < len(body):
        end = place + _LENGTH + int.from_bytes(body[place : place + _LENGTH], "big")
        if place + _LENGTH > len(body) or end > len(body):
            raise ValueError("the message was cut off")
        fields.append(body[place + _LENGTH : end])
        place = end
    return fields


def relevant(environment: "Mapping[bytes, bytes]") -> dict[bytes, bytes]:
    """Return the variables that decide whose world a process works on."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(ROUTER_VARIABLES) and name not in _OF_A_PROCESS
    }
