"""Measure whole processes with and without the resident, in one run and interleaved: `python benchmarks/resident.py`.

Each figure stands beside what a bare interpreter takes to start and end on the same machine in the same minute.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from machine import heading, spread
from mcp_speed import questions, vocabulary, write_notes  # type: ignore[import-not-found]

from memory_router import resident

# Made-up words, as frequent as Zipf's law says.
CHANCE = random.Random(7)
WORDS = vocabulary(CHANCE)
QUESTIONS = questions(CHANCE, WORDS)
# How long a prompt may be held up.
DEADLINE_MS = 300
CLI = [os.path.join(os.path.dirname(sys.executable), "memory-router")]


def build(home: Path, notes: int) -> dict[str, str]:
    """Write notes into a new home and index them; return the environment that leads there."""
    folder = home / "notes"
    folder.mkdir()
    write_notes(folder, CHANCE, WORDS, notes)
    environment = {**os.environ, "HOME": str(home), "MEMORY_ROUTER_HOME": str(home)}
    environment.pop("CI", None)
    environment["MEMORY_ROUTER_RESIDENT"] = "auto"
    off = {**environment, "MEMORY_ROUTER_RESIDENT": "off"}
    for arguments in (["init", "--tier", "pro"], ["index", str(folder)], ["remember", "The retry quota is nine"]):
        subprocess.run([*CLI, *arguments], env=off, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return environment


def run(command: list[str], environment: dict[str, str], stdin: bytes = b"") -> tuple[float, bytes]:
    """Return how many milliseconds a process took, and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, cwd="/", check=False)
    return (time.perf_counter() - started) * 1000, done.stdout


def wait_for_resident(environment: dict[str, str]) -> None:
    """Let the first question start the resident, and wait until it answers."""
    while not json.loads(run([*CLI, "resident", "status"], environment)[1])["running"]:
        run([*CLI, "query", QUESTIONS[0]], environment)


def latencies(environment: dict[str, str], runs: int) -> None:
    """Print how long whole processes take."""
    off = {**environment, "MEMORY_ROUTER_RESIDENT": "off"}
    commands = {
        "bare interpreter": ([sys.executable, "-c", ""], environment),
        "route, resident": ([*CLI, "route", "QUESTION"], environment),
        "query, resident": ([*CLI, "query", "QUESTION"], environment),
        "query --all, resident": ([*CLI, "query", "QUESTION", "--all"], environment),
        "query, cold": ([*CLI, "query", "QUESTION"], off),
        "query --all, cold": ([*CLI, "query", "QUESTION", "--all"], off),
        "hook, resident": ([*CLI, "hooks", "prompt"], environment),
        "hook, cold": ([*CLI, "hooks", "prompt"], off),
    }
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs):
        for name, (command, its) in commands.items():
            words = [QUESTIONS[number] if word == "QUESTION" else word for word in command]
            samples[name].append(run(words, its, prompt(number))[0])
    bare = statistics.median(samples["bare interpreter"])
    print(f"{'whole process, ms':24} median (5 % to 95 %)            / bare start")
    for name, taken in samples.items():
        print(f"{name:24} {spread(taken)}   {statistics.median(taken) / bare:.2f} x")

    ratio = statistics.median(samples["query --all, cold"]) / statistics.median(samples["query, cold"])
    print(f"all at once against in turn, cold                           {ratio:.2f} x   asked: at most 2.00 x")


def warm(runs: int) -> None:
    """Print how long a caller waits for a warm answer, without the start of a process of its own."""
    samples: dict[str, list[float]] = {"in turn": [], "all at once": []}
    for number in range(runs):
        for name, options in (("in turn", []), ("all at once", ["--all"])):
            started = time.perf_counter()
            while resident.ask(["query", QUESTIONS[number], *options]) is None:
                started = time.perf_counter()
            samples[name].append((time.perf_counter() - started) * 1000)
    for name, taken in samples.items():
        print(f"warm, {name:18} {spread(taken)}{'   asked: at most 15.00' if name == 'all at once' else ''}")


