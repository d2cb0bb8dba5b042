"""Answer what was understood: with every thing that depends, with ways between two, or with what surrounds one."""

import json
from collections.abc import Iterable, Mapping, Sequence

from memory_router.engines.graph import walking
from memory_router.engines.graph.entity import CODE, Edge, Entity, Finding, Linked
from memory_router.engines.graph.passages import passages
from memory_router.engines.graph.reader import Graph
from memory_router.engines.graph.telling import told_edges, told_way

_CERTAIN = 0.9  # relevance of an answer that follows from code and an exact name
_MENTIONED = 0.6  # of one that is only mentioned
_NOTHING = 0.35  # of the finding that nothing depends: below the gate, so that others are asked as well
_HOMONYM = 0.7  # what is left of it for things that merely share the name
_FARTHER = 0.8  # and for each step away
_LONGER = 0.93  # and for each step of a way beyond the third
_STEPS_FAR = 3
_SAME_NAME = 3  # homonyms that are answered for
_LIKELY = 6  # candidates of a phrase that ways begin or end at
_SHOWN = 20  # places that prove a finding
_READ = 1000  # edges that are read for an answer at the least
_READ_EACH = 20  # and for each finding that is wanted
_MENTIONS = ("links", "mentions", "names", "person", "tagged")


def dependents(graph: Graph, asked: Linked, kinds: Sequence[str], limit: int, *, is_far: bool) -> list[Finding]:
    """Return what depends on a thing, one finding a text, those that state it in code first."""
    findings: list[Finding] = []
    seen: set[str] = set()
    most = _most(limit)
    for entity, score in _meant(asked):
        factor = score if entity is asked.entities[0] else score * _HOMONYM
        inside = walking.members(graph.connection, entity.id) if entity.kind != "module" else [entity.id]
        chosen = kinds or walking.DEPENDING
        edges = [edge for edge in graph.edges(inside, "target", chosen, most) if edge.source not in inside]
        is_code = bool(edges)
        if not edges and not kinds:
            edges = [edge for edge in graph.edges(inside, "target", _MENTIONS, most) if edge.source not in inside]
        relevance = factor * (_CERTAIN if is_code or entity.kind not in CODE else _MENTIONED)
        direct = _by_text(graph, entity, [edge for edge in edges if edge.path not in seen], relevance, limit)
        findings += direct
        seen.update(one.path for one in direct if one.path)
        if is_far and is_code and len(findings) < limit:
            findings += _farther(graph, entity, seen, relevance, limit)
    if not findings and asked.is_name:
        findings = [_nobody(asked.entities[0], kinds)]
    return findings[:limit]


def dependencies(graph: Graph, asked: Linked, kinds: Sequence[str], limit: int) -> list[Finding]:
    """Return what a thing depends on, one finding for each of them."""
    findings: list[Finding] = []
    most = _most(limit)
    for entity, score in _meant(asked):
        factor = score if entity is asked.entities[0] else score * _HOMONYM
        inside = walking.members(graph.connection, entity.id)
        is_whole = entity.kind in ("module", "package")
        chosen = kinds or (("imports",) if is_whole else walking.DEPENDING)
        edges = graph.edges(inside, "source", chosen, most) or graph.edges(inside, "source", _MENTIONS, most)
        by_target: dict[int, list[Edge]] = {}
        for edge in edges:
            if edge.target not in inside:
                by_target.setdefault(edge.target, []).append(edge)
        known = graph.entities([*by_target, *(edge.source for edge in edges)])
        for target, reasons in by_target.items():
            meant = known[target]
            if any(one.id == target for one in findings):
                continue
            if is_whole and meant.kind not in ("module", "package", "library") and not kinds:
                continue  # the module of a member is among them
            findings.append(_told(entity, meant, reasons, known, factor * _CERTAIN))
    return findings[:limit]


def between(
    graph: Graph, one: Linked, other: Linked, kinds: Sequence[str], limit: int, *, is_chain: bool
) -> list[Finding]:
    """Return the ways between two things, shortest and strongest, and the passages that speak of both."""
    certainty = min(one.score, other.score)
    findings = []
    seen: set[tuple[int, ...]] = set()
    for steps, factor in _ways(graph, one, other, kinds, is_chain=is_chain):
        nodes = tuple(sorted({node for edge in steps for node in (edge.source, edge.target)}))
        if nodes in seen:
            continue
        seen.add(nodes)
        known = graph.entities(nodes)
        relevance = _CERTAIN * certainty * factor * _LONGER ** max(0, len(steps) - 3)
        findings.append(told_way(steps, known, _start(steps, one), relevance))
    findings += passages(graph, one.phrase, other.phrase, limit)
    # Of a chain the first way is the answer; between vague phrases a passage that says both may be better.
    if is_chain and one.is_name and other.is_name:
        return findings[:limit]
    return sorted(findings, key=lambda finding: -finding.relevance)[:limit]


