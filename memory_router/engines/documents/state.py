"""The state of the index."""

from typing import NamedTuple

from memory_router.engines.documents.search import DocumentIndex
from memory_router.errors import StoreError
from memory_router.retrieval.models import is_chosen

FIX = "Run: memory-router index PATH"


class IndexState(NamedTuple):
    """What is the matter.

    Args:
        status: `ready`, `installed` (nothing is indexed) or `unavailable`.
        reason: one or two sentences.
        fix: what to do; empty if nothing is to be done.
    """

    status: str
    reason: str
    fix: str = ""


def examine(database: str) -> IndexState:
    """Return the state of an index."""
    try:
        index = DocumentIndex.open(database)
        held = index.statistics() if index else None
        trouble = index.without_vectors() if index and is_chosen() else ""
    except StoreError as error:
        return IndexState("unavailable", error.cause, error.fix)
    if held is None or not held.chunks:
        return IndexState("installed", "No folder is indexed yet." if held is None else "The index is empty.", FIX)
    counts = _counted(held.files, "file"), _counted(held.chunks, "passage"), _counted(len(held.roots), "folder")
    reason = "Indexed: {} in {}, from {}.".format(*counts)
    # It answers by words meanwhile, so asking it is still worthwhile.
    return IndexState("ready", f"{reason} {trouble}".rstrip())


def vectors(database: str) -> str:
    """Return one sentence about the model by which the index can be searched, or why no model can.

    Raises:
        StoreError: the index is damaged or locked.
    """
    index = DocumentIndex.open(database)
    if index is None:
        return ""
    trouble = index.without_vectors()
    name, dimension = index.connection.execute("SELECT name, dimension FROM vector_models").fetchone() or ("", 0)
    index.close()
    return trouble or f"Vectors of {name}, {dimension} numbers each."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
