"""Draw the neighbourhood of a thing: it stands in the middle, the others on rings around it, one for each step."""

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from memory_router.engines.graph.entity import Edge, Entity
    from memory_router.engines.graph.search import Neighbourhood

# The drawing, in its own units.
WIDTH, HEIGHT = 1140, 560
_RINGS = ((290, 190), (360, 240))
# Things of one ring whose names would lie on each other stand nearer and farther in turn.
_CROWDED = 12
_LABEL = 22


class Dot(NamedTuple):
    """One thing of the drawing: where it stands, its label, and how the label is anchored to it."""

    entity: "Entity"
    x: float
    y: float
    label: str
    anchor: str
    is_center: bool


class DrawnRelation(NamedTuple):
    """One relation of the drawing."""

    edge: "Edge"
    start: Dot
    end: Dot


class Drawing(NamedTuple):
    """A drawing of a neighbourhood."""

    dots: list[Dot]
    lines: list[DrawnRelation]
    width: int = WIDTH
    height: int = HEIGHT


def drawn(found: "Neighbourhood | None") -> Drawing | None:
    """Return the drawing of a neighbourhood, or None where there is nothing around."""
    if found is None or len(found.entities) < 2:
        return None
    steps = _steps(found)
    dots = {found.center: _dot(found.entities[found.center], WIDTH / 2, HEIGHT / 2, is_center=True)}
    for step, radii in enumerate(_RINGS, 1):
        ring = sorted(
            (found.entities[key] for key, away in steps.items() if away == step),
            key=lambda neighbour: (neighbour.kind, neighbour.qualified),
        )
        for number, entity in enumerate(ring):
            angle = 2 * math.pi * number / len(ring) - math.pi / 2
            near = 0.72 if len(ring) > _CROWDED and number % 2 else 1.0
            x = WIDTH / 2 + near * radii[0] * math.cos(angle)
            y = HEIGHT / 2 + near * radii[1] * math.sin(angle)
            dots[entity.id] = _dot(entity, x, y, is_center=False)
    lines = [
        DrawnRelation(edge, dots[edge.source], dots[edge.target])
        for edge in found.edges
        if edge.source in dots and edge.target in dots and edge.source != edge.target
    ]
    return Drawing(list(dots.values()), lines)


def _steps(found: "Neighbourhood") -> dict[int, int]:
    """Return how many steps each thing is away from the middle."""
    away = {found.center: 0}
    border = {found.center}
    while border:
        reached = {
            there
            for edge in found.edges
            for here, there in ((edge.source, edge.target), (edge.target, edge.source))
            if here in border and there not in away and there in found.entities
        }
        away |= dict.fromkeys(reached, max(away.values()) + 1)
        border = reached
    return away


def _dot(entity: "Entity", x: float, y: float, *, is_center: bool) -> Dot:
    name = entity.name.rpartition("/")[2] or entity.name
    label = name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"
    anchor = "middle" if is_center or abs(x - WIDTH / 2) < 60 else "start" if x > WIDTH / 2 else "end"
    return Dot(entity, round(x, 1), round(y, 1), label, anchor, is_center)
