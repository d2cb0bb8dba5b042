"""Find the passages of Cognee's documents that answer a question."""

from collections.abc import Sequence

from memory_router.engines.cognee.graph import PASSAGE, CogneeGraph, CogneeNode
from memory_router.engines.cognee.hit import CogneeHit, of_project
from memory_router.engines.cognee.linking import beginning
from memory_router.retrieval.borrowed import BorrowedPassage, judged
from memory_router.retrieval.query import idf
from memory_router.retrieval.wish import wish
from memory_router.text import words

_MOST_WORDS = 24
_JUDGED = 40  # passages that are looked at closely
_MOST_CHOSEN = 3  # by meaning alone; there is always a nearest one


class _Counts:
    """How often the words of a question stand in the graph's passages, all counted at once."""

    def __init__(self, graph: CogneeGraph, question: words.Question) -> None:
        named = (part for name in question.identifiers for part in (*name.parts, name.text.lower()))
        paths = (step for path in question.paths for step in words.split_name(path))
        terms = list(dict.fromkeys([*question.words, *named, *paths]))[:_MOST_WORDS]
        self.parts = {word: beginning(word) for word in terms}
        self.count, self._holding = graph.frequencies(list(dict.fromkeys(self.parts.values())))

    def frequency(self, term: str) -> int:
        """Count the passages that hold a term."""
        return self._holding.get(self.parts.get(term, ""), 0)

    def weights(self) -> dict[str, float]:
        """Return how much each beginning of a word tells."""
        return {part: idf(self.count, self._holding[part]) for part in self.parts.values()}


def find(graph: CogneeGraph, question: str, nearest: Sequence[str], limit: int) -> list[CogneeHit]:
    """Return passages, the most probable first.

    Args:
        graph: where they are.
        question: any text.
        nearest: ids of passages that embeddings chose, best first.
        limit: the largest number of passages.
    """
    parsed = words.parse(question)
    counts = _Counts(graph, parsed)
    if not counts.count:
        return []
    chosen = {node: place for place, node in enumerate(nearest[:_MOST_CHOSEN])}
    candidates = [*graph.passages(counts.weights(), max(_JUDGED, limit)), *graph.nodes(chosen).values()]
    nodes = list({node.id: node for node in candidates if node.kind == PASSAGE and node.text}.values())
    passages = [
        BorrowedPassage(node.text, _name(node), time=node.written, chosen=chosen.get(node.id)) for node in nodes
    ]
    paths = [step for path in parsed.paths for step in words.split_name(path)]
    scored = judged(passages, counts, question, parsed, limit, wish(question), paths)
    return [as_hit(nodes[passage.key], passage.relevance) for passage in scored]


def _name(node: CogneeNode) -> str:
    # What is added as text and not as a file Cognee calls by a digest.
    return "" if node.document.startswith("text_") else node.document


def as_hit(node: CogneeNode, relevance: float) -> CogneeHit:
    """Return a passage, or a thing with its description, as a hit."""
    title = node.name or _name(node) or " ".join(node.text.split())[:80]
    metadata = {"document": node.document or None, **of_project(node)}
    return CogneeHit(node.text, round(relevance, 4), title, node.id, node.written, metadata)
