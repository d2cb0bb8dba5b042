"""Find the passages that speak of two things at once."""

import json

from memory_router.engines.graph.entity import CODE, Entity, Finding
from memory_router.engines.graph.reader import Graph
from memory_router.text import words
from memory_router.text.relevance import coverage, weigh

_CANDIDATES = 60
_MAX_TERMS = 10
_WORTH = 0.88  # relevance of a passage that holds every word of both
_BM25 = "bm25(3.0, 2.0, 1.0)"
_MATCHING = (
    "SELECT rowid, fields(node_text) FROM node_text WHERE node_text MATCH ? AND rank MATCH ? ORDER BY rank LIMIT ?"
)


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
    terms = [*first.items(), *second.items()]
    count = int(graph.connection.execute("SELECT count(*) FROM nodes").get)
    ours, theirs = (weigh(side.values(), count, lambda stem: _frequency(graph, stem)) for side in (first, second))
    expression = " AND ".join("({})".format(" OR ".join(f'"{word}"' for word in side)) for side in (first, second))
    rows = list(graph.connection.execute(_MATCHING, (expression, _BM25, max(_CANDIDATES, limit))))
    scored: list[tuple[float, int]] = []
    for node, places in rows:
        held = json.loads(places)
        stems = {stem for (_, stem), fields in zip(terms, held, strict=True) if fields}
        scored.append((min(coverage(ours, stems), coverage(theirs, stems)), node))
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


def _frequency(graph: Graph, stem: str) -> int:
    sql = "SELECT max(doc) FROM node_words WHERE term = ?"
    return int(graph.connection.execute(sql, (stem.partition(" ")[0],)).get or 0)


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
