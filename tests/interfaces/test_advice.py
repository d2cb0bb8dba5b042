"""The router's advice about itself is asked for, shown, accepted, refused and undone from the command line."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from memory_router.learning.account import account
from memory_router.learning.execution import AttemptRecord, Execution
from tests.conftest import Home, Outcome
from tests.interfaces.test_dreaming import remember_waiting
from tests.learning.conftest import empty_postgres, postgres_server

__all__ = ["empty_postgres", "postgres_server"]

BUNDLED = Path(__file__).parents[2] / "router-config.json"
TIMEOUT = AttemptRecord("cognee", "error", 0.0, 5000, 5000, "QUERY_TIMEOUT", accepted=False)
ANSWER = AttemptRecord("qmd:vsearch", "success", 0.8, 90, 5000, None, accepted=True)


def remember(home: Home, *attempts: AttemptRecord, question: str = "what depends on it", times: int = 30) -> None:
    """Let a user have asked so often, about relationships."""
    asked = [
        Execution(
            id=os.urandom(8).hex(),
            user_request=f"{question} {number}",
            routing_path=tuple(one.step for one in attempts),
            routing_confidence=0.7,
            status="success" if any(one.accepted for one in attempts) else "failed",
            duration_ms=sum(one.duration_ms for one in attempts),
            cost_usd=0.0,
            user_satisfaction=None,
            governance_check=None,
            started_at=time.time() - number,
            should_retry_with_different_path=False,
            source="table",
            rule="relationship",
            similarity=None,
            attempts=attempts,
            project=None,
            asked_by=account(),
        )
        for number in range(times)
    ]
    spool = home.folder / "data" / "executions.jsonl"
    spool.parent.mkdir(parents=True, exist_ok=True)
    with spool.open("a") as file:
        file.writelines(json.dumps(one.to_dict()) + "\n" for one in asked)


def own_config(home: Home) -> Path:
    """Return where the user's own configuration is."""
    return home.folder / "config" / "router-config.json"


def chain(home: Home) -> list[str]:
    """Return what a question about relationships would be asked of, by the configuration."""
    decision = home.run("route", "what depends on the billing service", "--json").json
    return [one["backend"] for one in decision["table"]]


def advised(home: Home) -> dict[str, Any]:
    """Return the first suggestion."""
    first: dict[str, Any] = home.run("advise").json["suggestions"][0]
    return first


@pytest.fixture
def waiting(home: Home) -> Home:
    """Return the home of a user who waited for cognee in vain, with one suggestion that waits."""
    remember(home, TIMEOUT, ANSWER)
    home.run("advise")
    return home


def refused(outcome: Outcome, *sentences: str) -> None:
    """Make sure that a command failed, printed nothing on stdout, and said why."""
    assert (outcome.code, outcome.out) == (1, "")
    for sentence in sentences:
        assert sentence in outcome.err


def test_advise_shows_evidence_and_the_exact_change(home: Home) -> None:
    """A source that always times out is suggested to be asked last, with figures; nothing is changed by asking."""
    remember(home, TIMEOUT, ANSWER)
    first = advised(home)
    assert (first["suggestion_type"], first["suggestion_value"]) == ("reduce_source", "cognee in relationship")
    assert first["evidence_summary"]["steps"]["cognee"] == {
        "asked": 30, "accepted": 0, "failed": 30, "codes": {"QUERY_TIMEOUT": 30}
    }  # fmt: skip
    assert {one["name"]: one["new"] for one in first["change"]["changes"]} == {
        "rules.relationship.primary": "qmd:vsearch",
        "rules.relationship.fallback": ["totalrecall", "cognee"],
    }
    assert advised(home) == first
    assert not own_config(home).exists()


def test_accepting_is_in_force_for_the_next_question_and_can_be_undone(waiting: Home) -> None:
    """The next question goes the new way; after undoing it goes the old one."""
    assert chain(waiting) == ["cognee", "qmd", "totalrecall"]
    done = waiting.run("accept", "1", "--reason", "not installed here", "--yes")
    assert (done.code, done.json["status"]) == (0, "accepted")
    assert '"primary": "qmd:vsearch"' in done.json["diff"]
    changed = {"id": "relationship", "primary": "qmd:vsearch", "fallback": ["totalrecall", "cognee"]}
    assert json.loads(own_config(waiting).read_text()) == {"rules": [changed]}
    assert chain(waiting) == ["qmd", "totalrecall", "cognee"]
    assert waiting.run("config", "check", str(own_config(waiting))).json["ok"] is True
    assert waiting.run("advise").json["suggestions"] == []
    assert waiting.run("undo", "--yes").json["status"] == "undone"
    assert not own_config(waiting).exists()
    silent = waiting.run("advise", "--why").json["silent"]
    assert ["undone" in one["why"] for one in silent if one["type"] == "reduce_source"] == [True]


