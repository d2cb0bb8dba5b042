"""Compare both strategies with plain baselines on whole worlds: `python benchmarks/strategies.py`.

DIR holds working memories in the form of `benchmarks/worlds/` (its default). Each world is asked through the command
line, in turn and all at once, with relevance and priors fitted on the other worlds, so that nothing of it was learned
beforehand. Beside these stand what a few lines do without this project: SQLite FTS5 with the words joined by OR, over
the files alone or over all texts, and rank-bm25 over all texts.

Prints success@1, @3 and @5 of the questions that have an answer, the calibration error, and the time of a question.
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from encoding import KeptEncoder
from fit_priors import PLACES, asked, fitted, of_table, run, set_up, written
from fit_relevance import HERE, MODES, calibration_error, core, fit, write
from labelled_answers import collect, is_right
from machine import heading
from rank_bm25 import BM25Okapi  # type: ignore[import-untyped]

ROOT = HERE.parent
# Passages of the baselines: so many lines of a file, a memory, a message.
LINES = 20
WORD = re.compile(r"\w+")

Question = Mapping[str, Any]
Result = Mapping[str, Any]
Ask = Callable[[str], Sequence[Result]]


def main() -> None:
    """Fit on all but one world, ask that one, and print; then the baselines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=Path, default=HERE / "worlds")
    parser.add_argument("--meaning", action="store_true", help="compare by the encoder, which has to be installed")
    arguments = parser.parse_args()
    os.environ["MEMORY_ROUTER_MEANING"] = "auto" if arguments.meaning else "off"
    modes = (*MODES, "meaning") if arguments.meaning else MODES
    folders = sorted(one for one in arguments.worlds.iterdir() if (one / "questions.jsonl").exists())
    print(heading("Strategies and plain baselines, nothing fitted on the world that is asked"))
    # Programs that a command started in the background may still write there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        for one in cross_fitted(folders, Path(place), modes):
            print(one.world.name)
            report_baselines(one.world)
            report("in turn", *by_command(one.world, one.home, one.program, ()))
            report("all at once", *by_command(one.world, one.home, one.program, ("--all",)))
            print(f"   priors: {one.gain} for the primary, -{one.loss} outside the chain")


class CrossFitted(NamedTuple):
    """A world in a home of its own, a program that was fitted on the other worlds, and the priors that came out."""

    world: Path
    home: Path
    program: Path
    gain: float
    loss: float


def cross_fitted(folders: Sequence[Path], place: Path, modes: Sequence[str] = MODES) -> Iterator[CrossFitted]:
    """Fit relevance and priors on all but one world, for each world.

    Args:
        folders: the worlds.
        place: an empty folder for homes and programs.
        modes: which maps are fitted.
    """
    vars(core)["FLOOR"] = 0.0  # what the floor hides is labelled, too
    answers = {mode: [one for folder in folders for one in collect(folder, mode)] for mode in modes}
    homes = {world: place / "homes" / world.name for world in folders}
    for world, home in homes.items():
        set_up(world, home)
        if "meaning" in modes:
            KeptEncoder().encode_home(home)
    for world, home in homes.items():
        names = [other.name for other in folders if other != world]
        program = copied(place / f"without-{world.name}")
        kept = {mode: [one for one in some if one.world in names] for mode, some in answers.items()}
        weights = program / "memory_router" / "retrieval" / "weights.json"
        write({mode: fit(some) for mode, some in kept.items()}, names, kept["static"], weights)
        gain, loss = fitted(asked(other, homes[other], program) for other in folders if other != world)
        config = program / "router-config.json"
        config.write_text(written(of_table(gain, loss)), "utf-8")
        (home / "config" / config.name).unlink(missing_ok=True)
        yield CrossFitted(world, home, program, gain, loss)


def report_baselines(world: Path) -> None:
    """Ask the baselines, and print how well they do."""
    questions = questions_of(world)
    passages = list(passages_of(world))
    files = [passage for passage in passages if passage["path"]]
    for label, ask in (
        ("FTS5, files", full_text(files)),
        ("FTS5, all", full_text(passages)),
        ("rank-bm25, all", bm25(passages)),
    ):
        started = time.perf_counter()
        results = [ask(question["query"]) for question in questions]
        report(label, questions, results, (time.perf_counter() - started) / len(questions))