def surroundings(graph: Graph, asked: Linked, limit: int) -> list[Finding]:
    """Return what a thing is connected with, the most certain first."""
    findings: list[Finding] = []
    for entity, score in zip(asked.entities[:_SAME_NAME], asked.scores, strict=False):
        if not asked.is_name:
            findings.append(_itself(graph, entity, score))
        edges = [
            edge
            for end in ("source", "target")
            for edge in graph.edges([entity.id], end, walking.EVERY, _most(limit))
            if edge.source != edge.target
        ]
        groups: dict[int, list[Edge]] = {}
        for edge in sorted(edges, key=lambda edge: -edge.weight):
            groups.setdefault(edge.target if edge.source == entity.id else edge.source, []).append(edge)
        shown = list(groups.items())[:limit]
        known = graph.entities([entity.id, *(other for other, _ in shown)])
        for other, reasons in shown:
            meant = known[other]
            findings.append(_told(entity, meant, reasons, known, 0.75 * score))
    return sorted(findings, key=lambda finding: -finding.relevance)[:limit]


def _meant(asked: Linked) -> list[tuple[Entity, float]]:
    """Return what is answered for: the likeliest, and what shares its name and sort."""
    if not asked.entities:
        return []
    first = asked.entities[0]
    alike = [
        (entity, score)
        for entity, score in zip(asked.entities, asked.scores, strict=True)
        if entity is first or (asked.is_name and (entity.kind in CODE) == (first.kind in CODE))
    ]
    return alike[:_SAME_NAME] if asked.is_name else alike[:1]


def _most(limit: int) -> int:
    """Return how many edges are read for an answer: of what everything depends on, not everything is looked at."""
    return max(_READ, _READ_EACH * limit)


def _by_text(graph: Graph, entity: Entity, edges: Sequence[Edge], relevance: float, limit: int) -> list[Finding]:
    """Return one finding for each text that the edges stand in, the most telling first."""
    groups: dict[str, list[Edge]] = {}
    for edge in edges:
        groups.setdefault(edge.path or "", []).append(edge)
    first = sorted(groups.items(), key=lambda one: (_is_test(one[0]), -min(len(one[1]), _SHOWN), one[0]))[:limit]
    known = graph.entities([node for _, reasons in first for edge in reasons for node in (edge.source, edge.target)])
    findings = []
    for path, reasons in first:
        reasons.sort(key=lambda edge: (edge.line, edge.kind))
        source = known[reasons[0].source]
        findings.append(
            Finding(
                told_edges(reasons, known),
                round(relevance, 4),
                _module(graph, source),
                path or None,
                reasons[0].line,
                source.modified or None,
                source.id,
                {"of": entity.qualified, "distance": 1, "kinds": _kinds(reasons), "evidence": _places(reasons)},
            )
        )
    return findings


def _farther(graph: Graph, entity: Entity, seen: set[str], relevance: float, limit: int) -> list[Finding]:
    """Return what depends on the dependents, step by step."""
    findings = []
    border = [path for path in seen if path != entity.path]
    for distance in range(2, _STEPS_FAR + 1):
        rows = graph.connection.execute(
            "SELECT n.id FROM nodes n JOIN files f ON f.id = n.file WHERE n.kind = 'module'"
            " AND f.path IN (SELECT value FROM json_each(?))",
            (json.dumps(border),),
        )
        edges = graph.edges([node for (node,) in rows], "target", ("imports",), _most(limit))
        fresh = [edge for edge in edges if edge.path and edge.path not in seen and edge.path != entity.path]
        findings += [
            finding._replace(metadata={**finding.metadata, "distance": distance})
            for finding in _by_text(graph, entity, fresh, relevance * _FARTHER ** (distance - 1), limit)
        ]
        border = [edge.path for edge in fresh if edge.path]
        seen.update(border)
    return findings


def _nobody(entity: Entity, kinds: Sequence[str]) -> Finding:
    does = " or ".join(kinds) if kinds else "imports, calls, inherits, uses or mentions"
    return Finding(
        f"Nothing in the index {does} {entity.shown}.",
        _NOTHING,
        entity.shown,
        entity.path,
        entity.line or None,
        entity.modified or None,
        entity.id,
        {"of": entity.qualified},
    )


