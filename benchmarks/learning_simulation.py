"""Replay months of requests through the real router and learner: `python benchmarks/learning_simulation.py [MONTHS]`.

The scenario of the specification (seed 000, Cost Optimization): 1,000 requests a month in 50 patterns, and a primary
that fails for some of them. Backends are simulated (what they answer and how long they take is drawn), everything
else is the program itself: rules, recording, clustering, learned rules in mode `on`. The same requests go through the
rule table alone for comparison. The baseline is the specification's: an LLM routes every request for 0.03 USD, and
a request takes 850 ms; a lookup of ours is counted with the 0.001 USD that it has for one.
"""

import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from machine import heading

from memory_router.contract import Request
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import ApprovalGate, rule_cache
from memory_router.learning.learner import learn
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.recording import SpoolRecorder
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA
from memory_router.learning.spool import Spool
from memory_router.routing import config_file
from memory_router.routing.attempts import Attempts
from memory_router.routing.breaker import CircuitBreaker
from memory_router.routing.journal import Journal
from memory_router.routing.registry import Installed, Manifest, Registry, RegistryState
from memory_router.routing.router import QuestionRouter
from memory_router.routing.routes import Routes
from memory_router.routing.rules import RuleSource, RuleTable
from memory_router.storage.database import open_database

REPOSITORY = Path(__file__).parents[1]
REQUESTS_A_MONTH, PATTERNS = 1000, 50
LLM_USD, LLM_MS, LOOKUP_USD = 0.03, 850, 0.001
# One request in ten is like no other: no rule can ever take it.
SINGLE = 0.1
VERBS = ("process", "explain", "compare", "summarise", "update")
THINGS = (
    *("payroll PDFs", "invoice reminders", "session tokens", "postgres schema", "cache eviction", "deploy pipeline"),
    *("vector index", "alert thresholds", "backup schedule", "metric dashboards"),
)
BACKENDS = {"qmd": ("search", "vsearch", "query"), "totalrecall": (), "cognee": (), "lossless": ()}
MILLISECONDS = {"qmd": 60, "totalrecall": 50, "cognee": 180, "lossless": 90}


class Outcome(NamedTuple):
    """What a month came to."""

    learned: int
    successes: int
    milliseconds: float
    decision_ms: float


class SimulatedBackends:
    """Answer by pattern: in two of five, what the rule table asks first has nothing."""

    def __init__(self) -> None:
        self.asked = 0
        self.milliseconds = 0.0

    def ask(self, manifest: Manifest, request: Request, stop: int | None = None) -> bytes:  # noqa: ARG002 - protocol
        """Return an answer or an empty one."""
        knows = not (manifest.name == "qmd" and _number(request.query) % 5 < 2)
        # The same luck for the same request, whoever routes it.
        luck = random.Random(f"{self.asked} {manifest.name} {request.mode}")
        answers = knows and luck.random() < 0.95
        self.milliseconds += luck.lognormvariate(0, 0.3) * MILLISECONDS[manifest.name]
        results = [{"content": "the answer", "relevance": 0.8, "source": manifest.name, "timestamp": None}]
        return json.dumps(
            {
                "query_echo": request.query,
                "results": results if answers else [],
                "result_count": int(answers),
                "status": "success" if answers else "empty",
                "error_message": None,
                "error_code": None,
                "backend_duration_ms": 1,
                "normalized_relevance": 0.8 if answers else 0.0,
                "backend": manifest.name,
            }
        ).encode()

    def close(self) -> None:
        """Nothing runs."""


def _number(request: str) -> int:
    """Return the number of the pattern that a request is of."""
    words = request.lower()
    return next((number for number, thing in enumerate(THINGS) if thing.lower().split()[0] in words), 2)


def requests(count: int, seed: int) -> list[str]:
    """Return requests: mostly patterns in one of several wordings, the others like no other."""
    source = random.Random(seed)
    found = []
    for number in range(count):
        if source.random() < SINGLE:
            found.append(f"what about ticket {source.randrange(10**9)} of {source.randrange(10**9)} ({number})")
            continue
        verb, thing = source.choice(VERBS), source.choice(THINGS)
        wording = source.choice(("{v} {t}", "{v} the {t}", "please {v} the {t}", "{v} our {t} now", "can you {v} {t}"))
        text = wording.format(v=verb, t=thing)
        found.append(source.choice((text, text.capitalize())))
    return found


