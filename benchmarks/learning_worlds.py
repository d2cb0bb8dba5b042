"""Learn from ratings on whole worlds: `python benchmarks/learning_worlds.py WORLD...`.

Each world is a folder with files, transcripts, memories.jsonl and questions.jsonl that name the right passages. All
backends are asked every question. Then half of the questions are rated by the truth: the first right result among the
first ten is named useful, and without one the answer gets one star. What the router learns from that reorders
the answers to the other half. Prints success@1 with and without, on average over ten splits of each world and with the
spread over them; the kinds of questions that lose most; what questions of a kind that nobody rated gain; and the same
where three of twenty users call every right result useless and the first wrong one useful. The ceiling is what the best
shifts for a world gain, chosen by the answers to its questions themselves.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fit_priors import is_right
from machine import heading

from memory_router import paths
from memory_router.learning.execution import Execution, Shown
from memory_router.learning.priors import weigh
from memory_router.learning.votes import USEFUL, USELESS, Mark, votes
from memory_router.retrieval.merging import log_odds
from memory_router.routing.config import Config
from memory_router.routing.config_file import load

SPLITS = 10
USERS, LIARS = 20, 3
# The shifts and rounds by which the ceiling is looked for.
SHIFTS = [quarter / 4 for quarter in range(-6, 7)]
ROUNDS = 3

Shifts = Mapping[tuple[str, str], float]


class Candidate(NamedTuple):
    """One result: its backend, its relevance, the prior of the rule for the backend, and whether it is right."""

    backend: str
    relevance: float
    prior: float
    is_right: bool


class Question(NamedTuple):
    """A question that has an answer: its kind, the rule that took it, and the results of all backends as merged."""

    text: str
    kind: str
    rule: str
    is_default: bool
    candidates: tuple[Candidate, ...]

    def is_answered(self, shifts: Shifts) -> bool:
        """Return whether the first result is right once the priors are shifted."""

        def order(one: Candidate) -> float:
            return log_odds(one.relevance) + one.prior + shifts.get((self.rule, one.backend), 0.0)

        return bool(self.candidates) and max(self.candidates, key=order).is_right


def asked(world: Path, home: Path) -> list[Question]:
    """Set up a world in an empty home, and ask every question of all backends."""
    environment = {**os.environ, "MEMORY_ROUTER_HOME": str(home), "HOME": str(home)}

    def run(*arguments: str, text: str = "") -> str:
        command = [sys.executable, "-m", "memory_router", *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False).stdout

    run("init", "--tier", "pro")
    run("index", str(world / "files"))
    run("index", "--transcripts", str(world / "transcripts"))
    run("import", str(world / "memories.jsonl"))
    questions = [json.loads(line) for line in (world / "questions.jsonl").read_text("utf-8").splitlines()]
    text = "".join(question["query"] + "\n" for question in questions)
    lines = run("query", "-", "--all", "--trace", "--limit", "40", text=text).splitlines()
    return [
        _question(question, json.loads(line))
        for question, line in zip(questions, lines, strict=True)
        if question["relevant"]
    ]


def _question(question: Mapping[str, Any], envelope: Mapping[str, Any]) -> Question:
    trace = envelope["trace"]
    candidates = tuple(
        Candidate(told["backend"], told["relevance"], told["prior"], is_right(result, question))
        for told, result in zip(trace["merged"], envelope["results"], strict=True)
    )
    return Question(
        question["query"], question["kind"], (trace["rule"] or {}).get("id", ""), trace["signal"] is None, candidates
    )


def learned(questions: Sequence[Question], config: Config, liars: int = 0) -> Shifts:
    """Return what the router learns where users rate the answers to `questions`, `liars` of twenty of them wrongly."""
    executions, marks = [], []
    now = time.time()
    for number, question in enumerate(questions):
        if not question.candidates:
            continue
        user = number % USERS
        one = _execution(number, question, f"user {user}" if liars else "user", now)
        right = [place for place, candidate in enumerate(question.candidates[:10]) if candidate.is_right]
        wrong = [place for place in range(len(one.shown)) if place not in right]
        if user < liars:
            marks += [Mark(one.id, one.shown[place].id, USELESS) for place in right]
            marks += [Mark(one.id, one.shown[place].id, USEFUL) for place in wrong[:1]]
        else:
            marks += [Mark(one.id, one.shown[place].id, USEFUL) for place in right[:1]]
            one = one if right else one._replace(user_satisfaction=1)
        executions.append(one)
    found = weigh(votes(executions, marks, config), now)
    return {(one.prior.rule, one.prior.backend): one.prior.shift for one in found}


def _execution(number: int, question: Question, user: str, now: float) -> Execution:
    shown = tuple(Shown(f"{one.backend}:{place}", one.relevance) for place, one in enumerate(question.candidates[:10]))
    return Execution(
        id=f"{number:016x}",
        user_request=question.text,
        routing_path=(),
        routing_confidence=0.5,
        status="success",
        duration_ms=0,
        cost_usd=0.0,
        user_satisfaction=None,
        governance_check=None,
        started_at=now,
        should_retry_with_different_path=False,
        source="default" if question.is_default else "table",
        rule=question.rule,
        similarity=None,
        attempts=(),
        project=None,
        asked_by=user,
        shown=shown,
    )


def gain(questions: Sequence[Question], shifts: Shifts) -> list[int]:
    """Return for each question what learning changes: 1 for an answer won, -1 for one lost."""
    return [one.is_answered(shifts) - one.is_answered({}) for one in questions]


def ceiling(questions: Sequence[Question]) -> float:
    """Return what shifts gain that are chosen, one after the other, by the very questions that are counted."""
    shifts: dict[tuple[str, str], float] = {}
    backends = sorted({candidate.backend for question in questions for candidate in question.candidates})
    for _ in range(ROUNDS):
        for rule in sorted({question.rule for question in questions}):
            its = [question for question in questions if question.rule == rule]
            for backend in backends:

                def worth(shift: float, cell: tuple[str, str] = (rule, backend), its: list[Question] = its) -> float:
                    return sum(question.is_answered({**shifts, cell: shift}) for question in its) - abs(shift) / 100

                shifts[rule, backend] = max(SHIFTS, key=worth)
    return statistics.mean(gain(questions, shifts))


def split(questions: Sequence[Question], seed: int) -> tuple[list[Question], list[Question]]:
    """Return two halves, by chance but the same ones for the same seed."""
    order = list(questions)
    random.Random(seed).shuffle(order)
    return order[: len(order) // 2], order[len(order) // 2 :]


def report(name: str, questions: Sequence[Question], config: Config) -> tuple[float, float]:
    """Print what learning does to a world, and return what it gains without and with liars."""
    gains, lies, by_kind = [], [], defaultdict[str, list[int]](list)
    before = []
    for seed in range(SPLITS):
        rated, rest = split(questions, seed)
        won = gain(rest, learned(rated, config))
        gains.append(statistics.mean(won))
        lies.append(statistics.mean(gain(rest, learned(rated, config, LIARS))))
        before.append(statistics.mean(one.is_answered({}) for one in rest))
        for one, change in zip(rest, won, strict=True):
            by_kind[one.kind].append(change)
    unrated = []
    for kind in sorted({one.kind for one in questions}):
        shifts = learned([one for one in questions if one.kind != kind], config)
        unrated += gain([one for one in questions if one.kind == kind], shifts)
    kinds = sorted((statistics.mean(changes), kind) for kind, changes in by_kind.items())
    print(
        f"{name:10} {len(questions):4} questions  success@1 {statistics.mean(before):.3f}"
        f"  learned {statistics.mean(gains):+.3f} (spread {statistics.stdev(gains):.3f})"
        f"  ceiling {ceiling(questions):+.3f}"
        f"  unrated kinds {statistics.mean(unrated):+.3f}  {LIARS} liars of {USERS} {statistics.mean(lies):+.3f}"
    )
    print("           by kind: " + ", ".join(f"{kind} {change:+.3f}" for change, kind in kinds), flush=True)
    return statistics.mean(gains), statistics.mean(lies)


def main() -> None:
    """Ask, rate, learn, and print what it is worth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="+", type=Path)
    worlds = parser.parse_args().worlds
    print(heading("Learning where the answers are: strategy `all`, base install"))
    config = load(paths.bundled("router-config.json"))
    totals = []
    for world in worlds:
        with tempfile.TemporaryDirectory() as home:
            totals.append(report(world.name, asked(world.resolve(), Path(home)), config))
    print(f"mean of {len(totals)} worlds: learned {statistics.mean(one for one, _ in totals):+.3f}, ", end="")
    print(f"with liars {statistics.mean(lied for _, lied in totals):+.3f}")


if __name__ == "__main__":
    main()
