"""Estimate how likely a ranked passage answers the question: one scale in [0, 1] for all modes."""

import math
from collections.abc import Mapping

from memory_router.engines.documents.hybrid import QUERY, SEARCH, VSEARCH, Ranked, Signs

# Logistic regression on the top results of LoCoMo development questions, each asked of its own conversation
# (answerable) and of the next one (not), with the speakers' names in the question and without; five folds by
# conversation agree. `speaker` is set by hand, since there it alone would decide: the next conversation has others.
_BIAS = {SEARCH: -4.56, VSEARCH: -5.42, QUERY: -5.25}
_WEIGHTS: Mapping[str, Signs] = {
    SEARCH: Signs(own=1.17, wide=4.54, known=2.14, speaker=1.5),
    VSEARCH: Signs(wide=4.26, known=1.3, likeness=6.68, speaker=1.5),
    QUERY: Signs(own=0.17, wide=4.2, known=1.31, likeness=6.17, speaker=1.5),
}


def estimate(ranked: Ranked) -> float:
    """Return the estimated probability that a passage answers the question, in [0, 1]."""
    signs = ranked.signs
    if signs.wide <= 0 and signs.likeness <= 0:
        return 0.0
    logit = _BIAS[ranked.mode] + sum(map(float.__mul__, _WEIGHTS[ranked.mode], signs))
    return 1 / (1 + math.exp(-logit))
