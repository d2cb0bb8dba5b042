"""The envelope tells which steps were planned, how many were given up, and why."""

from typing import Any

from memory_router.testing import Behaviour
from tests.conftest import BROKEN, GOOD, Home

SHORT: dict[str, Any] = {"default_ms": 300, "total_ms": None, "backends": {"totalrecall": 30_000}}
HANGING = Behaviour(hangs=True)


def test_an_open_circuit_stays_in_the_chain_and_counts(home: Home) -> None:
    """A step that timed out too often is passed over, and the answer, the trace and the log say so."""
    home.configure(deadlines=SHORT, circuit_breaker={"failures": 1, "cooldown_ms": 600_000})
    home.with_fakes(qmd=HANGING, totalrecall=GOOD)
    home.run("query", "auth")
    home.log.unlink()
    envelope = home.run("query", "auth", "--trace").json
    assert (envelope["fallback_chain"], envelope["fallbacks_used"]) == (["qmd", "totalrecall"], 1)
    assert envelope["trace"]["attempts"][0]["error_code"] == "CIRCUIT_OPEN"
    assert "FALLBACK" in home.log.read_text()
    assert "error_code=CIRCUIT_OPEN" in home.log.read_text()
    assert home.asked("qmd") == ["query"], "it was not asked again"
    assert "timed out too often" in home.run("route", "auth").json["skipped"][0]["reason"]
    recorded = home.run("executions", "list").json["executions"][0]
    assert recorded["routing_path"] == ["totalrecall"], "what was not asked is no evidence"


def test_open_circuits_alone_are_a_total_failure(home: Home) -> None:
    """When every circuit is open, all backends failed, and each says when it is tried again."""
    hurried = {**SHORT, "backends": {}}
    home.configure(deadlines=hurried, circuit_breaker={"failures": 1, "cooldown_ms": 600_000})
    home.with_fakes(qmd=HANGING, totalrecall=HANGING)
    home.run("query", "auth")
    envelope = home.run("query", "auth").json
    assert (envelope["error_code"], envelope["fallbacks_used"]) == ("ALL_BACKENDS_FAILED", 2)
    assert envelope["error_message"].count("tried again in") == 2


def test_what_is_not_ready_stays_in_the_chain(home: Home) -> None:
    """A registered backend that cannot be asked yet counts as given up; it is nothing to log."""
    home.with_fakes(qmd=BROKEN, totalrecall=GOOD)
    home.register(qmd="installed", totalrecall="ready")
    envelope = home.run("query", "auth").json
    assert (envelope["fallback_chain"], envelope["fallbacks_used"]) == (["qmd", "totalrecall"], 1)
    assert not home.log.exists()


def test_what_is_not_installed_is_not_planned(home: Home) -> None:
    """A backend that nobody installed is skipped without a word."""
    home.with_fakes(totalrecall=GOOD)
    envelope = home.run("query", "auth").json
    assert (envelope["fallback_chain"], envelope["fallbacks_used"]) == (["totalrecall"], 0)


def test_a_degraded_primary_is_still_the_primary(home: Home) -> None:
    """A backend that answers less well than it could keeps its place in the rule's order."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    home.register(qmd="degraded", totalrecall="ready")
    assert home.run("query", "auth").json["routed_to"] == "qmd"
