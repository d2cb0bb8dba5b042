"""What every page needs: the router, the templates, the secrets of the launch, and how a form is read."""

import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from memory_router import __version__, paths
from memory_router.app.asking import Router
from memory_router.contract import JsonObject
from memory_router.errors import RefusedFormError
from memory_router.interfaces.window.guard import Keys, is_same
from memory_router.interfaces.window.rendering import environment

PAGES = {
    "/ask": "Ask",
    "/memories": "Memories",
    "/executions": "Executions",
    "/decide": "Decide",
    "/health": "Health",
}
_MOST_FORM_BYTES = 1 << 16
# What a page says after a change; the address names it, so that nothing of it comes from elsewhere.
_NOTICES = {
    "rated": "Your rating is kept; routing learns from it.",
    "accepted": "Accepted. It is carried out, and can be undone below.",
    "rejected": "Rejected. It is not suggested again before twice as much speaks for it.",
    "undone": "Undone. Everything is as it was before.",
    "approved": "Approved for one use. The question can be asked now.",
    "denied": "Denied. The question is not asked.",
}


class Desk:
    """What every page needs.

    Args:
        keys: the secrets of this launch.
        is_attended: whether a person started the window at a terminal, so that approvals may be given in it.
    """

    def __init__(self, keys: Keys, *, is_attended: bool) -> None:
        self.is_attended = is_attended
        self._keys = keys
        self._templates = environment()
        self._router: tuple[int, Router] | None = None
        self._lock = threading.Lock()

    def router(self) -> Router:
        """Return a router with the configuration as it is now; its backends stay running."""
        version = _version(paths.own_config_file())
        with self._lock:
            if self._router is None or self._router[0] != version:
                if self._router:
                    self._router[1].close()
                self._router = version, Router(keep_warm=True, warn=_ignore)
            return self._router[1]

    def close(self) -> None:
        """End the backends that were kept running."""
        with self._lock:
            if self._router:
                self._router[1].close()
            self._router = None

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """Return a rendered page."""
        shared = {
            "pages": PAGES,
            "here": request.url.path,
            "csrf": self._keys.csrf,
            "notice": _NOTICES.get(request.query_params.get("done", ""), ""),
            "is_attended": self.is_attended,
            "version": __version__,
        }
        text = self._templates.get_template(template).render(**shared, **values)
        return HTMLResponse(text.encode("utf-8", "replace"), status)

    async def form(self, request: Request) -> Mapping[str, str]:
        """Return the fields of a form that a page of this window holds.

        Raises:
            RefusedFormError: it is too long, or its CSRF token is not that of this launch.
        """
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_FORM_BYTES:
                raise RefusedFormError("The form is too long.", "Write less; nothing was changed.")
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if not is_same(fields.get("csrf") or request.headers.get("x-csrf-token", ""), self._keys.csrf):
            raise RefusedFormError("The form is not of this window.", "Load the page again; nothing was changed.")
        return fields


def complete(result: JsonObject) -> JsonObject:
    """Return a result with all members that a page looks at; a backend may leave them out."""
    metadata = {"superseded_by": None, "provenance": None, "project": None, **(result.get("metadata") or {})}
    return {"id": None, "title": None, "source": None, "timestamp": None, **result, "metadata": metadata}


def go_back(fields: Mapping[str, str], fallback: str, done: str) -> Response:
    """Return to the page that a form was sent from, which then says what was done."""
    path, _, query = fields.get("back", "").partition("?")
    kept = "&".join(pair for pair in query.split("&") if pair and not pair.startswith("done="))
    target = path if path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() else fallback
    return RedirectResponse(f"{target}?{f'{kept}&' if kept else ''}done={done}", 303)


def _version(file: str) -> int:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return 0


def _ignore(_sentence: str) -> None:
    """Ignore a warning: the page shows what did not answer."""
