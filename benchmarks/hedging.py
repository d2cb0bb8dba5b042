"""Measure hedged fallback, and whether a replay foretells it: `python benchmarks/hedging.py`.

Two backends of its own in a scratch home: the first answers at once, slowly in vain, or never, by the question; the
second answers always. The same questions are asked in turn and hedged with two delays, each through processes. Beside
each measured mean stands what `learning.replay` foretells from the attempts that were recorded in turn.
"""

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from machine import heading, spread

from memory_router.app.asking import Router
from memory_router.learning.comparison import Thresholds, replay
from memory_router.learning.execution import AttemptRecord
from memory_router.routing.envelope import Envelope

QUESTIONS = 40
DELAYS_MS = (None, 300, 100)
DEADLINE_MS = 1500
# Milliseconds until the answer, and whether there is one; None for never.
FIRST = [(50, True)] * 6 + [(800, False)] * 3 + [(None, False)]
SECOND = [(250, True)]

ADAPTER = """
import time
from memory_router.contract import Result, answer, nothing, serve

def query(request):
    wait_ms, is_found = {script}[int(request.query.split()[-1]) % {number}]
    time.sleep(3600 if wait_ms is None else wait_ms / 1000)
    return answer([Result("found", 0.9)]) if is_found else nothing("NO_MATCH", "Nothing is there.")

serve("{name}", query=query)
"""


def install(home: Path) -> None:
    """Write and register both backends."""
    for name, script in (("first", FIRST), ("second", SECOND)):
        folder = home / "config" / "backends" / name
        folder.mkdir(parents=True)
        manifest = {"name": name, "contract": 1, "command": ["{python}", "adapter.py"], "verbs": ["query"]}
        (folder / "backend.json").write_text(json.dumps(manifest))
        (folder / "adapter.py").write_text(ADAPTER.format(script=script, number=len(script), name=name))
    (home / "state").mkdir()
    ready = {"status": "ready", "message": ""}
    state = {"version": 1, "tier": "starter", "backends": {"first": ready, "second": ready}}
    (home / "state" / "backends.json").write_text(json.dumps(state))


def configure(home: Path, delay_ms: int | None) -> None:
    """Write a rule table that asks the first backend, then the second."""
    bundled = json.loads((Path(__file__).parents[1] / "router-config.json").read_text())
    rule = {"id": "all", "number": 1, "primary": "first", "fallback": ["second"], "signals": []}
    changes = {
        "fallback_delay_ms": delay_ms,
        "deadlines": {"default_ms": DEADLINE_MS},
        "circuit_breaker": {"failures": 1000, "cooldown_ms": 0},
        "executions": {"learn_every": 0},
        "rules": [rule],
    }
    (home / "config" / "router-config.json").write_text(json.dumps({**bundled, **changes}))


def asked() -> list[Envelope]:
    """Ask every question in a process of its own for each backend."""
    with Router() as router:
        return [router.query(f"question {number}", trace=True) for number in range(QUESTIONS)]


def recorded(envelope: Envelope) -> list[AttemptRecord]:
    """Return the attempts of an answer."""
    assert envelope.trace
    return [
        AttemptRecord(
            one["backend"],
            one["status"],
            one["normalized_relevance"],
            one["duration_ms"],
            one["deadline_ms"],
            one["error_code"],
            one["accepted"],
        )
        for one in envelope.trace["attempts"]
    ]


def main() -> None:
    """Print measured and foretold times, and how many further processes hedging began."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        os.environ["MEMORY_ROUTER_HOME"] = scratch
        install(home)
        print(heading(f"Hedged fallback, {QUESTIONS} questions through processes, Python {sys.version.split()[0]}"))
        print(f"{'delay':>10}  {'median (5th to 95th), ms':32} {'mean':>6} {'foretold':>9} {'asked for nothing':>18}")
        history: list[list[AttemptRecord]] = []
        for delay_ms in DELAYS_MS:
            configure(home, delay_ms)
            envelopes = asked()
            assert all(envelope.status == "success" for envelope in envelopes)
            attempts = [recorded(envelope) for envelope in envelopes]
            history = history or attempts
            waited = [envelope.router_duration_ms for envelope in envelopes]
            foretold = statistics.mean(replay(one, Thresholds(0.4, delay_ms)).waited_ms for one in history)
            vain = sum(one.status == "superseded" for chain in attempts for one in chain)
            shown = "in turn" if delay_ms is None else f"{delay_ms} ms"
            print(f"{shown:>10}  {spread(waited):32} {statistics.mean(waited):6.0f} {foretold:9.0f} {vain:18}")


if __name__ == "__main__":
    main()
