"""Measure a cold `memory-router query` beside bare interpreter starts: `python benchmarks/cold_start.py`.

It writes 5,000 Markdown notes into a scratch home, indexes them, and then alternates, in one loop, between two bare
starts of the interpreter (`python -I -c "import sqlite3"`, what any two processes cost) and one whole query.
With `--starts` it only measures commands that ask nothing, such as `--version`.
"""

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import heading, spread

NOTES = 5000
ROUNDS = 60
STARTS = 20
BARE = [sys.executable, "-I", "-c", "import sqlite3"]
QUERIES = ["find the function reserve_berth_17", "how is the retry of payment webhooks handled", "tide offsets"]
SUBJECTS = [
    "payment",
    "webhook",
    "retry",
    "tide",
    "offset",
    "berth",
    "crane",
    "ledger",
    "tenant",
    "session",
    "token",
    "cache",
    "index",
    "route",
    "memory",
]
VERBS = ["handles", "stores", "retries", "drops", "signs", "merges", "splits", "schedules", "reports", "checks"]


def write_notes(folder: Path) -> None:
    """Write notes of about 150 words with headings, links and identifiers."""
    chance = random.Random(7)
    for number in range(NOTES):
        lines = [f"# Note {number}: {chance.choice(SUBJECTS)} {chance.choice(SUBJECTS)}", ""]
        for part in range(3):
            lines += [f"## Part {part}", ""]
            lines += [
                f"The {chance.choice(SUBJECTS)} {chance.choice(VERBS)} the {chance.choice(SUBJECTS)} "
                f"through `reserve_{chance.choice(SUBJECTS)}_{chance.randrange(200)}`."
                for _ in range(5)
            ]
        place = folder / f"area-{number % 50}"
        place.mkdir(exist_ok=True)
        (place / f"note-{number}.md").write_text("\n".join(lines))


def milliseconds(command: list[str], environment: dict[str, str]) -> float:
    """Run `command` and return how long it took."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1e3


def peak_memory(command: list[str], environment: dict[str, str], stdin: bytes = b"") -> float:
    """Return the peak memory of `command`'s own process in MiB."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin
    process.stdin.write(stdin)
    process.stdin.close()
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss / (1 if sys.platform == "darwin" else 1024) / (2**20 if sys.platform == "darwin" else 1)


def print_starts(router: list[str], environment: dict[str, str]) -> None:
    """Print what commands cost that ask nothing, beside one bare start of the interpreter."""
    commands = {"--version": ["--version"], "remember": ["remember", "We chose Postgres"], "--help": ["--help"]}
    bare: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(STARTS):
        bare.append(milliseconds(BARE, environment))
        for name, arguments in commands.items():
            times[name].append(milliseconds([*router, *arguments], environment))
    print(heading(f"Whole processes, {STARTS} rounds"))
    print(f"{'a bare interpreter start':50} {spread(bare)} ms")
    for name, samples in times.items():
        ratio = statistics.median(samples) / statistics.median(bare)
        print(f"{name:50} {spread(samples)} ms   {ratio:.2f} x{'   asked: at most 4.00 x' * (name == '--version')}")
    print()


def main() -> None:
    """Print the times of bare starts, commands and queries, their ratios, and the memory of both processes."""
    with tempfile.TemporaryDirectory() as scratch:
        home, notes = Path(scratch, "home"), Path(scratch, "notes")
        notes.mkdir()
        environment = {**os.environ, "HOME": scratch, "MEMORY_ROUTER_HOME": str(home)}
        router = [sys.executable, "-m", "memory_router"]
        script = Path(sys.executable).with_name("memory-router")
        if script.exists():
            router = [str(script)]
        subprocess.run([*router, "remember", "warm"], env=environment, stdout=subprocess.DEVNULL, check=True)
        print_starts(router, environment)
        if "--starts" in sys.argv[1:]:
            return
        write_notes(notes)
        for arguments in (["init"], ["index", str(notes)]):
            subprocess.run([*router, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)
        print(heading(f"Cold query over {NOTES:,} Markdown notes, {ROUNDS} rounds"))
        bare: list[float] = []
        cold: dict[str, list[float]] = {query: [] for query in QUERIES}
        for _ in range(ROUNDS):
            bare.append(milliseconds(BARE, environment) + milliseconds(BARE, environment))
            for query in QUERIES:
                cold[query].append(milliseconds([*router, "query", query, "--backend", "qmd:search"], environment))
        limit = 3 * statistics.median(bare)
        print(f"{'two bare interpreter starts':50} {spread(bare)} ms")
        for query, samples in cold.items():
            ratio = statistics.median(samples) / statistics.median(bare)
            print(f"{'query: ' + query:50} {spread(samples)} ms   {ratio:.2f} x")
        print(f"{'asked: at most 3.00 x':50} {limit:8.2f} ms\n")
        request = (
            b'{"contract":1,"verb":"query","query":"tide offsets","mode":"search","limit":10,"deadline_ms":5000}\n'
        )
        adapter = Path(__file__).parents[1] / "backends" / "qmd" / "adapter.py"
        print(f"peak memory, router  {peak_memory([*router, 'route', QUERIES[1]], environment):6.1f} MiB")
        print(f"peak memory, adapter {peak_memory([sys.executable, str(adapter)], environment, request):6.1f} MiB")
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"largest process of the run (the indexing one included) {children:6.1f} MiB   asked of a query: < 60")


if __name__ == "__main__":
    main()
