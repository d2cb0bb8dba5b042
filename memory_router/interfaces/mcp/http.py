"""Serve MCP over streamable HTTP: on this machine only, or to whoever has the token."""

import hmac
import ipaddress
import os
import socket
import sys
from typing import NamedTuple

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from memory_router.app.asking import Router
from memory_router.errors import ConfigError
from memory_router.interfaces.mcp.clients import Searches
from memory_router.interfaces.mcp.server import build_server

TOKEN = "MEMORY_ROUTER_MCP_TOKEN"  # noqa: S105 - the name of a variable
_FEWEST_TOKEN_CHARACTERS = 16
# No argument of a tool is longer.
_MOST_BODY_BYTES = 2**20
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_PARTING_SECONDS = 1
# As long as the SDK keeps an idle session.
_SESSION_SECONDS = 1800


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Return whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def name(self) -> str:
        """Return the host as a URL has it."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_address(text: str) -> Address:
    """Read `HOST:PORT`.

    Raises:
        ConfigError: it is invalid.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{text!r} is not an address to listen on.", "Give HOST:PORT, such as 127.0.0.1:8765.")
    return Address(host, int(port))


def serve_http(router: Router, project: str | None, address: Address, host_names: list[str]) -> None:
    """Serve clients at `http://HOST:PORT/mcp` until a signal comes.

    Args:
        router: whom questions go to.
        project: the project that is meant where an agent names none; None for all.
        address: where to listen.
        host_names: further names by which clients call this machine, with `:PORT` where that differs.

    Raises:
        ConfigError: others than this machine could ask without a token, or the address cannot be had.
    """
    token = os.environ.get(TOKEN, "")
    if not address.is_loopback and len(token) < _FEWEST_TOKEN_CHARACTERS:
        raise ConfigError(
            f"Whoever reaches {address.host} could read your memories: there is no token.",
            f"Set {TOKEN} to at least {_FEWEST_TOKEN_CHARACTERS} random characters, or listen on 127.0.0.1.",
        )
    listener = _bound(address)
    address = Address(address.host, listener.getsockname()[1])
    app = build_server(router, project, Searches()).streamable_http_app(
        json_response=True,
        max_request_body_size=_MOST_BODY_BYTES,
        transport_security=_allowed(address, host_names),
    )
    config = uvicorn.Config(
        TokenCheck(app, token) if token else app,
        log_level="error",
        timeout_graceful_shutdown=_PARTING_SECONDS,
        # Where the protocol has no sessions, a connection is what tells a client from others.
        timeout_keep_alive=_SESSION_SECONDS,
    )
    print(f"memory-router: listening on http://{address.name}:{address.port}/mcp", file=sys.stderr, flush=True)
    uvicorn.Server(config).run([listener])


def _bound(address: Address) -> socket.socket:
    """Return a socket that listens, on a free port if the address has the port 0."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{address.name}:{address.port} cannot be listened on: {error.strerror}.",
            "Choose another address or port, or end the program that has it.",
        ) from error
    return listener


class TokenCheck:
    """Pass on only requests that carry the token.

    Args:
        app: what answers them.
        token: the bearer token (RFC 6750, section 2.1).
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refused = Response("A bearer token is required.", 401, {"WWW-Authenticate": "Bearer"})
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _allowed(address: Address, host_names: list[str]) -> TransportSecuritySettings:
    """Return the Host and Origin headers that are let through: a page elsewhere must not ask (DNS rebinding)."""
    own = [] if address.host in _ANYWHERE else [address.name]
    local = _LOOPBACK if address.is_loopback or not own else ()
    names = [f"{name}:{address.port}" for name in dict.fromkeys((*own, *local))]
    names += [name if ":" in name else f"{name}:{address.port}" for name in host_names] + host_names
    origins = [f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    return TransportSecuritySettings(allowed_hosts=names, allowed_origins=origins)
