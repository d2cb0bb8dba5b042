"""Measure `memory-router setup` from an empty home to the first answer: `python benchmarks/setup_time.py`.

It makes a home with 60 notes, a repository of 300 files, and 30 sessions of Claude Code and Codex, and runs setup
in it some times, each in a fresh copy. The question that setup asks is about a note, and its answer is checked.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine

NOTES, FILES, SESSIONS, TURNS = 60, 300, 30, 40
_WORDS = [
    "harbour", "tide", "crane", "berth", "ledger", "invoice", "gauge", "sensor", "valve", "pump", "queue", "cache",
    "index", "shard", "token", "session", "bridge", "anchor", "compass", "lantern", "orchard", "kettle", "saddle",
    "violin", "thermostat", "hydrant", "pavement", "glacier", "monsoon", "prairie", "canyon",
]  # fmt: skip


def main() -> None:
    """Run setup and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    print(machine.heading("memory-router setup, from an empty home to the first answer"))
    seconds, reports = [], []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            make_home(home, random.Random(number))
            started = time.perf_counter()
            reports.append(set_up(home))
            seconds.append(time.perf_counter() - started)
    report = reports[-1]
    print(f"{report['files']} files, {report['messages']} messages")
    print(f"seconds, median (5 % to 95 %)  {machine.spread(seconds)}")
    true = sum(bool(one["first"]) for one in reports)
    print(f"first answer from the note that holds it: {true} of {runs}")
    print(f"last question: {report['first']['question'] if report['first'] else 'none'}")


def set_up(home: Path) -> dict[str, Any]:
    """Run `memory-router setup --yes` in a home, and return its report."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    command = [sys.executable, "-m", "memory_router", "setup", "--yes", "--json"]
    run = subprocess.run(command, env={**kept, "HOME": str(home)}, cwd=home, capture_output=True, check=True)
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def make_home(home: Path, chance: random.Random) -> None:
    """Write notes, a repository and sessions of two agents."""
    for number in range(NOTES):
        title = " ".join(chance.sample(_WORDS, 3)).capitalize()
        text = "\n\n".join(sentences(chance, 6) for _ in range(8))
        write(home / f"notes/note-{number}.md", f"# {title}\n\n{text}\n")
    repository = home / "code/service"
    write(repository / "pyproject.toml", "[project]\nname = 'service'\n")
    for number in range(FILES - 1):
        body = "\n\n".join(function(chance, number, part) for part in range(8))
        write(
            repository / f"src/service/part_{number % 12}/module_{number}.py",
            f'"""{sentences(chance, 1)}"""\n\n{body}\n',
        )
    subprocess.run(["git", "init", "-q", repository], check=True)
    for number in range(SESSIONS):
        write(home / ".claude/projects/-home-me-service" / f"{number}.jsonl", claude(chance, number))
        write(home / ".codex/sessions/2026/11/20" / f"rollout-{number}.jsonl", codex(chance, number))


def write(file: Path, text: str) -> None:
    """Write a file with the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def sentences(chance: random.Random, count: int) -> str:
    """Return sentences of chance words."""
    return " ".join(f"The {' '.join(chance.sample(_WORDS, 7))}." for _ in range(count))


def function(chance: random.Random, number: int, part: int) -> str:
    """Return a function of Python."""
    name = "_".join(chance.sample(_WORDS, 2))
    return (
        f'def {name}_{number}_{part}(value: int) -> int:\n    """{sentences(chance, 1)}"""\n    return value + {part}'
    )


def claude(chance: random.Random, number: int) -> str:
    """Return a session of Claude Code."""
    rows = []
    for turn in range(TURNS):
        role = "user" if turn % 2 == 0 else "assistant"
        rows.append({
            "type": role, "uuid": f"{number}-{turn}", "sessionId": f"c{number}", "cwd": "/home/me/service",
            "timestamp": f"2026-11-20T10:{turn:02}:00Z", "message": {"role": role, "content": sentences(chance, 4)},
        })  # fmt: skip
    return "".join(json.dumps(row) + "\n" for row in rows)


def codex(chance: random.Random, number: int) -> str:
    """Return a session of Codex."""
    rows = [{
        "type": "session_meta", "timestamp": "2026-11-20T10:00:00Z",
        "payload": {"id": f"x{number}", "cwd": "/home/me/service", "timestamp": "2026-11-20T10:00:00Z"},
    }]  # fmt: skip
    for turn in range(TURNS):
        role, kind = ("user", "input_text") if turn % 2 == 0 else ("assistant", "output_text")
        said = {"type": "message", "role": role, "content": [{"type": kind, "text": sentences(chance, 4)}]}
        rows.append({"type": "response_item", "timestamp": f"2026-11-20T11:{turn:02}:00Z", "payload": said})
    return "".join(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
