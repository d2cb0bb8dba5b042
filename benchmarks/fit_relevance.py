"""Fit the map from what speaks for the best passage to the probability that it answers the question.

    python benchmarks/fit_relevance.py [--data DIR] [--modes search vsearch query]

DIR holds `locomo/` (see its README). Every development question is asked of its own conversation (answerable) and of
the next one's (not), with the speakers' names in it and without; five folds by conversation tell whether what was
fitted carries over. Prints `_BIAS` and `_WEIGHTS` as `engines/documents/judging.py` holds them.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from relevance import MODES, Asked, area, ask_conversations

from memory_router.engines.documents.hybrid import Signs
from memory_router.engines.documents.judging import SPEAKER

_FOLDS = 5
_SIGNS = {
    "search": ("own", "known", "words", "told", "surprise"),
    "vsearch": ("own", "known", "likeness", "words", "told", "surprise"),
    "query": ("own", "known", "likeness", "words", "told", "surprise"),
}
# Keeps weights of signs that say nearly the same from growing against each other.
_RIDGE = 1e-3

Floats = NDArray[np.float64]


class Samples(NamedTuple):
    """Hold top results: signs by row, a last one that is always 1, what is given beforehand, truth, fold, naming."""

    signs: Floats
    given: Floats
    answers: Floats
    folds: NDArray[np.int64]
    named: NDArray[np.bool_]

    def part(self, rows: NDArray[np.bool_]) -> "Samples":
        """Return some of the rows."""
        return Samples(self.signs[rows], self.given[rows], self.answers[rows], self.folds[rows], self.named[rows])


def main() -> None:
    """Fit every mode and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "..", "..", "shared", "bench"))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    options = parser.parse_args()
    locomo = os.path.join(options.data, "locomo")
    with tempfile.TemporaryDirectory() as folder:
        for mode in options.modes:
            runs = [ask_conversations(locomo, folder, mode, named=named) for named in (True, False)]
            report(mode, samples(runs, _SIGNS[mode]))


def samples(runs: Sequence[Sequence[Asked]], names: Sequence[str]) -> Samples:
    """Return the signs of every top result that has any; runs are with names and without."""
    rows = [
        (one.top.signs, one.answerable, place * _FOLDS // len(run), number == 0)
        for number, run in enumerate(runs)
        for place, one in enumerate(run)
        if one.top and one.top.signs
    ]
    signs = np.array([[*(getattr(held, name) for name in names), 1.0] for held, *_ in rows])
    given = np.array([SPEAKER * held.speaker for held, *_ in rows])
    truth, folds, named = (np.array(column) for column in list(zip(*rows, strict=True))[1:])
    return Samples(signs, given, truth.astype(float), folds, named)


def fitted(held: Samples) -> Floats:
    """Return weights, the bias last: logistic regression by Newton's method (Hastie et al. 2009, section 4.4.1)."""
    weights: Floats = np.zeros(held.signs.shape[1])
    for _ in range(30):
        estimates = 1 / (1 + np.exp(-held.signs @ weights - held.given))
        slope = held.signs.T @ (estimates - held.answers) / len(held.answers) + _RIDGE * weights
        curve = (held.signs.T * (estimates * (1 - estimates))) @ held.signs / len(held.answers)
        weights -= np.linalg.solve(curve + _RIDGE * np.eye(len(weights)), slope)
    return weights


def report(mode: str, held: Samples) -> None:
    """Print the weights from all rows, and how well those from four folds separate the fifth."""
    weights = fitted(held)
    shown = ", ".join(f"{name}={weight:.2f}" for name, weight in zip(_SIGNS[mode], weights, strict=False))
    print(f"{mode}: bias {weights[-1]:.2f}, {Signs.__name__}({shown}, speaker={SPEAKER})")
    estimates = np.zeros(len(held.answers))
    for fold in range(_FOLDS):
        inside = held.folds == fold
        estimates[inside] = held.signs[inside] @ fitted(held.part(~inside)) + held.given[inside]
    for label, rows in (("named", held.named), ("unnamed", ~held.named)):
        answerable, not_so = rows & (held.answers == 1), rows & (held.answers == 0)
        print(f"  {label}: AUC {area(list(estimates[answerable]), list(estimates[not_so])):.3f} over five folds")


if __name__ == "__main__":
    main()
