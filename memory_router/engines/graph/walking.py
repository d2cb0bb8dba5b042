"""Walk the graph: who points here, where does this point, and the ways between two sets of things.

Breadth-first from both ends, a level at a time and one statement a level, always the one with fewer edges; so the way
found is a shortest one, and of those the strongest. Nothing here recurses, and cycles end where they were seen before.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import apsw

from memory_router.engines.graph.entity import Edge

DEPENDING = ("imports", "calls", "inherits", "uses", "requires")
STRONG = (*DEPENDING, "defines", "links", "mentions")
TELLING = (*STRONG, "names", "person", "tagged")
EVERY = (*TELLING, "contains", "within")
POSSIBLE = 0.3  # the weight of a call by name alone; what surely is meant weighs more
_MOST_EDGES = 10_000  # that one search looks at: what takes more to find is too far to tell anything
_MOST_BORDER = 2000  # things at which it stands at once
_HUB = 500  # neighbours; what has more connects everything and so tells nothing: ways only begin or end there
_MOST_STEPS = 8

_PROVEN = """
    SELECT e.source, e.target, e.kind, e.weight, coalesce(f.path, g.path), coalesce(r.line, n.line),
           coalesce(r.evidence, '')
    FROM {edges}
    LEFT JOIN refs r ON r.id = e.ref LEFT JOIN files f ON f.id = r.file
    LEFT JOIN nodes n ON n.id = e.target LEFT JOIN files g ON g.id = n.file
    WHERE e.kind IN (SELECT value FROM json_each(:kinds)) {further} LIMIT :most
"""
_FIND_BY = {
    end: _PROVEN.format(edges=f"json_each(:nodes) wanted JOIN edges e ON e.{end} = wanted.value", further="")
    for end in ("source", "target")
}
_BETWEEN = _PROVEN.format(
    edges="edges e", further="AND e.source = :source AND e.target = :target ORDER BY e.weight DESC"
)
_STEP = """
    SELECT e.source, e.target, e.weight FROM json_each(?) wanted JOIN edges e ON e.{end} = wanted.value
    WHERE +e.kind IN (SELECT value FROM json_each(?)) AND e.weight > ? LIMIT ?
"""
_STEP_BY = {"source": _STEP.format(end="source"), "target": _STEP.format(end="target")}
_DEGREE = """
    SELECT wanted.value, (SELECT count(*) FROM (SELECT 1 FROM edges e WHERE e.{end} = wanted.value LIMIT ?))
    FROM json_each(?) wanted
"""
_COMMON = """
    SELECT n.id FROM json_each(?) border JOIN nodes n ON n.id = border.value AND n.kind IN ('library', 'project')
