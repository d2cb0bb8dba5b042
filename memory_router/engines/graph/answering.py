"""Answer what depends on a thing, what it depends on, and what surrounds it."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memory_router.engines.graph import walking
from memory_router.engines.graph.completeness import nobody
from memory_router.engines.graph.entity import CODE, Edge, Entity, Finding, LinkedEntities
from memory_router.engines.graph.reader import Graph
from memory_router.engines.graph.telling import told_edges

CERTAIN = 0.9  # relevance of an answer that follows from code and an exact name
_MENTIONED = 0.6  # of one that is only mentioned
_HANDED_ON = 0.5  # of a function that is handed on, where its callers are asked for
_BY_NAME = 0.45  # of a call that means a thing by its last name alone
_HOMONYM = 0.7  # what is left of it for things that merely share the name
_FARTHER = 0.8  # and for each step away
_STEPS_FAR = 3
SAME_NAME = 3  # homonyms that are answered for
_SHOWN = 20  # places that prove a finding
_READ = 1000  # the least number of edges that are read for an answer
_READ_EACH = 20  # and for each finding that is wanted
_MENTIONS = ("links", "mentions", "names", "person", "tagged")
CALLS = ("calls",)
_IMPORTING = ("python", "javascript", "typescript", "tsx")  # there, what uses a module's things must import it


class Dependents(NamedTuple):
    """What depends on a thing.

    Args:
        findings: one a text, as many as were wanted.
        texts: how many texts depend on it directly.
    """

    findings: list[Finding]
    texts: int


def dependents(graph: Graph, asked: LinkedEntities, kinds: Sequence[str], limit: int, *, is_far: bool) -> Dependents:
    """Return what depends on a thing, one finding a text, those that state it in code first."""
    findings: list[Finding] = []
    seen: set[str] = set()
    texts = 0
    for entity, score in _meant(asked):
        factor = score if entity is asked.entities[0] else score * _HOMONYM
        inside = _depended_on(graph, entity, kinds)
        for chosen, relevance, is_sure in _readings(entity, kinds):
            edges = [
                edge
                for edge in graph.edges(inside, "target", chosen, _most(limit))
                if edge.source not in inside
                and edge.path not in seen
                and (edge.weight > walking.POSSIBLE) == is_sure
                and (entity.kind != "module" or edge.path != entity.path)
            ]
            if chosen == _MENTIONS and findings:
                break
            direct, count = _by_text(graph, entity, edges, factor * relevance, limit)
            texts += count
            findings += direct
            seen.update(finding.path for finding in direct if finding.path)
            if is_far and direct and relevance == CERTAIN and len(findings) < limit:
                findings += _farther(graph, entity, seen, factor * relevance, limit)
    if not findings and asked.is_name:
        findings = [nobody(graph, asked.entities[0], kinds)]
    findings.sort(key=lambda finding: -finding.relevance)
    return Dependents(findings[:limit], texts)


def _readings(entity: Entity, kinds: Sequence[str]) -> list[tuple[Sequence[str], float, bool]]:
    """Return which edges tell of dependents, what each is worth, and whether they are sure, the best first."""
    chosen = kinds or walking.DEPENDING
    told = CERTAIN if set(chosen).isdisjoint(_MENTIONS) or entity.kind not in CODE else _MENTIONED
    readings: list[tuple[Sequence[str], float, bool]] = [(chosen, told, True), (chosen, _BY_NAME, False)]
    if tuple(kinds) == CALLS and entity.kind == "function":
        readings.append((("uses",), _HANDED_ON, True))
    if not kinds:
        readings.append((_MENTIONS, _MENTIONED if entity.kind in CODE else CERTAIN, True))
    return readings


def _depended_on(graph: Graph, entity: Entity, kinds: Sequence[str]) -> list[int]:
    """Return whose dependents are those of a thing: its members', but where a module has to be imported its own."""
    if entity.kind == "module" and tuple(kinds) != CALLS and graph.language(entity.path) in _IMPORTING:
        return [entity.id]
    return walking.members(graph.connection, entity.id)


def dependencies(graph: Graph, asked: LinkedEntities, kinds: Sequence[str], limit: int) -> list[Finding]:
    """Return what a thing depends on, one finding for each of them."""
    findings: list[Finding] = []
    most = _most(limit)
    for entity, score in _meant(asked):
        factor = score if entity is asked.entities[0] else score * _HOMONYM
        inside = set(walking.members(graph.connection, entity.id))
        is_whole = entity.kind in ("module", "package")
        chosen = kinds or (("imports",) if is_whole and _is_importing(graph, entity) else walking.DEPENDING)
        edges = graph.edges(inside, "source", chosen, most) or graph.edges(inside, "source", _MENTIONS, most)
        by_target: dict[int, list[Edge]] = {}
        for edge in edges:
            if edge.target not in inside:
                by_target.setdefault(edge.target, []).append(edge)
        known = graph.entities([*by_target, *(edge.source for edge in edges)])
        if is_whole and not kinds:
            by_target = _by_module(graph, by_target, known, inside)
        for target, reasons in by_target.items():
            if any(finding.id == target for finding in findings):
                continue
            sure = any(edge.weight > walking.POSSIBLE for edge in reasons)
            findings.append(_told(entity, known[target], reasons, known, factor * (CERTAIN if sure else _BY_NAME)))
    return sorted(findings, key=lambda finding: -finding.relevance)[:limit]


