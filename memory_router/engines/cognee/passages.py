"""Find the passages of Cognee's documents that answer a question, with the same estimate as every other store."""

from collections.abc import Sequence

from memory_router.engines.cognee.graph import PASSAGE, Graph, Node
from memory_router.engines.cognee.hit import Hit, of_project
from memory_router.engines.cognee.linking import Stems, beginning
from memory_router.text import words
from memory_router.text.relevance import Evidence, calibrated, coverage, nearness, weigh

_MOST_WORDS = 24
_JUDGED = 40  # passages that are looked at closely
# What being nearest by meaning adds, as a second reason to believe in a passage. Cognee's distance does not tell an
# answer from nonsense (its best for nonsense was 0.61, for a right one 0.48), so alone it stays below the gate of 0.4.
_CHOSEN = 0.3
_MOST_CHOSEN = 3  # by meaning alone; there is always a nearest one


def find(graph: Graph, stems: Stems, question: str, nearest: Sequence[str], limit: int) -> list[Hit]:
    """Return passages, the most relevant first.

    Args:
        graph: where they are.
        stems: cuts a text into stems.
        question: any text.
        nearest: ids of passages that embeddings chose, best first.
        limit: how many at the most.
    """
    parsed = words.parse(question)
    named = (part for name in parsed.identifiers for part in name.parts)
    asked = {word: "".join(stems(word)) for word in [*parsed.words, *named] if stems(word)}
    asked = dict(list(asked.items())[:_MOST_WORDS])
    parts = {word: beginning(word, stems) for word in asked}
    total, holding = graph.frequencies(list(dict.fromkeys(parts.values())))
    if not total:
        return []
    counts = {asked[word]: holding[part] for word, part in parts.items()}
    weights = weigh(counts, total, lambda stem: counts[stem])
    found = graph.passages({parts[word]: weights[stem] for word, stem in asked.items()}, max(_JUDGED, limit))
    chosen = {node: rank for rank, node in enumerate(nearest[:_MOST_CHOSEN])}
    known = sum(weights[stem] for stem, count in counts.items() if count) / (sum(weights.values()) or 1.0)
    candidates = {
        node.id: node for node in [*found, *graph.nodes(chosen).values()] if node.kind == PASSAGE and node.text
    }
    hits = []
    for node in candidates.values():
        relevance = _estimate(node, stems, weights, known)
        if node.id in chosen:
            relevance = 1 - (1 - relevance) * (1 - _CHOSEN / (1 + chosen[node.id]))
        if relevance > 0:
            hits.append(_hit(node, relevance))
    return sorted(hits, key=lambda hit: (-hit.relevance, hit.id))[:limit]


def _estimate(node: Node, stems: Stems, weights: dict[str, float], known: float) -> float:
    own = stems(f"{node.text} {words.identifier_terms(node.text)}")
    held = set(own)
    share = coverage(weights, held)
    return calibrated(
        Evidence(share, share, known, nearness(weights, own) if len(held & weights.keys()) > 1 else share)
    )


def _hit(node: Node, relevance: float) -> Hit:
    # What is added as text and not as a file Cognee calls by a digest.
    is_named = node.document and not node.document.startswith("text_")
    title = node.document if is_named else " ".join(node.text.split())[:80]
    metadata = {"document": node.document or None, **of_project(node)}
    return Hit(node.text, round(relevance, 4), title, node.id, node.written, metadata)
