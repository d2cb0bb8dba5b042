"""Answer from what `memory-router remember` stored."""

import time

from memory_router import paths
from memory_router.contract import Health, Request, Response, Result, answer, failure, iso_time, nothing, serve
from memory_router.engines.tiers.memory import Recollection
from memory_router.engines.tiers.store import MemoryStore
from memory_router.errors import StoreError

_opened: list[MemoryStore] = []


def query(request: Request) -> Response:
    """Recall the memories that answer a question."""
    memories = _store()
    if memories is None:
        return _nothing_stored()
    try:
        since, until = _seconds(request.since), _seconds(request.until)
    except ValueError as error:
        return failure("BAD_REQUEST", f"`since` and `until` are ISO 8601 times: {error}.")
    found = memories.recall(request.query, request.limit, request.scope, since, until, now=time.time())
    if found:
        return answer([_result(recollection) for recollection in found])
    if not (count := memories.count()):
        return _nothing_stored()
    return nothing("NO_MATCH", f"None of the {count:,} memories shares a word with the question. Try other words.")


def health() -> Health:
    """Say how much is remembered; an empty store is ready, too: it can be written at any time."""
    try:
        memories = _store()
        count = memories.count() if memories else 0
    except StoreError as error:
        return Health("unavailable", error.cause, error.fix)
    return Health("ready", f"{count:,} memories are stored." if count != 1 else "1 memory is stored.")


def _store() -> MemoryStore | None:
    """Return the store, opened once; it may come into being while this process runs."""
    if not _opened and (opened := MemoryStore.open_read_only(paths.memory_db())):
        _opened.append(opened)
    return _opened[0] if _opened else None


def _nothing_stored() -> Response:
    return nothing("NOTHING_STORED", "Nothing is remembered yet. Run: memory-router remember TEXT")


def _result(recollection: Recollection) -> Result:
    memory = recollection.memory
    return Result(
        memory.text,
        round(recollection.relevance, 4),
        timestamp=iso_time(memory.created),
        id=memory.id,
        raw_score=recollection.raw_score,
        metadata={"engine": "embedded", "tags": memory.tags, "project": memory.project, "tier": memory.tier},
    )


def _seconds(moment: str | None) -> float | None:
    if moment is None:
        return None
    from datetime import UTC, datetime  # few questions have a window, and this import is dear

    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


if __name__ == "__main__":
    serve("totalrecall", query=query, health=health)
