"""Judge candidates: how much of a question each memory covers, and what time left of it.

Every store chooses its candidates in its own way; all of them are judged here, so that the same memories come back in
the same order wherever they are kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from memory_router.engines.tiers.memory import Memory, Recollection
from memory_router.engines.tiers.recency import decay, newest_relevance
from memory_router.text.relevance import Evidence, calibrated, coverage, nearness, weigh
from memory_router.text.words import identifier_terms

# A question longer than this is a pasted text; its first words say enough.
MOST_TERMS = 40
# Among a handful of memories every word they hold looks common; rarity is judged as if there were this many.
_FEWEST = 100
# What is nearly as relevant as the best counts as much, so that among near ties the newest comes first: a memory that
# was superseded often says more of the question's words than the one that supersedes it.
_NEARLY, _NEARLY_RECENT = 0.97, 0.75

Stems = Callable[[str], list[str]]


class Asked(NamedTuple):
    """Hold a question as a store sees it.

    Args:
        weights: the idf of each stem.
        known: the weighted share of the question that stands somewhere in the store, in [0, 1].
        is_recent: whether it asks for what is recent.
    """

    weights: dict[str, float]
    known: float
    is_recent: bool


def ask(frequencies: Mapping[str, int], total: int, *, is_recent: bool) -> Asked:
    """Weigh the stems of a question by how rare they are in a store.

    Args:
        frequencies: in how many memories each stem stands.
        total: how many memories there are.
        is_recent: whether the question asks for what is recent.
    """
    weights = weigh(frequencies, max(_FEWEST, total), frequencies.__getitem__)
    known = coverage(weights, [stem for stem, frequency in frequencies.items() if frequency])
    return Asked(weights, known, is_recent)


def ranked(
    asked: Asked,
    memories: Iterable[Memory],
    stems: Stems,
    now: float,
    context: Mapping[str, Sequence[str]] | None = None,
) -> list[Recollection]:
    """Return the memories that share a word with the question, best first.

    Args:
        asked: the question.
        memories: the candidates.
        stems: cuts a text into stems.
        now: seconds since the epoch.
        context: by id, the texts that stand before and after a memory in its conversation.
    """
    found = [
        (memory, relevance)
        for memory in memories
        if (relevance := _relevance(asked, memory, stems, (context or {}).get(memory.id, ()))) > 0
    ]
    best = max((relevance for _, relevance in found), default=0.0)
    enough = best * (_NEARLY_RECENT if asked.is_recent else _NEARLY)
    judged = [
        Recollection(memory, relevance, min(relevance, enough) * decay(now - memory.created, is_recent=asked.is_recent))
        for memory, relevance in found
    ]
    return sorted(judged, key=lambda one: (one.raw_score, one.memory.created, one.relevance), reverse=True)


def newest(memory: Memory, now: float) -> Recollection:
    """Return a memory as the answer to a question that asks for nothing but the newest."""
    relevance = newest_relevance(now - memory.created)
    return Recollection(memory, relevance, relevance)


def _relevance(asked: Asked, memory: Memory, stems: Stems, context: Sequence[str]) -> float:
    text = stems(f"{memory.text} {identifier_terms(memory.text)}")
    own = set(text)
    wide = own.union(stems(" ".join((*memory.tags, *context))))
    evidence = Evidence(
        coverage(asked.weights, own), coverage(asked.weights, wide), asked.known, nearness(asked.weights, text)
    )
    return calibrated(evidence)
