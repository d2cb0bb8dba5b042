"""Measure how quick indexing is, a second run with nothing changed, and a cold question to the qmd backend.

    python benchmarks/index_speed.py [--files 5000] [--runs 5]

The notes are made up of common and rare words; each run is a process of its own, as a user's is.
"""

import argparse
import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import apsw

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ADAPTER = os.path.join(ROOT, "backends", "qmd", "adapter.py")
# The program as it is without the extra `vectors`.
WITHOUT_VECTORS = "import sys; sys.modules['wordllama'] = None; from memory_router.__main__ import main; main()"
REQUEST = json.dumps({"contract": 1, "verb": "query", "query": "how do we rotate the signing keys", "limit": 10})


def main() -> None:
    """Make the notes, run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" SQLite {apsw.sqlite_lib_version()}; {options.files} Markdown notes, {options.runs} runs\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        notes = os.path.join(folder, "notes")
        write_notes(notes, options.files)
        os.environ["MEMORY_ROUTER_HOME"] = home = os.path.join(folder, "home")
        index = [sys.executable, "-m", "memory_router", "index", notes]
        first, words_only = [], []
        for run in range(min(options.runs, 3)):
            os.environ["MEMORY_ROUTER_HOME"] = f"{home}-words-{run}"
            words_only.append(timed([sys.executable, "-c", WITHOUT_VECTORS, "index", notes]))
            os.environ["MEMORY_ROUTER_HOME"] = f"{home}-{run}"
            first.append(timed(index))
        size = os.path.getsize(os.path.join(os.environ["MEMORY_ROUTER_HOME"], "cache", "documents.db"))
        again = [timed(index) for _ in range(options.runs)]
        bare, cold = [], []
        for _ in range(4 * options.runs):  # interleaved, so that both meet the same machine
            bare.append(timed([sys.executable, "-I", "-c", "import sqlite3"]))
            cold.append(timed([sys.executable, ADAPTER], REQUEST))
        print("| what | median | spread |\n|---|---|---|")
        for name, seconds in (("words only", words_only), ("words and vectors", first)):
            rate = options.files / statistics.median(seconds)
            print(f"| first run, {name}: files a second | {rate:,.0f} | {shown(seconds)} |")
        for name, seconds in (
            ("second run, nothing changed", again),
            ("bare interpreter (`python -I -c 'import sqlite3'`)", bare),
            ("cold question, whole adapter process", cold),
        ):
            print(f"| {name} | {statistics.median(seconds) * 1000:,.1f} ms | {shown(seconds)} |")
        print(f"| size of the index | {size / 2**20:.1f} MiB | |")
        print(f"| largest memory of a cold question | {peak_of_question():.0f} MiB | |")


def write_notes(folder: str, count: int) -> None:
    """Write Markdown notes of about 1.3 kB in folders of a hundred; words are as frequent as in prose (Zipf's law)."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(20_000)]
    words[100], words[400], words[1600] = "keys", "rotate", "signing"
    frequencies = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))
    for number in range(count):
        place = os.path.join(folder, f"area-{number // 100:03}")
        os.makedirs(place, exist_ok=True)
        prose = chance.choices(words, cum_weights=frequencies, k=160)
        sections = [
            f"## {prose[start]} {prose[start + 1]}\n\n{' '.join(prose[start : start + 53])}" for start in (0, 53, 106)
        ]
        with open(os.path.join(place, f"note-{number}.md"), "w", encoding="utf-8") as file:
            file.write(f"# Note {number}\n\n" + "\n\n".join(sections) + "\n")


def timed(command: Sequence[str], text: str = "") -> float:
    """Return the wall-clock seconds of a process."""
    started = time.perf_counter()
    subprocess.run(command, input=text + "\n", text=True, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - started


def peak_of_question() -> float:
    """Return the peak memory of one adapter process in MiB, measured in a child that has no other children."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], input=sys.stdin.buffer.read(), check=True,"
        " stdout=subprocess.DEVNULL); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [sys.executable, "-c", code, sys.executable, ADAPTER]
    printed = subprocess.run(command, input=REQUEST + "\n", text=True, check=True, capture_output=True).stdout
    return int(printed) / (2**20 if sys.platform == "darwin" else 2**10)


def shown(seconds: Sequence[float]) -> str:
    """Return the range of several measurements."""
    return f"{min(seconds) * 1000:,.0f} to {max(seconds) * 1000:,.0f} ms"


if __name__ == "__main__":
    main()
