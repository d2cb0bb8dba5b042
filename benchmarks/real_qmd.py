"""Ask the same questions of the real QMD, of our reading of its index, and of every mode of the embedded engine.

    python benchmarks/real_qmd.py [--data DIR] [--every N] [--plot]

DIR holds `world-a/` (notes and code) and `locomo/` (a conversation's session is a file). QMD comes from
`bash scripts/clients.sh`. A file counts as found if it holds the answer. `--plot` draws recall against latency, both
collections side by side, into `docs/images/` (needs matplotlib: the dependency group `benchmarks`).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from machine import heading, spread

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.engines.qmd import search

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CLIENT = os.path.join(os.environ.get("MEMORY_ROUTER_CLIENTS") or os.path.join(CACHE, "memory-router-clients"), "qmd")
MODULES = os.path.join(CLIENT, "node_modules")
QMD = [os.path.join(MODULES, ".bin", "node"), os.path.join(MODULES, "@tobilu", "qmd", "dist", "cli", "qmd.js")]
PLOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "images", "recall-latency.png")

Question = tuple[str, set[str]]
Engine = Callable[[str], Sequence[str]]


class Measured(NamedTuple):
    """What an engine reached on a collection: hit@1, recall@10, and how long each question took in ms."""

    first: float
    recall: float
    took: list[float]


def main() -> None:
    """Print latency, hit@1 and recall@10 of each engine, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "..", "..", "shared", "bench"))
    parser.add_argument("--every", type=int, default=1, help="ask every Nth question")
    parser.add_argument("--plot", action="store_true")
    options = parser.parse_args()
    data = os.path.abspath(options.data)
    print(heading("Questions over the same files; QMD 2.8.3 as its own program starts and answers"))
    runs: dict[str, dict[str, Measured]] = {}
    with tempfile.TemporaryDirectory() as folder:
        sessions = os.path.join(folder, "sessions")
        for title, files, questions in (
            ("notes and code (world-a)", os.path.join(data, "world-a", "files"), world(data)[:: options.every]),
            ("conversations (LoCoMo sessions)", sessions, conversations(data, sessions)[:: 8 * options.every]),
        ):
            with tempfile.TemporaryDirectory() as home:
                runs[title] = {name: measured(ask, questions) for name, ask in engines(home, files).items()}
            print(f"{len(questions)} questions about {title}\n")
            print("| engine | hit@1 | recall@10 | ms, median (5th to 95th percentile) |\n|---|---|---|---|")
            for name, one in runs[title].items():
                print(f"| {name} | {one.first:.3f} | {one.recall:.3f} | {spread(one.took)} |")
            print(flush=True)
    if options.plot:
        plot(runs)


def world(data: str) -> list[Question]:
    """Return the questions whose answer stands in files, with these."""
    asked = lines(os.path.join(data, "world-a", "questions.jsonl"))
    files = {one["query"]: {right["path"] for right in one["relevant"] if right["where"] == "files"} for one in asked}
    return [(query, right) for query, right in files.items() if right]


def conversations(data: str, folder: str) -> list[Question]:
    """Write each session of the conversations as a note, and return the questions with the notes that answer them."""
    notes: dict[str, list[str]] = defaultdict(list)
    places: dict[tuple[str, str], str] = {}
    for turn in lines(os.path.join(data, "locomo", "turns.jsonl")):
        name = places[turn["conv"], turn["id"]] = f"{turn['conv']}/{turn['session']}.md"
        notes[name] = notes[name] or [f"# {turn['session']}, {turn['date']}"]
        notes[name].append(f"{turn['speaker']}: {turn['text']}")
    for name, said in notes.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as note:
            note.write("\n\n".join(said) + "\n")
    asked = lines(os.path.join(data, "locomo", "questions.jsonl"))
    answerable = [one for one in asked if one["category"] != 5]  # 5: adversarial, without an answer
    return [(one["query"], {places[one["conv"], turn].lower() for turn in one["relevant"]}) for one in answerable]


def lines(path: str) -> list[Any]:
    """Return the objects of a JSON lines file."""
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def engines(home: str, files: str) -> dict[str, Engine]:
    """Index the files with both programs, and return what can be asked of them."""
    environment = {"PATH": os.environ["PATH"], "HOME": home, "CI": "1", "NO_COLOR": "1"}

    def qmd(*arguments: str) -> str:
        return subprocess.run(
            [*QMD, *arguments], env=environment, cwd=home, capture_output=True, text=True, check=True
        ).stdout

    qmd("collection", "add", files, "--name", "w", "--mask", "**/*")
    real = os.path.join(home, ".cache", "qmd", "index.sqlite")
    own = os.path.join(home, "documents.db")
    index([files], database=own)
    opened = DocumentIndex.open(own)
    assert opened

    def embedded(mode: str) -> Engine:
        return lambda query: [os.path.relpath(hit.path, files) for hit in opened.search(query, 20, mode)]

    def by_program(query: str) -> list[str]:
        return [one["file"] for one in json.loads(qmd("search", "--json", "-n", "10", "--", query))]

    return {
        "QMD search (its program)": by_program,
        "QMD's index, its own rules": lambda query: [uri for uri, _ in search.as_qmd(real, query, 10)],
        "QMD's index, our reading": lambda query: [
            hit.uri.rpartition(":")[0] for hit in search.search(real, query, 10).hits
        ],
        **{f"embedded {mode}": embedded(mode) for mode in ("search", "vsearch", "query")},
    }


def measured(ask: Engine, questions: Sequence[Question]) -> Measured:
    """Ask all questions; the first one once more beforehand, so that what is opened once is open."""
    ask(questions[0][0])
    first, recall, took = [], [], []
    for query, right in questions:
        started = time.perf_counter()
        answered = ask(query)
        took.append((time.perf_counter() - started) * 1000)
        found = list(dict.fromkeys(name.removeprefix("qmd://w/").lower() for name in answered))
        wanted = {name.lower() for name in right}
        first.append(bool(found) and found[0] in wanted)
        recall.append(len(wanted & set(found[:10])) / len(wanted))
    return Measured(statistics.mean(first), statistics.mean(recall), took)


def plot(runs: Mapping[str, Mapping[str, Measured]]) -> None:
    """Draw recall@10 against latency, one panel a collection; a bar reaches from the 5th to the 95th percentile."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(runs), figsize=(12, 5), sharex=True, sharey=True, layout="constrained")
    for axes, (title, measured_ones) in zip(panels, runs.items(), strict=True):
        for number, (name, one) in enumerate(measured_ones.items()):
            took = sorted(one.took)
            low, middle, high = took[len(took) // 20], statistics.median(took), took[-1 - len(took) // 20]
            reach = [[middle - low], [high - middle]]
            style = {"marker": "XD^osv"[number % 6], "color": f"C{number}", "markersize": 9, "capsize": 3}
            axes.errorbar(middle, one.recall, xerr=reach, label=name, linestyle="none", **style)
        axes.set(title=title, xscale="log", xlabel="ms a question (log scale)", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("recall@10 (files)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    os.makedirs(os.path.dirname(PLOT), exist_ok=True)
    figure.savefig(PLOT, dpi=110)


if __name__ == "__main__":
    main()