def test_nothing_is_changed_without_a_word(waiting: Home) -> None:
    """Without --yes and anybody to ask, and with --dry-run, the file stays as it is; --dry-run shows the change."""
    refused(waiting.run("accept", "1"), "--yes")
    dry = waiting.run("accept", "1", "--dry-run")
    assert (dry.code, dry.json["dry_run"], dry.json["status"]) == (0, True, "pending")
    assert '"primary": "qmd:vsearch"' in dry.json["diff"]
    assert not own_config(waiting).exists()
    waiting.run("accept", "1", "--yes")
    refused(waiting.run("undo"), "--yes")
    assert waiting.run("undo", "--dry-run").json["dry_run"] is True
    assert chain(waiting)[0] == "qmd"


def test_what_is_rejected_is_not_repeated_and_why_is_told(waiting: Home) -> None:
    """A rejection with its reason is kept; the same is not suggested again, and --why says so."""
    assert waiting.run("reject", "1", "--reason", "only slow on Mondays").json["status"] == "rejected"
    told = waiting.run("advise", "--why").json
    assert told["suggestions"] == []
    assert ["rejected" in one["why"] for one in told["silent"] if one["type"] == "reduce_source"] == [True]
    assert "silent" not in waiting.run("advise").json
    remember(waiting, TIMEOUT, ANSWER, times=40)
    assert advised(waiting)["suggestion_value"] == "cognee in relationship"


def test_who_always_rejects_a_type_is_not_asked_again(home: Home) -> None:
    """Five rejections recorded by any application silence the type, whatever the evidence."""
    for number in range(5):
        home.run("outcomes", "record", "--type", "reduce_source", "--value", f"s{number}", "--outcome", "rejected")
    remember(home, TIMEOUT, ANSWER)
    told = home.run("advise", "--why").json
    assert "reduce_source" not in {one["suggestion_type"] for one in told["suggestions"]}
    assert "you rejected all 5 suggestions of this type" in {one["why"] for one in told["silent"]}


def test_a_changed_configuration_is_refused_with_then_now_and_after(waiting: Home) -> None:
    """Accepting names what was, what is and what would be, and changes nothing; the suggestion is then superseded."""
    rules = json.loads(BUNDLED.read_text())["rules"]
    rules[1]["primary"] = "totalrecall"
    waiting.configure(rules=rules)
    before = own_config(waiting).read_text()
    refused(waiting.run("accept", "1", "--yes"), 'was "cognee"', 'is "totalrecall" now', 'would make it "qmd:vsearch"')
    assert own_config(waiting).read_text() == before
    (settled, *_) = waiting.run("advise").json["settled"]
    assert (settled["suggestion_id"], settled["outcome"]) == (1, "superseded")


@pytest.mark.parametrize("command", [("accept", "1", "--yes"), ("undo", "--yes"), ("advise",)])
def test_a_broken_configuration_is_left_alone(waiting: Home, command: tuple[str, ...]) -> None:
    """A file that is no JSON any more stays as it is, and the message says what is wrong with it."""
    if command[0] == "undo":
        waiting.run("accept", "1", "--yes")
    own_config(waiting).parent.mkdir(exist_ok=True)
    own_config(waiting).write_text('{"rules": [')
    refused(waiting.run(*command), "is not JSON")
    assert own_config(waiting).read_text() == '{"rules": ['


@pytest.mark.parametrize("command", ["accept", "reject", "undo"])
def test_unknown_ids_are_told(home: Home, command: str) -> None:
    """An id that no suggestion has ends with exit code 1, one that is no number with 2."""
    refused(home.run(command, "99"), "no suggestion 99")
    assert home.run(command, "x").code == 2


