"""Answer from the graph of what is indexed: what depends on what, how things relate, the ways between them."""

from memory_router import paths
from memory_router.contract import Health, Request, Response, Result, answer, failure, iso_time, nothing, serve
from memory_router.engines.graph.entity import Finding
from memory_router.engines.graph.search import KnowledgeGraph
from memory_router.errors import StoreError

_FIX = "Run: memory-router index PATH"

_opened: list[KnowledgeGraph] = []


def query(request: Request) -> Response:
    """Answer a question about relations."""
    graph = _graph()
    if graph is None:
        return failure("NOT_INDEXED", f"There is no graph yet: nothing is indexed. {_FIX}")
    told = graph.ask(request.query, request.limit)
    metadata = {"engine": "embedded", "intent": told.intent, **({"note": told.note} if told.note else {})}
    if told.findings:
        return answer([_result(finding) for finding in told.findings], metadata)
    if not graph.statistics().entities:
        return failure("NOT_INDEXED", f"The graph is empty: nothing was found in what is indexed. {_FIX}")
    return nothing(told.code, told.note)._replace(metadata=metadata)


def health() -> Health:
    """Say what the graph holds."""
    try:
        graph = _graph()
        held = graph.statistics() if graph else None
    except StoreError as error:
        return Health("unavailable", error.cause, error.fix)
    if held is None or not held.entities:
        return Health("installed", "Nothing is indexed yet, so there is no graph.", _FIX)
    return Health("ready", f"{held.entities:,} entities and {held.relations:,} relations from {held.texts:,} texts.")


def _graph() -> KnowledgeGraph | None:
    """Return the graph, opened once; it may come into being, or be built anew, while this process runs."""
    if _opened and _opened[0].is_replaced():
        _opened.pop().close()
    if not _opened and (opened := KnowledgeGraph.open(paths.graph_db())):
        _opened.append(opened)
    return _opened[0] if _opened else None


def _result(finding: Finding) -> Result:
    return Result(
        finding.content,
        finding.relevance,
        timestamp=iso_time(finding.modified) if finding.modified else None,
        id=None if finding.id is None else str(finding.id),
        title=finding.title,
        path=finding.path,
        line=finding.line,
        metadata={"engine": "embedded", **finding.metadata},
    )


if __name__ == "__main__":
    serve("cognee", query=query, health=health)
