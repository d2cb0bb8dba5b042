"""Furnish a home as a few weeks of use leave it, for tests of the window and for the pictures in the documentation."""

import json
import os
import random
import shutil
import time
from pathlib import Path

from memory_router.learning.account import account
from memory_router.learning.execution import AttemptRecord, Execution
from tests.conftest import Home

_WORLD = Path(__file__).parents[2] / "benchmarks" / "worlds" / "world-a"
_QUESTIONS = (
    "where is DemurrageCalculator defined",
    "what depends on BerthAllocator",
    "why did we choose Postgres",
    "what did we decide about the invoice numbers",
    "how does the manifest importer handle bad lines",
    "notes about the go-live",
    "what does Lucia prefer",
)
_PROMPTS = ("why did we choose Postgres?", "fix the typo", "what did we decide about the invoice numbers?")
_DAY = 86_400
GUARDED = "send the invoices to Norrvik"


def furnish(home: Home) -> None:
    """Index a world, remember, ask, rate, and leave something to be decided.

    Args:
        home: an empty home.
    """
    project = home.folder / "harbor"
    shutil.copytree(_WORLD / "files", project)
    _run(home, "init", "--tier", "pro")
    _run(home, "index", str(project))
    _run(home, "index", "--transcripts", str(_WORLD / "transcripts"))
    _run(home, "import", str(_WORLD / "memories.jsonl"))
    first = _remember(home, "Containers lie free of demurrage for 24 hours.", "demurrage")
    second = _remember(home, "Containers lie free of demurrage for 36 hours.", "demurrage", first)
    _remember(home, "Containers lie free of demurrage for 48 hours, reefers for 24.", "demurrage", second)
    _spool(home, [*_slow_cognee(), *_weeks_of_questions()])
    home.run("query", "-", "--json", stdin="\n".join(_QUESTIONS))
    newest = home.run("executions", "list", "--limit", "2", "--json").json["executions"]
    _run(home, "executions", "rate", newest[0]["id"], "5")
    home.configure(hooks={"deadline_ms": 10_000})  # however busy the machine is
    for prompt in _PROMPTS:
        event = {"prompt": prompt, "cwd": str(project), "session_id": "5e0c"}
        home.run("hooks", "prompt", stdin=json.dumps(event))
    (home.folder / "config" / "router-config.json").unlink()
    _run(home, "rules", "add", GUARDED, "--to", "totalrecall", "--requires-approval")
    home.run("query", GUARDED, "--json")


def _run(home: Home, *arguments: str) -> None:
    finished = home.run(*arguments, "--json")
    assert finished.code == 0, finished


def _remember(home: Home, text: str, tag: str, supersedes: str = "") -> str:
    replaced = ("--supersedes", supersedes) if supersedes else ()
    return str(home.run("remember", text, "--tag", tag, "--json", *replaced).json["id"])


def _spool(home: Home, executions: list[Execution]) -> None:
    """Put executions where the router leaves them for learning."""
    spool = home.folder / "data" / "executions.jsonl"
    spool.parent.mkdir(parents=True, exist_ok=True)
    with spool.open("a") as file:
        file.writelines(json.dumps(one.to_dict()) + "\n" for one in executions)


def _slow_cognee() -> list[Execution]:
    """Return questions about relationships that cognee was too slow for: a reason to suggest something."""
    late = AttemptRecord("cognee", "error", 0.0, 5000, 5000, "QUERY_TIMEOUT", accepted=False)
    answer = AttemptRecord("qmd:vsearch", "success", 0.8, 90, 5000, None, accepted=True)
    return [
        _execution(f"what depends on berth {number}", "relationship", (late, answer), 2 * _DAY + 900 * number)
        for number in range(30)
    ]


def _weeks_of_questions() -> list[Execution]:
    chance = random.Random(7)
    steps = {"exact_symbol": "qmd:search", "temporal_decision": "lossless", "ambiguous": "totalrecall"}
    found = []
    for number in range(90):
        rule = chance.choice(list(steps))
        is_good = chance.random() < 0.8
        relevance = round(chance.uniform(0.45, 0.98) if is_good else chance.uniform(0.05, 0.38), 2)
        first = AttemptRecord(steps[rule], "success", relevance, chance.randint(18, 160), 5000, None, accepted=is_good)
        second = AttemptRecord("qmd:query", "success", 0.52, chance.randint(60, 240), 5000, None, accepted=True)
        attempts = (first,) if is_good else (first, second)
        found.append(_execution(f"question {number} about the harbor", rule, attempts, 3 * _DAY + 7000 * number))
    return found


def _execution(request: str, rule: str, attempts: tuple[AttemptRecord, ...], ago: float) -> Execution:
    return Execution(
        id=os.urandom(8).hex(),
        user_request=request,
        routing_path=tuple(one.step for one in attempts),
        routing_confidence=0.7,
        status="success" if any(one.accepted for one in attempts) else "failed",
        duration_ms=sum(one.duration_ms for one in attempts),
        cost_usd=0.0,
        user_satisfaction=None,
        governance_check=None,
        started_at=time.time() - ago,
        should_retry_with_different_path=False,
        source="table",
        rule=rule,
        similarity=None,
        attempts=attempts,
        project="harbor",
        asked_by=account(),
    )
