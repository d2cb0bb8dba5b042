"""Put edges and ways into words, each with the line that proves it."""

from collections.abc import Mapping, Sequence

from memory_router.engines.graph.entity import Edge, Entity, Finding
from memory_router.engines.graph.walking import POSSIBLE

_MOST_REASONS = 8
_VERBS = {"within": "is within", "tagged": "is tagged", "person": "names", "links": "links to"}


def told_edges(edges: Sequence[Edge], known: Mapping[int, Entity]) -> str:
    """Return some edges as sentences with their evidence."""
    lines = list(dict.fromkeys(_told(edge, known) for edge in edges[:_MOST_REASONS]))
    if len(edges) > _MOST_REASONS:
        lines.append(f"and {len(edges) - _MOST_REASONS} more")
    return "\n".join(lines)


def told_way(steps: Sequence[Edge], known: Mapping[int, Entity], start: int, relevance: float) -> Finding:
    """Return a way as one finding; `metadata.path` holds its steps.

    Args:
        steps: the edges, in the order in which they are walked.
        known: the things at their ends.
        start: where the way begins.
        relevance: what the finding is worth.
    """
    at = start
    stations = [known[at]]
    path: list[dict[str, object]] = [_station(known[at])]
    for edge in steps:
        is_forth = edge.source == at
        at = edge.target if is_forth else edge.source
        stations.append(known[at])
        step = {"relation": edge.kind, "forward": is_forth, "file": edge.path, "line": edge.line}
        path.append({**_station(known[at]), "by": {**step, "evidence": _evidence(edge)}})
    way = " ".join(
        [
            stations[0].shown,
            *(_arrow(edge, here, other) for edge, here, other in zip(steps, stations, stations[1:], strict=False)),
        ]
    )
    first = next((edge for edge in steps if edge.path), None)
    return Finding(
        "\n".join([way, *dict.fromkeys(_told(edge, known) for edge in steps)]),
        round(relevance, 4),
        f"{stations[0].name} to {stations[-1].name}",
        first.path if first else None,
        first.line if first else None,
        max((station.modified for station in stations), default=0) or None,
        stations[0].id,
        {"path": path, "steps": len(steps)},
    )


def _told(edge: Edge, known: Mapping[int, Entity]) -> str:
    place = f" (line {edge.line})" if edge.line else ""
    place += ", by name alone" if edge.kind == "calls" and edge.weight <= POSSIBLE else ""
    verb = _VERBS.get(edge.kind, edge.kind)
    source, target = known[edge.source], known[edge.target]
    sentence = f"{source.shown} {verb} {target.shown}{place}"
    return f"{sentence}: {edge.evidence}" if edge.evidence else sentence


def _arrow(edge: Edge, one: Entity, other: Entity) -> str:
    return f"-[{edge.kind}]-> {other.shown}" if edge.source == one.id else f"<-[{edge.kind}]- {other.shown}"


def _station(entity: Entity) -> dict[str, object]:
    return {
        "kind": entity.kind,
        "name": entity.name,
        "qualified": entity.qualified,
        "file": entity.path,
        "line": entity.line or None,
    }


def _evidence(edge: Edge) -> str | None:
    return edge.evidence or None