def prompt(number: int) -> bytes:
    """Return the event of a prompt that needs memory."""
    words = QUESTIONS[number].removeprefix("where is the ")
    return json.dumps({"prompt": f"why did we decide on {words} as discussed?", "cwd": "/"}).encode()


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep so many processors busy meanwhile."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def under_load(environment: dict[str, str], prompts: int) -> None:
    """Print how many prompts are answered in time while six other processes want the processors."""
    answered, samples = 0, []
    with load(6):
        for number in range(prompts):
            taken, said = run([*CLI, "hooks", "prompt"], environment, prompt(number))
            samples.append(taken)
            answered += bool(said) and taken <= DEADLINE_MS
    told = f"answered within {DEADLINE_MS} ms: {answered} of {prompts}"
    print(f"hook at load 6           {spread(samples)}   {told}")


def at_once(environment: dict[str, str], clients: int, each: int) -> None:
    """Print how many questions a second the resident answers to callers in one process each."""
    code = (
        "import sys, time\nfrom memory_router import resident\n"
        "sys.stdin.readline()\nfor question in sys.argv[1:]:\n"
        "    while resident.ask(['query', question]) is None: pass\n"
    )
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", code, *QUESTIONS[each * number : each * number + each]],
            env=environment,
            stdin=subprocess.PIPE,
        )
        for number in range(clients)
    ]
    time.sleep(1)
    started = time.perf_counter()
    for caller in callers:
        assert caller.stdin
        caller.stdin.write(b"\n")
        caller.stdin.close()
    for caller in callers:
        caller.wait()
    print(f"{clients} clients at once        {clients * each / (time.perf_counter() - started):8.0f} questions/s")


def freshness(home: Path, environment: dict[str, str], changes: int) -> None:
    """Print after how long a changed note is found by what it says now; nobody asks about it before."""
    samples = []
    for number in range(changes):
        word = f"zephyr{number}quay"
        (home / "notes" / "area-0" / f"note-{50 * number}.md").write_text(f"# Changed\n\nThe {word} is new.\n")
        started = time.perf_counter()
        while time.perf_counter() - started < 60:
            said = run([*CLI, "query", word, "--backend", "qmd:search", "--limit", "1"], environment)[1]
            if json.loads(said)["results"]:
                break
        samples.append(time.perf_counter() - started)
        time.sleep(1)
    print(f"a changed note, s        {spread(samples)}")


def family(pid: int) -> set[int]:
    """Return a process and all that it started."""
    told = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in told.splitlines()[1:]]
    members = {pid}
    for _ in range(3):
        members |= {own for own, parent in rows if parent in members}
    return members


def proportional_mb(pids: set[int]) -> float:
    """Return what processes hold together; pages that several share count once."""
    held = 0
    for pid in pids:
        with suppress(OSError):  # it has ended
            held += int(Path(f"/proc/{pid}/smaps_rollup").read_text().partition("\nPss:")[2].split()[0])
    return held / 1024


def memory(environment: dict[str, str]) -> None:
    """Print what the resident and all that it started hold in memory."""
    pid = int(json.loads(run([*CLI, "resident", "status"], environment)[1])["pid"])
    own, together = proportional_mb({pid}), proportional_mb(family(pid))
    print(f"memory                   {own:.0f} MB the resident, {together:.0f} MB with backends")


def main() -> None:
    """Measure, and leave no process behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    print(heading("The resident"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = build(Path(folder), options.notes)
        wait_for_resident(environment)
        try:
            latencies(environment, options.runs)
            os.environ.update(environment)
            warm(options.runs)
            under_load(environment, 50)
            at_once(environment, 8, 60)
            freshness(Path(folder), environment, 5)
            memory(environment)
        finally:
            run([*CLI, "resident", "stop"], environment)


if __name__ == "__main__":
    main()
