"""The window as an application: which address leads to which page, and how errors are told."""

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from memory_router.errors import ApprovalError, MemoryRouterError, RefusedFormError
from memory_router.interfaces.window import ask, decide, executions, health, memories
from memory_router.interfaces.window.desk import Desk
from memory_router.interfaces.window.guard import Guard, Keys

Show = Callable[[Desk, Request], Response]
Change = Callable[[Desk, Request, Mapping[str, str]], Response]

_SHOWN: dict[str, Show] = {
    "/": ask.ask,
    "/ask": ask.ask,
    "/memories": memories.memories,
    "/memories/{identifier:path}": memories.memory,
    "/graph": memories.graph,
    "/executions": executions.executions,
    "/executions/{identifier}": executions.execution,
    "/decide": decide.decide,
    "/health": health.health,
}
_CHANGED: dict[str, Change] = {
    "/executions/{identifier}/rate": executions.rate,
    "/decide/suggestions/{number:int}/accept": decide.accept,
    "/decide/suggestions/{number:int}/reject": decide.reject,
    "/decide/suggestions/{number:int}/undo": decide.undo,
    "/decide/approvals/{identifier}/approve": decide.approve,
    "/decide/approvals/{identifier}/deny": decide.deny,
}
_STATUSES = {RefusedFormError: 403, ApprovalError: 403}


def build(keys: Keys, hosts: Sequence[str], *, is_attended: bool) -> Guard:
    """Return the application behind its guard.

    Args:
        keys: the secrets of this launch.
        hosts: the names by which it may be called, with the port.
        is_attended: whether a person started it at a terminal.
    """
    desk = Desk(keys, is_attended=is_attended)

    @asynccontextmanager
    async def lifespan(_application: Starlette) -> Any:
        yield
        desk.close()

    static = StaticFiles(directory=Path(__file__).parent / "static")
    routes = [
        Mount("/static", static),
        *(Route(path, functools.partial(_show, desk, show)) for path, show in _SHOWN.items()),
        *(Route(path, functools.partial(_change, desk, change), methods=["POST"]) for path, change in _CHANGED.items()),
    ]
    application = Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],
        exception_handlers={404: functools.partial(_not_found, desk)},
        lifespan=lifespan,
    )
    return Guard(application, keys, hosts)


async def _show(desk: Desk, show: Show, request: Request) -> Response:
    return await _told(desk, request, run_in_threadpool(show, desk, request))


async def _change(desk: Desk, change: Change, request: Request) -> Response:
    async def changed() -> Response:
        return await run_in_threadpool(change, desk, request, await desk.form(request))

    return await _told(desk, request, changed())


async def _told(desk: Desk, request: Request, answer: Awaitable[Response]) -> Response:
    """Return the answer, or a page that says what happened and what to do next."""
    try:
        return await answer
    except MemoryRouterError as error:
        status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), 400)
        return desk.page(request, "error.html", status, title=error.cause, fix=error.fix, code=error.code)


async def _not_found(desk: Desk, request: Request, _error: Exception) -> Response:
    return desk.page(
        request, "error.html", 404, title="There is no such page.", fix="Choose one above.", code="NOT_FOUND"
    )
