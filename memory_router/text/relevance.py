"""Estimate how likely a text answers a question: one scale in [0, 1] for every engine and every store.

Raw BM25 and cosine grow with the store and the question, so no fixed gate fits them. What carries over is the
share of the question that a text covers, each word counted by how rare it is in the searched store (idf), and a
small fitted map from a few such shares to a probability.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import apsw

from memory_router.text.terms import stems


class Evidence(NamedTuple):
    """What speaks for a text being the answer; all shares in [0, 1].

    Args:
        own: idf-weighted share of the question's words in the text itself (`coverage`).
        wide: the same share in the text together with its neighbours, title and path; at least `own`.
        known: the same share in the store as a whole: what no text of it could cover is missing here.
        near: how close the covered words stand to each other in the text (`nearness`).
    """

    own: float
    wide: float
    known: float = 1.0
    near: float = 0.0


def stemmer(_connection: apsw.Connection) -> Callable[[str], list[str]]:
    """Return the function that cuts a text into stems as the full-text indexes do."""
    return stems


def idf(document_count: int, document_frequency: int) -> float:
    """Return how much a word tells: Lucene's non-negative form of the BM25 idf, in nats.

    Args:
        document_count: texts in the searched store.
        document_frequency: texts among them that hold the word; 0 gives the largest value.
    """
    return math.log(1 + (document_count - document_frequency + 0.5) / (document_frequency + 0.5))


def weigh(stems: Iterable[str], document_count: int, frequency: Callable[[str], int]) -> dict[str, float]:
    """Return each different stem with its idf.

    Args:
        stems: the question's content words, stemmed.
        document_count: texts in the searched store.
        frequency: says in how many of them a stem stands.
    """
    return {stem: idf(document_count, frequency(stem)) for stem in stems}


def coverage(weights: Mapping[str, float], stems: Collection[str]) -> float:
    """Return the weighted share of a question that a text covers, in [0, 1].

    Args:
        weights: the question's stems with their idf (`weigh`); unknown words are among them and count.
        stems: the text's stems; a set is quickest.
    """
    total = sum(weights.values())
    return sum(weight for stem, weight in weights.items() if stem in stems) / total if total else 0.0


def nearness(weights: Mapping[str, float], stems: Iterable[str], window: int = 12) -> float:
    """Return the largest weighted share of a question that stands within a few words of a text, in [0, 1].

    Args:
        weights: the question's stems with their idf.
        stems: the text's stems in order; anything may stand for those that are not asked for.
        window: how many words wide a place is.
    """
    return closeness(weights, [one for one in enumerate(stems) if one[1] in weights], window)


def closeness(weights: Mapping[str, float], places: Sequence[tuple[int, str]], window: int = 12) -> float:
    """Return the same as `nearness` from positions in ascending order, each with a weighted stem that stands there."""
    best = inside = 0.0
    counts: dict[str, int] = {}
    first = 0
    for position, stem in places:
        count = counts.get(stem, 0)
        counts[stem] = count + 1
        if count:
            continue
        inside += weights[stem]
        while places[first][0] <= position - window:
            left = places[first][1]
            first += 1
            counts[left] -= 1
            if not counts[left]:
                inside -= weights[left]
        best = max(best, inside)
    total = sum(weights.values())
    return best / total if total else 0.0


def calibrated(evidence: Evidence) -> float:
    """Return the estimated probability that a text answers the question, in [0, 1].

    Args:
        evidence: the shares; without any covered word the estimate is 0.
    """
    if evidence.wide <= 0:
        return 0.0
    logit = _BIAS + sum(weight * share for weight, share in zip(_WEIGHTS, evidence, strict=True))
    return 1 / (1 + math.exp(-logit))


# Logistic regression on LoCoMo development questions, each asked of its own conversation (answerable) and of the next
# one (not), with the speakers' names in the question and without: 3,072 top results of the document search. Fitted
# on either half of the conversations it separates the other half as well (benchmarks/relevance.py --fit).
_BIAS = -4.1
_WEIGHTS = Evidence(own=1.65, wide=3.5, known=2.25, near=0.25)