def test_of_two_who_accept_one_is_told(waiting: Home) -> None:
    """Two processes that accept at once change the file once, and record one outcome."""
    command = [sys.executable, "-m", "memory_router", "accept", "1", "--yes"]
    processes = [
        subprocess.Popen(command, env=waiting.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    errors = [process.communicate()[1].decode() for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1, 1]
    assert sum("accepted already" in error for error in errors) == 2
    assert chain(waiting) == ["qmd", "totalrecall", "cognee"]
    assert waiting.run("profile").json["acceptance_stats"]["reduce_source"]["accepted"] == 1


@pytest.mark.parametrize("victim", ["accept", "undo"])
def test_who_is_killed_before_the_record_is_followed_up(waiting: Home, victim: str) -> None:
    """A command that is killed after it wrote the file and before it recorded that is finished by the next run."""
    if victim == "undo":
        waiting.run("accept", "1", "--yes")
    store = "memory_router.outcomes.suggestions"
    program = (
        f"import os, sys\nfrom {store} import SuggestionStore\n"
        f"SuggestionStore.{'decide' if victim == 'accept' else 'undo'} = lambda *a, **k: os.kill(os.getpid(), 9)\n"
        "from memory_router.__main__ import main\nmain()\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, victim, "1", "--yes"], env=waiting.environment, capture_output=True, check=False
    )
    assert killed.returncode == -9
    assert chain(waiting)[0] == ("qmd" if victim == "accept" else "cognee")
    if victim == "accept":
        (settled,) = waiting.run("advise").json["settled"]
        assert settled == {"suggestion_id": 1, "outcome": "accepted", "why": "found carried out"}
    assert waiting.run("undo", "1", "--yes").json["status"] == "undone"
    assert chain(waiting)[0] == "cognee"


def test_a_dream_is_accepted_as_an_amendment(home: Home) -> None:
    """What a dream would promote is suggested, becomes an amendment when accepted, and is reverted by undoing."""
    remember_waiting(home)
    mutations = home.run("dream").json["mutations"]
    (found,) = [one for one in home.run("advise").json["suggestions"] if one["suggestion_type"] == "amend_setting"]
    assert {one["name"]: one["new"] for one in found["change"]["changes"]} == mutations
    assert home.run("accept", str(found["suggestion_id"]), "--yes").code == 0
    listed = home.run("amendments", "list").json["amendments"]
    assert {one["setting"]: one["new_value"] for one in listed} == mutations
    assert home.run("undo", "--yes").code == 0
    assert {one["state"] for one in home.run("amendments", "list").json["amendments"]} == {"reverted"}


def test_a_folder_that_is_asked_about_is_indexed_on_acceptance(home: Home) -> None:
    """The folder is indexed when the suggestion is accepted and not before, and forgotten when it is undone."""
    (home.folder / "payroll").mkdir()
    (home.folder / "payroll" / "notes.md").write_text("# Payroll\n\nPayroll runs on the first of the month.\n")
    nothing = AttemptRecord("qmd:search", "empty", 0.0, 20, 5000, None, accepted=False)
    remember(home, nothing, question="what stands in ~/payroll", times=5)
    first = advised(home)
    assert (first["suggestion_type"], first["suggestion_value"]) == ("add_folder", str(home.folder / "payroll"))
    assert home.run("index", "--status").json["roots"] == []
    assert home.run("accept", "1", "--yes").json["status"] == "accepted"
    (root,) = home.run("index", "--status").json["roots"]
    assert (root["path"], root["files"]) == (str(home.folder / "payroll"), 1)
    assert home.run("undo", "--yes").json["status"] == "undone"
    assert home.run("index", "--status").json["roots"] == []


def test_reverting_an_amendment_undoes_its_suggestion(home: Home) -> None:
    """Once every setting that a dream changed is reverted, its suggestion is undone, not accepted."""
    remember_waiting(home)
    home.run("dream", "--promote", "--yes")
    for one in home.run("amendments", "list").json["amendments"]:
        assert home.run("suggestions", "show", "1").json["status"] == "accepted"
        home.run("amendments", "revert", one["id"])
    assert home.run("suggestions", "show", "1").json["status"] == "undone"


def test_patterns_are_offered_to_the_agent(home: Home) -> None:
    """The file of patterns is linked where Claude Code reads rules when that is accepted, and unlinked by undoing."""
    link = home.folder / ".claude" / "rules" / "memory-router-patterns.md"
    (home.folder / ".claude").mkdir()
    assert home.run("advise").json["suggestions"] == []
    for number in range(5):
        home.run("outcomes", "record", "--type", "add_topic", "--value", f"topic {number}", "--outcome", "rejected")
    (offered,) = home.run("advise").json["suggestions"]
    assert offered["suggestion_type"] == "share_patterns"
    assert home.run("accept", str(offered["suggestion_id"]), "--yes").code == 0
    assert "never_add_topics" in link.read_text()
    assert home.run("advise").json["suggestions"] == []
    assert home.run("undo", "--yes").code == 0
    assert not link.is_symlink()


def test_a_team_shares_suggestions_and_not_configurations(home: Home, empty_postgres: str) -> None:
    """The same commands work on a team's PostgreSQL; the change is made in the user's own file."""
    home.environment["MEMORY_ROUTER_DATABASE"] = empty_postgres
    remember(home, TIMEOUT, ANSWER)
    number = str(advised(home)["suggestion_id"])
    assert home.run("accept", number, "--yes").json["status"] == "accepted"
    assert chain(home)[0] == "qmd"
    assert home.run("undo", "--yes").json["status"] == "undone"
    assert chain(home)[0] == "cognee"
    assert home.run("reject", number).code == 1


def test_a_terminal_gets_sentences_a_diff_and_a_question(waiting: Home) -> None:
    """On a terminal a suggestion is a line with its reason, and accepting shows the diff and asks."""

    def on_terminal(*arguments: str, answer: bytes = b"") -> str:
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "memory_router", *arguments],
            env={**waiting.environment, "TERM": "dumb", "COLUMNS": "200"},
            stdin=follower,
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        os.write(leader, answer)
        shown = b""
        try:
            while chunk := os.read(leader, 65536):
                shown += chunk
        except OSError:  # the terminal is gone when the process is
            pass
        os.close(leader)
        process.wait()
        return shown.decode()

    listed = on_terminal("advise")
    assert "cognee failed in 30 of 30 questions of rule relationship (QUERY_TIMEOUT)" in " ".join(listed.split())
    declined = on_terminal("accept", "1", answer=b"n\n")
    assert '+      "primary": "qmd' in declined
    assert "Accept suggestion 1?" in declined
    assert not own_config(waiting).exists()
    assert "memory-router suggestions undo 1" in on_terminal("accept", "1", answer=b"y\n")
    assert chain(waiting)[0] == "qmd"
