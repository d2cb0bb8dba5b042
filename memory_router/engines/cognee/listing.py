"""List what the real Cognee's graph files hold, its passages and things, the newest first."""

import hashlib
import time

from memory_router.engines.cognee.files import GraphFiles
from memory_router.engines.cognee.graph import PASSAGE, CogneeNode
from memory_router.engines.cognee.place import CogneePlace
from memory_router.retrieval.listing import EXCERPT, Entry, Filter, ListPosition

# How many are looked at: a list is for people, who filter before they read that far.
_MOST = 5000


def entries(place: CogneePlace, chosen: Filter, after: ListPosition, limit: int, seconds: float) -> list[Entry]:
    """Return a page of the passages and things in Cognee's graph files.

    Args:
        place: where Cognee is, with at least one file.
        chosen: which entries are meant.
        after: the place after which the page begins.
        limit: the largest number of entries.
        seconds: how long it may take.

    Raises:
        StoreError: the files cannot be read, or not in time.
    """
    with GraphFiles(place, time.monotonic() + seconds) as graph:
        nodes = graph.everything(_MOST)
    listed = sorted((_entry(node) for node in nodes if _is_chosen(node, chosen)), key=lambda entry: entry.place)
    before = [entry for entry in reversed(listed) if (entry.place.time, entry.place.row) < after]
    return before[:limit]


def _is_chosen(node: CogneeNode, chosen: Filter) -> bool:
    text = f"{node.name} {node.text}".lower()
    written = node.written or 0.0
    return (
        all(word.lower() in text for word in chosen.text.split())
        and (not chosen.project or chosen.project.lower() == node.dataset.lower())
        and chosen.origin.lower() in f"cognee {node.document}".lower()
        and (chosen.since is None or written >= chosen.since)
        and (chosen.until is None or written <= chosen.until)
    )


def _entry(node: CogneeNode) -> Entry:
    kind = "passage" if node.kind == PASSAGE else node.kind.lower()
    row = int(hashlib.sha256(node.id.encode()).hexdigest()[:12], 16)
    place = ListPosition(node.written or 0.0, row)
    return Entry(f"cognee:{node.id}", kind, node.text[:EXCERPT], node.name, place, node.dataset, node.document)
