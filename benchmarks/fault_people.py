"""Let people, clocks and damage try the gate, approvals, feedback and redaction: nothing passes, nothing is stored."""

import os
import random
import re
import string
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from fault_outcome import Outcome, Trial, fork, seen
from fault_processes import home, install
from fault_workloads import execution, transcript

from memory_router import Router, paths
from memory_router.app import remembering
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.errors import ApprovalError, MemoryRouterError
from memory_router.learning import schema as learning
from memory_router.learning.approvals import ApprovalStore
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import own_rule_cache
from memory_router.learning.learner import learn
from memory_router.learning.rule_store import RuleStore
from memory_router.routing.config_file import load
from memory_router.storage.database import open_database


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
            install(folder, chance, qmd="cat answer.json", totalrecall="cat answer.json")
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
        install(folder, random.Random(seed), qmd="exit 1", totalrecall="exit 1")
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
    """Return every kind of attempt on what must hold with its trial."""
    return {
        "gate: a padded question": gate(_pad),
        "gate: a damaged cache of rules": gate(_spoil_cache),
        "gate: a cache that cannot be written": gate(_refuse_cache),
        "gate: cache and database are damaged": gate(_spoil_both),
        "approvals: 16 processes use one": one_approval,
        "approvals: the clock jumps": jumping_approval,
        "feedback: poisoned": poisoned_feedback,
        "secrets: remembered, said, asked": stored_secrets,
    }
