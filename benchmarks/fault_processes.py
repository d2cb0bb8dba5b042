"""Let backends and clocks misbehave: attempts end in time, nothing survives, no circuit stays open."""

import json
import os
import random
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from fault_outcome import Outcome, Trial, seen

from memory_router import Router
from memory_router.contract import Request
from memory_router.errors import MemoryRouterError
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import CircuitBreaking, Step
from memory_router.routing.dispatch import ProcessDispatcher
from memory_router.routing.registry import Manifest
from memory_router.routing.response import decode_response

_T = TypeVar("_T")

DEADLINE_MS, SLACK_MS = 250, 200
ANSWER = {
    "query_echo": "x", "results": [{"content": "c", "relevance": 0.9, "source": "s", "timestamp": None}],
    "result_count": 1, "status": "success", "error_message": None, "error_code": None, "backend_duration_ms": 7,
    "normalized_relevance": 0.9, "backend": "odd",
}  # fmt: skip
# A child tells its number before it sleeps for ever.
_CHILD = "sh -c 'echo $$ >> children; exec sleep 100000'"
HOSTILE = {
    "hangs": "sleep 100000",
    "forks and hangs": f"{_CHILD} & sleep 100000",
    "forks and answers": f"{_CHILD} & until test -s children; do :; done; cat answer.json",
    "leaves its session and hangs": f"setsid {_CHILD} & sleep 100000",
    "leaves its session, closes its pipes and answers": (
        f"setsid {_CHILD} >/dev/null 2>&1 </dev/null & until test -s children; do :; done; cat answer.json"
    ),
    "ignores SIGTERM": f"trap '' TERM INT HUP; {_CHILD} & sleep 100000",
    "floods stdout": "exec yes garbage",
    "floods stdout with objects": "exec yes '{\"a\":['",
    "floods stderr": "yes garbage >&2",
    "drips": "while :; do printf x; sleep 0.03; done",
    "prints garbage": "cat garbage",
    "dies": "kill -9 $$",
    "lies": "cat lie.json",
}


