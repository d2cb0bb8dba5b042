"""Measure search in a large index: latency, memory and size with many synthetic chunks.

    python benchmarks/large_index.py [--chunks 1000000] [--questions 100]

Words are as frequent as in prose (Zipf's law); questions hold two to ten words, drawn as they stand in the texts. They
are put by words alone and with static vectors, to everything, to the last thirty days of a year of files, and to one of
twenty projects.
"""

import argparse
import itertools
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial

import machine

from memory_router.engines.documents import store
from memory_router.engines.documents.schema import SCHEMA
from memory_router.engines.documents.search import QUERY, SEARCH, DocumentIndex
from memory_router.engines.documents.selection import EVERYTHING, PassageSelection
from memory_router.retrieval.vectors import refresh
from memory_router.sources.document import Chunk, Document
from memory_router.storage.sqlite import open_database, writing
from memory_router.text.embedding import load

_CHUNKS_A_FILE = 20
_WORDS_A_CHUNK = 60
_PROJECTS, _DAYS, _LATEST = 20, 365, 30
_NOW, _DAY = 1_800_000_000, 86_400
_SELECTIONS = {
    "everything": EVERYTHING,
    "--since": PassageSelection(since=_NOW - _LATEST * _DAY),
    "--project": PassageSelection(project="project-7"),
}
_STOP_WORDS = (
    "the of and to a in is it that for was on are with as at be this have from or had by not but what all were when we"
    " there can an your which their if do will each about how up out them then she many some so these would other into"
)


def main() -> None:
    """Build the index, ask in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        ask(options.ask, options.questions)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = os.path.join(folder, "documents.db")
        started = time.perf_counter()
        build(database, options.chunks)
        seconds = time.perf_counter() - started
        print(machine.heading(f"Search among {options.chunks:,} chunks of {_WORDS_A_CHUNK} words"))
        print(f"built in {seconds:,.0f} s; {os.path.getsize(database) / 2**20:,.0f} MiB on disk\n", flush=True)
        command = [sys.executable, __file__, "--ask", database, "--questions", str(options.questions)]
        subprocess.run(command, check=True)


def vocabulary() -> tuple[list[str], list[float]]:
    """Return 100,000 words and their cumulated frequencies; as in every language, the commonest carry no content."""
    chance = random.Random(1)
    words = _STOP_WORDS.split() + ["".join(chance.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(100_000)]
    return words, list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))


def build(database: str, count: int) -> None:
    """Write chunks and their vectors into a new index."""
    words, frequencies = vocabulary()
    chance = random.Random(2)
    connection = open_database(database, SCHEMA)
    connection.pragma("cache_size", -65536)
    files = iter(range(count // _CHUNKS_A_FILE))
    with writing(connection):
        root = store.add_root(connection, "/made-up")
    while batch := list(itertools.islice(files, 200)):
        with writing(connection):
            for number in batch:
                drawn = chance.choices(words, cum_weights=frequencies, k=_CHUNKS_A_FILE * _WORDS_A_CHUNK)
                starts = range(0, len(drawn), _WORDS_A_CHUNK)
                texts = [" ".join(drawn[start : start + _WORDS_A_CHUNK]) for start in starts]
                chunks = [Chunk(text, line, line) for line, text in enumerate(texts, 1)]
                path = f"/made-up/area-{number % 97}/note-{number}.md"
                written = (_NOW - number * 7919 % _DAYS * _DAY) * 10**9
                project = f"project-{number % _PROJECTS}"
                document = Document(path, f"Note {number}", "markdown", chunks, written, project)
                store.put_document(connection, root, document)
    store.merge_text(connection, count // _CHUNKS_A_FILE)
    static = load()
    assert static
    refresh(connection, static, partial(store.without_vectors, connection))
    connection.close()


def ask(database: str, count: int) -> None:
    """Ask made-up questions and print latency and memory."""
    words, frequencies = vocabulary()
    chance = random.Random(3)
    questions = [" ".join(chance.choices(words, cum_weights=frequencies, k=2 + n % 9)) for n in range(count)]
    opened = DocumentIndex.open(database)
    assert opened
    print("| words | to | median, ms | p95 | slowest |\n|---|---|---|---|---|")
    for kind, mode in (("alone", SEARCH), ("and vectors", QUERY)):
        for name, selection in _SELECTIONS.items():
            opened.search(questions[0], 10, mode, selection)
            samples = []
            for question in questions:
                started = time.perf_counter()
                opened.search(question, 10, mode, selection)
                samples.append((time.perf_counter() - started) * 1000)
            ordered = sorted(samples)
            middle, high = ordered[len(ordered) // 2], ordered[len(ordered) * 95 // 100]
            print(f"| {kind} | {name} | {middle:.1f} | {high:.1f} | {ordered[-1]:.1f} |", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"\npeak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
