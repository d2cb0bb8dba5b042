"""Measure how long a prompt is held up by `memory-router hooks prompt`: `python benchmarks/hook_speed.py`.

It indexes this project's documents and some memories in a scratch home of the Pro tier, and then, in one loop, starts
the hook as a host does, cold, for prompts that need memory and for prompts that need none, beside a bare start of the
interpreter.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from machine import heading, spread

ROUNDS = 40
BARE = [sys.executable, "-I", "-c", "import sqlite3"]
PROGRAM = [str(Path(sys.executable).with_name("memory-router"))]
DOCUMENTS = Path(__file__).resolve().parent.parent / "docs"
NEEDING = [
    "why did we choose Postgres?",
    "Add a retry as discussed, and run the tests.",
    "how does the circuit breaker work?",
    "what depends on the journal?",
]
NOT_NEEDING = ["fix the typo", "yes", "what is the capital of France?", "run the tests again and commit"]


def held_up(command: list[str], prompt: str, environment: dict[str, str]) -> float:
    """Return for how many milliseconds a host waits for `command`."""
    event = json.dumps({"hook_event_name": "UserPromptSubmit", "prompt": prompt, "cwd": "/"}).encode()
    started = time.perf_counter()
    subprocess.run(command, input=event, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    """Print median, 5th and 95th percentile for each kind of prompt, and how the hooks ended."""
    print(heading("Milliseconds that a prompt is held up, cold: median (5th to 95th percentile)"))
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "MEMORY_ROUTER_HOME": scratch}

        def run(*arguments: str) -> bytes:
            return subprocess.run([*PROGRAM, *arguments], env=environment, capture_output=True, check=True).stdout

        run("init", "--tier", "pro")
        run("index", str(DOCUMENTS))
        for number in range(50):
            run("remember", f"Decision {number}: we chose the berth allocator number {number}.")
        run("remember", "We chose Postgres for row-level security; retries back off as discussed.")
        samples: dict[str, list[float]] = {"bare interpreter": [], "memory not needed": [], "memory needed": []}
        for number in range(ROUNDS):
            samples["bare interpreter"].append(held_up(BARE, "", environment))
            hook = [*PROGRAM, "hooks", "prompt"]
            samples["memory not needed"].append(held_up(hook, NOT_NEEDING[number % len(NOT_NEEDING)], environment))
            samples["memory needed"].append(held_up(hook, NEEDING[number % len(NEEDING)], environment))
        for name, found in samples.items():
            print(f"| {name:18} | {spread(found)} |")
        entries = json.loads(run("hooks", "log", "--limit", "1000"))
    print("\noutcomes:", dict(Counter(entry["outcome"] for entry in entries)))


if __name__ == "__main__":
    main()
