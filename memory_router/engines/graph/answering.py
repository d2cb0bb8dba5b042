"""Answer what was understood: with every thing that depends, with ways between two, or with what surrounds one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from memory_router.engines.graph import walking
from memory_router.engines.graph.completeness import nobody
from memory_router.engines.graph.entity import CODE, Edge, Entity, Finding, Linked
from memory_router.engines.graph.passages import passages
from memory_router.engines.graph.reader import Graph
from memory_router.engines.graph.telling import told_edges, told_way

_CERTAIN = 0.9  # relevance of an answer that follows from code and an exact name
_MENTIONED = 0.6  # of one that is only mentioned
_HANDED_ON = 0.5  # of a function that is handed on, where its callers are asked for
_BY_NAME = 0.45  # of a call that means a thing by its last name alone
_DOUBTFUL = 0.35  # of a chain with such a call: below the gate
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
_CALLS = ("calls",)
_IMPORTING = ("python", "javascript", "typescript", "tsx")  # there, what uses a module's things must import it


class Dependents(NamedTuple):
    """Hold what depends on a thing.

    Args:
        findings: one a text, as many as were wanted.
        texts: how many texts depend on it directly.
    """

    findings: list[Finding]
    texts: int


def dependents(graph: Graph, asked: Linked, kinds: Sequence[str], limit: int, *, is_far: bool) -> Dependents:
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
            seen.update(one.path for one in direct if one.path)
            if is_far and direct and relevance == _CERTAIN and len(findings) < limit:
                findings += _farther(graph, entity, seen, factor * relevance, limit)
    if not findings and asked.is_name:
        findings = [nobody(graph, asked.entities[0], kinds)]
    findings.sort(key=lambda one: -one.relevance)
    return Dependents(findings[:limit], texts)


def _readings(entity: Entity, kinds: Sequence[str]) -> list[tuple[Sequence[str], float, bool]]:
    """Return which edges tell of dependents, what each is worth, and whether they are sure, the best first."""
    chosen = kinds or walking.DEPENDING
    told = _CERTAIN if set(chosen).isdisjoint(_MENTIONS) or entity.kind not in CODE else _MENTIONED
    found: list[tuple[Sequence[str], float, bool]] = [(chosen, told, True), (chosen, _BY_NAME, False)]
    if tuple(kinds) == _CALLS and entity.kind == "function":
        found.append((("uses",), _HANDED_ON, True))
    if not kinds:
        found.append((_MENTIONS, _MENTIONED if entity.kind in CODE else _CERTAIN, True))
    return found


def _depended_on(graph: Graph, entity: Entity, kinds: Sequence[str]) -> list[int]:
    """Return whose dependents are those of a thing: its members', but where a module has to be imported its own."""
    if entity.kind == "module" and tuple(kinds) != _CALLS and graph.language(entity.path) in _IMPORTING:
        return [entity.id]
    return walking.members(graph.connection, entity.id)


def dependencies(graph: Graph, asked: Linked, kinds: Sequence[str], limit: int) -> list[Finding]:
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
            if any(one.id == target for one in findings):
                continue
            sure = any(edge.weight > walking.POSSIBLE for edge in reasons)
            findings.append(_told(entity, known[target], reasons, known, factor * (_CERTAIN if sure else _BY_NAME)))
    return sorted(findings, key=lambda one: -one.relevance)[:limit]


def _is_importing(graph: Graph, entity: Entity) -> bool:
    return entity.kind != "module" or graph.language(entity.path) in _IMPORTING


def _by_module(
    graph: Graph, by_target: dict[int, list[Edge]], known: dict[int, Entity], inside: set[int]
) -> dict[int, list[Edge]]:
    """Put the modules in place of their members: of a module, what it depends on are modules."""
    wholes = ("module", "package", "library", "project")
    outer = graph.modules(known[node].path for node in by_target if known[node].kind not in wholes)
    known.update((module.id, module) for module in outer.values())
    found: dict[int, list[Edge]] = {}
    for node, reasons in by_target.items():
        module = known[node] if known[node].kind in wholes else outer.get(known[node].path or "")
        if module is not None and module.id not in inside:
            found.setdefault(module.id, []).extend(reasons)
    return found


def between(
    graph: Graph, one: Linked, other: Linked, kinds: Sequence[str], limit: int, *, is_chain: bool
) -> list[Finding]:
    """Return the ways between two things, shortest and strongest, and the passages that speak of both.

    A chain between things of code is calls or imports, and nothing else.
    """
    certainty = min(one.score, other.score)
    is_strict = is_chain and is_code(one, other)
    ways = list(_chains(graph, one, other, kinds)) if is_chain else []
    if not ways and not is_strict and not (is_chain and kinds):
        ways = list(_ways(graph, one, other, kinds))
    findings = []
    seen: set[tuple[int, ...]] = set()
    for steps, factor in ways:
        nodes = tuple(sorted({node for edge in steps for node in (edge.source, edge.target)}))
        if nodes in seen:
            continue
        seen.add(nodes)
        known = graph.entities(nodes)
        relevance = certainty * factor * _LONGER ** max(0, len(steps) - 3)
        findings.append(told_way(steps, known, _start(steps, one), relevance))
    if is_strict:
        return findings[:limit]
    findings += passages(graph, one.phrase, other.phrase, limit)
    return sorted(findings, key=lambda finding: -finding.relevance)[:limit]


