"""Ask the same questions of the real QMD, of our reading of its index, and of the embedded engine, side by side.

    python benchmarks/real_qmd.py [--data DIR] [--every N]

DIR holds `world-a/`. QMD comes from `bash scripts/clients.sh`. A file counts as found if the question names it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from machine import heading, spread

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.engines.qmd import search

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CLIENT = os.path.join(os.environ.get("MEMORY_ROUTER_CLIENTS") or os.path.join(CACHE, "memory-router-clients"), "qmd")
MODULES = os.path.join(CLIENT, "node_modules")
QMD = [os.path.join(MODULES, ".bin", "node"), os.path.join(MODULES, "@tobilu", "qmd", "dist", "cli", "qmd.js")]


def main() -> None:
    """Print latency, hit@1 and recall@10 of each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join(os.path.dirname(__file__), "..", "..", "shared", "bench"))
    parser.add_argument("--every", type=int, default=1, help="ask every Nth question")
    options = parser.parse_args()
    world = os.path.abspath(os.path.join(options.data, "world-a"))
    files = os.path.join(world, "files")
    with open(os.path.join(world, "questions.jsonl"), encoding="utf-8") as stream:
        asked = [json.loads(line) for line in stream]
    questions = {
        one["query"]: {answer["path"] for answer in one["relevant"] if answer["where"] == "files"} for one in asked
    }
    chosen = [(query, right) for query, right in questions.items() if right][:: options.every]
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "CI": "1", "NO_COLOR": "1"}

        def qmd(*arguments: str) -> str:
            run = subprocess.run(
                [*QMD, *arguments], env=environment, cwd=home, capture_output=True, text=True, check=True
            )
            return run.stdout

        qmd("collection", "add", files, "--name", "w", "--mask", "**/*")
        real = os.path.join(home, ".cache", "qmd", "index.sqlite")
        index([files], database=os.path.join(home, "documents.db"))
        opened = DocumentIndex.open(os.path.join(home, "documents.db"))
        assert opened

        def by_program(query: str) -> list[str]:
            return [
                one["file"][len("qmd://w/") :] for one in json.loads(qmd("search", "--json", "-n", "10", "--", query))
            ]

        engines: dict[str, Callable[[str], list[str]]] = {
            "qmd search (its program)": by_program,
            "its index, its own reading": lambda query: [
                uri[len("qmd://w/") :] for uri, _ in search.as_qmd(real, query, 10)
            ],
            "its index, our reading": lambda query: [
                hit.uri[len("qmd://w/") :].rpartition(":")[0] for hit in search.search(real, query, 10).hits
            ],
            "embedded engine": lambda query: list(
                dict.fromkeys(os.path.relpath(hit.path, files) for hit in opened.search(query, 10))
            ),
        }
        print(heading(f"{len(chosen)} questions over {len(os.listdir(files))} folders of world-a, QMD 2.8.3"))
        print("| engine | hit@1 | recall@10 | ms, median (5th to 95th percentile) |\n|---|---|---|---|")
        for name, ask in engines.items():
            first, recall, took = [], [], []
            for query, right in chosen:
                started = time.perf_counter()
                found = ask(query)
                took.append((time.perf_counter() - started) * 1000)
                first.append(bool(found) and found[0] in right)
                recall.append(len(right & set(found[:10])) / len(right))
            print(f"| {name} | {statistics.mean(first):.3f} | {statistics.mean(recall):.3f} | {spread(took)} |")


if __name__ == "__main__":
    main()
