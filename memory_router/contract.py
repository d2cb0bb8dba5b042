"""Speak the adapter contract: one JSON request a line on stdin, one JSON response a line on stdout.

An adapter is any program that does so; `backends/CONTRACT.md` describes it for every language. For Python the
types below and `serve` are all there is to it:

    def query(request: Request) -> Response:
        return answer(request, [Result("the text", relevance=0.9)])

    serve("notes", query=query)

The router side is `encode_request` and `decode_response`. Named tuples and the standard library's `json` on
purpose: both processes of a cold query import this module, and nothing lighter is typed and immutable.
"""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from memory_router.errors import InvalidResponseError, MemoryRouterError

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
        limit: how many results at the most.
        deadline_ms: after how many milliseconds the router stops listening.
        scope: the project that may be searched, or None for all.
        since: ISO 8601 time; nothing older is wanted.
        until: ISO 8601 time; nothing newer is wanted.
    """

    verb: str
    query: str = ""
    mode: str | None = None
    limit: int = 10
    deadline_ms: int = 5000
    scope: str | None = None
    since: str | None = None
    until: str | None = None


class Result(NamedTuple):
    """Hold one thing found.

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
    """Hold what an adapter says: results, the reason why there are none, or an error with its cause.

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
    """Say whether a backend can answer now.

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
    """Say that there is no result, and why."""
    return Response(error_code=code, error_message=message, status="empty")


def failure(code: str, message: str) -> Response:
    """Say that the question could not be asked, and why."""
    return Response(error_code=code, error_message=message, status="error")


def serve(
    backend: str,
    *,
    query: Callable[[Request], Response],
    health: Callable[[], Health] = lambda: Health("ready"),
) -> NoReturn:
    """Answer requests from stdin until it closes, then end the process.

    Args:
        backend: the name in the manifest.
        query: answers the `query` verb; what it raises becomes an error response.
        health: answers the `health` verb.
    """
    # The answers have a channel of their own: whatever else prints to stdout lands on stderr.
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        started = time.perf_counter()
        reply = _reply(backend, line, query, health)
        reply["backend_duration_ms"] = round((time.perf_counter() - started) * 1000)
        wire.write(json.dumps(reply, allow_nan=False).encode() + b"\n")
        wire.flush()
        signal.setitimer(signal.ITIMER_REAL, 0)
    sys.stderr.flush()
    # Skips the interpreter's tear-down, a tenth of a cold query: everything is flushed, and stores are read only.
    os._exit(0)


def serve_unavailable(backend: str, reason: str, fix: str) -> NoReturn:
    """Be a backend that cannot answer in this version: every question and health check says why, and what to do.

    Args:
        backend: the name in the manifest.
        reason: one sentence: why it cannot answer.
        fix: one sentence: what to do meanwhile.
    """
    serve(
        backend,
        query=lambda _request: failure("BACKEND_UNAVAILABLE", f"{reason} {fix}"),
        health=lambda: Health("unavailable", reason, fix),
    )


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


def decode_response(raw: bytes) -> JsonObject:
    """Find and check the response in what a backend printed, keeping members that the contract does not name.

    Raises:
        InvalidResponseError: there is no JSON object, or a member is missing or wrong; the cause names it.
    """
    body = _find_object(raw)
    if body is None:
        raise _invalid(_printed(raw))
    for name, (types, words) in _RESPONSE_MEMBERS.items():
        if name not in body:
            raise _invalid(f"its answer lacks `{name}`")
        if not _is(body[name], types):
            raise _invalid(f"`{name}` is {_shown(body[name])}, not {words}")
    if body["status"] not in STATUSES:
        raise _invalid(f"`status` is {_shown(body['status'])}, not one of {', '.join(STATUSES)}")
    _check_relevance(body["normalized_relevance"], "normalized_relevance")
    for position, result in enumerate(body["results"]):
        _check_result(result, f"results[{position}]")
    if body["result_count"] != len(body["results"]):
        raise _invalid(f"`result_count` is {body['result_count']}, but it sent {len(body['results'])} results")
    if body["status"] == "success" and not body["results"]:
        raise _invalid("`status` is success, but there is no result")
    return body


def decode_health(raw: bytes) -> Health:
    """Find and check the answer to the `health` verb.

    Raises:
        InvalidResponseError: there is no JSON object, or its `status` is none of the four.
    """
    body = _find_object(raw)
    if body is None:
        raise _invalid(_printed(raw))
    if body.get("status") not in HEALTH_STATUSES:
        raise _invalid(f"`status` is {_shown(body.get('status'))}, not one of {', '.join(HEALTH_STATUSES)}")
    known = {name: str(body[name]) for name in Health._fields if body.get(name) is not None}
    return Health(**known)


def ends_with_answer(raw: bytes | bytearray) -> bool:
    """Say whether the last full line is an answer: its adapter may stay running, so there is no end to wait for."""
    if not raw.endswith(b"\n"):
        return False
    last = raw[raw.rfind(b"\n", 0, len(raw) - 1) + 1 :].strip()
    return last.startswith(b"{") and last.endswith(b"}") and "status" in (_loads(last) or {})


