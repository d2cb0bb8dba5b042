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
# In an answer about the recent, what is nearly as relevant as the best counts as much: among near ties the newest
# comes first: a memory that was superseded often says more of the question's words than the one that supersedes it.
_NEARLY = 0.75
# Parts of the score of any other answer; chosen on LoCoMo development questions (benchmarks/tiers_recall.py).
_OWN, _WIDE, _NEAR = 0.4, 0.5, 0.1

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
        (memory, evidence)
        for memory in memories
        if (evidence := _evidence(asked, memory, stems, (context or {}).get(memory.id, ()))).wide > 0
    ]
    if asked.is_recent:
        judged = [(memory, relevance, relevance) for memory, one in found if (relevance := calibrated(one))]
        enough = _NEARLY * max((relevance for _, relevance, _ in judged), default=0.0)
    else:
        judged = [(memory, calibrated(one), _strength(one)) for memory, one in found]
        enough = 1.0
    ordered = [
        Recollection(memory, relevance, min(strength, enough) * decay(now - memory.created, is_recent=asked.is_recent))
        for memory, relevance, strength in judged
    ]
    return sorted(ordered, key=lambda one: (one.raw_score, one.memory.created, one.relevance), reverse=True)


def newest(memory: Memory, now: float) -> Recollection:
    """Return a memory as the answer to a question that asks for nothing but the newest."""
    relevance = newest_relevance(now - memory.created)
    return Recollection(memory, relevance, relevance)


def _strength(evidence: Evidence) -> float:
    """Return what orders memories where time matters little: mostly the words that a memory itself holds."""
    return _OWN * evidence.own + _WIDE * evidence.wide + _NEAR * evidence.near


def _evidence(asked: Asked, memory: Memory, stems: Stems, context: Sequence[str]) -> Evidence:
    text = stems(f"{memory.text} {identifier_terms(memory.text)}")
    own = set(text)
    wide = own.union(stems(" ".join((*memory.tags, *context))))
    return Evidence(
        coverage(asked.weights, own), coverage(asked.weights, wide), asked.known, nearness(asked.weights, text)
    )