def is_code(one: Linked, other: Linked) -> bool:
    """Say whether both phrases are names of code."""
    return all(end.is_name and end.entities[0].kind in CODE for end in (one, other))


def _chains(graph: Graph, one: Linked, other: Linked, kinds: Sequence[str]) -> Iterable[tuple[list[Edge], float]]:
    """Yield the chain from one thing to another, if there is one, with its relevance."""
    ends = _ends(graph, _code_of(one), _code_of(other))
    if ends is None:
        return
    for chosen in _linking(one, other, kinds):
        if steps := walking.way(graph.connection, *ends, chosen, is_directed=True, least=walking.POSSIBLE):
            yield steps, _CERTAIN
            return
    for chosen in _linking(one, other, kinds):
        if steps := walking.way(graph.connection, *ends, chosen, is_directed=True):
            yield steps, _DOUBTFUL
            return


def _code_of(phrase: Linked) -> Linked:
    """Return what a phrase means in code, if it may mean any."""
    pairs = zip(phrase.entities, phrase.scores, strict=True)
    kept = [(entity, score) for entity, score in pairs if entity.kind in CODE]
    if not kept:
        return phrase
    return phrase._replace(entities=[entity for entity, _ in kept], scores=[score for _, score in kept])


def leads_back(graph: Graph, one: Linked, other: Linked, kinds: Sequence[str]) -> bool:
    """Say whether a chain leads the other way round."""
    return any(relevance == _CERTAIN for _, relevance in _chains(graph, other, one, kinds))


def _linking(one: Linked, other: Linked, kinds: Sequence[str]) -> list[Sequence[str]]:
    """Return of which kinds of edges a chain may be, the likeliest first: whole modules import each other."""
    wholes = ("module", "package", "library", "project")
    if kinds:
        return [kinds]
    if one.entities[0].kind in wholes and other.entities[0].kind in wholes:
        return [("imports", "requires")]
    is_calling = one.entities[0].kind == other.entities[0].kind == "function"
    return [_CALLS, ("calls", "uses")] if is_calling else [_CALLS, walking.DEPENDING]


def _ends(graph: Graph, one: Linked, other: Linked) -> tuple[dict[int, float], dict[int, float]] | None:
    """Return where ways begin and end, each thing with its members; None if it is the same."""
    if not one.entities or not other.entities:
        return None
    starts, ends = _likely(one), _likely(other)
    for shared in starts.keys() & ends.keys():
        # A thing that both phrases fit is where they meet, and no way.
        (starts if starts[shared] < ends[shared] else ends).pop(shared)
    wide_starts, wide_ends = _with_members(graph, starts), _with_members(graph, ends)
    # What is within the other end begins or ends there: `call chain from a module to its function`.
    wide_starts = {node: score for node, score in wide_starts.items() if node not in ends}
    wide_ends = {node: score for node, score in wide_ends.items() if node not in wide_starts}
    return (wide_starts, wide_ends) if wide_starts and wide_ends else None


def surroundings(graph: Graph, asked: Linked, kinds: Sequence[str], limit: int) -> list[Finding]:
    """Return what a thing is connected with, the most certain first; by some kinds of edges, if any are given."""
    findings: list[Finding] = []
    for entity, score in zip(asked.entities[:_SAME_NAME], asked.scores, strict=False):
        if not asked.is_name:
            findings.append(_itself(graph, entity, score))
        edges = [
            edge
            for end in ("source", "target")
            for edge in graph.edges([entity.id], end, kinds or walking.EVERY, _most(limit))
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


def _by_text(
    graph: Graph, entity: Entity, edges: Sequence[Edge], relevance: float, limit: int
) -> tuple[list[Finding], int]:
    """Return one finding for each text that the edges stand in, the most telling first, and how many texts do."""
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


def _itself(graph: Graph, entity: Entity, score: float) -> Finding:
    body = graph.body(entity.id) if entity.kind not in CODE else ""
    content = body or f"{entity.shown}: {entity.summary}"
    line = entity.line or None
    return Finding(content, round(0.8 * score, 4), entity.shown, entity.path, line, entity.modified or None, entity.id)


def _ways(graph: Graph, one: Linked, other: Linked, kinds: Sequence[str]) -> Iterable[tuple[list[Edge], float]]:
    """Yield ways from the most to the least telling, each with its relevance."""
    ends = _ends(graph, one, other)
    if ends is None:
        return
    for (begin, end), only, factor in (
        (ends, kinds, 1.0),
        (ends, walking.DEPENDING, 1.0),
        (ends[::-1], walking.DEPENDING, 0.95),
    ):
        if steps := walking.way(graph.connection, begin, end, only, is_directed=True, least=walking.POSSIBLE):
            yield steps, _CERTAIN * factor
            break
    last = _likely(other)
    first = {node: score for node, score in _likely(one).items() if node not in last}
    for weak, factor in ((walking.STRONG, 0.9), (walking.TELLING, 0.75)):
        if steps := walking.way(graph.connection, first, last, weak, is_directed=False):
            yield steps, _CERTAIN * factor
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
    module = graph.modules([entity.path]).get(entity.path or "") if entity.kind in CODE else None
    return module.shown if module else entity.shown


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
