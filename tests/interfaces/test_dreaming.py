"""Dreams are dreamt, promoted and undone from the command line."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from memory_router.learning.account import account
from memory_router.learning.execution import AttemptRecord, Execution
from tests.conftest import GOOD, Home

BUNDLED = Path(__file__).parents[2] / "router-config.json"


def remember_waiting(home: Home, asked_by: str | None = None) -> None:
    """Let a user have waited for a backend that either answers at once or never."""
    timeout = AttemptRecord("qmd:query", "error", 0.0, 5000, 5000, "QUERY_TIMEOUT", accepted=False)
    good = AttemptRecord("qmd:query", "success", 0.8, 90, 5000, None, accepted=True)
    behind = AttemptRecord("totalrecall", "success", 0.8, 80, 5000, None, accepted=True)
    lines = []
    for number in range(200):
        attempts = (timeout, behind) if number % 2 else (good,)
        lines.append(json.dumps(_execution(number, attempts, asked_by or account()).to_dict()))
    spool = home.folder / "data" / "executions.jsonl"
    spool.parent.mkdir(parents=True, exist_ok=True)
    spool.write_text("\n".join(lines) + "\n")


def _execution(number: int, attempts: tuple[AttemptRecord, ...], asked_by: str) -> Execution:
    return Execution(
        id=f"{number:016x}",
        user_request=f"request {number}",
        routing_path=tuple(attempt.step for attempt in attempts),
        routing_confidence=0.5,
        status="success",
        duration_ms=sum(attempt.duration_ms for attempt in attempts),
        cost_usd=0.0,
        user_satisfaction=None,
        governance_check=None,
        started_at=1_790_000_000.0 + number,
        should_retry_with_different_path=False,
        source="default",
        rule="ambiguous",
        similarity=None,
        attempts=attempts,
        project=None,
        asked_by=asked_by,
    )


def test_dream_proposes(home: Home) -> None:
    """Without --promote a dream tells what it would change and what came of the test, and changes nothing."""
    remember_waiting(home)
    dreamt = home.run("dream", "--json").json
    assert dreamt["cycle_id"].startswith("dream-20")
    assert dreamt["promote"] is dreamt["test_results"]["promote"] is True
    assert dreamt["test_results"]["faster"] is True
    assert dreamt["mutations"]
    assert home.run("amendments", "list").json == {"amendments": []}
    assert not (home.folder / "config" / "router-config.json").exists()


def test_dry_run_keeps_no_record(home: Home) -> None:
    """--dry-run promotes nothing, and the next dream has the id that the dry one had, unless the minute is over."""
    remember_waiting(home)
    assert home.run("dream", "--dry-run", "--promote", "--yes").json["promote"] is True
    assert home.run("amendments", "list").json == {"amendments": []}
    assert not home.run("dream").json["cycle_id"].endswith("-2")
    assert not (home.folder / "config" / "router-config.json").exists()


def test_promotion_and_back(home: Home) -> None:
    """What is promoted is in force for the next question and listed with its evidence, until it is reverted."""
    remember_waiting(home)
    home.with_fakes(qmd=GOOD)
    outcome = home.run("dream", "--promote", "--yes")
    mutations = outcome.json["mutations"]
    file = home.folder / "config" / "router-config.json"
    assert home.run("config", "check", str(file)).json["ok"] is True
    listed = home.run("amendments", "list").json["amendments"]
    assert {one["setting"]: one["new_value"] for one in listed} == mutations
    assert all(one["state"] == "in force" and one["evidence"]["faster"] for one in listed)
    assert "suggestions undo 1" in outcome.err
    assert home.run("query", "auth").json["status"] == "success"
    for one in listed:
        assert home.run("amendments", "revert", one["id"]).json["state"] == "reverted"
    assert not file.exists()
    again = home.run("amendments", "revert", listed[0]["id"])
    assert (again.code, again.out) == (1, "")
    assert "was reverted" in again.err


def test_promotion_asks(home: Home) -> None:
    """With nobody to ask, --promote needs --yes; with learning on it does not, and with learning off it is refused."""
    remember_waiting(home)
    outcome = home.run("dream", "--promote")
    assert (outcome.code, outcome.json["promote"]) == (1, True)
    assert "--yes" in outcome.err
    home.configure(learning="off")
    refused = home.run("dream", "--promote", "--yes")
    assert (refused.code, refused.out) == (1, "")
    assert "Learning is off" in refused.err
    assert home.run("amendments", "list").json == {"amendments": []}
    home.configure(learning="on")
    assert home.run("dream", "--promote").code == 0
    assert home.run("amendments", "list").json["amendments"]


def test_terminal_gets_sentences(home: Home) -> None:
    """On a terminal a dream and its amendments are told in words and a table."""
    remember_waiting(home)
    shown = ""
    for arguments in (("dream", "--promote", "--yes"), ("amendments", "list")):
        leader, follower = pty.openpty()
        command = [sys.executable, "-m", "memory_router", *arguments]
        environment = {**home.environment, "TERM": "dumb", "COLUMNS": "200"}
        subprocess.run(command, stdout=follower, stderr=subprocess.DEVNULL, env=environment, check=True)
        os.close(follower)
        shown += os.read(leader, 2**16).decode()
        os.close(leader)
    assert "executions that did not choose it" in shown
    assert "A replay cannot tell" in shown
    assert "in force" in shown


def test_others_decide_nothing(home: Home) -> None:
    """What other accounts of a team asked, on other machines, changes nobody's thresholds."""
    remember_waiting(home, asked_by="somebody else")
    assert home.run("dream").json["test_results"]["reasons"] == ["nothing was asked"]


@pytest.mark.parametrize("arguments", [("dream",), ("amendments", "list"), ("amendments", "revert", "x")])
def test_nothing_there_yet(home: Home, arguments: tuple[str, ...]) -> None:
    """On a new machine nothing is dreamt, listed or reverted, and each command says so without a traceback."""
    outcome = home.run(*arguments)
    assert "Traceback" not in outcome.err
    assert outcome.code == int(arguments[-1] == "x")
