"""The pages Executions: what was asked and what hooks did in one timeline, each question in full, and its rating."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from memory_router import paths
from memory_router.contract import JsonObject
from memory_router.errors import QueryError
from memory_router.interfaces.window.desk import Desk, go_back
from memory_router.interfaces.window.lanes import lanes
from memory_router.learning.execution import STATUSES, Execution
from memory_router.learning.stores import LearningStores, open_stores
from memory_router.routing import journal

_PAGE = 30
_KINDS = {"": "all", "questions": "Questions", "hooks": "Hooks"}
# Behind every id of an execution: what begins after it begins after all questions of its time.
_LAST_ID = "~"
# Why a hook did what it did; `{error}` and the like are what its line in the log tells.
_OUTCOMES = {
    "injected": "Put what memory knows before the prompt.",
    "hinted": "Told the agent that memory may hold something, as nothing was convincing or came in time.",
    "not_needed": "Nothing: the prompt points to no earlier work, and asks about nothing that memory knows.",
    "empty": "Nothing: memory was asked, and holds nothing on it.",
    "partial": "Nothing: what memory holds on it is not convincing.",
    "success": "Nothing: no result fits into the room that is allowed for it.",
    "error": "Nothing: memory could not be asked.",
    "timeout": "Nothing: the time that a prompt may be held up was over.",
    "off": "Nothing: the hook is switched off in the configuration.",
    "bad_event": "Nothing: the host sent something that is not an event.",
    "failed": "Nothing: the hook failed.",
    "started": "Began to import the session.",
    "imported": "Imported the session.",
    "refused": "Nothing: the file is not a transcript of an agent's.",
}


class Moment(NamedTuple):
    """One entry of the timeline: a question, or what a hook did.

    Args:
        at: seconds since the epoch.
        order: breaks ties of the same time, in descending order.
        execution: the question, or None.
        hook: the line of the log as an object, or None.
        told: what the hook did and why.
        ids: the results that went into the prompt.
    """

    at: float
    order: tuple[int, int]
    execution: Execution | None = None
    hook: JsonObject | None = None
    told: str = ""
    ids: tuple[str, ...] = ()


class After(NamedTuple):
    """Where a page begins: after a question or after a line of the log."""

    at: float
    id: str
    line: int


def executions(desk: Desk, request: Request) -> Response:
    """Show a page of the timeline."""
    given = {name: request.query_params.get(name, "").strip() for name in ("kind", "status", "project")}
    after = _after(request.query_params.get("after", ""))
    moments: list[Moment] = []
    with open_stores() as stores:
        if given["kind"] != "hooks":
            moments += _questions(stores, given, after)
    if given["kind"] != "questions" and not (given["status"] or given["project"]):
        moments += _hooks(after)
    moments.sort(key=lambda moment: (-moment.at, *moment.order))
    shown = moments[:_PAGE]
    kept = {name: value for name, value in given.items() if value}
    following = f"/executions?{urlencode({**kept, 'after': _place(shown[-1])})}" if len(moments) > _PAGE else ""
    return desk.page(
        request,
        "executions.html",
        given=given,
        kinds=_KINDS,
        statuses=STATUSES,
        moments=shown,
        following=following,
        is_first=after is None,
        address=f"{request.url.path}?{request.url.query}",
    )


def execution(desk: Desk, request: Request) -> Response:
    """Show one question in full."""
    with open_stores() as stores:
        question = stores.executions.get(request.path_params["identifier"])
    attempts = [attempt._asdict() for attempt in question.attempts]
    return desk.page(
        request,
        "execution.html",
        one=question,
        axis=lanes(attempts),
        is_timed=all(attempt.started_ms is not None for attempt in question.attempts),
        address=request.url.path,
    )


def rate(_desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Keep how good an answer was."""
    stars = fields.get("stars", "")
    if stars not in ("1", "2", "3", "4", "5"):
        raise QueryError(f"{stars!r} is not a rating.", "Rate from 1 (useless) to 5 (just right).")
    with open_stores() as stores:
        stores.executions.rate(request.path_params["identifier"], int(stars))
    return go_back(fields, "/executions", "rated")


def _questions(stores: LearningStores, given: Mapping[str, str], after: After | None) -> list[Moment]:
    questions = stores.executions.newest(
        _PAGE + 1,
        status=given["status"] or None,
        project=given["project"] or None,
        after=(after.at, after.id) if after else None,
    )
    return [Moment(question.started_at, (0, place), execution=question) for place, question in enumerate(questions)]


def _hooks(after: After | None) -> list[Moment]:
    lines = list(enumerate(journal.entries(paths.hooks_log())))
    moments = []
    for number, line in reversed(lines):
        at = _seconds(str(line["time"]))
        if after and (at, number) >= (after.at, after.line):
            continue
        outcome = _OUTCOMES.get(str(line.get("outcome")), str(line.get("outcome", "")))
        ids = tuple(str(line.get("ids", "")).split())
        moments.append(Moment(at, (1, -number), hook=line, told=outcome, ids=ids))
        if len(moments) > _PAGE:
            break
    return moments


def _seconds(time: str) -> float:
    try:
        return datetime.fromisoformat(time).astimezone(UTC).timestamp()
    except ValueError:
        return 0.0


def _place(last: Moment) -> str:
    """Return the place of the last moment of a page."""
    if last.execution:
        return f"{last.at!r}/{last.execution.id}/"
    return f"{last.at!r}//{-last.order[1]}"


def _after(text: str) -> After | None:
    """Read what `_place` wrote: after a question come the hooks of its time, after a hook no question of it."""
    if not text:
        return None
    try:
        at, identifier, line = text.split("/")
        if identifier:
            return After(float(at), identifier, 2**62)
        return After(float(at), _LAST_ID, int(line))
    except ValueError as error:
        raise QueryError(f"{text!r} is not a place in the timeline.", "Begin with the first page.") from error