def copied(folder: Path) -> Path:
    """Return a folder with a copy of the program, whose weights and priors may be written over."""
    for name in ("memory_router", "backends"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "router-config.json", folder)
    return folder


def questions_of(world: Path) -> list[Question]:
    """Return the labelled questions of a world."""
    return [json.loads(line) for line in (world / "questions.jsonl").read_text("utf-8").splitlines()]


def by_command(
    world: Path, home: Path, program: Path, options: Sequence[str]
) -> tuple[list[Question], list[Sequence[Result]], float]:
    """Ask every question through a copy of the program; return questions, results, and seconds a question."""
    questions = questions_of(world)
    text = "".join(f"{question['query']}\n" for question in questions)
    started = time.perf_counter()
    out = run(home, program, "query", "-", "--limit", str(max(PLACES)), *options, text=text)
    seconds = (time.perf_counter() - started) / len(questions)
    return questions, [json.loads(line)["results"] for line in out.splitlines()], seconds


def report(label: str, questions: Sequence[Question], results: Sequence[Sequence[Result]], seconds: float) -> None:
    """Print how often a right result is among the first ones, and how honest the numbers are."""
    rights = [
        [is_right(one, question["relevant"], question["kind"]) for one in shown]
        for question, shown in zip(questions, results, strict=True)
    ]
    answerable = [right for question, right in zip(questions, rights, strict=True) if question["relevant"]]
    figures = "  ".join(f"@{k} {sum(any(one[:k]) for one in answerable) / len(answerable):.3f}" for k in PLACES)
    claims = [
        (float(one["relevance"]), is_it)
        for shown, right in zip(results, rights, strict=True)
        for one, is_it in zip(shown, right, strict=True)
        if "relevance" in one
    ]
    honesty = f"  calibration error {calibration_error(claims):.3f}" if claims else ""
    print(f"   {label:15} {len(answerable):4} questions  {figures}  {seconds * 1e3:6.1f} ms{honesty}", flush=True)


def passages_of(world: Path) -> Iterator[Result]:
    """Yield the texts of a world as a simple program cuts them."""
    for file in sorted(one for one in (world / "files").rglob("*") if one.is_file()):
        lines = file.read_text("utf-8", "replace").splitlines()
        for start in range(0, len(lines), LINES):
            yield {"content": "\n".join(lines[start : start + LINES]), "path": str(file.relative_to(world / "files"))}
    for line in (world / "memories.jsonl").read_text("utf-8").splitlines():
        yield {"content": json.loads(line)["text"], "path": ""}
    for file in sorted((world / "transcripts").rglob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            try:
                record = json.loads(line)
            except ValueError:  # a session that was cut off ends in half a line
                continue
            said = (record.get("message") or {}).get("content") or ""
            if isinstance(said, list):
                said = "\n".join(part.get("text", "") for part in said)
            if said.strip():
                yield {"content": said, "path": "", "id": record.get("uuid", "")}


def full_text(passages: Sequence[Result]) -> Ask:
    """Return what asks a full-text table of SQLite, its words stemmed, joined by OR."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE texts USING fts5(path, content, tokenize = 'porter unicode61')")
    rows = [(passage["path"], passage["content"]) for passage in passages]
    connection.executemany("INSERT INTO texts(path, content) VALUES (?, ?)", rows)

    def ask(question: str) -> list[Result]:
        words = " OR ".join(f'"{word}"' for word in WORD.findall(question))
        sql = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ?"
        return [passages[row - 1] for (row,) in connection.execute(sql, (words, max(PLACES)))]

    return ask


def bm25(passages: Sequence[Result]) -> Ask:
    """Return what asks rank-bm25, words in lower case."""
    ranker = BM25Okapi([WORD.findall(f"{one['path']} {one['content']}".lower()) for one in passages])

    def ask(question: str) -> list[Result]:
        scores = ranker.get_scores(WORD.findall(question.lower()))
        return [passages[place] for place in sorted(range(len(passages)), key=lambda at: -scores[at])[: max(PLACES)]]

    return ask


if __name__ == "__main__":
    main()
