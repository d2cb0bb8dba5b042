"""Measure what the document search finds, and whether its relevance tells answerable questions from others.

    python benchmarks/relevance.py [--data DIR] [--plot]

DIR holds `locomo/`, `longmemeval-sample/` and `world-a/` (see its README). Every question of a conversation is
asked of that conversation's index (answerable) and of the next one's (unanswerable). Code questions are made from
installed packages; their sentences stand in the indexed files. Every question is asked in each mode. `--plot` draws
recall against latency into `benchmarks/results/` (needs matplotlib: the dependency group `benchmarks`).
"""

import argparse
import ast
import glob
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import apsw
import click
import pathspec
import rich

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from memory_router.engines.documents import store
from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.schema import SCHEMA
from memory_router.engines.documents.search import DocumentHit, DocumentIndex
from memory_router.retrieval.vectors import refresh
from memory_router.sources.document import Chunk, Document
from memory_router.storage.sqlite import open_database, writing
from memory_router.text.embedding import load
from memory_router.text.words import split_name

GATE = 0.4
MODES = ("search", "vsearch", "query")

_TURNS: dict[tuple[str, int], tuple[str, str]] = {}


class Asked(NamedTuple):
    """A judged question: group, whether it has an answer, ranks of the right results, how many there are."""

    group: str
    answerable: bool
    right: list[int]
    relevant: int
    top: DocumentHit | None
    milliseconds: float

    @property
    def relevance(self) -> float:
        """Return the relevance of the answer as a whole."""
        return self.top.relevance if self.top else 0.0


def main() -> None:
    """Run everything and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "..", "..", "shared", "bench"))
    parser.add_argument("--plot", action="store_true")
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}\n")
    locomo, world = os.path.join(options.data, "locomo"), os.path.join(options.data, "world-a")
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, list[Asked]] = {}
        for mode in MODES:
            answers = {
                "LoCoMo turns": ask_conversations(locomo, folder, mode),
                "LoCoMo, speakers unnamed": ask_conversations(locomo, folder, mode, named=False),
                "LoCoMo, all in one index": ask_conversations(locomo, folder, mode, pooled=True),
                "LongMemEval sessions": ask_conversations(
                    os.path.join(options.data, "longmemeval-sample"), folder, mode
                ),
                "world-a files": ask_world(world, folder, mode),
                **ask_code(folder, mode),
            }
            runs |= {f"{mode}: {name}": asked for name, asked in answers.items()}
    print_tables(runs)
    if options.plot:
        plot({name: asked for name, asked in runs.items() if name.endswith(("turns", "files", "names"))})


def ask_conversations(data: str, folder: str, mode: str, *, named: bool = True, pooled: bool = False) -> list[Asked]:
    """Ask every question of its own conversation's index and of the next one's, or all of one index alone."""
    turns: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in lines(os.path.join(data, "turns.jsonl")):
        turns[turn["conv"]].append(turn)
    names = list(turns)
    if pooled:
        whole = conversation_index(folder, "all", [turn for held in turns.values() for turn in held])
    indexes = {name: whole if pooled else conversation_index(folder, name, turns[name]) for name in names}
    speakers = {turn["speaker"].lower() for conversation in turns.values() for turn in conversation}
    asked = []
    for question in lines(os.path.join(data, "questions.jsonl")):
        if question["category"] == 5:  # adversarial: no right answer to find
            continue
        home = question["conv"]
        away = names[(names.index(home) + 1) % len(names)]
        relevant = question.get("relevant") or question["relevant_sessions"]
        text = question["query"] if named else without(question["query"], speakers)
        right = [(home, one) for one in relevant]
        asked.append(ask(indexes[home], home, text, right, mode))
        if not pooled:
            asked.append(ask(indexes[away], home, text, [], mode))
    return asked


def conversation_index(folder: str, name: str, turns: Sequence[dict[str, Any]]) -> DocumentIndex:
    """Index a conversation: a session is a document, a turn a chunk."""
    path = os.path.join(folder, f"{name}.db")
    if not os.path.exists(path):
        sessions: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for turn in turns:
            sessions[f"{turn['conv']}/{turn['session']}"].append(turn)
        connection = open_database(path, SCHEMA)
        with writing(connection):
            root = store.add_root(connection, name)
            for session, held in sessions.items():
                # The lines carry the turn's place, so that its id stays out of what is searched.
                chunks = [Chunk(said(turn), place, place, date=turn["date"]) for place, turn in enumerate(held)]
                _TURNS.update({(session, place): (turn["conv"], turn["id"]) for place, turn in enumerate(held)})
                store.put_document(connection, root, Document(session, "", "text", chunks))
        static = load()
        assert static
        refresh(connection, static, partial(store.without_vectors, connection))
        connection.close()
    opened = DocumentIndex.open(path)
    assert opened
    return opened


def turn_of(hit: DocumentHit) -> str | None:
    """Return the id of the turn that a hit in a conversation's index is."""
    conversation_and_turn = _TURNS.get((hit.path, hit.first_line))
    return conversation_and_turn and conversation_and_turn[1]


