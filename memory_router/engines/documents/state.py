"""Say in what state the index is."""

from typing import NamedTuple

from memory_router.engines.documents.search import DocumentIndex
from memory_router.errors import StoreError

FIX = "Run: memory-router index PATH"


class State(NamedTuple):
    """Hold what is the matter.

    Args:
        status: `ready`, `degraded` (answers by words alone although vectors are wanted), `installed` (nothing is
            indexed) or `unavailable`.
        reason: one or two sentences.
        fix: what to do; empty if nothing is to be done.
    """

    status: str
    reason: str
    fix: str = ""


def examine(database: str) -> State:
    """Return the state of an index."""
    try:
        index = DocumentIndex.open(database)
        held = index.statistics() if index else None
    except StoreError as error:
        return State("unavailable", error.cause, error.fix)
    if held is None or not held.chunks:
        return State("installed", "No folder is indexed yet." if held is None else "The index is empty.", FIX)
    counts = _counted(held.files, "file"), _counted(held.chunks, "passage"), _counted(len(held.roots), "folder")
    return State("ready", "Indexed: {} in {}, from {}.".format(*counts))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