class Simulation:
    """One router with its history, learning or not."""

    def __init__(self, folder: str, mode: str) -> None:
        bundled = config_file.load(str(REPOSITORY / "router-config.json"))
        self.config = bundled._replace(learning=bundled.learning._replace(mode=mode))
        self.database = open_database(f"sqlite:{folder}/memory.db", SCHEMA)
        self.executions = ExecutionStore(self.database)
        url = f"sqlite:{folder}/memory.db"
        cache = rule_cache(f"{folder}/rules.json", url)
        self.rules = RuleStore(self.database, cache)
        self.spool = Spool(f"{folder}/executions.jsonl")
        self.backends = SimulatedBackends()
        self.source = OverrideRules(cache, self.config.learning, self.config.signal_timeout_ms)
        table = RuleTable(self.config)
        sources: list[RuleSource] = [Routes(self.source, table)] if mode != "off" else [table]
        self.router = QuestionRouter(
            self.config,
            sources,
            lambda: Registry(
                {name: Manifest(name, folder, modes=modes) for name, modes in BACKENDS.items()},
                RegistryState("pro", {name: Installed("ready") for name in BACKENDS}),
            ),
            Attempts(
                self.config,
                self.backends,
                CircuitBreaker(f"{folder}/breakers.json", self.config.circuit_breaking),
                Journal(f"{folder}/router.log"),
                print,
            ),
            ApprovalGate(self.source, url, 60),
            SpoolRecorder(self.spool, self.config.fallback_threshold, lambda: None, 0),
            print,
        )

    def month(self, asked: list[str]) -> Outcome:
        """Ask a month's requests, learning after every 50, and return what came of them."""
        before = self.backends.milliseconds
        successes = learned = 0
        deciding = 0.0
        for number, request in enumerate(asked, 1):
            self.backends.asked += 1
            started = time.perf_counter()
            match = self.source.match(request)
            learned += bool(match)
            deciding += time.perf_counter() - started
            successes += self.router.query(request).status == "success"
            if number % self.config.learning.learn_every == 0 and self.config.learning.mode != "off":
                self.executions.take_in(self.spool)
                learn(self.executions, self.rules, self.config)
        return Outcome(learned, successes, self.backends.milliseconds - before, deciding * 1000)


def main() -> None:
    """Print each month, with learning and by the rule table alone."""
    months = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    print(heading(f"{months} months of {REQUESTS_A_MONTH:,} requests in {PATTERNS} patterns, one in ten like no other"))
    print("month  by learned rules   success (table alone)   cost saved   time saved   ms a request (table alone)")
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryDirectory() as other:
        learning, table = Simulation(own, "on"), Simulation(other, "off")
        last: Outcome | None = None
        for month in range(1, months + 1):
            asked = requests(REQUESTS_A_MONTH, month)
            last, plain = learning.month(asked), table.month(asked)
            took = last.milliseconds + last.decision_ms
            cost = 1 - LOOKUP_USD / LLM_USD
            saved = 1 - took / (REQUESTS_A_MONTH * LLM_MS)
            print(
                f"{month:5}  {last.learned / REQUESTS_A_MONTH:16.1%}   {last.successes / REQUESTS_A_MONTH:7.1%}"
                f" ({plain.successes / REQUESTS_A_MONTH:.1%}) {cost:20.1%} {saved:12.1%}"
                f" {took / REQUESTS_A_MONTH:12.0f} ({plain.milliseconds / REQUESTS_A_MONTH:.0f})"
            )
        states = Counter(rule.state for rule in learning.rules.all())
        first = Counter(rule.recommended_system_id for rule in learning.rules.all())
        print(f"rules: {dict(states)}, asking first: {dict(first)}")


if __name__ == "__main__":
    main()
