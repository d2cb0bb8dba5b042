"""Find the passages that speak of two things at once."""

from memory_router.engines.graph.entity import CODE, Entity, Finding
from memory_router.engines.graph.matching import frequencies, holding_both, row_count
from memory_router.engines.graph.reader import Graph
from memory_router.text import words
from memory_router.text.relevance import coverage, weigh

_MAX_TERMS = 10
_WORTH = 0.88  # relevance of a passage that holds every word of both


def passages(graph: Graph, one: str, other: str, limit: int) -> list[Finding]:
    """Return the passages that hold words of both phrases, those that hold most of both first.

    Args:
        graph: an open graph.
        one: a phrase of the question.
        other: the other one.
        limit: how many at the most.
    """
    first, second = _terms(graph, one), _terms(graph, other)
    second = {word: stem for word, stem in second.items() if stem not in first.values()}
    if not first or not second:
        return []
    standing = frequencies(graph.connection, [*first, *second])
    count = row_count(graph.connection)
    ours, theirs = (weigh(side, count, standing.__getitem__) for side in (first, second))
    sides = [{word: standing[word] for word in side} for side in (first, second)]
    scored: list[tuple[float, int]] = []
    for node, columns in holding_both(graph.connection, sides[0], sides[1], limit).items():
        held = {word for word, fields in zip(standing, columns, strict=True) if fields}
        scored.append((min(coverage(ours, held), coverage(theirs, held)), node))
    scored.sort(key=lambda found: -found[0])
    known = graph.entities([node for _, node in scored[: 2 * limit]])
    found = [(share, known[node]) for share, node in scored[: 2 * limit] if node in known]
    return [_finding(graph, entity, share, one, other) for share, entity in found][:limit]


def _terms(graph: Graph, phrase: str) -> dict[str, str]:
    parsed = words.parse(phrase)
    found: dict[str, str] = {}
    for word in [*parsed.words, *(part for name in parsed.identifiers for part in name.parts)]:
        stem = " ".join(graph.stems(word))
        if stem and stem not in found.values():
            found[word] = stem
    return dict(list(found.items())[:_MAX_TERMS])


def _finding(graph: Graph, entity: Entity, share: float, one: str, other: str) -> Finding:
    content = f"{entity.shown}: {entity.summary}" if entity.kind in CODE else graph.body(entity.id)
    return Finding(
        content or entity.shown,
        round(_WORTH * share, 4),
        entity.shown,
        entity.path,
        entity.line or None,
        entity.modified or None,
        entity.id,
        {"both": [one, other]},
    )
