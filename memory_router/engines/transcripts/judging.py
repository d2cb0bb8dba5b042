"""Estimate how likely what was found answers the question: one scale in [0, 1], with vectors and without."""

import math
from typing import NamedTuple

from memory_router.engines.transcripts.ranking import Asked
from memory_router.text.relevance import Evidence

# What it counts that somebody speaks whom the question names. Set by hand: where it is fitted it alone decides, since
# the next conversation has other speakers.
SPEAKER = 1.5


class Signs(NamedTuple):
    """Hold what speaks for an answer.

    Args:
        own: share of the question in the turn itself.
        wide: the same with the turns around it.
        known: the same in the archive as a whole.
        near: how close the words stand together.
        likeness: cosine of the vectors; 0 without any.
        words: logarithm of how many words of the question count.
        told: what those words tell together: 1 is what some turn of so large an archive covers by accident.
        surprise: what `wide` covers of it beyond that.
        speaker: 1 if somebody speaks whom the question names.
    """

    own: float = 0.0
    wide: float = 0.0
    known: float = 0.0
    near: float = 0.0
    likeness: float = 0.0
    words: float = 0.0
    told: float = 0.0
    surprise: float = 0.0
    speaker: float = 0.0


# The maps of `documents/judging.py`, where they were fitted. Fitted to conversations by the same means they come out
# alike (own 1.2, known 0.7, likeness 3.5, words 2.1, told -1.4, surprise 1.8, bias -1.7), and refuse a little less.
_BIAS = {True: -1.69, False: -1.25}
_WEIGHTS = {
    True: Signs(own=1.13, known=0.71, likeness=3.37, words=2.05, told=-1.38, surprise=1.84, speaker=SPEAKER),
    False: Signs(own=1.74, known=1.08, words=2.0, told=-1.38, surprise=2.06, speaker=SPEAKER),
}


def signs(asked: Asked, count: int, evidence: Evidence, likeness: float, speaker: float) -> Signs:
    """Return what speaks for an answer.

    Args:
        asked: the question.
        count: how many nodes the archive holds.
        evidence: what the answer covers of it.
        likeness: cosine of the vectors; 0 without any.
        speaker: 1 if somebody speaks whom the question names.
    """
    # A turn holds words of so many nats (their idf) with a probability of exp(-nats): one of N does at log(N).
    told = sum(asked.weights.values()) / math.log(max(2, count))
    words = math.log(max(1, len(asked.weights)))
    return Signs(*evidence, likeness, words, told, max(0.0, evidence.wide * told - 1), speaker)


def estimate(held: Signs, *, is_compared: bool) -> float:
    """Return the estimated probability that an answer is one, in [0, 1].

    Args:
        held: what speaks for it.
        is_compared: whether the archive has vectors.
    """
    if held.wide <= 0 and held.likeness <= 0:
        return 0.0
    logit = _BIAS[is_compared] + sum(map(float.__mul__, _WEIGHTS[is_compared], held))
    return 1 / (1 + math.exp(-logit))