def _itself(graph: Graph, entity: Entity, score: float) -> Finding:
    body = graph.body(entity.id) if entity.kind not in CODE else ""
    content = body or f"{entity.shown}: {entity.summary}"
    line = entity.line or None
    return Finding(content, round(0.8 * score, 4), entity.shown, entity.path, line, entity.modified or None, entity.id)


def _ways(
    graph: Graph, one: Linked, other: Linked, kinds: Sequence[str], *, is_chain: bool
) -> Iterable[tuple[list[Edge], float]]:
    """Yield ways from the most to the least telling, each with what its sort is worth."""
    if not one.entities or not other.entities:
        return
    starts, ends = _likely(one), _likely(other)
    for shared in starts.keys() & ends.keys():
        # A thing that both phrases fit is where they meet, and no way.
        (starts if starts[shared] < ends[shared] else ends).pop(shared)
    if not starts or not ends:
        return
    connection = graph.connection
    if one.is_name and other.is_name and one.entities[0].kind == other.entities[0].kind == "module":
        first, last = {one.entities[0].id: 1.0}, {other.entities[0].id: 1.0}
        for begin, end in ((first, last), (last, first)):
            if steps := walking.way(connection, begin, end, ("imports",), is_directed=True):
                yield steps, 1.0
                break
    wide_starts, wide_ends = _with_members(graph, starts), _with_members(graph, ends)
    wide_ends = {node: score for node, score in wide_ends.items() if node not in wide_starts}
    if wide_ends:
        forth, back = (wide_starts, wide_ends), (wide_ends, wide_starts)
        for (begin, end), only, factor in (
            (forth, kinds, 1.0),
            (forth, walking.DEPENDING, 1.0),
            (back, walking.DEPENDING, 0.95),
        ):
            if steps := walking.way(connection, begin, end, only, is_directed=True):
                yield steps, factor
                if is_chain:
                    return
                break
    for weak, factor in ((walking.STRONG, 0.9), (walking.EVERY, 0.75)):
        if steps := walking.way(connection, starts, ends, weak, is_directed=False):
            yield steps, factor
            break  # what weaker relations connect besides is no stronger


def _likely(asked: Linked) -> dict[int, float]:
    if asked.is_name:
        return {entity.id: score for entity, score in list(zip(asked.entities, asked.scores, strict=True))[:_SAME_NAME]}
    return {
        entity.id: score
        for entity, score in list(zip(asked.entities, asked.scores, strict=True))[:_LIKELY]
        if score >= 0.6 * asked.score
    }


def _with_members(graph: Graph, nodes: dict[int, float]) -> dict[int, float]:
    found = dict(nodes)
    for node, score in nodes.items():
        for member in walking.members(graph.connection, node):
            found.setdefault(member, score)
    return found


def _start(steps: Sequence[Edge], one: Linked) -> int:
    ends = (steps[0].source, steps[0].target)
    if len(steps) > 1:
        shared = set(ends) & {steps[1].source, steps[1].target}
        return next((node for node in ends if node not in shared), ends[0])
    likely = {entity.id for entity in one.entities}
    return ends[1] if ends[1] in likely and ends[0] not in likely else ends[0]


def _module(graph: Graph, entity: Entity) -> str:
    if entity.kind not in CODE or entity.path is None:
        return entity.shown
    found = graph.connection.execute(
        "SELECT n.qualified FROM nodes n JOIN files f ON f.id = n.file WHERE f.path = ? AND n.kind = 'module'",
        (entity.path,),
    ).get
    return f"module {found}" if found else entity.shown


def _told(
    entity: Entity, meant: Entity, reasons: Sequence[Edge], known: Mapping[int, Entity], relevance: float
) -> Finding:
    """Return what stands beside `entity`, with the edges that prove it."""
    return Finding(
        told_edges(reasons, known),
        round(relevance, 4),
        meant.shown,
        meant.path or reasons[0].path,
        meant.line or reasons[0].line,
        meant.modified or None,
        meant.id,
        {"of": entity.qualified, "kinds": _kinds(reasons), "evidence": _places(reasons)},
    )


def _kinds(edges: Sequence[Edge]) -> list[str]:
    return sorted({edge.kind for edge in edges})


def _places(edges: Sequence[Edge]) -> list[dict[str, object]]:
    return [{"kind": edge.kind, "path": edge.path, "line": edge.line} for edge in edges[:_SHOWN]]


def _is_test(path: str) -> bool:
    return "/test" in path or "_test." in path or ".test." in path or ".spec." in path
