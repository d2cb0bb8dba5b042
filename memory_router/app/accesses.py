"""Count uses of memories, on which promotion rests: the first result of an answer, what is fetched, what a hook tells.

An answer notes its access in a line of a file; the next command that remembers, or the learner in the background,
counts them all. Nobody waits for that.
"""

import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from memory_router import paths
from memory_router.contract import JsonObject

if TYPE_CHECKING:
    from memory_router.engines.tiers.system import MemorySystem
    from memory_router.learning.spool import Spool
    from memory_router.routing.envelope import Envelope

# The backend whose results are memories; its name stands before their ids.
_OF_MEMORIES = "totalrecall:"


def answered(envelope: "Envelope") -> None:
    """Note that the first result of an accepted answer was used; the others were only shown."""
    if envelope.status == "success":
        note(envelope.results[:1])


def note(results: Iterable[JsonObject]) -> None:
    """Note that results were used; results that are not memories are left out."""
    names = [str(result.get("id") or "") for result in results]
    ids = [name.removeprefix(_OF_MEMORIES) for name in names if name.startswith(_OF_MEMORIES)]
    if ids:
        with suppress(OSError):  # an answer does not fail for its count
            _spool().append(json.dumps([time.time(), ids]).encode())


def count(work_with: "Callable[[Callable[[MemorySystem], Awaitable[None]]], None]") -> None:
    """Count the accesses that were noted.

    Args:
        work_with: runs asynchronous work on the memories of this user, as `remembering.work_with`.

    Raises:
        StoreError: the memories cannot be written; then nothing noted is lost.
    """
    if not os.path.exists(paths.accesses_spool()):
        return

    async def counted(memories: "MemorySystem") -> None:
        for at, ids in noted:
            await memories.count_accesses(ids, at)

    if _spool().count():
        with _spool().taken() as lines:
            noted = [entry for line in lines if (entry := _entry(line))]
            work_with(counted)


def _entry(line: bytes) -> tuple[float, list[str]] | None:
    try:
        at, ids = json.loads(line)
        return float(at), [str(name) for name in ids]
    except (ValueError, TypeError):
        return None  # a torn line costs one count


def _spool() -> "Spool":
    from memory_router.learning.spool import Spool

    return Spool(paths.accesses_spool())
