"""Measure what the tiers recall: LoCoMo dialog turns stored as memories, beside the document index over the same turns.

    python benchmarks/tiers_recall.py [--data ../shared/bench]

DIR holds `locomo/` and `world-a/`. One store a conversation; each turn is a memory of its session, with its time. Then
the questions about the recent of `world-a` are asked of its memories alone: how often a right memory is among the first
three, and how often a superseded one stands above it.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from machine import heading
from relevance import conversation_index, turn_of

from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.store import MemoryStore

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 10


def main() -> None:
    """Run both tasks and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(ROOT, "..", "shared", "bench"))
    options = parser.parse_args()
    print(heading("What the tiers recall"))
    with tempfile.TemporaryDirectory() as folder:
        conversations(os.path.join(options.data, "locomo"), folder)
        recent(os.path.join(options.data, "world-a"), folder)


def conversations(data: str, folder: str) -> None:
    """Ask LoCoMo's questions of memories and of documents, and print recall@10, hit@1 and the time."""
    turns: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in lines(os.path.join(data, "turns.jsonl")):
        turns[turn["conv"]].append(turn)
    stores = {name: remembered(os.path.join(folder, f"{name}-memory.db"), held) for name, held in turns.items()}
    indexes = {name: conversation_index(folder, name, held) for name, held in turns.items()}
    scores: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for question in lines(os.path.join(data, "questions.jsonl")):
        if question["category"] == 5 or not question["relevant"]:
            continue
        query, name, wanted = question["query"], question["conv"], set(question["relevant"])
        started = time.perf_counter()
        ids = [str(one.memory.extra["turn"]) for one in stores[name].recall(query, LIMIT, now=time.time())]
        scores["memories"].append(score(ids, wanted, started))
        for mode in ("search", "query"):
            started = time.perf_counter()
            ids = [turn_of(hit) for hit in indexes[name].search(query, LIMIT, mode)]
            scores[f"documents, {mode}"].append(score(ids, wanted, started))
    print("| LoCoMo turns as | questions | recall@10 | hit@1 | median ms |\n|---|---|---|---|---|")
    for name, rows in scores.items():
        recall, hit, took = zip(*rows, strict=True)
        print(f"| {name} | {len(rows)} | {mean(recall):.3f} | {mean(hit):.3f} | {statistics.median(took) * 1000:.1f} |")


def remembered(path: str, turns: Iterable[dict[str, Any]]) -> MemoryStore:
    """Store the turns of a conversation; those of a session are a second apart."""
    store = MemoryStore.open(path)
    store._connection.pragma("synchronous", "off")  # this store is not to outlive a power cut
    for number, turn in enumerate(turns):
        created = datetime.strptime(turn["date"], "%I:%M %p on %d %B, %Y").timestamp() + number
        text = f"{turn['speaker']}: {turn['text']} {turn['caption']}".strip()
        one = admit(text, (), turn["session"], created, session=turn["session"], extra={"turn": turn["id"]}).memory
        store.add(one, created)
    return store


def recent(data: str, folder: str) -> None:
    """Ask the questions about the recent that a memory answers, and print success and superseded ones."""
    store = MemoryStore.open(os.path.join(folder, "world.db"))
    for body in lines(os.path.join(data, "memories.jsonl")):
        store.remember(body["text"], body["tags"], created=datetime.fromisoformat(body["timestamp"]).timestamp())
    asked = stale = right = 0
    for question in lines(os.path.join(data, "questions.jsonl")):
        phrases = [one["phrase"] for one in question["relevant"] if one["where"] == "memories"]
        if question["kind"] != "recent" or not phrases:
            continue
        old = [one["phrase"] for one in question["stale"]]
        texts = [one.text for one in store.recall(question["query"], 5, now=time.time())]
        rank = first(texts, phrases)
        asked += 1
        right += rank < 3
        stale += first(texts, old) < rank
    print("\n| questions about the recent | success@3 | superseded first |\n|---|---|---|")
    print(f"| {asked} | {right / asked:.3f} | {stale / asked:.3f} |")


def first(texts: list[str], phrases: list[str]) -> int:
    """Return the place of the first text that holds one of the phrases."""
    return next((place for place, text in enumerate(texts) if any(phrase in text for phrase in phrases)), 99)


def score(ids: list[str], wanted: set[str], started: float) -> tuple[float, float, float]:
    """Return the recall, whether the first is right, and the seconds it took."""
    took = time.perf_counter() - started
    return len(wanted.intersection(ids)) / len(wanted), float(bool(ids) and ids[0] in wanted), took


def mean(values: Iterable[float]) -> float:
    """Return the mean."""
    return statistics.fmean(values)


def lines(path: str) -> Iterable[Any]:
    """Yield the objects of a JSON Lines file."""
    with open(path, encoding="utf-8") as stream:
        yield from map(json.loads, stream)


if __name__ == "__main__":
    main()
