"""What Cognee's graph is made of, whichever way it was read, and what a graph must be able to tell."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

PASSAGE = "DocumentChunk"
# Nodes for texts and kinds rather than things; a path through "everything is an entity" would say nothing.
NO_THINGS = (PASSAGE, "TextSummary", "EntityType", "EdgeType", "NodeSet", "IndexSchema")
DOCUMENT = "Document"  # ... and every type that ends so


class CogneeNode(NamedTuple):
    """One thing or one passage.

    Args:
        id: as Cognee names it.
        kind: its type there: `Entity`, `DocumentChunk`, ...
        name: what it is called, mostly in lower case; empty for a passage.
        text: a passage's text, or the description of a thing.
        document: the name of the document that a passage is from.
        written: when Cognee read it, in seconds since the epoch, if known.
        dataset: the name of the dataset that it is from, if known.
    """

    id: str
    kind: str
    name: str
    text: str = ""
    document: str = ""
    written: float | None = None
    dataset: str = ""

    @property
    def is_thing(self) -> bool:
        """Return whether the node is a thing that relations are about."""
        return bool(self.name) and self.kind not in NO_THINGS and not self.kind.endswith(DOCUMENT)


def read_node(key: Any, kind: Any, name: Any, properties: Any, dataset: Any = "") -> CogneeNode:
    """Make a node of what Cognee stores about it, whatever of that is there."""
    held = properties if isinstance(properties, dict) else {}
    text, about, document = (_text(held.get(key)) for key in ("text", "description", "document_name"))
    made = held.get("created_at")
    written = made / 1000 if isinstance(made, int | float) and 0 < made < 1e14 else None
    return CogneeNode(str(key), _text(kind), _text(name), text or about, document, written, _text(dataset))


def _text(told: Any) -> str:
    return told if isinstance(told, str) else ""


class CogneeEdge(NamedTuple):
    """One relation.

    Args:
        source: the id of what it begins at.
        target: the id of what it ends at.
        relation: its name, such as `depends_on`.
        text: the sentence that Cognee made of it, if it did.
    """

    source: str
    target: str
    relation: str
    text: str = ""

    def other(self, node: str) -> str:
        """Return the end that is not `node`."""
        return self.target if self.source == node else self.source


class Frequencies(NamedTuple):
    """How many passages there are, and how many of them hold each of some words."""

    total: int
    holding: Mapping[str, int]


class CogneeGraph(Protocol):
    """A graph that answers what questions about relations need, without being held in memory as a whole."""

    def named(self, fragments: Sequence[str]) -> list[CogneeNode]:
        """Return things whose names, written together, hold any of some fragments in lower case."""

    def edges(self, ids: Sequence[str]) -> list[CogneeEdge]:
        """Return the relations between things that begin or end at some of them."""

    def nodes(self, ids: Iterable[str]) -> dict[str, CogneeNode]:
        """Return things by their ids."""

    def mentions(self, ids: Sequence[str]) -> dict[str, list[CogneeNode]]:
        """Return the passages that speak of some things, by the thing."""

    def frequencies(self, words: Sequence[str]) -> Frequencies:
        """Count the passages, and those that hold each of some words in lower case."""

    def passages(self, weights: Mapping[str, float], most: int) -> list[CogneeNode]:
        """Return the passages that hold the most of some weighted words in lower case."""


class HeldGraph:
    """A graph that was read as a whole.

    Args:
        nodes: everything in it.
        edges: every relation, also from passages to what they speak of.
    """

    def __init__(self, nodes: Iterable[CogneeNode], edges: Iterable[CogneeEdge]) -> None:
        self._nodes = {node.id: node for node in nodes}
        self._passages = [node for node in self._nodes.values() if node.kind == PASSAGE]
        self._edges: dict[str, list[CogneeEdge]] = {}
        self._mentions: dict[str, list[CogneeNode]] = {}
        for edge in dict.fromkeys(edges):
            source, target = self._nodes.get(edge.source), self._nodes.get(edge.target)
            if source is None or target is None or source is target:
                continue
            if source.kind == PASSAGE and target.is_thing:
                self._mentions.setdefault(target.id, []).append(source)
            elif source.is_thing and target.is_thing:
                for end in (source.id, target.id):
                    self._edges.setdefault(end, []).append(edge)

    def named(self, fragments: Sequence[str]) -> list[CogneeNode]:
        """Return things whose names, written together, hold any of some fragments in lower case."""
        things = ((node, together(node.name)) for node in self._nodes.values() if node.is_thing)
        return [node for node, name in things if any(fragment in name for fragment in fragments)]

    def edges(self, ids: Sequence[str]) -> list[CogneeEdge]:
        """Return the relations between things that begin or end at some of them."""
        return sorted({edge for node in ids for edge in self._edges.get(node, ())})

    def nodes(self, ids: Iterable[str]) -> dict[str, CogneeNode]:
        """Return things by their ids."""
        return {node: self._nodes[node] for node in ids if node in self._nodes}

    def mentions(self, ids: Sequence[str]) -> dict[str, list[CogneeNode]]:
        """Return the passages that speak of some things, by the thing."""
        return {node: sorted(self._mentions.get(node, [])) for node in ids}

    def frequencies(self, words: Sequence[str]) -> Frequencies:
        """Count the passages, and those that hold each of some words in lower case."""
        texts = [passage.text.lower() for passage in self._passages]
        return Frequencies(len(texts), {word: sum(word in text for text in texts) for word in words})

    def passages(self, weights: Mapping[str, float], most: int) -> list[CogneeNode]:
        """Return the passages that hold the most of some weighted words in lower case."""
        scored = []
        for passage in self._passages:
            text = passage.text.lower()
            if score := sum(weight for word, weight in weights.items() if word in text):
                scored.append((score, passage))
        return [passage for _, passage in sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:most]]


def together(name: str) -> str:
    """Return a name in lower case without what may or may not separate its words."""
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")
