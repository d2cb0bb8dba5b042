"""Remember facts, and manage what is remembered: the memories of this user, opened for one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from memory_router import paths
from memory_router.app import accesses
from memory_router.engines.tiers import transfer
from memory_router.engines.tiers.author import current_author, imported
from memory_router.engines.tiers.memory import Memory, Remembered
from memory_router.engines.tiers.store import MemoryStore
from memory_router.engines.tiers.system import MemorySystem
from memory_router.engines.tiers.transfer import FORMATS, exported
from memory_router.errors import RefusedMemoryError, StoreError

__all__ = ["FORMATS", "current_author", "exported"]

_T = TypeVar("_T")
# The backend that answers from these memories; its name stands before their ids.
_BACKEND = "totalrecall"


def work_with(work: Callable[[MemorySystem], Awaitable[_T]]) -> _T:
    """Run asynchronous work on the memories of this user, and return its result."""

    async def run() -> _T:
        async with MemorySystem() as memories:
            return await work(memories)

    return asyncio.run(run())


def remember(
    text: str,
    importance: float | None = None,
    tier: str | None = None,
    tags: Sequence[str] = (),
    supersedes: str | None = None,
    **provenance: Any,
) -> tuple[Remembered, tuple[Memory, ...]]:
    """Keep a text for later questions; `MemorySystem.remember` says what it takes and raises.

    Args:
        text: the fact.
        importance: in [0, 1], or None for neutral.
        tier: where to keep it, or None.
        tags: words to file it under.
        supersedes: the id of a memory that it replaces, with or without the backend's name.
        provenance: project, source, session, author and what else `MemorySystem.remember` takes.

    Returns:
        What became of it, and the facts that it may repeat or replace, if it is new and replaces none.
    """
    accesses.count(work_with)

    async def store(memories: MemorySystem) -> tuple[Remembered, tuple[Memory, ...]]:
        replaced = own(supersedes) if supersedes else None
        remembered = await memories.remember(text, importance, tier, tags, supersedes=replaced, **provenance)
        is_alone = remembered.is_new and remembered.replaced is None
        return remembered, await memories.similar(remembered.memory) if is_alone else ()

    return work_with(store)


def import_lines(lines: Iterable[str], project: str | None, *, allow_sensitive: bool) -> dict[str, Any]:
    """Remember what JSON objects hold, one a line; what is there already stays as it is.

    Args:
        lines: objects with `text` and what `docs/memories.md` names besides.
        project: the project of facts that name no project.
        allow_sensitive: whether secrets and personal data are kept.

    Returns:
        How many were `imported`, `already_there` and `redacted`, and which were `refused`, with line and reason.
    """

    async def store(memories: MemorySystem) -> dict[str, Any]:
        importer = current_author("import")
        named: dict[str, str] = {}  # by the id that a memory had where it comes from
        counts: dict[str, Any] = {"imported": 0, "already_there": 0, "refused": [], "redacted": 0}
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                given = transfer.arguments(line)
                given["project"] = given["project"] or project
                given["supersedes"] = named.get(given["supersedes"] or "")
                given["author"] = imported(given["author"], importer)
                remembered = await memories.remember(**given, allow_sensitive=allow_sensitive)
            except RefusedMemoryError as error:
                counts["refused"].append({"line": number, "reason": str(error)})
                continue
            if exported := transfer.exported_id(line):
                named[exported] = remembered.memory.id
            counts["imported" if remembered.is_new else "already_there"] += 1
            counts["redacted"] += bool(remembered.redacted)
        return counts

    return work_with(store)


def open_database() -> MemoryStore | None:
    """Return the database of memories to be read, or None where nothing was remembered yet.

    Raises:
        StoreError: a server keeps the memories, or the file cannot be used.
    """
    file = paths.memory_file()
    if file is None:
        raise StoreError("Your memories are kept by a server.", "Use the server's own backups, or `memories export`.")
    return MemoryStore.open_read_only(file)


def qualified(memory_id: str) -> str:
    """Return a memory's id as results of queries have it, so that `get` takes it, too."""
    return f"{_BACKEND}:{memory_id}"


def own(identifier: str) -> str:
    """Return the id within the store, of an id with or without the backend's name."""
    return identifier.removeprefix(f"{_BACKEND}:")


def as_object(memory: Memory) -> dict[str, Any]:
    """Return a memory as commands print it."""
    links = {"supersedes": memory.supersedes, "superseded_by": memory.superseded_by}
    named = {end: qualified(linked) for end, linked in links.items() if linked}
    return transfer.as_object(memory) | named | {"id": qualified(memory.id)}
