"""Fit the map from what speaks for a result to the probability that it answers, and measure it on worlds left out.

    python benchmarks/fit_relevance.py [--worlds DIR] [--cross] [--docs] [--write] [--meaning]

DIR holds working memories in the form of `benchmarks/worlds/` (its default): files, transcripts, memories and labelled
questions. Every question is put to every store; each result is labelled for itself, and the wrong results of the same
answers are the negatives. `--cross` judges each world with weights fitted on the others: successes, calibration, the
area under the curve of "the first result is right", and what each feature is worth; `--docs` puts the reliability into
docs/. `--write` fits on all worlds and writes `memory_router/retrieval/weights.json`. `--meaning` does all this for the
map of the encoder alone, which has to be installed: encoding the worlds takes minutes the first time.
"""

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import reliability
from labelled_answers import KNOWN, Answer, collect
from numpy.typing import NDArray

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from memory_router.retrieval import search as core
from memory_router.retrieval.merging import Candidate, merge
from memory_router.retrieval.relevance import FLOOR, Features

HERE = Path(__file__).parent
WEIGHTS = HERE.parent / "memory_router" / "retrieval" / "weights.json"
MODES = ("static", "words")
# Ridge penalty on standardised weights: keeps features that say nearly the same from growing against each other.
RIDGE = 3.0
# Which way a feature may count: more is better unless said otherwise; 0 leaves it free.
SIGNS = {"place": -1.0, "overtaken": -1.0, "length": 0.0, "words": 0.0}
# The map is to be right about what is shown: of each answer so many results count whole, the others as a share.
SHOWN, HIDDEN = 5, 0.3
ROUNDS = 3

Floats = NDArray[np.float64]


class Fitted(NamedTuple):
    """A fitted map: a constant and a weight for each feature."""

    bias: float
    weights: Floats

    def __call__(self, features: Sequence[Features]) -> Floats:
        """Return the probability of each result."""
        if not features:
            return np.zeros(0)
        return np.asarray(1 / (1 + np.exp(-(np.array(features) @ self.weights + self.bias))))


