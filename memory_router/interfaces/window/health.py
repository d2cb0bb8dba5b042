"""The page Health: backends, stores and indexes, the evidence for each route, and what routing saves."""

from starlette.requests import Request
from starlette.responses import Response

from memory_router import app, paths
from memory_router.interfaces.window.desk import Desk
from memory_router.learning.stores import open_stores


def health(desk: Desk, request: Request) -> Response:
    """Show how everything is; with `check` in the address also what has changed on disk, which takes longer."""
    is_checked = "check" in request.query_params
    with open_stores() as stores:
        report = app.health.health(stores)
        llm = stores.config.learning
    return desk.page(
        request,
        "health.html",
        found=report,
        progress=app.indexing.progress(),
        llm=llm,
        warning=app.indexing.deletion_warning(),
        changes={root.path: root for root in app.indexing.status()} if is_checked else {},
        damaged=[paths.shown(path) for path in app.repairing.damaged()] if is_checked else [],
        is_checked=is_checked,
    )
