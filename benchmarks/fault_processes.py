"""Let backends, clocks and people misbehave: attempts end in time, nothing survives, the gate stays closed."""

import json
import os
import random
import re
import select
import string
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from fault_outcome import Outcome, Trial, fork, seen
from fault_workloads import execution, transcript

from memory_router import Router, paths
from memory_router.app import remembering
from memory_router.contract import Request
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.errors import ApprovalError, MemoryRouterError
from memory_router.learning import schema as learning
from memory_router.learning.approvals import ApprovalStore
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import own_rule_cache
from memory_router.learning.learner import learn
from memory_router.learning.rule_store import RuleStore
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.config import CircuitBreaking, Step
from memory_router.routing.config_file import load
from memory_router.routing.dispatch import ProcessDispatcher
from memory_router.routing.registry import Manifest
from memory_router.routing.response import decode_response
from memory_router.storage.database import open_database

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
            with ThreadPoolExecutor(1) as beside:
                control = beside.submit(_bare_ms)
                began, is_believed = time.monotonic(), False
                with suppress(MemoryRouterError):
                    raw = ProcessDispatcher().ask(declared, Request("query", "x", deadline_ms=DEADLINE_MS))
                    is_believed = not _is_sound(decode_response(raw))
                took = (time.monotonic() - began) * 1000
                due = max(DEADLINE_MS, control.result()) + SLACK_MS
            seen["as late as a bare process"] += DEADLINE_MS + SLACK_MS < took <= due
            return Outcome(hung=took > due, leaked=_survivors(folder), wrong=is_believed)

    return trial


