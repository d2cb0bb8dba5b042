"""Answer from the notes and source files that `memory-router index` indexed."""

from memory_router import paths
from memory_router.contract import Health, Request, Response, Result, answer, failure, iso_time, nothing, serve
from memory_router.engines.documents.search import DocumentIndex, Hit
from memory_router.errors import StoreError

_FIX = "Run: memory-router index PATH"
# Every mode is answered by full text for now; the answer says so.
_ANSWERED_BY = "search"

_opened: list[DocumentIndex] = []


def query(request: Request) -> Response:
    """Search the index for passages that answer a question."""
    index = _index()
    if index is None:
        return failure("NOT_INDEXED", f"No folder is indexed yet. {_FIX}")
    hits = index.search(request.query, request.limit)
    if hits:
        return answer([_result(hit) for hit in hits], {"engine": "embedded", "answered_by": _ANSWERED_BY})
    if not (chunks := index.statistics().chunks):
        return failure("NOT_INDEXED", f"The index is empty: no passage was found in what was indexed. {_FIX}")
    return nothing("NO_MATCH", f"None of the {chunks:,} indexed passages shares a word with the question.")


def health() -> Health:
    """Say what is indexed."""
    try:
        index = _index()
        held = index.statistics() if index else None
    except StoreError as error:
        return Health("unavailable", error.cause, error.fix)
    if held is None or not held.chunks:
        return Health("installed", "No folder is indexed yet." if held is None else "The index is empty.", _FIX)
    counts = _counted(held.files, "file"), _counted(held.chunks, "passage"), _counted(len(held.roots), "folder")
    return Health("ready", "Indexed: {} in {}, from {}.".format(*counts))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _index() -> DocumentIndex | None:
    """Return the index, opened once; it may come into being, or be built anew, while this process runs."""
    if _opened and _opened[0].is_replaced():
        _opened.pop().close()
    if not _opened and (opened := DocumentIndex.open(paths.documents_db())):
        _opened.append(opened)
    return _opened[0] if _opened else None


def _result(hit: Hit) -> Result:
    return Result(
        hit.content,
        round(hit.relevance, 4),
        timestamp=iso_time(hit.modified),
        id=str(hit.id),
        title=hit.title,
        path=hit.path,
        line=hit.first_line,
        raw_score=round(hit.raw_score, 6),
        metadata={
            "engine": "embedded",
            "lines": [hit.first_line, hit.last_line],
            "heading": hit.heading,
            "language": hit.language,
            "root": hit.root,
        },
    )


if __name__ == "__main__":
    serve("qmd", query=query, health=health)
