"""Estimate how likely a ranked passage answers the question: one scale in [0, 1] for all modes."""

import math
from collections.abc import Mapping

from memory_router.engines.documents.hybrid import QUERY, SEARCH, VSEARCH, Ranked, Signs

# What a passage counts for in which somebody speaks whom the question names. Set by hand: where it is fitted it alone
# decides, since the next conversation has other speakers.
SPEAKER = 1.5

# Logistic regression on the top results of LoCoMo development questions, each asked of its own conversation
# (answerable) and of the next one (not), with the speakers' names in the question and without; five folds by
# conversation agree (benchmarks/fit_relevance.py).
_BIAS = {SEARCH: -1.25, VSEARCH: -1.58, QUERY: -1.69}
_WEIGHTS: Mapping[str, Signs] = {
    SEARCH: Signs(own=1.74, known=1.08, words=2.0, told=-1.38, surprise=2.06, speaker=SPEAKER),
    VSEARCH: Signs(own=1.04, known=0.78, likeness=3.34, words=2.0, told=-1.39, surprise=1.91, speaker=SPEAKER),
    QUERY: Signs(own=1.13, known=0.71, likeness=3.37, words=2.05, told=-1.38, surprise=1.84, speaker=SPEAKER),
}


def estimate(ranked: Ranked) -> float:
    """Return the estimated probability that a passage answers the question, in [0, 1]."""
    signs = ranked.signs
    if signs.wide <= 0 and signs.likeness <= 0:
        return 0.0
    logit = _BIAS[ranked.mode] + sum(map(float.__mul__, _WEIGHTS[ranked.mode], signs))
    return 1 / (1 + math.exp(-logit))
