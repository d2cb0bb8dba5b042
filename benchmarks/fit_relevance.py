"""Fit the map from what speaks for the best passage to the probability that it answers the question.

    python benchmarks/fit_relevance.py [--data DIR] [--modes search vsearch query]

DIR holds `locomo/` (see its README). Every development question is asked of its own conversation (answerable) and of
the next one's (not), with the speakers' names in it and without; five folds by conversation tell whether what was
fitted carries over. Prints `_BIAS` and `_WEIGHTS` as `engines/documents/judging.py` holds them.
"""

import argparse
import math
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from relevance import GATE, MODES, Asked, area, ask_conversations

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


class Case(NamedTuple):
    """Hold a question asked: signs of the top result or None, truth, place of its conversation in [0, 1), naming."""

    signs: Any
    answerable: bool
    place: float
    named: bool


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
            report(mode, _SIGNS[mode], samples(list(cases(runs)), _SIGNS[mode], SPEAKER))


def cases(runs: Iterable[Sequence[Asked]]) -> Iterator[Case]:
    """Yield what was asked; runs are with names and without."""
    for number, run in enumerate(runs):
        for place, one in enumerate(run):
            yield Case(one.top.signs if one.top else None, one.answerable, place / len(run), number == 0)


def samples(asked: Sequence[Case], names: Sequence[str], speaker: float) -> Samples:
    """Return the signs of every top result; where nothing was found, they are not a number.

    Args:
        asked: the questions.
        names: of the signs to fit.
        speaker: what the sign `speaker` counts.
    """
    nothing = [math.nan] * (len(names) + 1)
    signs = [[*(getattr(one.signs, name) for name in names), 1.0] if one.signs else nothing for one in asked]
    given = [speaker * one.signs.speaker if one.signs else 0.0 for one in asked]
    truth, folds, named = zip(*((one.answerable, int(one.place * _FOLDS), one.named) for one in asked), strict=True)
    return Samples(np.array(signs), np.array(given), np.array(truth, float), np.array(folds), np.array(named))


def fitted(held: Samples) -> Floats:
    """Return weights, the bias last: logistic regression by Newton's method (Hastie et al. 2009, section 4.4.1)."""
    held = held.part(~np.isnan(held.signs[:, -1]))
    weights: Floats = np.zeros(held.signs.shape[1])
    for _ in range(30):
        estimates = 1 / (1 + np.exp(-held.signs @ weights - held.given))
        slope = held.signs.T @ (estimates - held.answers) / len(held.answers) + _RIDGE * weights
        curve = (held.signs.T * (estimates * (1 - estimates))) @ held.signs / len(held.answers)
        weights -= np.linalg.solve(curve + _RIDGE * np.eye(len(weights)), slope)
    return weights


def report(mode: str, names: Sequence[str], held: Samples) -> None:
    """Print the weights from all rows, and how well those from four folds tell the fifth."""
    weights = fitted(held)
    shown = ", ".join(f"{name}={weight:.2f}" for name, weight in zip(names, weights, strict=False))
    print(f"{mode}: bias {weights[-1]:.2f}, Signs({shown})")
    estimates = np.zeros(len(held.answers))
    for fold in range(_FOLDS):
        inside = held.folds == fold
        logits = held.signs[inside] @ fitted(held.part(~inside)) + held.given[inside]
        estimates[inside] = np.nan_to_num(1 / (1 + np.exp(-logits)))
    for label, rows in (("named", held.named), ("unnamed", ~held.named)):
        good, bad = (list(estimates[rows & (held.answers == truth)]) for truth in (1, 0))
        accepted, refused = np.mean(np.array(good) >= GATE), np.mean(np.array(bad) < GATE)
        print(
            f"  {label}, five folds: AUC {area(good, bad):.3f}, answerable accepted {accepted:.3f}, "
            f"unanswerable refused {refused:.3f}, their mean {np.mean(bad):.3f}"
        )


if __name__ == "__main__":
    main()
