"""Measure facts that replace others, and what each place hears of them: `python benchmarks/facts.py`.

Each in a scratch home: how often a replaced fact still stands first; a table of what was stored in one kind of place
and asked for in another, over the command line, MCP and the prompt hook; whether the chain of a fact that eight
processes replace at the same time stays a list; and which passages of whole worlds are said to repeat a replaced fact,
where a name or a number of each memory was replaced by another, to be judged by reading.
"""

import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import machine

from memory_router import BlockingMemorySystem, Choice, Router
from memory_router.contract import Result
from memory_router.engines.tiers.disputes import Disputes
from memory_router.errors import RefusedMemoryError

_SUBJECTS = ["billing", "search", "export", "login", "invoice", "parser", "gateway", "mailer", "scheduler", "archive"]
_CHANGES = [
    ("The {0} service stores rows in MySQL", "The {0} service stores rows in Postgres", "where does {0} store rows"),
    ("We deploy {0} on Mondays", "Deploys of {0} moved to Thursdays", "on which day do we deploy {0}"),
    ("The {0} timeout is 30 seconds", "The {0} timeout was raised to 90 seconds", "what is the {0} timeout"),
    ("Anna owns the {0} module", "Ben took the {0} module over from Anna", "who owns the {0} module"),
    ("For {0} we use RabbitMQ", "Replaced RabbitMQ: {0} now runs on NATS", "which queue do we use for {0}"),
]
_PLACES = ("worktree", "subfolder", "moved checkout", "vault", "no project")
_BIRDS = ("heron", "stork", "gannet", "plover", "curlew")
_PROCESSES, _EACH = 8, 10


def main() -> None:
    """Measure and print the figures."""
    print(machine.heading("facts that replace others, and what each place hears of them"))
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HOME": home, "MEMORY_ROUTER_HOME": home}
        run("backends", "init", "--tier", "starter")
        first = replaced_first()
        print(f"a replaced fact first: {first['in_turn']} of 50 asked in turn, {first['all']} of 50 asked all at once")
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HOME": home, "MEMORY_ROUTER_HOME": home}
        run("backends", "init", "--tier", "starter")
        (Path(home) / "config").mkdir()
        # What is heard is measured here, and not how soon.
        (Path(home) / "config/router-config.json").write_text('{"hooks": {"deadline_ms": 10000}}')
        table(Path(home))
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"HOME": home, "MEMORY_ROUTER_HOME": home}
        length, is_list = chain()
        wanted = 1 + _PROCESSES * _EACH
        print(
            f"\n{_PROCESSES} processes, {_EACH} replacements each: {length} of {wanted} in the chain, a list: {is_list}"
        )
    for world in sorted((Path(__file__).parent / "worlds").iterdir()):
        with tempfile.TemporaryDirectory() as home:
            os.environ |= {"HOME": home, "MEMORY_ROUTER_HOME": home}
            disputed(world)


def disputed(world: Path) -> None:
    """Replace a name or number of each memory of a world; print which other passages are then disputed."""
    chance = random.Random(7)
    facts = [json.loads(line)["text"] for line in (world / "memories.jsonl").read_text("utf-8").splitlines()]
    passages = [
        part
        for file in (*(world / "files").rglob("*"), *(world / "transcripts").rglob("*"))
        if file.is_file()
        for part in re.split(r"\n\s*\n|\\n", file.read_text("utf-8", "replace"))
    ]
    replacements = 0
    with BlockingMemorySystem() as memories:
        for fact in facts:
            if named := re.findall(r"(?<=\s)(?:[A-Z]\w+|\d+)", fact):
                value = chance.choice(named)
                other = str(int(value) + 4711) if value.isdigit() else f"Qu{value.lower()}"
                with suppress(RefusedMemoryError):  # of what is redacted nothing is left to replace
                    memories.store(re.sub(rf"\b{value}\b", other, fact), supersedes=memories.store(fact))
                    replacements += 1
    marked = [result for result in Disputes.read().marked([Result(text, 0.5) for text in passages]) if result.metadata]
    print(f"\n{world.name}: {replacements} replacements, {len(passages)} passages, {len(marked)} marked as disputed")
    for result in marked:
        print("   " + " ".join(result.content.split())[:160])


def run(*arguments: str, cwd: Path | None = None, given: str = "") -> str:
    """Run `memory-router` and return what it printed."""
    command = [sys.executable, "-m", "memory_router", *arguments]
    return subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, check=False).stdout


def replaced_first() -> dict[str, int]:
    """Store 50 facts with their replacements; return how often the replaced one is the first answer, by strategy."""
    trials = []
    with BlockingMemorySystem() as memories:
        for subject in _SUBJECTS:
            for old, new, question in _CHANGES:
                earlier = memories.store(old.format(subject))
                memories.store(new.format(subject), supersedes=earlier)
                trials.append((question.format(subject), f"totalrecall:{earlier}"))
    counts = {}
    with Router(keep_warm=True) as router:
        for strategy in ("in_turn", "all"):
            answers = [router.query(question, choice=Choice(strategy=strategy)).results for question, _ in trials]
            firsts = [results[0]["id"] if results else None for results in answers]
            counts[strategy] = sum(first == earlier for first, (_, earlier) in zip(firsts, trials, strict=True))
    return counts


