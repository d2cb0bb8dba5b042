"""Speak the adapter contract: one JSON request a line on stdin, one JSON response a line on stdout.

An adapter is any program that does so; `backends/CONTRACT.md` describes it for every language. For Python the
types below and `serve` are all there is to it:

    def query(request: Request) -> Response:
        return answer(request, [Result("the text", relevance=0.9)])

    serve("notes", query=query)

The router's side is `encode_request` and `routing.response`. Named tuples and the standard library's `json` on
purpose: both processes of a cold query import this module, and nothing lighter is typed and immutable.
"""

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from memory_router.errors import MemoryRouterError
from memory_router.text import question_vector

VERSION = 1
STATUSES = ("success", "empty", "error")
HEALTH_STATUSES = ("ready", "degraded", "installed", "unavailable")
# What an adapter may run on after its deadline before it ends itself, should nobody be left to end it.
_GRACE_SECONDS = 1.0

JsonObject = dict[str, Any]


class Request(NamedTuple):
    """Ask one thing of a backend.

    Args:
        verb: `query`, `get`, `health`, `store`, `forget` or `index`.
        query: the question, unchanged.
        mode: one of the manifest's modes, or None.
        limit: the largest number of results.
        deadline_ms: after how many milliseconds the router stops listening.
        scope: the project that may be searched, or None for all.
        since: ISO 8601 time; nothing older is wanted.
        until: ISO 8601 time; nothing newer is wanted.
        id: for `get`: the id of the result to fetch, as the backend gave it.
        layer: for `get`: `search` (a snippet), `timeline` (what surrounds it) or `detail` (everything).
        by: only what this author wrote: one of the values of a result's `metadata.author`; or None for all.
        near: the project that the caller works in, whose results weigh more; or None.
        vector: the question's vector and the name of its model, where the router made one (`text.question_vector`);
            our own stores compare by it, others need not look at it.
    """

    verb: str
    query: str = ""
    mode: str | None = None
    limit: int = 10
    deadline_ms: int = 5000
    scope: str | None = None
    since: str | None = None
    until: str | None = None
    id: str | None = None
    layer: str | None = None
    by: str | None = None
    near: str | None = None
    vector: str | None = None


class Result(NamedTuple):
    """One thing found.

    Args:
        content: the text itself.
        relevance: calibrated estimate in [0, 1] that this answers the query; never a raw score.
        source: the backend it comes from; `answer` fills it in.
        timestamp: when the text was written, ISO 8601, or None.
        id: what `get` takes to find it again.
        title: what a person would call it.
        path: the file it stands in.
        line: its first line there, counted from 1.
        raw_score: what the engine itself scored; comparable within one answer only.
        metadata: anything else.
    """

    content: str
    relevance: float
    source: str | None = None
    timestamp: str | None = None
    id: str | None = None
    title: str | None = None
    path: str | None = None
    line: int | None = None
    raw_score: float | None = None
    metadata: Mapping[str, Any] | None = None


class Response(NamedTuple):
    """What an adapter says: results, the reason for no results, or an error with its cause.

    Args:
        results: best first.
        normalized_relevance: estimate in [0, 1] that the first result answers the query.
        error_code: machine-readable cause of an error, or the reason why an empty answer is empty.
        error_message: the same as a sentence with a fix.
        status: `success`, `empty` or `error`; derived from the rest when None.
        metadata: anything else about the answer as a whole.
    """

    results: Sequence[Result] = ()
    normalized_relevance: float = 0.0
    error_code: str | None = None
    error_message: str | None = None
    status: str | None = None
    metadata: Mapping[str, Any] | None = None


class Health(NamedTuple):
    """Return whether a backend can answer now.

    Args:
        status: `ready`; `degraded` (answers, but worse than it could); `installed` (there, but holds nothing or
            is not set up); `unavailable` (cannot answer).
        reason: one sentence about the status.
        fix: what to do to make it `ready`; empty when it is.
        engine: what answers: `embedded` or the name of the real program.
    """

    status: str
    reason: str = ""
    fix: str = ""
    engine: str = "embedded"


def answer(results: Sequence[Result], metadata: Mapping[str, Any] | None = None) -> Response:
    """Wrap results, best first; the first one's relevance becomes the answer's."""
    top = results[0].relevance if results else 0.0
    return Response(results, top, metadata=metadata)


def nothing(code: str, message: str) -> Response:
    """Return the response for no result, with the reason."""
    return Response(error_code=code, error_message=message, status="empty")


def failure(code: str, message: str) -> Response:
    """Return the response for a question that could not be asked, with the reason."""
    return Response(error_code=code, error_message=message, status="error")


