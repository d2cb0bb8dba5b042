"""Measure what learning costs: `python benchmarks/learning_speed.py [EXECUTIONS]`.

Recording an execution on the ask path, finding the rule of a question among 1,000, and learning from 100,000
executions in a process of its own, whose peak memory is told.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import heading, spread

from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import rule_cache
from memory_router.learning.learner import learn
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.recording import SpoolRecorder
from memory_router.learning.rule import OverrideRule
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA
from memory_router.learning.spool import Spool
from memory_router.routing import config_file
from memory_router.routing.attempts import Attempt
from memory_router.routing.envelope import Envelope
from memory_router.routing.plan import Plan
from memory_router.routing.recording import RoutedQuestion
from memory_router.routing.registry import Installed, Manifest, Registry, RegistryState
from memory_router.routing.rules import RuleMatch
from memory_router.storage.database import open_database

REPOSITORY = Path(__file__).parents[1]
RULES, LOOKUPS, RECORDS = 1000, 1000, 2000
CONFIG = config_file.load(str(REPOSITORY / "router-config.json"))
_A = ("process", "explain", "compare", "summarise", "update", "review", "archive", "import", "export", "validate")
_B = (
    *("payroll", "invoice", "session", "token", "postgres", "schema", "deploy", "cache", "router", "vector", "graph"),
    *("commit", "branch", "queue", "parser", "index", "memory", "backup", "alert", "metric", "ledger", "tenant"),
    *("webhook", "cursor", "replica", "sandbox", "registry", "pipeline", "quota", "beacon", "socket", "kernel"),
)


def patterns() -> list[str]:
    """Return 1,000 different requests."""
    found = [f"{verb} {one} {other}" for verb in _A for one in _B for other in _B if one != other]
    found += [f"{text} archive" for text in found]
    return random.Random(1).sample(found, RULES)


def lookup(folder: str) -> list[float]:
    """Return how many milliseconds finding a question's rule takes, warm."""
    texts = patterns()
    blank = OverrideRule(
        "", "", "text", "qmd:search", (), 60, 0.95, 0.0, 40.0, 0.8, True, True, "approved", False, None, {}, None, 0, 0
    )
    rules = [blank._replace(id=str(number), request_pattern=text) for number, text in enumerate(texts)]
    url = f"sqlite:{folder}/rules.db"
    database = open_database(url, SCHEMA)
    cache = rule_cache(f"{folder}/rules.json", url)
    RuleStore(database, cache).insert(rules)
    source = OverrideRules(cache, CONFIG.learning, CONFIG.signal_timeout_ms)
    samples, found = [], 0
    for text in random.Random(2).sample(texts, LOOKUPS):
        started = time.perf_counter()
        found += source.match(f"the {text}") is not None
        samples.append((time.perf_counter() - started) * 1000)
    assert found == LOOKUPS, f"{found} of {LOOKUPS} questions found their rule"
    return samples


def recording(folder: str) -> list[float]:
    """Return how many milliseconds recording an execution takes."""
    manifest = Manifest("qmd", folder, modes=("query",))
    registry = Registry({"qmd": manifest}, RegistryState("starter", {"qmd": Installed("ready")}))
    step = CONFIG.default_rule.primary
    response = {"status": "success", "normalized_relevance": 0.8, "results": [{}], "error_code": None}
    attempt = Attempt(step, response, None, 40, 5000)
    match = RuleMatch(CONFIG.default_rule, None, None, (step,), source="default")
    plan = Plan("why did we choose Postgres", match, (step,))
    envelope = Envelope(plan.query, "qmd", "query", ("qmd",), 0, [], 1, 0.8, "success", None, None, 45, 40, "0" * 16)
    recorder = SpoolRecorder(Spool(f"{folder}/spool"), 0.4, lambda: None, 0)
    samples = []
    for _ in range(RECORDS):
        started = time.perf_counter()
        recorder.record(RoutedQuestion(plan, registry, (attempt,), envelope, None, None))
        samples.append((time.perf_counter() - started) * 1000)
    return samples


def execution(number: int, source: random.Random, texts: list[str]) -> Execution:
    """Return one execution: half of them in fifty patterns, the others in thousands."""
    text = texts[source.randrange(50 if number % 2 else len(texts))]
    works = source.random() < 0.95
    attempt = AttemptRecord("qmd:search", "success" if works else "empty", 0.8 if works else 0.0, 40, 5000, None, works)
    return Execution(
        f"{number:016x}", f"{source.choice(('', 'please ', 'the '))}{text}", ("qmd:search",), 0.7,
        "success" if works else "failed", 50, 0.0, None, None, 1e9 + number, False, "table", "ambiguous", None,
        (attempt,), None, source.choice("abc"),
    )  # fmt: skip


def learning(count: int) -> None:
    """Learn from so many executions, and print seconds and peak memory; run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:{folder}/memory.db", SCHEMA)
        executions, rules = (
            ExecutionStore(database),
            RuleStore(database, rule_cache(f"{folder}/rules.json", f"sqlite:{folder}/memory.db")),
        )
        source, texts = random.Random(3), patterns()
        started = time.perf_counter()
        executions.add(execution(number, source, texts) for number in range(count))
        stored = time.perf_counter()
        lesson = learn(executions, rules, CONFIG)
        learned = time.perf_counter()
        again = learn(executions, rules, CONFIG)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{count:,} executions: stored in {stored - started:.1f} s, learned in {learned - stored:.1f} s "
            f"({sum(lesson.phases.values()):,} groups, {len(lesson.proposed)} rules), again in "
            f"{time.perf_counter() - learned:.1f} s ({len(again.updated)} brought up to date); peak {peak:.0f} MiB"
        )


def main() -> None:
    """Print all figures."""
    if sys.argv[1:2] == ["--learn"]:
        learning(int(sys.argv[2]))
        return
    count = sys.argv[1] if len(sys.argv) > 1 else "100000"
    print(heading("What learning costs, milliseconds: median (5th to 95th percentile)"))
    with tempfile.TemporaryDirectory() as folder:
        print(f"recording an execution      {spread(recording(folder))}")
        print(f"lookup among {RULES:,} rules  {spread(lookup(folder))}", flush=True)
    subprocess.run([sys.executable, __file__, "--learn", count], check=True)


if __name__ == "__main__":
    main()