def table(home: Path) -> None:
    """Store a fact in each kind of place, ask for each in every place, and print what is not as designed."""
    places = make_places(home)
    for place, bird in zip(_PLACES, _BIRDS, strict=True):
        run("remember", f"The {bird} gateway listens on port 8443", cwd=places[place])
    scopes = {"worktree": "a", "subfolder": "a", "moved checkout": "b", "vault": None, "no project": None}
    for interface, ask in {"command line": by_command, "MCP": by_mcp, "prompt hook": by_hook}.items():
        wrong = []
        print(f"\n{interface:16}" + "".join(f"{f'asked: {place}':>24}" for place in _PLACES))
        heard = {place: ask(places[place]) for place in _PLACES}
        for stored, bird in zip(_PLACES, _BIRDS, strict=True):
            row = []
            for asked in _PLACES:
                kept, scope = scopes[stored], scopes[asked]
                designed = interface == "command line" or scope is None or kept in (None, scope)
                is_heard = bird in heard[asked]
                row.append("heard" if is_heard else "-")
                if is_heard != designed:
                    wrong.append((stored, asked))
            print(f"{stored:16}" + "".join(f"{cell:>24}" for cell in row))
        print(f"as designed: {25 - len(wrong)} of 25 {wrong or ''}")


def make_places(home: Path) -> dict[str, Path]:
    """Make two repositories of code, a worktree and a subfolder of one, a moved checkout of the other, and a vault."""
    for name in ("a", "b"):
        folder = home / "code" / name
        (folder / "src").mkdir(parents=True)
        (folder / "pyproject.toml").write_text(f"[project]\nname = '{name}'\n")
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", f"Begin {name}")
        run("remember", f"{name} has begun", cwd=folder)
    git(home / "code/a", "worktree", "add", "-q", str(home / "trees/a"))
    (home / "moved").mkdir()
    (home / "code/b").rename(home / "moved/renamed")
    vault = home / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "a.md").write_text("# A note\n")
    git(vault, "init", "-q")
    plain = home / "plain"
    plain.mkdir()
    return dict(
        zip(_PLACES, (home / "trees/a", home / "code/a/src", home / "moved/renamed", vault, plain), strict=True)
    )


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, as somebody."""
    who = ("-c", "user.name=me", "-c", "user.email=me@example.com")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


def by_command(place: Path) -> set[str]:
    """Return the birds that the command line tells of in a place."""
    return {bird for bird in _BIRDS if bird in run("query", question(bird), "--backend", "totalrecall", cwd=place)
            .replace(question(bird), "")}  # fmt: skip


def by_hook(place: Path) -> set[str]:
    """Return the birds that the prompt hook tells of in a place; one that a busy machine delayed is asked again."""
    heard = set()
    for bird in _BIRDS:
        event = json.dumps({"prompt": f"what did we decide about the {bird} gateway port?", "cwd": str(place)})
        for _ in range(5):
            said = run("agents", "hooks", "prompt", cwd=place, given=event)
            if json.loads(run("agents", "hooks", "log", "--limit", "1"))[0]["outcome"] not in ("timeout", "hinted"):
                break
        heard |= {bird} & {bird if bird in said else ""}
    return heard


def by_mcp(place: Path) -> set[str]:
    """Return the birds that an MCP server tells of that was started in a place."""
    command = [sys.executable, "-m", "memory_router", "agents", "mcp"]
    server = subprocess.Popen(
        command, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdin
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "0"}}
    call(server, 0, "initialize", hello)
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}) + "\n")
    heard = set()
    for number, bird in enumerate(_BIRDS, 1):
        given = {"name": "search", "arguments": {"query": question(bird)}}
        results = call(server, number, "tools/call", given)["result"]["structuredContent"]["results"]
        heard |= {bird} & {bird if bird in json.dumps(results) else ""}
    server.kill()
    server.wait()
    return heard


def call(server: "subprocess.Popen[str]", number: int, method: str, params: Any) -> Any:
    """Send a request to a server, and return its answer."""
    assert server.stdin and server.stdout  # noqa: PT018
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n")
    server.stdin.flush()
    return next(message for line in server.stdout if (message := json.loads(line)).get("id") == number)


def question(bird: str) -> str:
    """Return a question that only the fact of one place answers."""
    return f"latest on the {bird} gateway port"


def chain() -> tuple[int, bool]:
    """Let processes replace one fact at the same time; return the length of its chain, and whether it is a list."""
    with BlockingMemorySystem() as memories:
        root = memories.store("The release is version 0")
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=replace, args=(root, number)) for number in range(_PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with BlockingMemorySystem() as memories:
        revisions = memories.history(root)
    names = [revision.id for revision in revisions]
    links = [(one.superseded_by, two.supersedes) for one, two in pairwise(revisions)]
    is_list = len({*names}) == len(names) and links == list(zip(names[1:], names, strict=False))
    return len(revisions), is_list and revisions[-1].superseded_by is None


def replace(root: str, worker: int) -> None:
    """Replace a fact some times."""
    with BlockingMemorySystem() as memories:
        for number in range(_EACH):
            memories.store(f"The release is version {worker}.{number}", supersedes=root)


if __name__ == "__main__":
    main()
