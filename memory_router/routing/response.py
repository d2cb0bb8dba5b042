"""Find, check and read what a backend printed: the router's side of the contract."""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

from memory_router.contract import HEALTH_STATUSES, STATUSES, Health, JsonObject
from memory_router.errors import InvalidResponseError
from memory_router.retrieval.merging import posterior
from memory_router.routing.sanitising import clean, sanitised


def decode_response(raw: bytes) -> JsonObject:
    """Find, check and clean the response in what a backend printed, keeping members that the contract does not name.

    Raises:
        InvalidResponseError: there is no JSON object, or a member is missing or wrong; the cause names it.
    """
    body = _find_object(raw, "query")
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
    cleaned: JsonObject = sanitised(body)
    return cleaned


def decode_health(raw: bytes) -> Health:
    """Find and check the answer to the `health` verb.

    Raises:
        InvalidResponseError: no JSON object came, or its `status` is not one of the four.
    """
    body = _find_object(raw, "health")
    if body is None:
        raise _invalid(_printed(raw))
    if body.get("status") not in HEALTH_STATUSES:
        raise _invalid(f"`status` is {_shown(body.get('status'))}, not one of {', '.join(HEALTH_STATUSES)}")
    known = {name: clean(str(body[name])) for name in Health._fields if body.get(name) is not None}
    return Health(**known)


def ends_with_answer(raw: bytes | bytearray, verb: str) -> bool:
    """Return whether the last full line is an answer to a verb: an adapter that stays running prints no end."""
    if not raw.endswith(b"\n"):
        return False
    last = raw[raw.rfind(b"\n", 0, len(raw) - 1) + 1 :].strip()
    return last.startswith(b"{") and last.endswith(b"}") and _is_answer(_loads(last) or {}, verb)


def holds_answer(raw: bytes | bytearray, verb: str) -> bool:
    """Return whether there is an answer to a verb somewhere in what a backend printed."""
    return _is_answer(_find_object(raw, verb) or {}, verb)


def written_by(by: str | None, response: JsonObject) -> JsonObject:
    """Leave out what another author wrote, or nobody is named for: not every backend knows authors.

    Args:
        by: a value of `metadata.author`, or None to leave out nothing.
        response: a checked response.
    """
    if by is None:
        return response
    results = [
        result
        for result in response["results"]
        if by.lower() in (str(part).lower() for part in (result["metadata"].get("author") or {}).values())
    ]
    if len(results) == len(response["results"]):
        return response
    kept = _with(response, results)
    if results:
        return kept
    message = f"None of the {len(response['results'])} results says that {by} wrote it."
    return {**kept, "status": "empty", "error_code": "NO_MATCH", "error_message": message}


def nearer(project: str | None, response: JsonObject) -> JsonObject:
    """Weigh results of a project more than those of others; results without a project stay as they are.

    Args:
        project: the project that the caller works in, or None.
        response: a checked response.
    """
    projects = [str((result["metadata"] or {}).get("project") or "") for result in response["results"]]
    if project is None or len({*projects} - {""}) < 2 or project not in projects:
        return response
    results = [
        {**result, "relevance": round(posterior(result["relevance"], _NEAR), 4)} if own == project else result
        for result, own in zip(response["results"], projects, strict=True)
    ]
    return _with(response, sorted(results, key=lambda result: -result["relevance"]))


def _with(response: JsonObject, results: list[JsonObject]) -> JsonObject:
    relevance = results[0]["relevance"] if results else 0.0
    return {**response, "results": results, "result_count": len(results), "normalized_relevance": relevance}


# The log-odds by which a result of the caller's own project is likelier to be meant than one of another project.
_NEAR = 0.5
# An answer with this many other objects before it, and as many after it, is not looked for.
_MOST_OBJECTS = 100
# How often a text may be read for objects that have no end.
_MOST_READINGS = 3
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
    # In Python a bool is an int; in JSON `true` is not a number.
    return isinstance(value, types) and not isinstance(value, bool)


def _is_answer(body: JsonObject, verb: str) -> bool:
    """Return whether an object is meant as an answer to a verb, whole or not; a line of a log in JSON is not.

    An answer to a question has most of the contract's members, so that one is still recognised, and can be refused
    with a reason, when a member is missing. An answer to `health` has one of four states.
    """
    if verb == "health":
        return body.get("status") in HEALTH_STATUSES
    return sum(name in body for name in _RESPONSE_MEMBERS) > len(_RESPONSE_MEMBERS) / 2


def _find_object(raw: bytes | bytearray, verb: str) -> JsonObject | None:
    """Return the JSON object that `raw` is, or the answer that begins a line of it: log lines may stand around it."""
    whole = _loads(raw)
    if whole is not None:
        return whole
    text = raw.decode("utf-8", "replace")
    first, to_read = None, _MOST_READINGS * len(text)
    for start in _beginnings(text):
        if to_read < 0:
            break
        body, end = _raw_decode(text, start)
        to_read -= end - start
        if body is not None and _is_answer(body, verb):
            return body
        first = first or body
    return first


def _beginnings(text: str) -> Iterator[int]:
    """Yield where lines begin that may be objects, up to a number of the first and of the last ones of a flood."""
    start = 0 if text.startswith("{") else text.find("\n{") + 1
    for _ in range(_MOST_OBJECTS):
        if not text.startswith("{", start):
            return
        yield start
        start = text.find("\n{", start) + 1
        if not start:
            return
    end = len(text)
    for _ in range(_MOST_OBJECTS):
        end = text.rfind("\n{", start - 1, end)
        if end < 0:
            return
        yield end + 1


def _loads(raw: bytes | bytearray) -> JsonObject | None:
    try:
        value = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _raw_decode(text: str, start: int) -> tuple[JsonObject | None, int]:
    """Return the object that begins at `start`, or None, and how far it was read."""
    try:
        value, end = json.JSONDecoder(parse_constant=_refuse).raw_decode(text, start)
    except json.JSONDecodeError as error:
        return None, error.pos
    except (ValueError, RecursionError):
        return None, len(text)
    return (value if isinstance(value, dict) else None), end


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
