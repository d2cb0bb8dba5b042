"""Asking side by side gives the answer that asking in turn gives, sooner, and leaves nothing behind."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memory_router.routing.attempts import Attempt, hedged
from memory_router.routing.config import Step
from memory_router.testing import Behaviour
from tests.conftest import BROKEN, EMPTY, GOOD, POOR, Home, ends

STEPS = (Step("a"), Step("b"), Step("c"))
NEVER_MS = 600_000
SHORT: dict[str, Any] = {"default_ms": 400, "total_ms": None, "backends": {}}
FORKING = Behaviour(forks=True, hangs=True)


def attempt(backend: str, relevance: float | None) -> Attempt:
    """Return an attempt with a result of some relevance; superseded without one."""
    response: Any = {"status": "success", "results": [{}], "normalized_relevance": relevance}
    return Attempt(Step(backend), None if relevance is None else response, None, 1, 1)


def is_accepted(outcome: Attempt) -> bool:
    """Return whether an attempt is good enough."""
    return outcome.is_accepted(0.4)


class Scene:
    """Backends that end when, and as, they are told."""

    def __init__(self, script: str) -> None:
        self._endings = script.split()
        self._relevance: dict[str, float] = {}
        self._told = threading.Condition()
        self.begun: list[str] = []

    def begin(self, position: int) -> Callable[[int | None], Attempt]:
        """Begin a step."""
        step = STEPS[position]
        self.begun.append(step.backend)

        def ask(stop: int | None) -> Attempt:
            assert stop is not None
            poll = select.poll()
            poll.register(stop, select.POLLIN)
            with self._told:
                while step.backend not in self._relevance:
                    if poll.poll(0):
                        return attempt(step.backend, None)
                    self._told.wait(0.001)
            return attempt(step.backend, self._relevance[step.backend])

        return ask

    def play(self, delay_ms: int) -> Iterator[tuple[str, str]]:
        """Let the backends end in the script's order, each when the one before it is known; yield what is known."""
        self._tell()
        for _, outcome in hedged(len(STEPS), self.begin, is_accepted, delay_ms):
            yield outcome.step.backend, "accepted" if is_accepted(outcome) else outcome.status
            self._tell()

    def _tell(self) -> None:
        if self._endings:
            ending = self._endings.pop(0)
            with self._told:
                self._relevance[ending[0]] = 0.9 if ending[1] == "+" else 0.1
                self._told.notify_all()


# Who ends when, as acceptable (+) or not (-); then who is accepted.
ORDERS = {
    "a+": "a",
    "b+ a+": "a",
    "b+ a-": "b",
    "b- a+": "a",
    "c+ b+ a-": "b",
    "c+ b- a-": "c",
    "c+ a- b-": "c",
    "c- b- a-": None,
    "a- b- c+": "c",
}


@pytest.mark.parametrize("script", ORDERS)
def test_order_of_the_chain_decides(script: str) -> None:
    """Whoever answers first, the first acceptable step in order wins, and nothing is accepted before it is known."""
    played = list(Scene(script).play(delay_ms=0))
    accepted = [name for name, status in played if status == "accepted"]
    assert min(accepted, default=None) == ORDERS[script]
    ended = [name for name, status in played if status != "superseded"]
    assert ended[: len(script.split())] == [ending[0] for ending in script.split() if ending[0] in ended]
    assert [status for _, status in played[len(ended) :]] == ["superseded"] * (len(played) - len(ended))


def test_quick_steps_are_asked_in_turn() -> None:
    """A step that ends before the delay is over is followed as without hedging: only if it was not accepted."""
    scene = Scene("a- b+")
    assert list(scene.play(NEVER_MS)) == [("a", "success"), ("b", "accepted")]
    assert scene.begun == ["a", "b"]


def test_no_time_left() -> None:
    """When no time is left for a further step, those that were begun decide."""
    scene = Scene("a-")

    def begin(position: int) -> Callable[[int | None], Attempt] | None:
        return scene.begin(position) if position == 0 else None

    scene._tell()
    assert [position for position, _ in hedged(len(STEPS), begin, is_accepted, 0)] == [0]


def test_faults_of_the_program_are_not_swallowed() -> None:
    """What an attempt raises is raised where the attempts are awaited, when all others have ended."""

    def begin(_position: int) -> Callable[[int | None], Attempt]:
        def ask(_stop: int | None) -> Attempt:
            raise ZeroDivisionError

        return ask

    with pytest.raises(ZeroDivisionError):
        list(hedged(len(STEPS), begin, is_accepted, 0))


def test_whoever_stops_listening_stops_all() -> None:
    """When nobody waits for the answer any more, every attempt is told to end and has ended."""
    before = threading.active_count()
    course = Scene("a-").play(delay_ms=0)
    next(course)
    course.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def comparable(envelope: Any) -> Any:
    """Return an envelope without what differs from run to run."""
    return {name: value for name, value in envelope.items() if not name.endswith(("_duration_ms", "_id"))}


