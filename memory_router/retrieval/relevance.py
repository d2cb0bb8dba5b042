"""Estimate the probability that a passage answers a question, by one fitted map for all stores.

The map is a logistic regression; `weights.json` holds it with its provenance, and `benchmarks/fit_relevance.py` writes
that file. Its features mean the same in any domain, and none says what kind of memory a passage comes from: that is
a prior of whoever merges several backends.
"""

import json
import math
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

# Results below it are not shown.
FLOOR = 0.05


class Features(NamedTuple):
    """What speaks for a passage; shares weigh the words of the question by how rare they are in the store (idf).

    Args:
        own: share of the question in the passage itself.
        named: share of it in title, path, headings, tags or the names that it defines.
        wide: share of it in the passage, its names and its neighbours.
        whole: 1 by the number of words if it and its names hold every word of the question, else 0: a name or two that
            stand there are what was asked for, whatever else the passage says.
        behind: BM25 by that of the best candidate, minus 1.
        place: logarithm of its place among the candidates by BM25, counted from 1.
        surprise: how unlikely the covered words stand together by accident, in logarithms of the store's size, to 3.
        exact: 1 if it defines a name that the question asks for, or the question is its title.
        filed: 1 if the question names its file.
        likeness: cosine of passage and question; 0 without vectors.
        standing: how far that lies above passages at large, in standard deviations, by 5.
        unlike: likeness minus that of the most alike candidate.
        current: how new it is, if the question asks for the present; else 0.
        new: how new it is; 0 if that is not known.
        overtaken: largest share of the question that both it and a candidate of a later day cover.
        timely: 1 if it is of the time that the question names.
        length: logarithm of its length in characters, by that of 2000, to 1.
        words: logarithm of how many words of the question count.
    """

    own: float = 0.0
    named: float = 0.0
    wide: float = 0.0
    whole: float = 0.0
    behind: float = 0.0
    place: float = 0.0
    surprise: float = 0.0
    exact: float = 0.0
    filed: float = 0.0
    likeness: float = 0.0
    standing: float = 0.0
    unlike: float = 0.0
    current: float = 0.0
    new: float = 0.0
    overtaken: float = 0.0
    timely: float = 0.0
    length: float = 0.0
    words: float = 0.0


class Map(NamedTuple):
    """A fitted map from features to log-odds: the constant and a weight for each feature."""

    bias: float
    weights: Features

    def __call__(self, features: Features) -> float:
        """Return the probability in [0, 1]."""
        logit = self.bias + sum(map(float.__mul__, self.weights, features))
        return 1 / (1 + math.exp(-logit)) if logit > -700 else 0.0


@lru_cache(maxsize=1)
def fitted() -> Mapping[str, Map]:
    """Return the maps by what was compared: `words` alone, `static` vectors too, or a model of `meaning`."""
    with open(os.path.join(os.path.dirname(__file__), "weights.json"), encoding="utf-8") as file:
        maps = json.load(file)["maps"]
    return {name: Map(parameters["bias"], Features(**parameters["weights"])) for name, parameters in maps.items()}