"""
_DEGREE_BY = {"source": _DEGREE.format(end="source"), "target": _DEGREE.format(end="target")}


def edges_at(
    connection: apsw.Connection, nodes: Iterable[int], end: str, kinds: Sequence[str], most: int
) -> list[Edge]:
    """Return the edges that begin (`source`) or end (`target`) at some nodes, with what proves them."""
    bindings = {"nodes": json.dumps(list(nodes)), "kinds": json.dumps(kinds), "most": most}
    rows = connection.execute(_FIND_BY[end], bindings)
    return [Edge(*row) for row in rows]


def members(connection: apsw.Connection, node: int) -> list[int]:
    """Return what a thing encloses, at any depth, itself included."""
    rows = connection.execute(
        "WITH RECURSIVE inside(id) AS (SELECT ?"
        " UNION SELECT e.target FROM edges e JOIN inside ON e.source = inside.id"
        " WHERE e.kind IN ('defines', 'contains')"
        " UNION SELECT e.source FROM edges e JOIN inside ON e.target = inside.id WHERE e.kind = 'within'"
        ") SELECT id FROM inside LIMIT 10000",
        (node,),
    )
    return [member for (member,) in rows]


def way(
    connection: apsw.Connection, starts: Mapping[int, float], ends: Mapping[int, float], kinds: Sequence[str], *,
    is_directed: bool, least: float = 0.0, most: int = _MOST_STEPS,
) -> list[Edge]:  # fmt: skip
    """Return the steps of a shortest way, the strongest of its length; empty without a way.

    Args:
        connection: an open graph.
        starts: where it may begin, with how likely each is meant.
        ends: where it may end, with how likely each is meant.
        kinds: the kinds of edges that may be walked.
        is_directed: whether edges may only be walked in their own direction.
        least: the weight that every edge exceeds.
        most: the largest number of steps.
    """
    both = ("source", "target")
    forth = _Side(connection, starts, both[:1] if is_directed else both)
    back = _Side(connection, ends, both[1:] if is_directed else both)
    allowed = json.dumps(kinds)
    best = _meeting(forth, back)
    budget = _MOST_EDGES
    for _ in range(most):
        side, other = (forth, back) if forth.cost <= back.cost else (back, forth)
        budget -= side.cost
        if best is not None or budget < 0 or not forth.border or not back.border:
            break
        side.advance(allowed, least)
        best = _meeting(side, other)
    if best is None:
        return []
    nodes = [*reversed(list(forth.trail(best))), *list(back.trail(best))[1:]]
    return [_edge(connection, node, other, kinds, is_directed=is_directed) for node, other in pairwise(nodes)]


def surroundings(connection: apsw.Connection, node: int, depth: int, most: int) -> tuple[list[int], list[Edge]]:
    """Return the things within some steps of one, and the relations that lead there."""
    reached = {node: None}
    border = [node]
    kept: dict[tuple[int, int, str], Edge] = {}
    for _ in range(depth):
        edges = [edge for end in ("source", "target") for edge in edges_at(connection, border, end, EVERY, _MOST_EDGES)]
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
    """What was reached from one end, and how to walk on from there.

    Args:
        connection: an open graph.
        beginnings: where it begins, with how likely each is meant.
        ends: by which end of an edge a step is taken: `source` forwards, `target` backwards.
    """

    def __init__(self, connection: apsw.Connection, beginnings: Mapping[int, float], ends: Sequence[str]) -> None:
        self.reached = {node: _Reached(0, score, None) for node, score in beginnings.items()}
        self.depth = 0
        self._connection = connection
        self._ends = ends
        self._arrive(list(beginnings))

    def trail(self, node: int) -> Iterator[int]:
        """Yield the nodes from one that was reached back to the beginning."""
        at: int | None = node
        while at is not None:
            yield at
            at = self.reached[at].before

    def advance(self, kinds: str, least: float) -> None:
        """Take one step from everything at the border along edges of some kinds, given as JSON, and of some weight."""
        self.depth += 1
        border = json.dumps([node for node in self.border if self._degrees[node] < _HUB or self.depth == 1])
        arrivals: dict[int, _Reached] = {}
        reached = self.reached
        for end in self._ends:
            for source, target, weight in self._connection.execute(_STEP_BY[end], (border, kinds, least, _MOST_EDGES)):
                here, there = (source, target) if end == "source" else (target, source)
                if there in reached:
                    continue
                strength = reached[here].strength * weight
                held = arrivals.get(there)
                if held is None or strength > held.strength:
                    arrivals[there] = _Reached(self.depth, strength, here)
        if len(self._ends) > 1:
            # That two things use one library, or lie in one project, connects them no more than any others.
            common = {node for (node,) in self._connection.execute(_COMMON, (json.dumps(list(arrivals)),))}
            arrivals = {node: how for node, how in arrivals.items() if node not in common}
        reached.update(arrivals)
        self._arrive(list(arrivals))

    def _arrive(self, border: list[int]) -> None:
        """Count how many edges lead on from a border, up to what makes a hub."""
        self.border = border
        self._degrees = dict.fromkeys(border, 0)
        if len(border) > _MOST_BORDER:
            self.cost = _MOST_EDGES + 1
            return
        for end in self._ends:
            for node, degree in self._connection.execute(_DEGREE_BY[end], (_HUB, json.dumps(border))):
                self._degrees[node] += degree
        self.cost = sum(self._degrees.values())


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
        bindings = {"source": source, "target": target, "kinds": json.dumps(kinds), "most": 1}
        for row in connection.execute(_BETWEEN, bindings):
            return Edge(*row)
    raise AssertionError("neighbours have an edge")  # pragma: no cover