@pytest.mark.parametrize(
    ("primary", "secondary"),
    [(GOOD, GOOD), (POOR, GOOD), (BROKEN, POOR), (EMPTY, BROKEN), (EMPTY, EMPTY), (BROKEN, BROKEN)],
    ids=["good", "poor then good", "broken then poor", "empty then broken", "empty", "broken"],
)
def test_same_envelope_as_in_turn(home: Home, primary: Behaviour, secondary: Behaviour) -> None:
    """With and without hedging, the envelope is the same but for its durations."""
    home.with_fakes(qmd=primary, totalrecall=secondary)
    envelopes = []
    for delay_ms in (None, 0):
        home.configure(fallback_delay_ms=delay_ms)
        envelopes.append(comparable(home.run("query", "auth").json))
    assert envelopes[0] == envelopes[1]


def test_loser_is_ended(home: Home) -> None:
    """A backend that was asked in vain is ended with its children, told in the trace, and held against nobody."""
    home.configure(fallback_delay_ms=0, circuit_breaker={"failures": 1, "cooldown_ms": 600_000})
    slow = GOOD._replace(waits_for="../totalrecall/children")
    folders = home.with_fakes(qmd=slow, totalrecall=FORKING)
    envelope = home.run("query", "auth", "--trace").json
    assert (envelope["status"], envelope["routed_to"], envelope["fallbacks_used"]) == ("success", "qmd", 0)
    attempts = [(attempt["backend"], attempt["status"]) for attempt in envelope["trace"]["attempts"]]
    assert attempts == [("qmd", "success"), ("totalrecall", "superseded")]
    assert ends(int(Path(folders["totalrecall"], "children").read_text()))
    assert not home.log.exists()
    assert home.run("query", "auth").json["fallback_chain"] == ["qmd", "totalrecall"], "its circuit is closed"


def test_loser_that_closed_its_output_is_ended(home: Home) -> None:
    """A backend that lingers without an answer is ended, too, as soon as it has lost."""
    mark = home.folder / "asked"
    script = f"import os, time; os.close(1); os.close(2); open({str(mark)!r}, 'w').close(); time.sleep(100000)"
    home.configure(fallback_delay_ms=0)
    home.fake("totalrecall", GOOD, command=["{python}", "-c", script])
    home.fake("qmd", GOOD._replace(waits_for=str(mark)))
    home.register(qmd="ready", totalrecall="ready")
    envelope = home.run("query", "auth", "--trace").json
    assert envelope["trace"]["attempts"][1]["status"] == "superseded"
    assert envelope["router_duration_ms"] < envelope["trace"]["attempts"][1]["deadline_ms"]


def test_silent_primary_costs_its_deadline_alone(home: Home) -> None:
    """Behind a primary that never answers the next answer is already there; log and circuit know of the timeout."""
    home.configure(fallback_delay_ms=0, deadlines=SHORT, circuit_breaker={"failures": 1, "cooldown_ms": 600_000})
    folders = home.with_fakes(qmd=FORKING, totalrecall=GOOD)
    envelope = home.run("query", "auth", "--trace").json
    assert (envelope["status"], envelope["routed_to"], envelope["fallbacks_used"]) == ("success", "totalrecall", 1)
    assert [attempt["error_code"] for attempt in envelope["trace"]["attempts"]] == ["QUERY_TIMEOUT", None]
    assert home.log.read_text().endswith("next=totalrecall\n")
    assert ends(int(Path(folders["qmd"], "children").read_text()))
    again = home.run("query", "auth", "--trace").json
    assert (again["fallback_chain"], again["fallbacks_used"]) == (["qmd", "totalrecall"], 1)
    assert again["trace"]["attempts"][0]["error_code"] == "CIRCUIT_OPEN"


def test_budget_holds(home: Home) -> None:
    """The total budget bounds all steps together, side by side as in turn."""
    home.configure(fallback_delay_ms=0, deadlines={"default_ms": 5000, "total_ms": 300, "backends": {}})
    home.with_fakes(qmd=Behaviour(hangs=True), totalrecall=Behaviour(hangs=True))
    envelope = home.run("query", "auth", "--trace").json
    assert envelope["error_code"] == "ALL_BACKENDS_FAILED"
    assert all(attempt["deadline_ms"] <= 300 for attempt in envelope["trace"]["attempts"])


def test_one_warm_backend_in_two_modes(home: Home) -> None:
    """A backend that is kept running and asked in two modes at once leaves no process behind."""
    home.configure(fallback_delay_ms=0)
    folder = home.fake("qmd", POOR._replace(forks=True), warm=True)
    home.register(qmd="ready")
    outcome = home.run("query", "-", stdin="explain the tides\nexplain the moon\n")
    assert [line["fallback_chain"] for line in outcome.lines] == [["qmd", "qmd"]] * 2
    children = Path(folder, "children").read_text().split()
    assert len(children) == 4
    assert all(ends(int(child)) for child in children)


def test_terminated_router_leaves_nothing(home: Home) -> None:
    """A router that is told to end while it asks side by side takes every backend with it."""
    home.configure(fallback_delay_ms=0)
    folders = home.with_fakes(qmd=FORKING, totalrecall=FORKING)
    router = subprocess.Popen(
        [sys.executable, "-m", "memory_router", "query", "auth"], env=home.environment, stdout=subprocess.PIPE
    )
    marks = [Path(folder, "children") for folder in folders.values()]
    while not all(mark.exists() and mark.read_text().endswith("\n") for mark in marks):
        os.sched_yield()
    router.send_signal(signal.SIGTERM)
    router.communicate()
    assert router.returncode == 143
    assert all(ends(int(mark.read_text())) for mark in marks)
