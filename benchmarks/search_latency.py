"""Measure how long a warm engine and a cold process take to answer, by mode.

    python benchmarks/search_latency.py [--chunks N]

The index holds invented passages of a vocabulary with the frequencies of a language (Zipf), the worst case for full
text: every word of a question stands in many passages.
"""

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from memory_router.engines.documents import store
from memory_router.engines.documents.schema import SCHEMA
from memory_router.engines.documents.search import DocumentIndex
from memory_router.retrieval.vectors import refresh
from memory_router.sources.document import Chunk, Document
from memory_router.storage.sqlite import open_database, writing
from memory_router.text.embedding import load

MODES = ("search", "vsearch", "query")
_COLD = (
    "import sys; from memory_router.engines.documents.search import DocumentIndex;"
    "DocumentIndex.open(sys.argv[1]).search(sys.argv[2], 10, sys.argv[3])"
)


def main() -> None:
    """Build the index, ask, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10_000)
    options = parser.parse_args()
    chance = random.Random(7)
    vocabulary = ["".join(chance.choices("aeioubcdfghlmnprst", k=chance.randint(4, 9))) for _ in range(20_000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "documents.db")
        connection = open_database(path, SCHEMA)
        with writing(connection):
            root = store.add_root(connection, "invented")
            for number in range(options.chunks // 10):
                chunks = [Chunk(" ".join(chance.choices(vocabulary, weights, k=80))) for _ in range(10)]
                store.put_document(connection, root, Document(str(number), "", "text", chunks))
        started = time.perf_counter()
        store.merge_text(connection, options.chunks // 10)  # as a run of `index` does
        static = load()
        assert static
        embedded = refresh(connection, static, partial(store.without_vectors, connection))
        took = time.perf_counter() - started
        connection.close()
        print(f"{platform.machine()}, Python {platform.python_version()}; {embedded:,} vectors in {took:.1f} s\n")
        questions = [" ".join(chance.choices(vocabulary, weights, k=8)) for _ in range(50)]
        print("| mode | warm median ms | p95 ms | cold process, median ms |")
        print("|---|---|---|---|")
        for mode in MODES:
            print(f"| {mode} | {warm(path, questions, mode)} | {cold(path, questions[0], mode):.0f} |")


def warm(path: str, questions: list[str], mode: str) -> str:
    """Return median and 95th percentile of a warm engine, in ms."""
    opened = DocumentIndex.open(path)
    assert opened
    times = []
    for question in [questions[0], *questions]:
        started = time.perf_counter()
        opened.search(question, 10, mode)
        times.append((time.perf_counter() - started) * 1000)
    times = sorted(times[1:])
    return f"{statistics.median(times):.1f} | {times[len(times) * 95 // 100]:.1f}"


def cold(path: str, question: str, mode: str) -> float:
    """Return the median of whole processes that answer once, in ms."""
    times = []
    for _ in range(7):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", _COLD, path, question, mode], check=True)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
