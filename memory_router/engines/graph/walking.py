"""Walk the graph: who points here, where does this point, and the ways between two sets of things.

Breadth-first from both ends, a level at a time and one statement a level, always the smaller one; so the way found
is a shortest one, and of those the strongest. Nothing here recurses, and cycles end where they were seen before.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import apsw

from memory_router.engines.graph.entity import Edge

DEPENDING = ("imports", "calls", "inherits", "uses")
STRONG = (*DEPENDING, "defines", "links", "mentions")
EVERY = (*STRONG, "names", "person", "tagged")
_MOST_EDGES = 20_000  # of one level; what has more neighbours connects everything and so tells nothing
_MOST_STEPS = 8

_FIND = """
    SELECT e.source, e.target, e.kind, e.weight, coalesce(f.path, g.path), coalesce(r.line, n.line),
           coalesce(r.evidence, '')
    FROM json_each(?) wanted
    JOIN edges e ON e.{end} = wanted.value
    LEFT JOIN refs r ON r.id = e.ref LEFT JOIN files f ON f.id = r.file
    LEFT JOIN nodes n ON n.id = e.target LEFT JOIN files g ON g.id = n.file
    WHERE e.kind IN (SELECT value FROM json_each(?)) LIMIT ?
"""
_FIND_BY = {"source": _FIND.format(end="source"), "target": _FIND.format(end="target")}
_STEP = """
    SELECT e.source, e.target, e.weight FROM json_each(?) wanted JOIN edges e ON e.{end} = wanted.value
    WHERE e.kind IN (SELECT value FROM json_each(?)) LIMIT ?
"""
_STEP_BY = {"source": _STEP.format(end="source"), "target": _STEP.format(end="target")}
_BETWEEN = _FIND.format(end="source").replace("LIMIT ?", "AND e.target = ? ORDER BY e.weight DESC LIMIT ?")


def edges_at(
    connection: apsw.Connection, nodes: Iterable[int], end: str, kinds: Sequence[str], most: int = _MOST_EDGES
) -> list[Edge]:
    """Return the edges that begin (`source`) or end (`target`) at some nodes, with what proves them."""
    rows = connection.execute(_FIND_BY[end], (json.dumps(list(nodes)), json.dumps(kinds), most))
    return [Edge(*row) for row in rows]


def members(connection: apsw.Connection, node: int) -> list[int]:
    """Return what a thing encloses, at any depth, itself included."""
    rows = connection.execute(
        "WITH RECURSIVE inside(id) AS (SELECT ? UNION SELECT e.target FROM edges e JOIN inside ON e.source = inside.id"
        " WHERE e.kind = 'defines') SELECT id FROM inside LIMIT 10000",
        (node,),
    )
    return [found for (found,) in rows]


def way(
    connection: apsw.Connection, starts: Mapping[int, float], ends: Mapping[int, float], kinds: Sequence[str], *,
    is_directed: bool,
) -> list[Edge]:  # fmt: skip
    """Return the steps of a shortest way, the strongest of its length; empty if there is none.

    Args:
        connection: an open graph.
        starts: where it may begin, with how likely each is meant.
        ends: where it may end, with how likely each is meant.
        kinds: the kinds of edges that may be walked.
        is_directed: whether edges may only be walked in their own direction.
    """
    forth, back = _Side(starts), _Side(ends)
    best = _meeting(forth, back)
    for _ in range(_MOST_STEPS):
        if best is not None or not forth.border or not back.border:
            break
        side, other, end = (forth, back, "source") if len(forth.border) <= len(back.border) else (back, forth, "target")
        _advance(connection, side, end, json.dumps(kinds), is_directed=is_directed)
        best = _meeting(side, other)
    if best is None:
        return []
    nodes = [*reversed(list(forth.trail(best))), *list(back.trail(best))[1:]]
    return [_edge(connection, one, other, kinds, is_directed=is_directed) for one, other in pairwise(nodes)]


def surroundings(connection: apsw.Connection, node: int, depth: int, most: int) -> tuple[list[int], list[Edge]]:
    """Return the things within some steps of one, and the relations that lead there."""
    reached = {node: None}
    border = [node]
    kept: dict[tuple[int, int, str], Edge] = {}
    for _ in range(depth):
        edges = [edge for end in ("source", "target") for edge in edges_at(connection, border, end, EVERY)]
        border = []
        for edge in edges:
            for other in (edge.source, edge.target):
                if other not in reached and len(reached) < most:
                    reached[other] = None
                    border.append(other)
            if edge.source in reached and edge.target in reached:
                kept.setdefault((edge.source, edge.target, edge.kind), edge)
    return list(reached), list(kept.values())


class _Reached(NamedTuple):
    depth: int
    strength: float
    before: int | None


class _Side:
    """Hold what was reached from one end."""

    def __init__(self, beginnings: Mapping[int, float]) -> None:
        self.reached = {node: _Reached(0, score, None) for node, score in beginnings.items()}
        self.border = list(beginnings)
        self.depth = 0

    def trail(self, node: int) -> Iterator[int]:
        """Yield the nodes from one that was reached back to the beginning."""
        at: int | None = node
        while at is not None:
            yield at
            at = self.reached[at].before


def _advance(connection: apsw.Connection, side: _Side, end: str, kinds: str, *, is_directed: bool) -> None:
    side.depth += 1
    border = json.dumps(side.border)
    found: dict[int, _Reached] = {}
    for direction in [end] if is_directed else ["source", "target"]:
        for source, target, weight in connection.execute(_STEP_BY[direction], (border, kinds, _MOST_EDGES)):
            here, there = (source, target) if direction == "source" else (target, source)
            if there in side.reached:
                continue
            strength = side.reached[here].strength * weight
            held = found.get(there)
            if held is None or strength > held.strength:
                found[there] = _Reached(side.depth, strength, here)
    side.reached.update(found)
    side.border = list(found)


def _meeting(one: _Side, other: _Side) -> int | None:
    """Return where two sides meet on the shortest way, the strongest of those."""
    best: tuple[int, float, int] | None = None
    for node in one.border:
        if node in other.reached:
            here, there = one.reached[node], other.reached[node]
            rank = (here.depth + there.depth, -here.strength * there.strength, node)
            best = rank if best is None else min(best, rank)
    return best[2] if best else None


def _edge(connection: apsw.Connection, one: int, other: int, kinds: Sequence[str], *, is_directed: bool) -> Edge:
    """Return the strongest edge between two neighbours."""
    for source, target in [(one, other)] if is_directed else [(one, other), (other, one)]:
        rows = connection.execute(_BETWEEN, (json.dumps([source]), json.dumps(kinds), target, 1))
        for row in rows:
            return Edge(*row)
    raise AssertionError("neighbours have an edge")  # pragma: no cover
