"""The pages Memories: everything that is stored in one list, one text with what surrounds it, and the graph drawn."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from memory_router import app
from memory_router.contract import JsonObject
from memory_router.errors import MemoryRouterError, QueryError
from memory_router.interfaces.window.desk import Desk, complete
from memory_router.interfaces.window.drawing import drawn

if TYPE_CHECKING:
    from memory_router.engines.graph.search import Neighbourhood
    from memory_router.engines.tiers.memory import Memory

_PAGE = 30
# A page of a long text, in characters: far below what a browser minds, and quick to carry.
_PART = 12_000
_DAY = 86_400
_FIELDS = ("text", "store", "project", "tier", "tag", "origin", "since", "until", "replaced")
_REPLACED = {"": None, "yes": True, "no": False}


def memories(desk: Desk, request: Request) -> Response:
    """Show a page of the list, and the form that filters it."""
    given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    chosen = app.looking.Filter(
        text=given["text"],
        project=given["project"],
        origin=given["origin"],
        tier=given["tier"],
        tag=given["tag"],
        since=_moment(given["since"]),
        until=_moment(given["until"], _DAY),
        replaced=_REPLACED.get(given["replaced"]),
    )
    page = app.looking.page(chosen, given["store"], request.query_params.get("after", ""), _PAGE)
    kept = {name: value for name, value in given.items() if value}
    return desk.page(
        request,
        "memories.html",
        given=given,
        stores=app.looking.STORES,
        tiers=app.looking.TIERS,
        projects=app.looking.projects(),
        page=page,
        kept=kept,
        following=f"/memories?{urlencode({**kept, 'after': page.following})}" if page.following else "",
        is_first="after" not in request.query_params,
    )


def memory(desk: Desk, request: Request) -> Response:
    """Show the whole text with an id, what stands around it, what it replaced, and its place in the graph."""
    identifier = request.path_params["identifier"]
    results, missing = app.asking.fetch(desk.router(), [identifier], "detail")
    if not results:
        raise QueryError(
            missing[0]["error_message"] if missing else "Nothing has this id.", "See the list of memories."
        )
    result = complete(results[0])
    content = str(result["content"])
    part = min(_number(request.query_params.get("part", ""), 1), -(-len(content) // _PART) or 1)
    around, _ = app.asking.fetch(desk.router(), [identifier], "timeline")
    return desk.page(
        request,
        "memory.html",
        identifier=identifier,
        backend=identifier.partition(":")[0],
        result=result,
        metadata=result["metadata"],
        text=content[(part - 1) * _PART : part * _PART],
        part=part,
        parts=-(-len(content) // _PART) or 1,
        characters=len(content),
        around=[neighbour["content"][:_PART] for neighbour in around if neighbour["content"] != content],
        revisions=_revisions(identifier),
        drawing=drawn(_surroundings(identifier, result)),
    )


def graph(desk: Desk, request: Request) -> Response:
    """Draw what surrounds a thing of the graph."""
    name = request.query_params.get("name", "").strip()
    identifier = request.query_params.get("id", "").strip()
    depth = min(_number(request.query_params.get("depth", ""), 1), 2)
    neighbourhood = app.looking.surroundings(identifier, name, depth) if name or identifier else None
    return desk.page(
        request,
        "graph.html",
        name=name or (neighbourhood.entities[neighbourhood.center].qualified if neighbourhood else ""),
        identifier=identifier,
        depth=depth,
        drawing=drawn(neighbourhood),
        is_asked=bool(name or identifier),
    )


def _revisions(identifier: str) -> "list[tuple[str, Memory]]":
    """Return the revisions of a remembered fact with their ids; none of anything else, or of what was never changed."""
    if not identifier.startswith(f"{app.looking.STORES[0]}:"):
        return []
    try:
        revisions = app.looking.history(identifier)
    except MemoryRouterError:  # it comes from a store of its own
        return []
    return [(app.remembering.qualified(revision.id), revision) for revision in revisions] if len(revisions) > 1 else []


def _surroundings(identifier: str, result: JsonObject) -> "Neighbourhood | None":
    if identifier.startswith("cognee:"):
        return app.looking.surroundings(identifier)
    path = result.get("path") or (result.get("metadata") or {}).get("path")
    return app.looking.surroundings("", str(path)) if path else None


def _moment(text: str, later: float = 0) -> float | None:
    """Return the beginning of a day in seconds since the epoch, or a time `later` seconds after it."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise QueryError(f"{text!r} is not a date.", "Give one such as 2026-06-30.") from error
    is_day = len(text) == len("2026-06-30")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() + (later if is_day else 0)


def _number(text: str, default: int) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else default
