"""Answer from the notes and source files that `memory-router index` or the real QMD indexed."""

import time
from typing import TYPE_CHECKING

from memory_router import paths
from memory_router.contract import Health, Request, Response, Result, answer, failure, iso_time, nothing, serve, window
from memory_router.engines.documents.freshness import present
from memory_router.engines.documents.search import DocumentHit, DocumentIndex
from memory_router.engines.documents.selection import EVERYTHING, PassageSelection
from memory_router.engines.tiers.disputes import Disputes
from memory_router.errors import StoreError

if TYPE_CHECKING:
    from memory_router.engines.qmd.search import QmdHit as RealHit

_FIX = "Run: memory-router index PATH"
_MODE = "query"  # words and meaning together, unless the router asks for one of them

# What of the deadline is kept for starting and for printing, and what of it a model elsewhere has for the question.
_DEADLINE_SHARE, _DEADLINE_RESERVE, _MEANING_SHARE = 0.8, 0.2, 0.5

_opened: list[DocumentIndex] = []


def query(request: Request) -> Response:
    """Search the index, and that of the real QMD if there is one, for passages that answer a question."""
    place = paths.qmd_index()
    response = _own(request) if place is None else _with_real(place, request)
    return response._replace(results=Disputes.read().marked(response.results)) if response.results else response


def _own(request: Request) -> Response:
    index = _index()
    if index is None:
        return failure("NOT_INDEXED", f"No folder is indexed yet. {_FIX}")
    mode = request.mode or _MODE
    selection = _selection(request)
    seconds = _MEANING_SHARE * request.deadline_ms / 1000
    presented = present(
        index, lambda chosen: index.search(request.query, request.limit, mode, chosen, seconds), selection
    )
    if presented.hits:
        results = [_result(hit, is_changed=hit.path in presented.changed) for hit in presented.hits]
        return answer(results, {"engine": "embedded", **index.answer_metadata(mode), **presented.metadata()})
    if presented.gone:
        return nothing("NO_MATCH", presented.explanation())._replace(metadata=presented.metadata())
    if not (chunks := index.statistics().chunks):
        return failure("NOT_INDEXED", f"The index is empty: no passage was found in what was indexed. {_FIX}")
    if selection != EVERYTHING:
        return nothing("NO_MATCH", "No passage of that time and project shares a word with the question.")
    return nothing("NO_MATCH", f"No passage shares a word with the question ({chunks:,} indexed).")


def _selection(request: Request) -> PassageSelection:
    """Return what may answer."""
    return PassageSelection(*window(request), request.scope or None)


def _with_real(place: str, request: Request) -> Response:
    """Ask QMD's index and our own; each result says which it is from."""
    from memory_router.engines.foreign import merged
    from memory_router.engines.qmd.answering import find

    ends = time.monotonic() + _DEADLINE_SHARE * request.deadline_ms / 1000 - _DEADLINE_RESERVE
    try:
        own = _own(request)
    except StoreError as error:
        own = failure(error.code, str(error))
    try:
        selection = _selection(request)
        chosen = None if selection == EVERYTHING else selection
        reply = find(place, request.query, request.mode, request.limit, ends - time.monotonic(), chosen)
    except StoreError as error:
        metadata = {**(own.metadata or {}), "qmd": {"error": error.cause, "fix": error.fix}}
        return own._replace(metadata=metadata) if own.results else failure(error.code, str(error))
    results = merged([_real_result(hit) for hit in reply.hits], own.results)[: request.limit]
    if results:
        engine = (results[0].metadata or {})["engine"]
        first = {"engine": "qmd", "answered_by": reply.answered_by} if engine == "qmd" else own.metadata or {}
        return answer(results, {**first, "qmd": {"answered_by": reply.answered_by, **reply.notes}})
    if own.error_code != "NOT_INDEXED":
        return own
    from memory_router.engines.qmd.state import examine

    state = examine(place)
    if state and state.kind == "empty":
        return failure("NOT_INDEXED", f"{state.reason} {state.fix} Or: memory-router index PATH")
    return nothing("NO_MATCH", "No document of QMD's index shares a word with the question.")


def get(request: Request) -> Response:
    """Fetch a passage by the id that an answer gave."""
    name, layer = request.id or "", request.layer or "detail"
    if name.startswith("qmd://"):
        return _real_passage(name, layer)
    from memory_router.engines.documents.fetching import fetch

    passage = fetch(paths.documents_db(), name, layer)
    if passage is None:
        return nothing("NOT_FOUND", "No indexed file holds this passage any more; ask the question again.")
    metadata = {"engine": "embedded", "lines": [passage.first_line, passage.last_line], "heading": passage.heading}
    result = Result(
        passage.text,
        1.0 if passage.details["passage"] != "changed" else 0.5,
        timestamp=iso_time(passage.modified),
        id=passage.name,
        title=passage.details["title"],
        path=passage.path,
        line=passage.first_line,
        metadata=metadata | passage.details,
    )
    return answer([result], {"engine": "embedded"})


def _real_passage(name: str, layer: str) -> Response:
    """Fetch a passage that QMD's index holds."""
    from memory_router.engines.qmd.search import passage

    place = paths.qmd_index()
    hits = passage(place, name, layer).hits if place else []
    if not hits:
        return nothing("NOT_FOUND", "QMD's index does not hold this document any more; ask the question again.")
    return answer([_real_result(hit)._replace(raw_score=None) for hit in hits], {"engine": "qmd"})


def health() -> Health:
    """Say what is indexed, here and by the real QMD."""
    from memory_router.engines.documents import state as documents
    from memory_router.engines.foreign import health_of_both
    from memory_router.engines.qmd.state import examine

    own, state = documents.examine(paths.documents_db()), examine(paths.qmd_index())
    if state is None:
        return Health(*own)
    engine = "qmd" if state.kind == "ready" else "embedded"
    return Health(*health_of_both(own.status, own.reason, state), engine)


def _index() -> DocumentIndex | None:
    """Return the index, opened once; it may come into being, or be built anew, while this process runs."""
    if _opened and _opened[0].is_replaced():
        _opened.pop().close()
    if not _opened and (opened := DocumentIndex.open(paths.documents_db())):
        _opened.append(opened)
    return _opened[0] if _opened else None


def _result(hit: DocumentHit, *, is_changed: bool) -> Result:
    return Result(
        hit.content,
        round(hit.relevance, 4),
        timestamp=iso_time(hit.modified),
        id=hit.name,
        title=hit.title,
        path=hit.path,
        line=hit.first_line,
        metadata={
            "engine": "embedded",
            "lines": [hit.first_line, hit.last_line],
            "heading": hit.heading,
            "language": hit.language,
            "project": hit.project,
            "root": hit.root,
            **({"file": "changed"} if is_changed else {}),
            **({"superseded_by": hit.successor.name} if hit.successor else {}),
            **({"copies": [f"{path}:{line}" for path, line in hit.copies]} if hit.copies else {}),
        },
    )


def _real_result(hit: "RealHit") -> Result:
    return Result(
        hit.content,
        round(hit.relevance, 4),
        timestamp=hit.modified,
        id=hit.uri,
        title=hit.title,
        path=hit.path,
        line=hit.first_line,
        raw_score=round(hit.raw_score, 6),
        metadata={
            "engine": "qmd",
            "lines": [hit.first_line, hit.last_line],
            "heading": hit.heading,
            "collection": hit.collection,
            "project": hit.project,
            **({"stale": "The file was changed after QMD had read it."} if hit.is_changed else {}),
        },
    )


if __name__ == "__main__":
    serve("qmd", query=query, health=health, get=get)