def _is_importing(graph: Graph, entity: Entity) -> bool:
    return entity.kind != "module" or graph.language(entity.path) in _IMPORTING


def _by_module(
    graph: Graph, by_target: dict[int, list[Edge]], known: dict[int, Entity], inside: set[int]
) -> dict[int, list[Edge]]:
    """Put the modules in place of their members: of a module, what it depends on are modules."""
    wholes = ("module", "package", "library", "project")
    outer = graph.modules(known[node].path for node in by_target if known[node].kind not in wholes)
    known.update((module.id, module) for module in outer.values())
    by_module: dict[int, list[Edge]] = {}
    for node, reasons in by_target.items():
        module = known[node] if known[node].kind in wholes else outer.get(known[node].path or "")
        if module is not None and module.id not in inside:
            by_module.setdefault(module.id, []).extend(reasons)
    return by_module


def surroundings(graph: Graph, asked: LinkedEntities, kinds: Sequence[str], limit: int) -> list[Finding]:
    """Return what a thing is connected with, the most certain first; by edges of some kinds its members', too."""
    findings: list[Finding] = []
    for entity, score in zip(asked.entities[:SAME_NAME], asked.scores, strict=False):
        inside = walking.members(graph.connection, entity.id) if kinds else [entity.id]
        edges = [
            edge
            for end in ("source", "target")
            for edge in graph.edges(inside, end, kinds or walking.EVERY, _most(limit))
            if edge.source != edge.target
        ]
        groups: dict[int, list[Edge]] = {}
        for edge in sorted(edges, key=lambda edge: -edge.weight):
            groups.setdefault(edge.target if edge.source in inside else edge.source, []).append(edge)
        shown = list(groups.items())[:limit]
        known = graph.entities(
            [node for _, reasons in shown for edge in reasons for node in (edge.source, edge.target)]
        )
        for other, reasons in shown:
            meant = known[other]
            findings.append(_told(entity, meant, reasons, known, 0.75 * score))
    return sorted(findings, key=lambda finding: -finding.relevance)[:limit]


def _meant(asked: LinkedEntities) -> list[tuple[Entity, float]]:
    """Return what is answered for: the likeliest, and what shares its name and sort."""
    if not asked.entities:
        return []
    first = asked.entities[0]
    alike = [
        (entity, score)
        for entity, score in zip(asked.entities, asked.scores, strict=True)
        if entity is first or (asked.is_name and (entity.kind in CODE) == (first.kind in CODE))
    ]
    return alike[:SAME_NAME] if asked.is_name else alike[:1]


def _most(limit: int) -> int:
    """Return how many edges are read for an answer: of what everything depends on, not everything is looked at."""
    return max(_READ, _READ_EACH * limit)


def _by_text(
    graph: Graph, entity: Entity, edges: Sequence[Edge], relevance: float, limit: int
) -> tuple[list[Finding], int]:
    """Return one finding for each text that the edges stand in, the most telling first, and how many texts do."""
    groups: dict[str, list[Edge]] = {}
    for edge in edges:
        groups.setdefault(edge.path or "", []).append(edge)
    first = sorted(groups.items(), key=lambda pair: (_is_test(pair[0]), -min(len(pair[1]), _SHOWN), pair[0]))[:limit]
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
                {"of": entity.qualified, "distance": 1, "kinds": _kinds(reasons), "evidence": _places(reasons)}
                | ({} if any(edge.weight > walking.POSSIBLE for edge in reasons) else {"by_name": True}),
            )
        )
    return findings, len(groups)


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
            for finding in _by_text(graph, entity, fresh, relevance * _FARTHER ** (distance - 1), limit)[0]
        ]
        border = [edge.path for edge in fresh if edge.path]
        seen.update(border)
    return findings


def _module(graph: Graph, entity: Entity) -> str:
    module = graph.modules([entity.path]).get(entity.path or "") if entity.kind in CODE else None
    return module.shown if module else entity.shown


def _told(
    entity: Entity, meant: Entity, reasons: Sequence[Edge], known: Mapping[int, Entity], relevance: float
) -> Finding:
    """Return the neighbours of `entity`, with the edges that prove them."""
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