def _bare_ms() -> float:
    """Return how long it takes at this moment to start a process, wait for it until the deadline, and kill it."""
    began = time.monotonic()
    with subprocess.Popen(["sleep", "100000"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        select.select([process.stdout], [], [], DEADLINE_MS / 1000)
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


def _install(folder: Path, chance: random.Random, **scripts: str) -> None:
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
        _install(folder, random.Random(seed), qmd="sleep 100000", totalrecall="cat answer.json")
        with Router() as router:
            answers = [router.query("x", trace=True) for _ in range(4)]
        log = (folder / "state" / "router.log").read_text()
        seen["breaker opened"] += "CIRCUIT_OPEN" in log
        last = answers[-1]
        return Outcome(
            hung=any(one.router_duration_ms > 2 * (120 + SLACK_MS) for one in answers),
            wrong=last.fallback_chain[:1] != ("qmd",) or "CIRCUIT_OPEN" not in log,
        )


def lost_hedge(_number: int, seed: int) -> Outcome:
    """Ask a second backend while the first one is silent; the first answers, and of the second nothing is left."""
    deadlines: dict[str, object] = {"default_ms": 60_000, "total_ms": None, "backends": {}}
    with home(deadlines=deadlines, fallback_delay_ms=20, learning="off") as folder:
        slow = "until test -s ../totalrecall/children; do :; done; cat answer.json"
        _install(folder, random.Random(seed), qmd=slow, totalrecall=f"{_CHILD} & sleep 100000")
        with Router() as router:
            answer = router.query("x", trace=True)
        leaked = _survivors(folder / "config" / "backends" / "totalrecall")
        statuses = [attempt["status"] for attempt in answer.to_dict()["trace"]["attempts"]]
        seen["hedge lost"] += "superseded" in statuses
        return Outcome(hung=answer.router_duration_ms > 5000, leaked=leaked, wrong=answer.routed_to != "qmd")


def _pad(_chance: random.Random) -> None:
    """Change nothing: the question itself is padded."""


def _spoil_cache(chance: random.Random) -> None:
    file = Path(paths.routing_rules_file())
    content = file.read_bytes()
    cut = chance.randrange(len(content))
    older = re.sub(rb'"version": (\d+)', b'"version": 1', content, count=1)
    file.write_bytes(chance.choice([content[:cut], chance.randbytes(200), b"", b"[]", older, b"{}"]))


def _spoil_both(chance: random.Random) -> None:
    _spoil_cache(chance)
    database = Path(paths.memory_db())
    content = bytearray(database.read_bytes())
    start = chance.randrange(100) if chance.random() < 0.5 else 0
    content[start : start + 4096] = chance.randbytes(4096)
    database.write_bytes(content)
    Path(f"{database}-wal").unlink(missing_ok=True)


def _refuse_cache(_chance: random.Random) -> None:
    file = Path(paths.routing_rules_file())
    file.unlink()
    file.mkdir()


def gate(spoil: Callable[[random.Random], None]) -> Trial:
    """Return a trial that asks what a rule guards, padded, after something was spoilt: no backend may be asked."""

    def trial(_number: int, seed: int) -> Outcome:
        chance = random.Random(seed)
        with home() as folder:
            _install(folder, chance, qmd="cat answer.json", totalrecall="cat answer.json")
            with closing(open_database(paths.learning_database(), learning.SCHEMA)) as database:
                rules = RuleStore(database, own_rule_cache())
                pattern = chance.choice(["audit.*payroll", "(a|u|d|i|t| )+ .*payroll", "audit(\\s|\\S)*payroll"])
                rules.add(pattern, ["qmd"], kind="regex", requires_approval=True)
            spoil(chance)
            letters = chance.choice(["a", " ", "a/b", string.printable, "audit ", "é漢", "A-_."])
            padding = "".join(chance.choices(letters, k=chance.choice([0, 10, 1000, 15_000, 30_000])))
            question = f"audit {padding} payroll"
            with Router(warn=lambda _sentence: None) as router, suppress(MemoryRouterError):
                answer = router.query(question)
                seen["gate closed"] += answer.status == "error"
            asked = [one for one in (folder / "config" / "backends").iterdir() if (one / "asked").exists()]
            return Outcome(wrong=bool(asked))

    return trial


def one_approval(_number: int, seed: int) -> Outcome:
    """Let 16 processes use one approval at the same moment: one of them gets it."""
    return _used_approvals(seed, processes=16, jumps=False)


def jumping_approval(_number: int, seed: int) -> Outcome:
    """Use one approval again and again while the clock jumps by hours: at most one use."""
    return _used_approvals(seed, processes=1, jumps=True)


def _used_approvals(seed: int, processes: int, *, jumps: bool) -> Outcome:
    chance = random.Random(seed)

    def now() -> float:
        return 1_790_000_000 + (chance.uniform(-20_000, 20_000) if jumps else 0)

    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:{name}/memory.db"
        with closing(open_database(url, learning.SCHEMA)) as database:
            store = ApprovalStore(database, 60, now)
            with suppress(ApprovalError):
                store.use("x", ["rule r"], account="ann")
            (pending,) = store.newest()
            with suppress(ApprovalError):
                store.decide(pending.id, "katie", approved=True, account="katie")
        children = []
        for _ in range(processes):
            if not (child := fork()):
                os._exit(_uses(url, pending.id, now, 5 if jumps else 1))
            children.append(child)
        uses = sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
        return Outcome(lost=int(not jumps and uses == 0), wrong=uses > 1)


def _uses(url: str, approval: str, now: Callable[[], float], times: int) -> int:
    used = 0
    with closing(open_database(url, learning.SCHEMA)) as database:
        for _ in range(times):
            with suppress(MemoryRouterError):
                ApprovalStore(database, 60, now).use("x", ["rule r"], approval=approval, account="ann")
                used += 1
    return used


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


def poisoned_feedback(_number: int, seed: int) -> Outcome:
    """Flood the executions with praise and blame of one account: no rule is approved by it, and no guard goes."""
    chance = random.Random(seed)
    with home() as folder, closing(open_database(paths.learning_database(), learning.SCHEMA)) as database:
        rules, executions = RuleStore(database, own_rule_cache()), ExecutionStore(database)
        guard = rules.add("payroll", ["qmd"], kind="regex", requires_approval=True)
        questions = ["process payroll PDFs", "read the tide tables", "who runs the crane"]
        executions.add(
            execution(f"{number:04}", chance.choice(questions), user_satisfaction=chance.choice([1, 5]),
                      asked_by="mallory", started_at=1.79e9 + number, rule=guard.id, source="learned")
            for number in range(200)
        )  # fmt: skip
        learn(executions, rules, load())
        kept = {rule.id: rule for rule in rules.all()}
        is_approved = any(rule.auto_generated and rule.state == "approved" for rule in kept.values())
        return Outcome(wrong=is_approved or kept.get(guard.id) != guard or not folder.exists())


def _secrets(chance: random.Random) -> dict[str, str]:
    """Return texts that hold a secret of a known kind, by the secret."""

    def letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choices(alphabet, k=count))

    word = f"{letters(4, string.ascii_lowercase)}{letters(2, string.digits)}{letters(4, string.ascii_uppercase)}"
    return {
        (token := f"ghp_{letters(36)}"): f"the token is {token}",
        (key := f"AKIA{letters(16, string.ascii_uppercase + string.digits)}"): f"use {key} for the bucket",
        (secret := f"sk-ant-api03-{letters(40)}"): f"key {secret}",
        (face := f"hf_{letters(34)}"): f"paste {face}",
        (groq := f"gsk_{letters(52)}"): f"use {groq} for groq",
        f"a{word}": f"postgres://app:a{word}@db.internal:5432/prod",
        f"b{word}": f"export DB_PASS=b{word}",
        f"c{word}": f"curl -u admin:c{word} https://api.example.com",
        f"d{word}": f'curl -d "{{\\"password\\":\\"d{word}\\"}}" https://api.example.com',
        f"e{word}": f"postgres://app:x@of/e{word}@db.internal/prod",
    }


def stored_secrets(_number: int, seed: int) -> Outcome:
    """Remember secrets, say them in a session, and ask with them: no file holds one."""
    secrets = _secrets(random.Random(seed))
    with home() as folder:
        _install(folder, random.Random(seed), qmd="exit 1", totalrecall="exit 1")
        with Router(warn=lambda _sentence: None) as router:
            for text in secrets.values():
                with suppress(MemoryRouterError):
                    remembering.remember(text)
                router.query(text)
        file = transcript(folder, len(secrets), texts=list(secrets.values()))
        import_transcripts([str(file)], database=paths.transcripts_db())
        file.unlink()
        contents = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
        return Outcome(leaked=sum(any(secret.encode() in content for content in contents) for secret in secrets))


def kinds() -> dict[str, Trial]:
    """Return every kind of misbehaviour with its trial."""
    return {f"backend: {what}": hostile(script) for what, script in HOSTILE.items()} | {
        "backend: a circuit opens": opened_breaker,
        "backend: a hedge is lost": lost_hedge,
        "breaker: the clock jumps": jumping_breaker,
        "breaker: 16 threads": racing_breaker,
        "gate: a padded question": gate(_pad),
        "gate: a damaged cache of rules": gate(_spoil_cache),
        "gate: a cache that cannot be written": gate(_refuse_cache),
        "gate: cache and database are damaged": gate(_spoil_both),
        "approvals: 16 processes use one": one_approval,
        "approvals: the clock jumps": jumping_approval,
        "feedback: poisoned": poisoned_feedback,
        "secrets: remembered, said, asked": stored_secrets,
    }