def said(turn: dict[str, Any]) -> str:
    """Return a turn as text."""
    caption = f" [image: {turn['caption']}]" if turn.get("caption") else ""
    return f"{turn['speaker']}: {turn['text']}{caption}"


def ask_world(data: str, folder: str, mode: str) -> list[Asked]:
    """Ask those questions whose answer stands in a file, and those that nothing answers."""
    path = os.path.join(folder, "world.db")
    index([os.path.join(data, "files")], database=path)
    opened = DocumentIndex.open(path)
    assert opened
    asked = []
    for question in lines(os.path.join(data, "questions.jsonl")):
        answers = [one for one in question["relevant"] if one["where"] == "files"]
        if answers or question["kind"] == "unanswerable":
            relevant = [(one["path"], one["phrase"]) for one in answers]
            asked.append(ask(opened, question["kind"], question["query"], relevant, mode))
    return asked


def ask_code(folder: str, mode: str, count: int = 300) -> dict[str, list[Asked]]:
    """Ask an index of installed packages for names that one file alone defines, with `ast` as the truth."""
    packages = [os.path.dirname(str(module.__file__)) for module in (rich, pathspec, click)]
    path = os.path.join(folder, "code.db")
    index(packages, database=path)
    opened = DocumentIndex.open(path)
    assert opened
    places: dict[str, set[str]] = defaultdict(set)
    about: dict[str, str] = {}
    for file in (name for package in packages for name in glob.glob(f"{package}/**/*.py", recursive=True)):
        with open(file, encoding="utf-8") as source:
            tree = ast.parse(source.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                places[node.name].add(os.path.realpath(file))
                sentence = (ast.get_docstring(node) or "").split("\n")[0]
                if len(sentence.split()) >= 5:
                    about[sentence] = os.path.realpath(file)
    names = {name: next(iter(held)) for name, held in places.items() if len(held) == 1 and len(split_name(name)) > 1}
    questions = {
        "code: exact names": names,
        "code: names in words": {" ".join(split_name(name)): file for name, file in names.items()},
        "code: first sentence of a comment": about,
    }
    chosen = {kind: sorted(held.items())[:: max(1, len(held) // count)] for kind, held in questions.items()}
    return {
        kind: [ask(opened, "code", question, [file], mode) for question, file in held] for kind, held in chosen.items()
    }


def ask(opened: DocumentIndex, group: str, text: str, relevant: Sequence[Any], mode: str) -> Asked:
    """Ask one question and judge the first twenty results."""
    started = time.perf_counter()
    hits = opened.search(text, 20, mode)
    took = (time.perf_counter() - started) * 1000
    named = list(dict.fromkeys(key for hit in hits if (key := found_key(hit, relevant, group))))
    right = [rank for rank, key in enumerate(named) if key in relevant]
    return Asked(group, bool(relevant), right, len(set(relevant)), hits[0] if hits else None, took)


def found_key(hit: DocumentHit, relevant: Sequence[Any], group: str) -> Any:
    """Return what a hit counts as: its turn, its session, or the answer that it holds."""
    if turn := _TURNS.get((hit.path, hit.first_line)):
        session = (turn[0], os.path.basename(hit.path))
        return session if session in relevant else turn
    if hit.path in relevant:
        return hit.path
    flat = " ".join(hit.content.split())
    whole_file = group in {"symbol", "path", "relationship"}
    held = (one for one in relevant if isinstance(one, tuple))
    return next((one for one in held if one[1] in flat or (whole_file and hit.path.endswith("/" + one[0]))), hit.id)


def lines(path: str) -> Iterable[Any]:
    """Yield the objects of a JSON lines file."""
    with open(path, encoding="utf-8") as file:
        yield from map(json.loads, filter(str.strip, file))


def without(question: str, names: Iterable[str]) -> str:
    """Return a question without the names in it."""
    kept = [word for word in question.split() if word.lower().strip("?,.!").removesuffix("'s") not in set(names)]
    return " ".join(kept)


def print_tables(runs: dict[str, list[Asked]]) -> None:
    """Print what is found, and how well relevance separates."""
    print("| questions | n | hit@1 | recall@10 | nDCG@10 | MRR | query median ms | p95 ms |")
    print("|---|---|---|---|---|---|---|---|")
    for name, asked in runs.items():
        rows = [measures(one) for one in asked if one.answerable]
        means = " | ".join(f"{statistics.mean(column):.3f}" for column in zip(*rows, strict=True))
        times = sorted(one.milliseconds for one in asked)
        spread = f"{statistics.median(times):.2f} | {times[len(times) * 95 // 100]:.2f}"
        print(f"| {name} | {len(rows)} | {means} | {spread} |")
    print(f"\n| questions | AUC | answerable accepted at {GATE} | unanswerable refused at {GATE} |")
    print("|---|---|---|---|")
    for name, asked in runs.items():
        good, bad = relevances(asked)
        if not bad:
            continue
        accepted = statistics.mean(x >= GATE for x in good)
        refused = statistics.mean(x < GATE for x in bad)
        print(f"| {name} | {area(good, bad):.3f} | {accepted:.3f} | {refused:.3f} |")


def measures(one: Asked) -> tuple[float, float, float, float]:
    """Return hit@1, recall@10, nDCG@10 and reciprocal rank of one answer (binary gains)."""
    gain = sum(1 / math.log2(rank + 2) for rank in one.right if rank < 10)
    ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, one.relevant)))
    return (
        float(0 in one.right),
        sum(rank < 10 for rank in one.right) / one.relevant,
        gain / ideal,
        1 / (one.right[0] + 1) if one.right else 0.0,
    )


def relevances(asked: Iterable[Asked]) -> tuple[list[float], list[float]]:
    """Return the relevances of answerable and of unanswerable questions."""
    held = list(asked)
    return [one.relevance for one in held if one.answerable], [one.relevance for one in held if not one.answerable]


def area(good: Sequence[float], bad: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often a good one lies above a bad one, ties counted half."""
    return sum((x > y) + (x == y) / 2 for x in good for y in bad) / (len(good) * len(bad))


def plot(runs: dict[str, list[Asked]]) -> None:
    """Draw recall@10 against the median latency of every mode."""
    import matplotlib.pyplot as plt

    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results")
    os.makedirs(folder, exist_ok=True)
    figure, axes = plt.subplots(figsize=(8, 5))
    for name, asked in runs.items():
        recall = statistics.mean(measures(one)[1] for one in asked if one.answerable)
        axes.scatter(statistics.median(one.milliseconds for one in asked), recall, label=name)
    axes.set(xlabel="median ms a question", ylabel="recall@10", xlim=(0, None))
    axes.legend(fontsize="small")
    figure.savefig(os.path.join(folder, "recall-latency.png"), dpi=120)


if __name__ == "__main__":
    main()
