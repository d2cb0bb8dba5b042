"""Serve the window on this machine until it is interrupted."""

import socket
from collections.abc import Callable

import uvicorn

from memory_router.errors import ConfigError
from memory_router.interfaces.window.application import build
from memory_router.interfaces.window.guard import Keys

_HOST = "127.0.0.1"
_PARTING_SECONDS = 1


def serve(port: int, opened: Callable[[str], None], *, is_attended: bool) -> None:
    """Listen on the loopback interface, and answer until Ctrl-C or SIGTERM.

    Args:
        port: the port; 0 for any that is free.
        opened: takes the URL with the token of this launch, once connections to it succeed.
        is_attended: whether a person started the window at a terminal.

    Raises:
        ConfigError: the port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Port {port} cannot be listened on ({error.strerror}).", "Leave --port out: a free one is chosen."
        ) from error
    listener.listen()
    port = listener.getsockname()[1]
    keys = Keys(port)
    application = build(keys, [f"{name}:{port}" for name in (_HOST, "localhost")], is_attended=is_attended)
    opened(f"http://{_HOST}:{port}/ask?token={keys.token}")
    config = uvicorn.Config(
        application,
        log_level="error",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_PARTING_SECONDS,
    )
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
