"""Fit the priors of strategy `all`: `python benchmarks/fit_priors.py WORLD... [--write]`.

Each world is a folder with files, transcripts, memories.jsonl and questions.jsonl that name the right passages. All
backends are asked every question. Priors follow the rule table by two numbers: what a rule's primary backend gains, and
what a backend outside its chain loses, in log-odds. Four worlds do not carry more: a number for each rule and backend
answers fewer questions of a world that it was not fitted on than no priors at all.

Prints for each world success@1, @3 and @5 with no priors, and with those of the other worlds. `--write` puts the priors
of all worlds into router-config.json.
"""

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from machine import heading

CONFIG = Path(__file__).parents[1] / "router-config.json"
BACKENDS = ("qmd", "totalrecall", "cognee", "lossless")
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
STEPS_BY_SIZE = sorted(itertools.product(STEPS, STEPS), key=sum)
# Differences of the sum of two success rates below it say nothing with a few hundred questions.
NOISE = 0.02
PLACES = (1, 3, 5)

Priors = Mapping[tuple[str, str], float]


class Answer(NamedTuple):
    """One result of one question: what gave it, what it claimed in log-odds, and whether it is right."""

    backend: str
    log_odds: float
    is_right: bool


class Question(NamedTuple):
    """A question that has an answer: the rule that took it, and the results of all backends."""

    rule: str
    answers: tuple[Answer, ...]


def run(home: Path, program: Path, *arguments: str, text: str = "") -> str:
    """Run a command of the program that lies in a folder, with everything that it keeps in a home of its own."""
    own = {"MEMORY_ROUTER_HOME": str(home), "HOME": str(home), "PYTHONPATH": str(program)}
    command = [sys.executable, "-m", "memory_router", *arguments]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, env={**os.environ, **own}, check=False
    ).stdout


def set_up(world: Path, home: Path) -> None:
    """Put a world into an empty home."""
    run(home, CONFIG.parent, "init", "--tier", "pro")
    run(home, CONFIG.parent, "index", str(world / "files"))
    run(home, CONFIG.parent, "index", "--transcripts", str(world / "transcripts"))
    run(home, CONFIG.parent, "import", str(world / "memories.jsonl"))


def asked(world: Path, home: Path, program: Path = CONFIG.parent) -> list[Question]:
    """Ask every question of a world that was set up of all backends, without priors."""
    config = home / "config"
    config.mkdir(parents=True, exist_ok=True)
    rules = json.loads(CONFIG.read_text("utf-8"))["rules"]
    without = [{"id": rule["id"], "priors": dict.fromkeys(rule.get("priors", {}), 0.0)} for rule in rules]
    (config / CONFIG.name).write_text(json.dumps({"rules": without}))
    questions = [json.loads(line) for line in (world / "questions.jsonl").read_text("utf-8").splitlines()]
    text = "".join(question["query"] + "\n" for question in questions)
    lines = run(home, program, "query", "-", "--all", "--trace", "--limit", "40", text=text).splitlines()
    envelopes = map(json.loads, lines)
    return [
        Question((envelope["trace"]["rule"] or {}).get("id", ""), tuple(_answers(question, envelope)))
        for question, envelope in zip(questions, envelopes, strict=True)
        if question["relevant"] and envelope.get("trace")
    ]


def _answers(question: Mapping[str, Any], envelope: Mapping[str, Any]) -> Iterable[Answer]:
    for told, result in zip(envelope["trace"]["merged"], envelope["results"], strict=True):
        yield Answer(told["backend"], told["log_odds"] - told["prior"], is_right(result, question))


def is_right(result: Mapping[str, Any], question: Mapping[str, Any]) -> bool:
    """Return whether a result holds a phrase of the answer, or names its message or, for code, its file."""
    content = re.sub(r"\s+", " ", str(result["content"]))
    everything = json.dumps(result, ensure_ascii=False)
    in_files = question["kind"] in ("symbol", "path", "relationship")
    return any(
        re.sub(r"\s+", " ", answer["phrase"]) in content
        or bool(answer.get("uuid") and answer["uuid"] in everything)
        or (in_files and answer["where"] == "files" and answer["path"] in everything)
        for answer in question["relevant"]
    )


def of_table(gain: float, loss: float) -> Priors:
    """Return a prior for each rule and backend; the default rule has no primary that its signals speak for."""
    rules = json.loads(CONFIG.read_text("utf-8"))["rules"]
    priors = {}
    for rule in rules:
        primary, *fallback = (step.partition(":")[0] for step in (rule["primary"], *rule["fallback"]))
        for backend in BACKENDS:
            if backend == primary and rule["signals"]:
                priors[rule["id"], backend] = gain
            elif backend not in (primary, *fallback):
                priors[rule["id"], backend] = -loss
    return priors


def fitted(worlds: Iterable[Sequence[Question]]) -> tuple[float, float]:
    """Return gain and loss: the smallest that do about as well as the best, by mean success@3 and @5 of worlds."""
    worlds = list(worlds)

    def worth(pair: tuple[float, float]) -> float:
        return sum(success(world, of_table(*pair), places) for world in worlds for places in (3, 5)) / len(worlds)

    worths = {pair: worth(pair) for pair in itertools.product(STEPS, STEPS)}
    return min((pair for pair in STEPS_BY_SIZE if worths[pair] >= max(worths.values()) - NOISE), key=sum)


def success(questions: Sequence[Question], priors: Priors, places: int) -> float:
    """Return the share of questions with a right result among the first `places`."""
    right = 0
    for question in questions:
        ranked = sorted(question.answers, key=lambda one: -(one.log_odds + priors.get((question.rule, one.backend), 0)))
        right += any(answer.is_right for answer in ranked[:places])
    return right / len(questions)


def written(priors: Priors) -> str:
    """Return the text of the configuration with other priors: a line for each rule, and nothing else changed."""
    lines: list[str] = []
    rule = ""
    for line in CONFIG.read_text("utf-8").splitlines():
        if named := re.match(r'      "id": "(\w+)"', line):
            rule = named[1]
        if not line.startswith('      "priors"'):
            lines.append(line)
        own = {backend: prior for (of, backend), prior in priors.items() if of == rule and prior}
        if line.startswith('      "fallback"') and own:
            lines.append(f'      "priors": {json.dumps(own)},')
    return "\n".join(lines) + "\n"


def main() -> None:
    """Ask, fit, and print how well the priors of the other worlds do on each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="put the priors of all worlds into router-config.json")
    options = parser.parse_args()
    print(heading("Priors of strategy `all`, each world by those of the others"))
    answers: dict[str, list[Question]] = {}
    for world in options.worlds:
        with tempfile.TemporaryDirectory() as home:
            set_up(world.resolve(), Path(home))
            answers[world.name] = asked(world.resolve(), Path(home))
    for name, questions in answers.items():
        gain, loss = fitted(several for other, several in answers.items() if other != name)
        both: tuple[tuple[str, Priors], ...] = (("none", {}), (f"+{gain} -{loss}", of_table(gain, loss)))
        for label, priors in both:
            figures = "  ".join(f"@{places} {success(questions, priors, places):.3f}" for places in PLACES)
            print(f"{name:10} {label:13} {len(questions):4} questions  {figures}", flush=True)
    if options.write:
        CONFIG.write_text(written(of_table(*fitted(answers.values()))), "utf-8")


if __name__ == "__main__":
    main()