def holds_answer(raw: bytes | bytearray) -> bool:
    """Say whether there is an answer somewhere in what a backend printed."""
    return "status" in (_find_object(raw) or {})


def iso_time(seconds: float) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _reply(backend: str, line: bytes, query: Callable[[Request], Response], health: Callable[[], Health]) -> JsonObject:
    try:
        request = decode_request(line)
    except (ValueError, RecursionError) as error:
        return _response(backend, "", failure("BAD_REQUEST", f"The request cannot be read: {error}."))
    signal.setitimer(signal.ITIMER_REAL, request.deadline_ms / 1000 + _GRACE_SECONDS)
    try:
        if request.verb == "health":
            return health()._asdict()
        if request.verb == "query":
            return _response(backend, request.query, query(request))
        problem = failure("UNKNOWN_VERB", f"{backend} does not know the verb {request.verb!r}.")
    except MemoryRouterError as error:
        problem = failure(error.code, str(error))
    except Exception as error:  # the process boundary: whatever an engine raises is an answer, not a traceback
        problem = failure("BACKEND_ERROR", f"{backend} failed: {type(error).__name__}: {error}.")
    return _response(backend, request.query, problem)


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


_NUMBER = (int, float)
_TEXT_OR_NONE = (str, type(None))
_RESPONSE_MEMBERS: dict[str, tuple[tuple[type, ...], str]] = {
    "query_echo": ((str,), "text"),
    "results": ((list,), "a list"),
    "result_count": ((int,), "a whole number"),
    "status": ((str,), "text"),
    "error_message": (_TEXT_OR_NONE, "text or null"),
    "error_code": (_TEXT_OR_NONE, "text or null"),
    "backend_duration_ms": (_NUMBER, "a number"),
    "normalized_relevance": (_NUMBER, "a number"),
    "backend": ((str,), "text"),
}
_RESULT_MEMBERS: dict[str, tuple[tuple[type, ...], str]] = {
    "content": ((str,), "text"),
    "relevance": (_NUMBER, "a number"),
    "source": ((str,), "text"),
    "timestamp": (_TEXT_OR_NONE, "text or null"),
}
_OPTIONAL_RESULT_MEMBERS: dict[str, tuple[tuple[type, ...], str]] = {
    "id": ((str,), "text"),
    "title": ((str,), "text"),
    "path": ((str,), "text"),
    "line": ((int,), "a whole number"),
    "raw_score": (_NUMBER, "a number"),
    "metadata": ((dict,), "an object"),
}


def _check_result(result: Any, place: str) -> None:
    if not isinstance(result, dict):
        raise _invalid(f"`{place}` is {_shown(result)}, not an object")
    for name, (types, words) in _RESULT_MEMBERS.items():
        if name not in result:
            raise _invalid(f"`{place}` lacks `{name}`")
        if not _is(result[name], types):
            raise _invalid(f"`{place}.{name}` is {_shown(result[name])}, not {words}")
    for name, (types, words) in _OPTIONAL_RESULT_MEMBERS.items():
        if result.get(name) is not None and not _is(result[name], types):
            raise _invalid(f"`{place}.{name}` is {_shown(result[name])}, not {words}")
    _check_relevance(result["relevance"], f"{place}.relevance")


def _check_relevance(value: float, place: str) -> None:
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise _invalid(f"`{place}` is {value}, not between 0 and 1")


def _is(value: Any, types: tuple[type, ...]) -> bool:
    # In Python a bool is an int; in JSON `true` is no number.
    return isinstance(value, types) and not isinstance(value, bool)


def _find_object(raw: bytes | bytearray) -> JsonObject | None:
    """Return the JSON object that `raw` is, or one that begins a line of it: log lines may stand around it."""
    whole = _loads(raw)
    if whole is not None:
        return whole
    text = raw.decode("utf-8", "replace")
    found = None
    start = 0
    for line in text.splitlines(keepends=True):
        if line.startswith("{"):
            body = _raw_decode(text, start)
            if body is not None and "status" in body:
                return body
            found = found or body
        start += len(line)
    return found


def _loads(raw: bytes | bytearray) -> JsonObject | None:
    try:
        value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _raw_decode(text: str, start: int) -> JsonObject | None:
    try:
        value, _ = json.JSONDecoder(parse_constant=_refuse).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259, section 6


def _invalid(what: str) -> InvalidResponseError:
    return InvalidResponseError(
        f"The backend broke the contract: {what}.",
        "See backends/CONTRACT.md for what an answer holds.",
    )


def _printed(raw: bytes) -> str:
    if not raw.strip():
        return "it printed nothing"
    if b"NaN" in raw or b"Infinity" in raw:
        return "it printed NaN or Infinity, which JSON does not have"
    return f"it printed no JSON object but {_shown(raw[:80].decode('utf-8', 'replace'))}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
