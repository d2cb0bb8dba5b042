"""Answer from graphs, of what is indexed and of the real Cognee: what depends on what, how things relate, the ways."""

import time
from typing import TYPE_CHECKING

from memory_router import paths
from memory_router.contract import Health, Request, Response, Result, answer, failure, iso_time, nothing, serve, window
from memory_router.engines.cognee.place import CogneePlace, place
from memory_router.engines.documents.projects import indexed_projects
from memory_router.engines.graph.entity import Finding
from memory_router.engines.graph.freshness import take_in_memories
from memory_router.engines.graph.search import KnowledgeGraph
from memory_router.engines.tiers.disputes import Disputes
from memory_router.errors import StoreError
from memory_router.scope import admits

if TYPE_CHECKING:
    from memory_router.engines.cognee.hit import CogneeHit

_FIX = "Run: memory-router index PATH"
_GONE = "The graph holds no such thing any more; ask the question again."

# What of the deadline is kept for starting this process and for printing the answer.
_DEADLINE_SHARE = 0.8
_DEADLINE_RESERVE = 0.2

# How many findings are looked through for those of a time and a project.
_FILTERED = 100

# How many relations of a thing a layer tells.
_RELATIONS = {"search": 0, "timeline": 5, "detail": 50}

_opened: list[KnowledgeGraph] = []


def query(request: Request) -> Response:
    """Answer a question about relations from our graph, and from the real Cognee's if there is one."""
    if not (request.scope or request.since or request.until):
        return _anything(request)
    response = _anything(request._replace(limit=max(_FILTERED, request.limit)))
    within = [result for result in response.results if _is_within(result, request)]
    if within or not response.results:
        return answer(within[: request.limit], response.metadata) if within else response
    return nothing("NO_MATCH", "What the graph holds of it is of another time or project.")


def _anything(request: Request) -> Response:
    real = place()
    response = _own(request) if real is None else _with_real(real, request)
    return response._replace(results=Disputes.read().marked(response.results)) if response.results else response


def _is_within(result: Result, request: Request) -> bool:
    """Return whether a result is of the time and of the project that are asked for."""
    since, until = window(request)
    at = window(Request("", since=result.timestamp))[0]
    if (since is not None and (at is None or at < since)) or (until is not None and (at is None or at > until)):
        return False
    return admits(str((result.metadata or {}).get("project") or ""), request.scope or None)


def _own(request: Request) -> Response:
    take_in_memories()
    graph = _graph()
    if graph is None:
        return failure("NOT_INDEXED", f"There is no graph yet: it is made with the index. {_FIX}")
    told = graph.ask(request.query, request.limit)
    metadata = {"engine": "embedded", "intent": told.intent, **({"note": told.note} if told.note else {})}
    if told.findings:
        projects = indexed_projects(paths.documents_db(), [finding.path for finding in told.findings if finding.path])
        return answer([_result(finding, projects.get(finding.path or "")) for finding in told.findings], metadata)
    if not graph.statistics().entities:
        return failure("NOT_INDEXED", f"The graph is empty: nothing was found in what is indexed. {_FIX}")
    return nothing(told.code, told.note)._replace(metadata=metadata)


def _with_real(real: CogneePlace, request: Request) -> Response:
    """Ask Cognee's data and our own; each result says which it is from."""
    from memory_router.engines.cognee.answering import find
    from memory_router.engines.foreign import merged

    ends = time.monotonic() + _DEADLINE_SHARE * request.deadline_ms / 1000 - _DEADLINE_RESERVE
    try:
        own = _own(request)
    except StoreError as error:
        own = failure(error.code, str(error))
    try:
        reply = find(real, request.query, request.limit, ends - time.monotonic())
    except StoreError as error:
        metadata = {**(own.metadata or {}), "cognee": {"error": error.cause, "fix": error.fix}}
        if own.results or own.status == "empty":
            return own._replace(metadata=metadata)
        return failure(error.code, str(error))
    results = merged([_real_result(hit, reply.by) for hit in reply.hits], own.results)[: request.limit]
    told = {"answered_by": reply.by, **reply.notes}
    if results:
        engine = (results[0].metadata or {})["engine"]
        first = {"engine": "cognee", "intent": reply.intent} if engine == "cognee" else own.metadata or {}
        return answer(results, {**first, "cognee": told})
    if own.status == "empty":
        return own._replace(metadata={**(own.metadata or {}), "cognee": told})
    if reply.is_empty:
        message = "Cognee's graph holds nothing, and nothing is indexed here."
        return failure("NOT_INDEXED", f"{message} Run: cognee-cli cognify, or: memory-router index PATH")
    return nothing("NO_MATCH", "Nothing in Cognee's graph shares a word with the question.")._replace(
        metadata={"engine": "cognee", "cognee": told}
    )


def get(request: Request) -> Response:
    """Fetch a thing of our graph with its relations, or a passage or thing of the real Cognee's, by its id."""
    name = request.id or ""
    if name.startswith("cognee:"):
        from memory_router.engines.cognee.answering import fetch

        real, seconds = place(), _DEADLINE_SHARE * request.deadline_ms / 1000 - _DEADLINE_RESERVE
        hit = fetch(real, name.removeprefix("cognee:"), seconds) if real else None
        return answer([_real_result(hit, "file")], {"engine": "cognee"}) if hit else nothing("NOT_FOUND", _GONE)
    graph = _graph()
    told = graph.told(int(name), _RELATIONS[request.layer or "detail"]) if graph and name.isdecimal() else None
    if told is None:
        return nothing("NOT_FOUND", _GONE)
    projects = indexed_projects(paths.documents_db(), [told.path] if told.path else [])
    return answer([_result(told, projects.get(told.path or ""))], {"engine": "embedded"})


def health() -> Health:
    """Say what the graph holds, ours and the real Cognee's."""
    from memory_router.engines.cognee.state import examine
    from memory_router.engines.foreign import health_of_both

    own, state = _own_health(), examine(place())
    if state is None:
        return own
    engine = "cognee" if state.kind == "ready" else "embedded"
    return Health(*health_of_both(own.status, own.reason, state), engine)


def _own_health() -> Health:
    try:
        graph = _graph()
        held = graph.statistics() if graph else None
    except StoreError as error:
        return Health("unavailable", error.cause, error.fix)
    if held is None or not held.entities:
        return Health("installed", "There is no graph yet: it is made with the index.", _FIX)
    return Health("ready", f"{held.entities:,} entities and {held.relations:,} relations from {held.texts:,} texts.")


def _graph() -> KnowledgeGraph | None:
    """Return the graph, opened once; it may come into being, or be built anew, while this process runs."""
    if _opened and _opened[0].is_replaced():
        _opened.pop().close()
    if not _opened and (opened := KnowledgeGraph.open(paths.graph_db())):
        _opened.append(opened)
    return _opened[0] if _opened else None


def _result(finding: Finding, project: str | None) -> Result:
    return Result(
        finding.content,
        finding.relevance,
        timestamp=iso_time(finding.modified) if finding.modified else None,
        id=None if finding.id is None else str(finding.id),
        title=finding.title,
        path=finding.path,
        line=finding.line,
        metadata={"engine": "embedded", **({"project": project} if project else {}), **finding.metadata},
    )


def _real_result(hit: "CogneeHit", by: str) -> Result:
    return Result(
        hit.content,
        hit.relevance,
        timestamp=iso_time(hit.written) if hit.written else None,
        id=f"cognee:{hit.id}",
        title=hit.title,
        metadata={"engine": "cognee", "by": by, **hit.metadata},
    )


if __name__ == "__main__":
    serve("cognee", query=query, health=health, get=get)