def main() -> None:
    """Collect, fit, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=Path, default=HERE / "worlds")
    parser.add_argument("--cross", action="store_true")
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--meaning", action="store_true")
    arguments = parser.parse_args()
    modes = ("meaning",) if arguments.meaning else MODES
    vars(core)["FLOOR"] = 0.0  # what the floor hides is labelled, too
    folders = sorted(folder for folder in arguments.worlds.iterdir() if (folder / "questions.jsonl").exists())
    collected = {mode: [one for folder in folders for one in collect(folder, mode)] for mode in modes}
    if arguments.cross:
        for mode, answers in collected.items():
            print(f"== {mode} ==")
            bins = cross(answers)
            if arguments.docs and mode == "static":
                reliability.write(bins)
    if arguments.write:
        maps = {mode: fit(answers) for mode, answers in collected.items()}
        write(maps, [folder.name for folder in folders], collected[modes[0]])
        print(f"wrote {WEIGHTS.relative_to(HERE.parent)}")


def fit(answers: Sequence[Answer], without: int | None = None) -> Fitted:
    """Fit a logistic regression in which what each answer shows first counts most, by the order of the fit before."""
    dropped = set() if without is None else {without}
    fitted = signed(answers, np.ones(sum(len(answer.results) for answer in answers)), dropped)
    for _ in range(1, ROUNDS):
        claims = [fitted([result.features for result in answer.results]) for answer in answers]
        places = np.concatenate([np.argsort(np.argsort(-some, kind="stable")) for some in claims])
        fitted = signed(answers, np.where(places < SHOWN, 1.0, HIDDEN), dropped)
    return fitted


def signed(answers: Sequence[Answer], counts: Floats, dropped: Iterable[int]) -> Fitted:
    """Fit a logistic regression in which no feature counts against what it means; the worst offender goes first."""
    rows = np.array([result.features for answer in answers for result in answer.results], np.float64)
    labels = np.array([result.right for answer in answers for result in answer.results], np.float64)
    dropped = set(dropped)
    signs = np.array([SIGNS.get(name, 1.0) for name in Features._fields])
    while True:
        fitted = newton(rows, labels, counts, dropped)
        wrong = fitted.weights * signs * rows.std(0)
        if wrong.min() >= 0:
            return fitted
        dropped.add(int(wrong.argmin()))


def newton(rows: Floats, labels: Floats, counts: Floats, dropped: Iterable[int]) -> Fitted:
    """Fit a logistic regression with a ridge penalty by Newton's method, some features left out."""
    rows = rows.copy()
    rows[:, list(dropped)] = 0.0
    mean, spread = rows.mean(0), rows.std(0)
    scaled = np.divide(rows - mean, spread, out=np.zeros_like(rows), where=spread > 1e-9)
    design = np.hstack([scaled, np.ones((len(rows), 1))])
    penalty = np.full(design.shape[1], RIDGE)
    penalty[-1] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        probability = 1 / (1 + np.exp(-design @ weights))
        gradient = design.T @ (counts * (probability - labels)) + penalty * weights
        curvature = (design * (counts * probability * (1 - probability))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    unscaled = np.divide(weights[:-1], spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return Fitted(float(weights[-1] - unscaled @ mean), unscaled)


def cross(answers: Sequence[Answer]) -> dict[int, list[tuple[float, bool]]]:
    """Print how each world is answered with weights fitted on the others; return claimed and right by bin."""
    worlds = sorted({answer.world for answer in answers})
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    fits = {world: fit([answer for answer in answers if answer.world != world]) for world in worlds}
    for world in worlds:
        asked = [answer for answer in answers if answer.world == world and answer.kind != KNOWN]
        own = [answer for answer in asked if not answer.part]
        for store in dict.fromkeys(answer.store for answer in own):
            report(f"{world} {store}", [judged(one, fits[world]) for one in own if one.store == store], bins)
        report(f"{world} merged", list(merged(own, fits[world])), None)
        parts = [answer for answer in asked if answer.part]
        report(f"{world} parts", [judged(one, fits[world]) for one in parts], None)
    print("\nreliability, all stores and worlds: claimed, right, results")
    for claimed, right, count in reliability.points(bins):
        print(f"   {claimed:.3f}  {right:.3f}  {count}")
    everything = fit(answers)
    print("\nfeature: weight by its spread; loss of success@3 and of log-likelihood per result (x 1000) when left out")
    base = worth(answers, fits)
    spread = np.array([result.features for answer in answers for result in answer.results]).std(0)
    for number, name in enumerate(Features._fields):
        left = {world: fit([one for one in answers if one.world != world], number) for world in worlds}
        success, likelihood = worth(answers, left)
        weight = everything.weights[number] * spread[number]
        print(f"   {name:9} {weight:+.2f}  {base[0] - success:+.3f}  {1000 * (base[1] - likelihood):+.2f}")
    return bins


def worth(answers: Sequence[Answer], fits: Mapping[str, Fitted]) -> tuple[float, float]:
    """Return the mean success@3 within each store that can answer, and the mean log-likelihood of a result."""
    successes, likelihoods = [], []
    for answer in (answer for answer in answers if not answer.part and answer.kind != KNOWN):
        claims = fits[answer.world]([one.features for one in answer.results])
        rights = np.array([one.right for one in answer.results])
        likelihoods += list(np.log(np.where(rights, claims, 1 - claims))) if len(claims) else []
        if rights.any():
            successes.append(bool(rights[np.argsort(-claims, kind="stable")[:3]].any()))
    return float(np.mean(successes)), float(np.mean(likelihoods))


Judged = tuple[str, list[tuple[float, bool, bool]]]


def judged(answer: Answer, fitted: Fitted) -> Judged:
    """Return an answer as `query` shows it: claim, right, superseded of each result above the floor, in order."""
    claims = fitted([one.features for one in answer.results])
    rows = [(float(claim), one.right, one.stale) for claim, one in zip(claims, answer.results, strict=True)]
    return answer.kind, sorted((row for row in rows if row[0] >= FLOOR), key=lambda row: -row[0])


def merged(answers: Sequence[Answer], fitted: Fitted) -> Iterator[Judged]:
    """Yield the answers of all stores together, merged by relevance alone."""
    together: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        together[answer.question, answer.kind].append(answer)
    for (_, kind), asked in together.items():
        candidates, truth = [], {}
        for answer in asked:
            claims = fitted([one.features for one in answer.results])
            for place, number in enumerate(np.argsort(-claims, kind="stable")):
                if claims[number] < FLOOR:
                    break
                one = Candidate(answer.store, place, answer.results[number].text, float(claims[number]))
                candidates.append(one)
                truth[one] = answer.results[number]
        rows = merge(candidates, {}, 10)
        yield kind, [(row.posterior, truth[row.candidate].right, truth[row.candidate].stale) for row in rows]


def report(name: str, answers: Sequence[Judged], bins: dict[int, list[tuple[float, bool]]] | None) -> None:
    """Print the measures of one world, of one store or of all together."""
    answerable = [rows for kind, rows in answers if kind != "unanswerable"]
    success = [np.mean([any(right for _, right, _ in rows[:k]) for rows in answerable]) for k in (1, 3, 5)]
    firsts = [rows[0][:2] if rows else (0.0, False) for _, rows in answers]
    shown = [(claim, right) for _, rows in answers for claim, right, _ in rows[:5]]
    for claim, right in shown if bins is not None else ():
        bins[min(9, int(10 * claim))].append((claim, right))  # type: ignore[index]
    superseded = [
        next((place for place, row in enumerate(rows) if row[2]), 99)
        < next((place for place, row in enumerate(rows) if row[1]), 99)
        for rows in answerable
        if any(row[2] for row in rows)
    ]
    print(
        f"{name:22} success@1,3,5 {' '.join(f'{one:.3f}' for one in success)}"
        f"  calibration error {calibration_error(shown):.3f}  AUC first right {area(firsts):.3f}"
        f"  claims {np.mean([one for one, _ in firsts]):.3f} right {np.mean([one for _, one in firsts]):.3f}"
        f"  superseded first {np.mean(superseded) if superseded else 0:.2f} of {len(superseded)}"
    )


def calibration_error(shown: Sequence[tuple[float, bool]]) -> float:
    """Return the mean gap between claimed and right in ten bins."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for claim, right in shown:
        bins[min(9, int(10 * claim))].append((claim, right))
    gaps = (abs(sum(claim for claim, _ in held) - sum(right for _, right in held)) for held in bins.values())
    return sum(gaps) / max(1, len(shown))


def area(firsts: Sequence[tuple[float, bool]]) -> float:
    """Return the probability that a right first result claims more than a wrong one."""
    good = [claim for claim, right in firsts if right]
    bad = [claim for claim, right in firsts if not right]
    wins = sum((one > other) + (one == other) / 2 for one in good for other in bad)
    return wins / max(1, len(good) * len(bad))


def write(maps: Mapping[str, Fitted], worlds: Sequence[str], answers: Sequence[Answer], file: Path = WEIGHTS) -> None:
    """Write the weights of maps with their provenance."""
    results = [result for answer in answers for result in answer.results]
    provenance = {
        "written_by": "benchmarks/fit_relevance.py --write",
        "date": datetime.fromtimestamp(time.time(), UTC).date().isoformat(),
        "worlds": list(worlds),
        "questions": len({(answer.world, answer.question) for answer in answers}),
        "results": len(results),
        "right": sum(result.right for result in results),
        "ridge": RIDGE,
        "shown": SHOWN,
        "hidden": HIDDEN,
    }
    held = {
        name: {
            "bias": round(one.bias, 4),
            "weights": {
                feature: round(float(weight), 4)
                for feature, weight in zip(Features._fields, one.weights, strict=True)
                if abs(weight) >= 5e-5
            },
        }
        for name, one in maps.items()
    }
    before = json.loads(file.read_text("utf-8"))  # what was not fitted now stays
    told = before["provenance"] | dict.fromkeys(maps, provenance)
    text = json.dumps({"provenance": told, "maps": before["maps"] | held}, indent=2)
    file.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
