"""Answer how two things are connected: by chains of calls or imports, or by other ways."""

from collections.abc import Iterable, Sequence

from memory_router.engines.graph import walking
from memory_router.engines.graph.answering import CALLS, CERTAIN, SAME_NAME
from memory_router.engines.graph.entity import CODE, Edge, Finding, LinkedEntities
from memory_router.engines.graph.reader import Graph
from memory_router.engines.graph.telling import told_way

_DOUBTFUL = 0.35  # of a chain with such a call: below the gate
_LONGER = 0.93  # and for each step of a way beyond the third
_LIKELY = 6  # candidates of a phrase that ways begin or end at


def between(
    graph: Graph, one: LinkedEntities, other: LinkedEntities, kinds: Sequence[str], limit: int, *, is_chain: bool
) -> list[Finding]:
    """Return the ways between two things, shortest and strongest.

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
    return sorted(findings, key=lambda finding: -finding.relevance)[:limit]


def is_code(one: LinkedEntities, other: LinkedEntities) -> bool:
    """Return whether both phrases are names of code."""
    return all(end.is_name and end.entities[0].kind in CODE for end in (one, other))


def _chains(
    graph: Graph, one: LinkedEntities, other: LinkedEntities, kinds: Sequence[str]
) -> Iterable[tuple[list[Edge], float]]:
    """Yield the chain from one thing to another, if there is one, with its relevance."""
    first, last = _code_of(one), _code_of(other)
    are_modules = all(end.entities and end.entities[0].kind == "module" for end in (first, last))
    ends = _ends(graph, first, last, with_members=bool(kinds) or not are_modules)  # modules import modules
    if ends is None:
        return
    for chosen in _linking(one, other, kinds):
        if steps := walking.way(graph.connection, *ends, chosen, is_directed=True, least=walking.POSSIBLE):
            yield steps, CERTAIN
            return
    for chosen in _linking(one, other, kinds):
        if steps := walking.way(graph.connection, *ends, chosen, is_directed=True):
            yield steps, _DOUBTFUL
            return


def _code_of(phrase: LinkedEntities) -> LinkedEntities:
    """Return what a phrase means in code, if it may mean any."""
    pairs = zip(phrase.entities, phrase.scores, strict=True)
    kept = [(entity, score) for entity, score in pairs if entity.kind in CODE]
    if not kept:
        return phrase
    return phrase._replace(entities=[entity for entity, _ in kept], scores=[score for _, score in kept])


def leads_back(graph: Graph, one: LinkedEntities, other: LinkedEntities, kinds: Sequence[str]) -> bool:
    """Return whether a chain leads the other way round."""
    return any(relevance == CERTAIN for _, relevance in _chains(graph, other, one, kinds))


def _linking(one: LinkedEntities, other: LinkedEntities, kinds: Sequence[str]) -> list[Sequence[str]]:
    """Return of which kinds of edges a chain may be, the likeliest first: whole modules import each other."""
    wholes = ("module", "package", "library", "project")
    if kinds:
        return [kinds]
    if one.entities[0].kind in wholes and other.entities[0].kind in wholes:
        return [("imports", "requires")]
    is_calling = one.entities[0].kind == other.entities[0].kind == "function"
    return [CALLS, ("calls", "uses")] if is_calling else [CALLS, walking.DEPENDING]


def _ends(
    graph: Graph, one: LinkedEntities, other: LinkedEntities, *, with_members: bool = True
) -> tuple[dict[int, float], dict[int, float]] | None:
    """Return where ways begin and end, each thing with its members if so asked; None if it is the same."""
    if not one.entities or not other.entities:
        return None
    starts, ends = _likely(one), _likely(other)
    for shared in starts.keys() & ends.keys():
        # A thing that both phrases fit is where they meet, and no way.
        (starts if starts[shared] < ends[shared] else ends).pop(shared)
    wide_starts, wide_ends = starts, ends
    if with_members:
        wide_starts, wide_ends = _with_members(graph, starts), _with_members(graph, ends)
    # What is within the other end begins or ends there: `call chain from a module to its function`.
    wide_starts = {node: score for node, score in wide_starts.items() if node not in ends}
    wide_ends = {node: score for node, score in wide_ends.items() if node not in wide_starts}
    return (wide_starts, wide_ends) if wide_starts and wide_ends else None


def _ways(
    graph: Graph, one: LinkedEntities, other: LinkedEntities, kinds: Sequence[str]
) -> Iterable[tuple[list[Edge], float]]:
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
            yield steps, CERTAIN * factor
            break
    last = _likely(other)
    first = {node: score for node, score in _likely(one).items() if node not in last}
    for weak, factor in ((walking.STRONG, 0.9), (walking.TELLING, 0.75)):
        if steps := walking.way(graph.connection, first, last, weak, is_directed=False):
            yield steps, CERTAIN * factor
            break  # what weaker relations also connect is not stronger


def _likely(asked: LinkedEntities) -> dict[int, float]:
    if asked.is_name:
        return {entity.id: score for entity, score in list(zip(asked.entities, asked.scores, strict=True))[:SAME_NAME]}
    return {
        entity.id: score
        for entity, score in list(zip(asked.entities, asked.scores, strict=True))[:_LIKELY]
        if score >= 0.6 * asked.score
    }


def _with_members(graph: Graph, nodes: dict[int, float]) -> dict[int, float]:
    scores = dict(nodes)
    for node, score in nodes.items():
        for member in walking.members(graph.connection, node):
            scores.setdefault(member, score)
    return scores


def _start(steps: Sequence[Edge], one: LinkedEntities) -> int:
    ends = (steps[0].source, steps[0].target)
    if len(steps) > 1:
        shared = set(ends) & {steps[1].source, steps[1].target}
        return next((node for node in ends if node not in shared), ends[0])
    likely = {entity.id for entity in one.entities}
    return ends[1] if ends[1] in likely and ends[0] not in likely else ends[0]