def hostile(script: str) -> Trial:
    """Return a trial that asks a backend which runs a script of the shell in place of answering."""

    def trial(_number: int, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_backend(folder, script, random.Random(seed))
            declared = Manifest("odd", name, command=("sh", "adapter.sh"))

            def attempt() -> bool:
                with suppress(MemoryRouterError):
                    raw = ProcessDispatcher().ask(declared, Request("query", "x", deadline_ms=DEADLINE_MS))
                    return not _is_sound(decode_response(raw))
                return False

            is_believed, hung = _timed(attempt, DEADLINE_MS)
            return Outcome(hung=hung, leaked=_survivors(folder), wrong=is_believed)

    return trial


def _timed(ask: Callable[[], _T], deadline_ms: int, attempts: int = 1) -> tuple[_T, bool]:
    """Return what `ask` returns, and whether it lasted longer than allowed beside a bare process.

    Args:
        ask: makes attempts, one after the other.
        deadline_ms: the deadline of each.
        attempts: how many it makes at most.
    """
    with ThreadPoolExecutor(1) as beside:
        control = beside.submit(_bare_ms, deadline_ms)
        began = time.monotonic()
        answer = ask()
        took = (time.monotonic() - began) * 1000
        due = attempts * (max(deadline_ms, control.result()) + SLACK_MS)
    seen["as late as a bare process"] += attempts * (deadline_ms + SLACK_MS) < took <= due
    return answer, took > due


def _bare_ms(deadline_ms: int) -> float:
    """Return how long it takes at this moment to start a process, wait for it until the deadline, and kill it."""
    began = time.monotonic()
    with subprocess.Popen(["sleep", "100000"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        select.select([process.stdout], [], [], deadline_ms / 1000)
        process.kill()
    return (time.monotonic() - began) * 1000


def _write_backend(folder: Path, script: str, chance: random.Random) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter.sh").write_text(f'cd "$(dirname "$0")"\nread asked\ntouch asked\n{script}\n')
    (folder / "answer.json").write_text(json.dumps(ANSWER) + "\n")
    (folder / "garbage").write_bytes(chance.randbytes(chance.randrange(1, 100_000)))
    (folder / "lie.json").write_text(json.dumps(ANSWER | chance.choice(_LIES)) + "\n")


_LIES: list[dict[str, object]] = [
    {"normalized_relevance": 7},
    {"normalized_relevance": float("nan")},
    {"normalized_relevance": "high"},
    {"result_count": 12},
    {"status": "splendid"},
    {"results": "none"},
    {"results": [{"content": 3}]},
    {"results": [{"content": "c", "relevance": -1, "source": "s"}]},
    {"query_echo": "another question"},
    {"backend_duration_ms": -5},
]


def _is_sound(answer: object) -> bool:
    """Return whether what the router made of an answer keeps the contract."""
    assert isinstance(answer, dict)
    relevances = [answer["normalized_relevance"], *(result["relevance"] for result in answer["results"])]
    return all(0 <= one <= 1 for one in relevances) and answer["result_count"] == len(answer["results"])


def _survivors(folder: Path) -> int:
    """Return how many children that backends started are alive, a little after the attempt."""
    told = (folder / "children").read_text().split() if (folder / "children").exists() else []
    for _ in range(500):
        alive = [pid for pid in told if _is_alive(pid)]
        if not alive:
            seen["child killed"] += len(told)
            return 0
        time.sleep(0.01)
    return len(alive)


def _is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def home(**settings: object) -> Iterator[Path]:
    """Give a home of its own, with two backends of shell scripts, to this process."""
    before = os.environ.get("MEMORY_ROUTER_HOME")
    with tempfile.TemporaryDirectory() as name:
        os.environ["MEMORY_ROUTER_HOME"] = name
        folder = Path(name)
        try:
            (folder / "config").mkdir()
            (folder / "config" / "router-config.json").write_text(json.dumps({"learning": "suggest", **settings}))
            (folder / "state").mkdir()
            entries = {
                one: {"status": "ready", "setup_exit_code": 0, "installed_at": "2026-03-10T14:30:00Z", "message": ""}
                for one in ("qmd", "totalrecall")
            }
            state = {"version": 1, "tier": "starter", "backends": entries}
            (folder / "state" / "backends.json").write_text(json.dumps(state))
            yield folder
        finally:
            os.environ.pop("MEMORY_ROUTER_HOME")
            if before is not None:
                os.environ["MEMORY_ROUTER_HOME"] = before


def install(folder: Path, chance: random.Random, **scripts: str) -> None:
    """Install backends that run scripts of the shell."""
    for name, script in scripts.items():
        own = folder / "config" / "backends" / name
        _write_backend(own, script, chance)
        manifest = {"name": name, "contract": 1, "description": "x", "tier": "third-party", "verbs": ["query"]}
        modes = {"modes": ["search", "vsearch", "query"]} if name == "qmd" else {}
        (own / "backend.json").write_text(json.dumps({**manifest, **modes, "command": ["sh", "adapter.sh"]}))


def opened_breaker(_number: int, seed: int) -> Outcome:
    """Ask while the first backend always hangs: its circuit opens, and then it costs nothing."""
    deadlines: dict[str, object] = {"default_ms": 120, "total_ms": None, "backends": {}}
    with home(deadlines=deadlines, learning="off") as folder:
        install(folder, random.Random(seed), qmd="sleep 100000", totalrecall="cat answer.json")
        with Router() as router:
            timed = [_timed(lambda: router.query("x", trace=True), 120, attempts=2) for _ in range(3)]
            last, hung = _timed(lambda: router.query("x", trace=True), 120)
        log = (folder / "state" / "router.log").read_text()
        seen["breaker opened"] += "CIRCUIT_OPEN" in log
        return Outcome(
            hung=hung or any(late for _, late in timed),
            wrong=last.fallback_chain[:1] != ("qmd",) or "CIRCUIT_OPEN" not in log,
        )


def lost_hedge(_number: int, seed: int) -> Outcome:
    """Ask a second backend while the first one is silent; the first answers, and of the second nothing is left."""
    deadlines: dict[str, object] = {"default_ms": 60_000, "total_ms": None, "backends": {}}
    with home(deadlines=deadlines, fallback_delay_ms=20, learning="off") as folder:
        slow = "until test -s ../totalrecall/children; do :; done; cat answer.json"
        install(folder, random.Random(seed), qmd=slow, totalrecall=f"{_CHILD} & sleep 100000")
        with Router() as router:
            answer = router.query("x", trace=True)
        leaked = _survivors(folder / "config" / "backends" / "totalrecall")
        statuses = [attempt["status"] for attempt in answer.to_dict()["trace"]["attempts"]]
        seen["hedge lost"] += "superseded" in statuses
        return Outcome(hung=answer.router_duration_ms > 5000, leaked=leaked, wrong=answer.routed_to != "qmd")


def jumping_breaker(_number: int, seed: int) -> Outcome:
    """Count timeouts while the clock jumps: no circuit stays open longer than its cool-down."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        settings = CircuitBreaking(3, 60_000)
        breaker = CircuitBreaker(f"{name}/breakers.json", settings, lambda: 1.79e9 + chance.uniform(-1e9, 1e9))
        step = Step("qmd")
        for _ in range(30):
            breaker.record(step, timed_out=chance.random() < 0.9)
            if not 0 <= breaker.seconds_open(step) <= 60:
                return Outcome(wrong=True)
    return Outcome()


def racing_breaker(_number: int, _seed: int) -> Outcome:
    """Let 16 threads count timeouts of one backend: the file is whole, and the circuit opens."""
    with tempfile.TemporaryDirectory() as name:
        breaker = CircuitBreaker(f"{name}/breakers.json", CircuitBreaking(3, 60_000))
        threads = [
            threading.Thread(target=breaker.record, args=(Step("qmd"),), kwargs={"timed_out": True}) for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        entries = json.loads((Path(name) / "breakers.json").read_text())
        return Outcome(wrong=not entries["qmd"]["failures"])


def kinds() -> dict[str, Trial]:
    """Return every kind of misbehaviour with its trial."""
    return {f"backend: {what}": hostile(script) for what, script in HOSTILE.items()} | {
        "backend: a circuit opens": opened_breaker,
        "backend: a hedge is lost": lost_hedge,
        "breaker: the clock jumps": jumping_breaker,
        "breaker: 16 threads": racing_breaker,
    }
