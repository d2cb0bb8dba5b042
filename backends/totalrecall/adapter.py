"""Answer from what `memory-router remember` stored, and from earlier Total Recall layouts of the current project."""

import os
import time

from memory_router import paths
from memory_router.contract import Health, Request, Response, Result, answer, iso_time, nothing, serve, window
from memory_router.engines.tiers.disputes import Disputes
from memory_router.engines.tiers.memory import Recollection, Selection
from memory_router.engines.tiers.stores.opening import read_own
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.errors import StoreError

# What tells the file from another one in its place, and the store.
_opened: list[tuple[object, Store]] = []
# What tells that a project may hold an earlier layout: without these nothing more is imported or looked at.
_SIGNS = ("memory", ".git")

_FIX = 'Run: memory-router remember "TEXT"'


def query(request: Request) -> Response:
    """Recall the memories that answer a question."""
    memories = _store()
    selection = Selection(None, *window(request), scope=request.scope or None, by=request.by or None)
    now = time.time()
    results = (
        [
            _result(recollection, "embedded")
            for recollection in memories.search(request.query, request.limit, selection, now)
        ]
        if memories
        else []
    )
    results += [_result(recollection, "total-recall") for recollection in _from_layouts(request, selection, now)]
    if results:
        results.sort(key=lambda result: -result.relevance)
        return answer(Disputes.read().marked(results[: request.limit], are_dated=True))
    if memories is None or not (count := memories.count(now=now)):
        return nothing("NOTHING_STORED", f"Nothing is remembered yet. {_FIX}")
    by = f" that {request.by} wrote" if request.by else ""
    stored = "" if by else f" ({count:,} stored)"
    return nothing("NO_MATCH", f"No memory{by} shares a word with the question{stored}. Try other words.")


def get(request: Request) -> Response:
    """Fetch a memory by its id."""
    memories = _store()
    memory = memories.get(request.id or "", time.time()) if memories else None
    if memory is None:
        return nothing("NOT_FOUND", f"There is no memory with the id {request.id!r}. It was forgotten, or it expired.")
    return answer([_result(Recollection(memory, 1.0), "embedded")])


def health() -> Health:
    """Say how much is remembered; an empty store is ready, too: it can be written at any time."""
    try:
        memories = _store()
        count = memories.count() if memories else 0
    except StoreError as error:
        return Health("unavailable", error.cause, error.fix)
    told = f"{count:,} memories are stored." if count != 1 else "1 memory is stored."
    kinds: list[str] = []
    if _may_have_layouts():
        from memory_router.engines.tiers import layouts

        kinds = [f"{layout.kind} in {paths.shown(layout.root)}" for layout in layouts.discover(os.getcwd())]
        told += f" Total Recall layouts are read, too: {', '.join(kinds)}." if kinds else ""
    if not count and not kinds:
        return Health("ready", "Nothing is remembered yet.", _FIX)
    return Health("ready", told)


def _from_layouts(request: Request, selection: Selection, now: float) -> list[Recollection]:
    if request.scope or not _may_have_layouts():
        return []
    from memory_router.engines.tiers import layouts

    discovered = layouts.discover(os.getcwd())
    return layouts.open_all(discovered).search(request.query, request.limit, selection, now) if discovered else []


def _may_have_layouts() -> bool:
    """Say, at the price of a few looks at the file system, whether an earlier layout may be there."""
    folder = os.getcwd()
    while not any(os.path.isdir(os.path.join(folder, sign)) for sign in _SIGNS):
        folder, child = os.path.dirname(folder), folder
        if folder == child:
            return False
    return True


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _store() -> Store | None:
    """Return the store, opened once; it may come into being, or be replaced, while this process runs."""
    file = paths.memory_file()
    identity = _identity(file) if file else paths.memory_store()
    if _opened and _opened[0][0] != identity:
        _opened.pop()[1].close()
    if not _opened and (opened := read_own()):
        _opened.append((identity, opened))
    return _opened[0][1] if _opened else None


def _result(recollection: Recollection, engine: str) -> Result:
    memory = recollection.memory
    return Result(
        memory.text,
        round(recollection.relevance, 4),
        timestamp=iso_time(memory.created),
        id=memory.id if engine == "embedded" else None,
        path=memory.source if engine != "embedded" else None,
        metadata={
            "engine": engine,
            "tags": memory.tags,
            "project": memory.project,
            "tier": memory.tier,
            "author": memory.author.to_dict(),
            **({"superseded_by": f"totalrecall:{memory.superseded_by}"} if memory.superseded_by else {}),
        },
    )


if __name__ == "__main__":
    serve("totalrecall", query=query, health=health, get=get)
