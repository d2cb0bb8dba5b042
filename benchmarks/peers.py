"""Ask other programs the questions of whole worlds: `python benchmarks/peers.py [--worlds DIR]`.

Which programs are asked: those of the following that are installed and need neither a model nor a network.

- ripgrep (`rg` on the PATH) over all texts of a world: the passages that hold the most different words of a question;
- QMD's `search` over the files (`bash scripts/clients.sh qmd`), which requires all words of a question, and again
  without words of grammar;
- loci with the graph of graphify over the files (`pip install loci-mem graphifyy`, `loci` on the PATH). A node of the
  graph counts as the 20 lines at its place, the best node first, then by turns with the episodes.

Next to these stand the plain baselines of `strategies.py`, which asks this project itself, fitted on the other worlds.
Prints success@1, @3 and @5 of the questions that have an answer, judged alike for all; and how long a question takes,
with this project next to the others: its weights are fitted on these worlds, so its answers would prove nothing here.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path

from fit_priors import CONFIG, PLACES, run, set_up
from fit_relevance import HERE
from machine import heading, spread
from real_qmd import QMD
from strategies import LINES, WORD, Ask, Question, Result, passages_of, questions_of, report, report_baselines

from memory_router.text.words import is_stop_word

# How many questions of a world are timed.
TIMED = 15
NODE = re.compile(r"^NODE (?P<name>.*) \[src=(?P<path>\S*) loc=L(?P<line>\d+)", re.MULTILINE)


def main() -> None:
    """Ask every program that is installed about every world, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=Path, default=HERE / "worlds")
    parser.add_argument("--times", action="store_true", help="only print what a question takes")
    arguments = parser.parse_args()
    print(heading("Other programs over the same worlds"))
    for world in sorted(one for one in arguments.worlds.iterdir() if (one / "questions.jsonl").exists()):
        print(world.name)
        if not arguments.times:
            report_baselines(world)
        questions = questions_of(world)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            others = dict(chain(ripgrep(world, folder), qmd(world, folder), loci(world, folder)))
            report_times(memory_router(world, folder) | others, questions[:TIMED])
            for label, ask in () if arguments.times else others.items():
                started = time.perf_counter()
                results = [ask(question["query"]) for question in questions]
                report(label, questions, results, (time.perf_counter() - started) / len(questions))


def report_times(asks: Mapping[str, Callable[[str], object]], questions: Sequence[Question]) -> None:
    """Ask all programs the same questions by turns, so that what else runs slows them alike, and print the times."""
    took: dict[str, list[float]] = defaultdict(list)
    for question in questions:
        for label, ask in asks.items():
            started = time.perf_counter()
            ask(question["query"])
            took[label].append((time.perf_counter() - started) * 1e3)
    for label, samples in took.items():
        print(f"   {label:30} {spread(samples)} ms a question, each in a process of its own", flush=True)


def memory_router(world: Path, folder: str) -> dict[str, Callable[[str], object]]:
    """Fill this project's memory with a world, and return what asks it, in turn and all at once, with nothing warm."""
    home = Path(folder, "own")
    home.mkdir()
    set_up(world, home)
    return {
        "memory-router query": lambda question: run(home, CONFIG.parent, "query", question),
        "memory-router query --all": lambda question: run(home, CONFIG.parent, "query", question, "--all"),
    }


def ripgrep(world: Path, folder: str) -> Iterator[tuple[str, Ask]]:
    """Write every passage of a world to a file of its own, and yield what counts the words in each."""
    if not shutil.which("rg"):
        return
    place = Path(folder, "passages")
    place.mkdir()
    passages = list(passages_of(world))
    for number, passage in enumerate(passages):
        (place / str(number)).write_text(f"{passage['path']}\n{passage['content']}", "utf-8")

    def ask(question: str) -> list[Result]:
        words = [word for one in WORD.findall(question) for word in ("-e", one)]
        line = ["rg", "--ignore-case", "--fixed-strings", "--only-matching", "--no-line-number", *words, str(place)]
        held: dict[int, set[str]] = defaultdict(set)
        for match in output_of(line).splitlines():
            file, _, word = match.rpartition(":")
            held[int(Path(file).name)].add(word.lower())
        best = sorted(held, key=lambda number: (-len(held[number]), number))
        return [passages[number] for number in best[: max(PLACES)]]

    yield output_of(["rg", "--version"]).split(" (")[0].split("\n")[0], ask


def qmd(world: Path, folder: str) -> Iterator[tuple[str, Ask]]:
    """Index the files of a world with QMD, and yield its search for questions as they are and without grammar."""
    if not os.path.exists(QMD[0]):
        return
    ask_qmd = program(QMD, Path(folder, "qmd"))
    ask_qmd("collection", "add", str(world / "files"), "--name", "w", "--mask", "**/*")

    def ask(question: str) -> list[Result]:
        results = json.loads(ask_qmd("search", "--json", "-n", str(max(PLACES)), "--", question) or "[]")
        return [{"content": one.get("snippet", ""), "path": one["file"]} for one in results]

    version = ask_qmd("--version").strip()
    yield version, ask
    yield (
        f"{version}, content words",
        lambda question: ask(" ".join(word for word in WORD.findall(question) if not is_stop_word(word.lower()))),
    )


def loci(world: Path, folder: str) -> Iterator[tuple[str, Ask]]:
    """Index the files of a world with loci, and yield its answers."""
    if not (command := shutil.which("loci")):
        return
    home = Path(folder, "loci")
    files = home / "files"
    shutil.copytree(world / "files", files)
    ask_loci = program([command], home)
    for line in (("add", str(files)), ("graphs",), ("index",)):
        ask_loci(*line)

    def ask(question: str) -> list[Result]:
        results: list[Result] = []
        for scope in json.loads(ask_loci("ask", "--json", "--scope", "files", "--", question))["scopes"]:
            nodes = (shown(files, *match) for one in scope["structure"] for match in NODE.findall(one["text"]))
            episodes = (
                {"content": one["text"], "path": one["source"].removeprefix("doc:")} for one in scope["episodes"]
            )
            results += [one for pair in zip_longest(nodes, episodes) for one in pair if one]
        return results[: max(PLACES)]

    yield ask_loci("--version").strip(), ask


def shown(files: Path, name: str, path: str, line: str) -> Result:
    """Return a node of a graph as a result: the lines at its place."""
    lines = (files / path).read_text("utf-8", "replace").splitlines() if (files / path).is_file() else []
    return {"content": "\n".join([name, *lines[int(line) - 1 : int(line) - 1 + LINES]]), "path": path}


def program(command: Sequence[str], home: Path) -> Callable[..., str]:
    """Return what runs a program in a home of its own and returns its output."""
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CI": "1", "NO_COLOR": "1"}

    return lambda *arguments: output_of([*command, *arguments], environment, home)


def output_of(line: Sequence[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> str:
    """Return what a command prints; one that finds nothing may say so by its exit code."""
    return subprocess.run(line, env=environment, cwd=folder, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    main()
