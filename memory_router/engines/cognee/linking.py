"""Find which things of Cognee's graph a phrase of a question means; their names are what a model wrote."""

import re
from typing import NamedTuple

from memory_router.engines.cognee.graph import CogneeGraph, CogneeNode, together
from memory_router.engines.graph.naming import key, spoken
from memory_router.text.terms import stems
from memory_router.text.words import is_stop_word

_MOST = 6  # things that one phrase may mean
_LEAST = 0.4  # a fit below this names nothing
_PARTIAL = 0.95  # fits by parts are never as good as names
_SPARE = 0.6  # what a name is worth of which the phrase says only a letter
# Next to a name, these words only say what kind of thing is meant.
_SORTS = re.compile(
    "class|code|component|database|file|function|library|method|module|package|project|service|system|table|team"
)


class LinkedNodes(NamedTuple):
    """What a phrase means.

    Args:
        phrase: as it stood in the question.
        nodes: the likeliest first.
        scores: in [0, 1]: how well each fits; 1 is its name.
    """

    phrase: str
    nodes: list[CogneeNode]
    scores: list[float]

    @property
    def score(self) -> float:
        """Return how well the likeliest one fits."""
        return self.scores[0] if self.scores else 0.0

    @property
    def near(self) -> dict[str, float]:
        """Return the ids of nodes that fit about as well as the likeliest one, with their scores."""
        pairs = zip(self.nodes, self.scores, strict=True)
        return {node.id: score for node, score in pairs if score >= 0.8 * self.score}


def link(graph: CogneeGraph, phrase: str) -> LinkedNodes:
    """Return what a phrase means.

    Args:
        graph: where to look.
        phrase: a name of any spelling, or a few words.
    """
    words = [word for word in spoken(phrase).split() if not is_stop_word(word)]
    telling = [word for word in words if not _SORTS.fullmatch(word)] or words
    parts = {word: beginning(word) for word in telling}
    if not parts:
        return LinkedNodes(phrase, [], [])
    own = {key(phrase, stems), key(" ".join(telling), stems), together("".join(words)), together("".join(telling))}
    scored = []
    for node in graph.named(list(parts.values())):
        is_name = not own.isdisjoint((key(node.name, stems), together(node.name)))
        score = 1.0 if is_name else _fit(parts, together(node.name))
        if score >= _LEAST:
            scored.append((score, node))
    scored.sort(key=lambda pair: (-pair[0], len(pair[1].name), pair[1].id))
    return LinkedNodes(phrase, [node for _, node in scored[:_MOST]], [score for score, _ in scored[:_MOST]])


def _fit(parts: dict[str, str], name: str) -> float:
    """Return how well words fit a name: the share of them in it, and the share of it that they are."""
    inside = {word: part for word, part in parts.items() if part in name}
    covered = sum(len(part) for part in inside.values())
    share = sum(map(len, inside)) / sum(map(len, parts))
    return _PARTIAL * share * (_SPARE + (1 - _SPARE) * min(1.0, covered / len(name)))


def beginning(word: str) -> str:
    """Return the beginning of a word that all its forms share."""
    held = 0
    stem = "".join(stems(word))
    while held < min(len(word), len(stem)) and word[held] == stem[held]:
        held += 1
    return word[:held] if held >= 2 else word
