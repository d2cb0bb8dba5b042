"""What is found in Cognee's data."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from memory_router.engines.cognee.graph import CogneeNode


class CogneeHit(NamedTuple):
    """One answer.

    Args:
        content: the answer with its evidence, readable as it stands.
        relevance: estimate in [0, 1] that this answers the question; Cognee gives none.
        title: what it is about.
        id: what Cognee calls it.
        written: when Cognee read the text, in seconds since the epoch, if known.
        metadata: anything else; `path` holds the steps of a chain.
    """

    content: str
    relevance: float
    title: str
    id: str
    written: float | None = None
    metadata: Mapping[str, Any] = {}


def of_project(node: CogneeNode) -> dict[str, str]:
    """Return what metadata says of where a node is from: a dataset of Cognee's is a project."""
    return {"project": node.dataset} if node.dataset else {}
