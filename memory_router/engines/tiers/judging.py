"""Estimate how likely a memory answers a question: one scale in [0, 1] for all stores."""

import math
from collections.abc import Mapping
from typing import NamedTuple

# By what memories were found: by words and likeness of meaning, by words alone, or by words and how new they are.
ALIKE, WORDS, RECENT = "alike", "words", "recent"

# What it counts that somebody speaks whom the question names. Set by hand: where it is fitted it alone decides, since
# the next conversation has other speakers.
SPEAKER = 1.5


class Signs(NamedTuple):
    """Hold what speaks for a memory, each about in [0, 1].

    Args:
        own: share of the question in the memory itself and its tags.
        known: the same in the store as a whole.
        likeness: cosine of the vectors of memory and question; 0 without any.
        words: logarithm of how many words of the question count.
        told: what those words tell together: 1 is what some memory of so large a store covers by accident.
        surprise: what the memory and what stands beside it cover of it beyond that.
        speaker: 1 if somebody speaks whom the question names.
        new: what time left of it, for a question about the recent.
    """

    own: float = 0.0
    known: float = 0.0
    likeness: float = 0.0
    words: float = 0.0
    told: float = 0.0
    surprise: float = 0.0
    speaker: float = 0.0
    new: float = 0.0


# Logistic regression on the best memories for LoCoMo development questions, each asked of its own conversation
# (answerable) and of the next one (not), with the speakers' names in the question and without, the turns stored as
# conversations and one by one; five folds by conversation agree (benchmarks/fit_memories.py). A question about the
# recent was asked when its answer had just been stored: where it stands, what is found is new.
_BIAS = {ALIKE: -1.87, WORDS: -1.71, RECENT: -2.32}
_WEIGHTS: Mapping[str, Signs] = {
    ALIKE: Signs(own=0.88, known=1.31, likeness=3.18, words=1.77, told=-1.17, surprise=1.79, speaker=SPEAKER),
    WORDS: Signs(own=1.58, known=1.59, words=1.88, told=-1.17, surprise=1.78, speaker=SPEAKER),
    RECENT: Signs(own=0.66, known=1.26, words=1.32, told=-1.14, surprise=2.63, speaker=SPEAKER, new=2.65),
}


def estimate(mode: str, signs: Signs) -> float:
    """Return the estimated probability that a memory answers the question, in [0, 1].

    Args:
        mode: by what it was found.
        signs: what speaks for it.
    """
    logit = _BIAS[mode] + sum(map(float.__mul__, _WEIGHTS[mode], signs))
    return 1 / (1 + math.exp(-logit))
