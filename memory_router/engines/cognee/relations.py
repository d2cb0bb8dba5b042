"""Answer questions about relations from Cognee's graph, whose relations a language model named."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from memory_router.engines.cognee.graph import CogneeEdge, CogneeGraph, CogneeNode, together
from memory_router.engines.cognee.hit import CogneeHit, of_project
from memory_router.engines.cognee.linking import LinkedNodes
from memory_router.engines.graph.questions import CHAIN, DEPENDENCIES, DEPENDENTS, RELATION, GraphQuestion
from memory_router.text.terms import stems

_SAID = 0.8  # relevance of a relation between named things: a model read it in a text, no parser proved it
_LOOSE = 0.45  # what is left of it where the relation is of another sort than was asked for
_AROUND = 0.75  # and where nothing but "what is it connected with" was asked
_FARTHER = 0.8  # for each step away
_LONGER = 0.93  # for each step of a way beyond the third
_AGAINST = 0.9  # for a way that is not walked in the direction of its relations
_STEPS_FREE = 3
_STEPS_FAR = 3
_MOST_STEPS = 6
_EVIDENCE = 300  # characters of a passage
# Stems of verbs by which a thing needs another one.
_NEEDING = re.compile(
    "access|authent|base|build|built|call|connect|consum|defer|deleg|depend|deploy|extend|forward|host|implement|import"
    "|inherit|integr|invok|leverag|need|queri|read|reli|requir|run|send|store|subclass|subscrib|use|wrap|write"
)
# What the question's own verb may be called in the graph.
_KIN = {"inherits": "inherit|extend|subclass|implement", "calls": "call|invok", "imports": "import"}


_Way = tuple[list[CogneeEdge], list[str], float]  # the steps, the stations, and what it is worth


class RelationAnswer(NamedTuple):
    """What was found, and how the things of the question were understood."""

    hits: list[CogneeHit]
    note: str


def answer(graph: CogneeGraph, asked: GraphQuestion, linked: Sequence[LinkedNodes], limit: int) -> RelationAnswer:
    """Return what a graph says to a question about relations.

    Args:
        graph: where to look.
        asked: what is asked of which things.
        linked: what those things are in the graph, each known.
        limit: the largest number of answers.
    """
    first = linked[0]
    if asked.intent in (RELATION, CHAIN):
        findings = _between(graph, first, linked[1], asked.intent == CHAIN)
    elif asked.intent in (DEPENDENTS, DEPENDENCIES):
        findings = _needing(graph, first, asked)
    else:
        findings = _around(graph, first)
    note = " ".join(filter(None, map(_ambiguity, linked)))
    return RelationAnswer(_with_evidence(graph, findings[:limit]), note)


class _Found(NamedTuple):
    steps: list[CogneeEdge]
    nodes: list[str]  # the stations, one more than steps
    relevance: float
    about: str  # the one that the answer names


def _needing(graph: CogneeGraph, linked: LinkedNodes, asked: GraphQuestion) -> list[_Found]:
    """Return what needs a thing, or what it needs, the nearest and surest first."""
    verbs = "|".join(_KIN[kind] for kind in asked.kinds if kind in _KIN)
    pattern = re.compile(verbs) if verbs else _NEEDING
    is_up = asked.intent == DEPENDENTS
    findings: list[_Found] = []
    ways: dict[str, _Way] = {node: ([], [node], _SAID * score) for node, score in linked.near.items()}
    border = dict(ways)
    for distance in range(1, _STEPS_FAR + 1 if asked.is_far else 2):
        reached: dict[str, _Way] = {}
        for edge in graph.edges(list(border)):
            needs, needed = _direction(edge)
            here, there = (needed, needs) if is_up else (needs, needed)
            if here not in border or there in ways:
                continue
            steps, nodes, relevance = border[here]
            is_sure = any(map(pattern.fullmatch, stems(edge.relation.replace("_", " "))))
            if not is_sure and distance > 1:
                continue
            worth = relevance * (1.0 if is_sure else _LOOSE) * (_FARTHER if distance > 1 else 1.0)
            if there not in reached or worth > reached[there][2]:
                reached[there] = [*steps, edge], [*nodes, there], worth
        findings += [_Found(steps, nodes, worth, there) for there, (steps, nodes, worth) in reached.items()]
        ways |= reached
        border = {there: way for there, way in reached.items() if way[2] > _SAID * _LOOSE}
        if not border:
            break
    return sorted(findings, key=lambda finding: (-finding.relevance, finding.about))


def _direction(edge: CogneeEdge) -> tuple[str, str]:
    """Return who needs and who is needed: `used_by` says it the other way round."""
    is_passive = re.search(r"[ _]by$", edge.relation.strip().lower())
    return (edge.target, edge.source) if is_passive else (edge.source, edge.target)


def _between(graph: CogneeGraph, one: LinkedNodes, other: LinkedNodes, is_chain: bool) -> list[_Found]:
    """Return a shortest way between two things; of a chain first one that follows its relations."""
    starts, ends = one.near, other.near
    for shared in starts.keys() & ends.keys():
        # What both phrases fit is where they meet, and no way.
        (starts if starts[shared] < ends[shared] else ends).pop(shared)
    for is_directed in (True, False) if is_chain else (False,):
        nodes, steps = _way(graph, starts, ends, is_directed)
        if nodes:
            relevance = _SAID * min(starts[nodes[0]], ends[nodes[-1]]) * _LONGER ** max(0, len(steps) - _STEPS_FREE)
            return [_Found(steps, nodes, relevance * (1.0 if is_directed or not is_chain else _AGAINST), nodes[-1])]
    return []


def _way(
    graph: CogneeGraph, starts: Iterable[str], ends: Iterable[str], is_directed: bool
) -> tuple[list[str], list[CogneeEdge]]:
    """Return the stations and steps of a shortest way, level by level from both ends; empty without a way."""
    before: dict[str, CogneeEdge | None] = dict.fromkeys(starts)
    after: dict[str, CogneeEdge | None] = dict.fromkeys(ends)
    left, right = dict.fromkeys(before), dict.fromkeys(after)
    for _ in range(_MOST_STEPS):
        is_left = len(left) <= len(right)
        border, seen, others = (left, before, after) if is_left else (right, after, before)
        fresh: dict[str, None] = {}
        for edge in graph.edges(list(border)) if border else ():
            for here in (edge.source, edge.target):
                there = edge.other(here)
                if here not in border or there in seen:
                    continue
                if is_directed and here != (edge.source if is_left else edge.target):
                    continue
                seen[there] = edge
                fresh[there] = None
        for there in fresh:
            if there in others:
                return _stations(there, before, after)
        if not fresh:
            return [], []
        left, right = (fresh, right) if is_left else (left, fresh)
    return [], []


def _stations(
    meeting: str, before: dict[str, CogneeEdge | None], after: dict[str, CogneeEdge | None]
) -> tuple[list[str], list[CogneeEdge]]:
    nodes: list[str] = [meeting]
    steps: list[CogneeEdge] = []
    while edge := before[nodes[0]]:
        steps.insert(0, edge)
        nodes.insert(0, edge.other(nodes[0]))
    while edge := after[nodes[-1]]:
        steps.append(edge)
        nodes.append(edge.other(nodes[-1]))
    return nodes, steps


def _around(graph: CogneeGraph, linked: LinkedNodes) -> list[_Found]:
    """Return what a thing is connected with."""
    neighbours: dict[str, _Found] = {}
    near = linked.near
    for edge in graph.edges(list(near)):
        here = edge.source if edge.source in near else edge.target
        there = edge.other(here)
        if there not in near:
            neighbours.setdefault(there, _Found([edge], [here, there], _SAID * _AROUND * near[here], there))
    return sorted(neighbours.values(), key=lambda neighbour: (-neighbour.relevance, neighbour.about))


def _with_evidence(graph: CogneeGraph, found: Sequence[_Found]) -> list[CogneeHit]:
    """Put answers into words, each step with a passage that speaks of both its ends."""
    stations = list(dict.fromkeys(node for finding in found for node in finding.nodes))
    if not stations:
        return []
    known, mentions = graph.nodes(stations), graph.mentions(stations)
    return [_told(finding, known, mentions) for finding in found]


def _told(one: _Found, known: dict[str, CogneeNode], mentions: dict[str, list[CogneeNode]]) -> CogneeHit:
    lines: list[str] = []
    path: list[dict[str, Any]] = [{"name": known[one.nodes[0]].name, "kind": known[one.nodes[0]].kind}]
    written = known[one.about].written
    for edge, there in zip(one.steps, one.nodes[1:], strict=True):
        source, target = known[edge.source], known[edge.target]
        said = edge.text or f"{source.name} {edge.relation.replace('_', ' ')} {target.name}"
        passage = next((text for text in mentions[source.id] if text in mentions[target.id]), None)
        evidence = _sentence(passage.text, source.name, target.name) if passage else ""
        lines.append(f"{said.rstrip('.')}: {evidence}" if evidence else said)
        by: dict[str, Any] = {"relation": edge.relation, "forward": edge.target == there, "evidence": evidence or None}
        if passage and passage.document:
            by["document"] = passage.document
        path.append({"name": known[there].name, "kind": known[there].kind, "by": by})
    if len(one.steps) > 1:
        lines.insert(0, _arrows(one, known))
    first, last = known[one.nodes[0]], known[one.nodes[-1]]
    title = last.name if len(one.steps) == 1 else f"{first.name} to {last.name}"
    metadata = {"path": path, "steps": len(one.steps), **of_project(known[one.about])}
    return CogneeHit("\n".join(lines), round(one.relevance, 4), title, one.about, written, metadata)


def _arrows(one: _Found, known: dict[str, CogneeNode]) -> str:
    parts = [known[one.nodes[0]].name]
    for edge, there in zip(one.steps, one.nodes[1:], strict=True):
        arrow = f"-[{edge.relation}]->" if edge.target == there else f"<-[{edge.relation}]-"
        parts.append(f"{arrow} {known[there].name}")
    return " ".join(parts)


def _sentence(text: str, *names: str) -> str:
    """Return the sentences of a passage that speak of some names, at least its beginning."""
    sentences = re.split(r"(?<=[.!?])\s+|\n+", text.strip())
    telling = [sentence for sentence in sentences if any(together(name) in together(sentence) for name in names)]
    both = [sentence for sentence in telling if all(together(name) in together(sentence) for name in names)]
    return " ".join(both[:1] or telling[:2] or sentences[:1])[:_EVIDENCE]


def _ambiguity(linked: LinkedNodes) -> str:
    names = [node.name for node in linked.nodes]
    if linked.score == 1.0 or len(names) < 2:
        return ""
    return f'"{linked.phrase}" was taken as {names[0]}; it may also be {", ".join(names[1:4])}.'
