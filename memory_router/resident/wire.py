"""Say what client and resident send each other: a greeting, one request, one reply, over a Unix socket.

A message is a list of byte strings, each behind its length. Both sides are the same installation of the same version,
which the greeting proves; there is no other version to understand.
"""

import os
import sys

from memory_router import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROTOCOL = b"memory-router-resident 1 "
# Much more than any question or event, and than any answer.
MAX_REQUEST_BYTES, MAX_REPLY_BYTES = 4 * 2**20, 64 * 2**20
_LENGTH = 4

# What decides which files the router and the bundled backends work on: a caller where one of these differs is another
# user's world. Names, and how names begin.
ROUTER_VARIABLES = (
    *(b"HOME", b"TZ", b"XDG_CONFIG_HOME", b"XDG_DATA_HOME", b"XDG_CACHE_HOME", b"MEMORY_ROUTER_"),
    *(b"CLAUDE_CONFIG_DIR", b"CODEX_HOME", b"CURSOR_CONFIG_DIR", b"GEMINI_CLI_HOME", b"HERMES_HOME"),
    *(b"INDEX_PATH", b"LCM_", b"OPENCLAW_"),
)


def socket_path() -> bytes:
    """Return the path of the resident's socket; it lies in a folder of mode 0700."""
    from memory_router import paths

    return os.fsencode(os.path.join(paths.runtime_dir(), "resident.sock"))


def greeting() -> bytes:
    """Return what a resident says first: protocol, version, and where its program and its interpreter are."""
    program = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return PROTOCOL + os.fsencode(f"{__version__} {sys.hexversion:x} {sys.prefix} {program}\n")


def pack(fields: "Sequence[bytes]") -> bytes:
    """Return a message."""
    body = b"".join(len(field).to_bytes(_LENGTH, "big") + field for field in fields)
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


def relevant(environment: "Mapping[bytes, bytes]", names: tuple[bytes, ...]) -> dict[bytes, bytes]:
    """Return the variables whose names begin with one of `names`."""
    return {name: value for name, value in environment.items() if name.startswith(names) and name not in _OF_A_PROCESS}


# What says how a process came about, not whose world it is.
_OF_A_PROCESS = (b"MEMORY_ROUTER_RESIDENT", b"MEMORY_ROUTER_BACKGROUND")