def serve(
    backend: str,
    *,
    query: Callable[[Request], Response],
    health: Callable[[], Health] = lambda: Health("ready"),
    get: Callable[[Request], Response] | None = None,
) -> NoReturn:
    """Answer requests from stdin until it closes, then end the process.

    Args:
        backend: the name in the manifest.
        query: answers the `query` verb; what it raises becomes an error response.
        health: answers the `health` verb; what it raises makes the backend `unavailable`.
        get: answers the `get` verb, if the backend can fetch a result by its id.
    """
    gc.freeze()  # what is imported stays: no question need look through it for cycles
    verbs = {"query": query} if get is None else {"query": query, "get": get}
    # The answers have a channel of their own: whatever else prints to stdout lands on stderr.
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        started = time.perf_counter()
        reply = _reply(backend, line, verbs, health)
        reply["backend_duration_ms"] = round((time.perf_counter() - started) * 1000)
        wire.write(_encode(backend, reply) + b"\n")
        wire.flush()
        signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stderr.flush()
    # Skips the interpreter's tear-down, a tenth of a cold query: everything is flushed, and stores are read only.
    os._exit(0)


def encode_request(request: Request) -> bytes:
    """Return the request as one line of JSON."""
    return json.dumps({"contract": VERSION, **request._asdict()}).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read one line of JSON as a request, ignoring members that this version does not know.

    Raises:
        ValueError: the line is not a JSON object or holds no verb.
    """
    body = json.loads(line)
    if not isinstance(body, dict) or not isinstance(body.get("verb"), str):
        raise ValueError("a request is a JSON object with a `verb`")
    return Request(**{name: body[name] for name in Request._fields if name in body})


def window(request: Request) -> tuple[float | None, float | None]:
    """Return `since` and `until` of a request in seconds since the epoch; a time without a zone is in UTC.

    Raises:
        ValueError: one of them is not an ISO 8601 time.
    """
    return _seconds(request.since), _seconds(request.until)


def _seconds(moment: str | None) -> float | None:
    if moment is None:
        return None
    from datetime import UTC, datetime  # few questions have a window, and this import is dear

    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def iso_time(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _reply(
    backend: str, line: bytes, verbs: Mapping[str, Callable[[Request], Response]], health: Callable[[], Health]
) -> JsonObject:
    try:
        request = decode_request(line)
    except (ValueError, RecursionError) as error:
        return _response(backend, "", failure("BAD_REQUEST", f"The request cannot be read: {error}."))
    signal.setitimer(signal.ITIMER_REAL, request.deadline_ms / 1000 + _GRACE_SECONDS)
    question_vector.take(request.vector)
    if request.verb == "health":
        return _health(health)._asdict()
    return _response(backend, request.query, _attempt(backend, request, verbs))


def _encode(backend: str, reply: JsonObject) -> bytes:
    """Return a reply as JSON: a time or a path in `metadata` becomes text, and what cannot be encoded an error."""
    try:
        return json.dumps(reply, allow_nan=False, default=str).encode()
    except (TypeError, ValueError, RecursionError) as error:
        query = str(reply.get("query_echo", ""))
        refused = failure("BACKEND_ERROR", f"The answer of {backend} cannot be written as JSON: {error}.")
        return json.dumps(_response(backend, query, refused)).encode()


def _health(health: Callable[[], Health]) -> Health:
    try:
        return health()
    except MemoryRouterError as error:
        return Health("unavailable", error.cause, error.fix)
    except Exception as error:  # the process boundary, as below
        return Health("unavailable", f"Its health check failed: {type(error).__name__}: {error}.")


def _attempt(backend: str, request: Request, verbs: Mapping[str, Callable[[Request], Response]]) -> Response:
    if request.verb not in verbs:
        return failure("UNKNOWN_VERB", f"{backend} does not know the verb {request.verb!r}.")
    try:
        window(request)
    except (ValueError, TypeError, OverflowError) as error:
        return failure("BAD_REQUEST", f"`since` and `until` are ISO 8601 times: {error}.")
    try:
        return verbs[request.verb](request)
    except MemoryRouterError as error:
        return failure(error.code, str(error))
    except Exception as error:  # the process boundary: whatever an engine raises is an answer, not a traceback
        return failure("BACKEND_ERROR", f"{backend} failed: {type(error).__name__}: {error}.")


def _response(backend: str, query: str, response: Response) -> JsonObject:
    results = [_without_none(result._replace(source=result.source or backend)) for result in response.results]
    body: JsonObject = {
        "query_echo": query,
        "results": results,
        "result_count": len(results),
        "status": response.status or ("success" if results else "empty"),
        "error_message": response.error_message,
        "error_code": response.error_code,
        "backend_duration_ms": 0,
        "normalized_relevance": response.normalized_relevance,
        "backend": backend,
    }
    if response.metadata:
        body["metadata"] = dict(response.metadata)
    return body


def _without_none(result: Result) -> JsonObject:
    # `timestamp` is one of the four members that every result has.
    return {name: value for name, value in result._asdict().items() if value is not None or name == "timestamp"}
