"""Admit only the person who started the window: by names of this machine, the same origin, the launch's token."""

import hmac
import secrets
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BEARER = "Bearer "
_SAFE = ("GET", "HEAD")
# Nothing of another origin is loaded, nothing is sent there, and no script or style stands in a page.
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    # Without an origin in the request, a change is refused; `no-referrer` would leave it out.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_NO_TOKEN = "This window belongs to whoever started it. Open the URL that `memory-router window` printed.\n"  # noqa: S105


class Keys:
    """The secrets of one launch.

    Args:
        port: which port the window has: cookies of one host are shared by all its ports.
    """

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.csrf = secrets.token_urlsafe(32)
        self.cookie = f"memory_router_window_{port}"


def is_same(given: str, secret: str) -> bool:
    """Return whether a text is the secret, in a time that tells nothing about it."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


class Guard:
    """Refuses requests to an application that do not come from the person at this machine.

    Args:
        app: what answers requests that are let in.
        keys: the secrets of this launch.
        hosts: the names by which this window may be called, with the port.
    """

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Sequence[str]) -> None:
        self._app = app
        self._keys = keys
        self._hosts = frozenset(hosts)
        self._origins = frozenset(f"http://{host}" for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        assert scope["type"] == "http"  # noqa: S101 - the server is told to take nothing else

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                added = {name.encode(): value.encode() for name, value in _HEADERS.items()}
                if b"cache-control" not in headers:
                    added[b"cache-control"] = b"no-store"
                message = {**message, "headers": [*message["headers"], *added.items()]}
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is not answered, or None to let it in."""
        headers = Headers(scope=scope)
        # A page of another site that points a name of its own to 127.0.0.1 (DNS rebinding) still sends that name.
        if headers.get("host", "").lower() not in self._hosts or len(headers.getlist("host")) != 1:
            return PlainTextResponse("This window is not called so.\n", 421)
        origin = headers.get("origin")
        if (origin is not None and origin not in self._origins) or headers.get("sec-fetch-site") == "cross-site":
            return PlainTextResponse("Other sites may not use this window.\n", 403)
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given:
            return self._enter(scope, headers, given[0], [pair for pair in query if pair[0] != "token"])
        bearer = headers.get("authorization", "")
        shown = bearer.removeprefix(_BEARER) if bearer.startswith(_BEARER) else self._cookie(headers)
        return None if is_same(shown, self._keys.token) else _unknown()

    def _enter(self, scope: Scope, headers: Headers, token: str, rest: list[tuple[str, str]]) -> Response | None:
        """Keep the token of the URL in a cookie, and take it out of the address that the browser shows and keeps."""
        if not is_same(token, self._keys.token):
            return _unknown()
        # A program that sends the token with each request keeps no cookies.
        if scope["method"] not in _SAFE or "text/html" not in headers.get("accept", ""):
            return None
        target = scope["path"] + (f"?{urlencode(rest)}" if rest else "")
        response = RedirectResponse(target if not target.startswith("//") else "/", 303)
        response.set_cookie(self._keys.cookie, self._keys.token, path="/", httponly=True, samesite="strict")
        return response

    def _cookie(self, headers: Headers) -> str:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._keys.cookie)
        except CookieError:
            return ""
        return morsel.value if morsel else ""


def _unknown() -> Response:
    return PlainTextResponse(_NO_TOKEN, 401, {"www-authenticate": "Bearer"})
