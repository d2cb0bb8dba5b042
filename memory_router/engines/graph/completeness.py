"""State that nothing depends on a thing, or why that cannot be known."""

import json
from collections.abc import Sequence

from memory_router.engines.graph.entity import CODE, Entity, Finding
from memory_router.engines.graph.extraction.languages import FAMILIES
from memory_router.engines.graph.reader import Graph

_NOTHING = 0.35  # relevance of the finding that nothing depends: below the gate, so that others are asked as well
_SHOWN = 5  # places that are named
_OPEN = """
    SELECT f.path, r.line FROM refs r JOIN files f ON f.id = r.file
    WHERE r.key = ? AND r.kind = 'calls' AND r.target LIKE '.%' AND f.path <> ?
    AND f.language IN (SELECT value FROM json_each(?)) AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.ref = r.id)
    ORDER BY f.path, r.line
"""
_UNREAD = """
    SELECT f.path, f.problem FROM files f WHERE f.problem <> '' AND f.language IN (SELECT value FROM json_each(?))
    AND f.root = (SELECT root FROM files WHERE path = ?) ORDER BY f.path
"""


def nobody(graph: Graph, entity: Entity, kinds: Sequence[str]) -> Finding:
    """Return the finding that nothing depends on a thing; if that is not certain, it says why.

    Args:
        graph: an open graph.
        entity: the thing.
        kinds: the kinds of edges that were asked for; none for all.
    """
    does = " or ".join(kinds) if kinds else "imports, calls, inherits, uses or mentions"
    reasons = _reasons(graph, entity, kinds) if entity.kind in CODE else []
    told = (
        f"No text that is known {does} {entity.shown}." if reasons else f"Nothing in the index {does} {entity.shown}."
    )
    return Finding(
        " ".join([told, *reasons]),
        _NOTHING,
        entity.shown,
        entity.path,
        entity.line or None,
        entity.modified or None,
        entity.id,
        {"of": entity.qualified, "is_complete": not reasons},
    )


def _reasons(graph: Graph, entity: Entity, kinds: Sequence[str]) -> list[str]:
    """Return what keeps the answer from being complete."""
    language = graph.language(entity.path)
    family = json.dumps(FAMILIES.get(language, (language,)))
    reasons = []
    if entity.kind == "function" and (not kinds or "calls" in kinds):
        calls = graph.connection.execute(_OPEN, (entity.name, entity.path or "", family)).fetchall()
        if calls:
            places = _listed([f"{path}:{line}" for path, line in calls])
            reasons.append(f"It may be what calls of `{entity.name}` on receivers of unknown class mean: {places}.")
    unread = graph.connection.execute(_UNREAD, (family, entity.path or "")).fetchall()
    if unread:
        reasons.append(f"Not understood: {_listed([f'{path} ({problem})' for path, problem in unread])}.")
    return reasons


def _listed(places: Sequence[str]) -> str:
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return ", ".join(places[:_SHOWN]) + more
