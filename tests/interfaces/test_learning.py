"""People see what was asked, rate it, write rules, approve, and read the savings, by the command line."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BROKEN, GOOD, POOR, Home

QUESTION = "process payroll PDFs"


def query(home: Home, text: str, *options: str) -> dict[str, Any]:
    """Ask, and return the envelope."""
    answer: dict[str, Any] = home.run("query", text, *options).json
    return answer


def executions(home: Home, *options: str) -> list[dict[str, Any]]:
    """Return what was asked, the newest first."""
    found: list[dict[str, Any]] = home.run("executions", "list", *options).json["executions"]
    return found


def test_every_question_is_recorded(home: Home) -> None:
    """An execution holds the way of a question, its outcome and its attempts; its id is the envelope's."""
    home.with_fakes(qmd=POOR, totalrecall=GOOD)
    envelope = query(home, "auth", "--project", "payroll")
    (found,) = executions(home)
    assert found["id"] == envelope["execution_id"]
    assert (found["user_request"], found["status"], found["project"]) == ("auth", "success", "payroll")
    assert found["routing_path"] == ["qmd:query", "totalrecall"]
    assert [(one["step"], one["relevance"], one["accepted"]) for one in found["attempts"]] == [
        ("qmd:query", 0.2, False),
        ("totalrecall", 0.9, True),
    ]
    assert (found["source"], found["rule"], found["should_retry_with_different_path"]) == (
        "default",
        "ambiguous",
        False,
    )


@pytest.mark.parametrize("settings", [{"learning": "off"}, {"executions": {"record": False}}])
def test_nothing_is_recorded_where_the_user_wants_nothing_kept(home: Home, settings: dict[str, Any]) -> None:
    """Without learning, or with `executions.record: false`, no file of the program holds the question."""
    home.with_fakes(qmd=GOOD)
    home.configure(**settings)
    query(home, "zqxvplatypus")
    kept = [path for top in ("state", "data", "cache") for path in (home.folder / top).rglob("*") if path.is_file()]
    assert not [path for path in kept if b"zqxvplatypus" in path.read_bytes()]


def test_failures_are_recorded(home: Home) -> None:
    """A question that no backend answered well is a failure; another path is named worth trying if there is one."""
    home.with_fakes(qmd=POOR, totalrecall=BROKEN)
    home.fake("cognee", GOOD, network=True)  # it is not asked unless the caller names it
    home.register(qmd="ready", totalrecall="ready", cognee="ready")
    query(home, "auth")
    (found,) = executions(home, "--status", "failed")
    assert found["should_retry_with_different_path"]
    assert found["attempts"][1]["error_code"] == "DISK_ON_FIRE"


def test_secrets_are_not_recorded(home: Home) -> None:
    """What looks like a secret is in neither the file that waits nor the database."""
    home.with_fakes(qmd=GOOD)
    query(home, "why does AKIAIOSFODNN7EXAMPLE fail")
    assert executions(home)[0]["user_request"] == "why does [redacted:aws-access-key] fail"
    kept = [file for place in ("data", "state") for file in (home.folder / place).iterdir()]
    assert kept
    assert not any(b"AKIAIOSFODNN7" in file.read_bytes() for file in kept)


def test_a_disk_that_refuses_costs_a_warning(home: Home) -> None:
    """The answer comes, whole, also when nothing can be recorded."""
    home.with_fakes(qmd=GOOD)
    (home.folder / "data").write_text("in the way")
    outcome = home.run("query", "auth")
    assert outcome.json["status"] == "success"
    assert "was not recorded" in outcome.err


def test_ratings_are_kept(home: Home) -> None:
    """A rating is found with its execution; what is no rating is a usage error."""
    home.with_fakes(qmd=GOOD)
    identifier = query(home, "auth")["execution_id"]
    assert home.run("executions", "rate", identifier[:6], "4").json["user_satisfaction"] == 4
    assert home.run("executions", "show", identifier).json["user_satisfaction"] == 4
    assert home.run("executions", "rate", identifier, "6").code == 2


def test_purge_asks_first(home: Home) -> None:
    """Nothing is deleted without a word: not in a dry run, and not where nobody can be asked."""
    home.with_fakes(qmd=GOOD)
    query(home, "auth")
    assert home.run("executions", "purge", "--older-than", "0", "--dry-run").json["executions"] == 1
    assert home.run("executions", "purge", "--older-than", "0").code == 1
    assert len(executions(home)) == 1
    assert home.run("executions", "purge", "--older-than", "0", "--yes").json == {
        "older_than_days": 0,
        "executions": 1,
        "deleted": True,
    }
    assert executions(home) == []


def test_a_rule_of_ones_own_routes(home: Home) -> None:
    """A rule takes its requests at once, tells so in the trace, and stops when it is disabled."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    rule = home.run("rules", "add", QUESTION, "--to", "totalrecall", "--to", "qmd:search").json
    envelope = query(home, "process the payroll pdfs", "--trace")
    assert (envelope["routed_to"], envelope["fallback_chain"]) == ("totalrecall", ["totalrecall", "qmd"])
    assert envelope["trace"]["routing_rule"]["id"] == rule["id"]
    assert home.run("rules", "test", "process the payroll pdfs").json["taken_by"] == rule["id"]
    assert executions(home)[0]["rule"] == rule["id"]
    home.run("rules", "disable", rule["id"])
    assert query(home, QUESTION)["routed_to"] == "qmd"
    assert [one["state"] for one in home.run("rules", "list").json["rules"]] == ["disabled"]
    assert home.run("rules", "remove", rule["id"], "--yes").code == 0
    assert home.run("rules", "list").json == {"rules": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "nobody"], "There is no backend 'nobody'"),
        (["--to", "qmd:guess"], "qmd has no mode 'guess'"),
        ([], "asks nobody"),
    ],
    ids=str,
)
def test_rules_name_what_is_there(home: Home, arguments: Sequence[str], message: str) -> None:
    """A rule for a backend or a mode that does not exist is refused with what there is."""
    outcome = home.run("rules", "add", QUESTION, *arguments)
    assert outcome.code == 1
    assert message in outcome.err


def test_fifty_questions_make_a_rule(home: Home) -> None:
    """What one backend answered fifty times becomes a rule; approved, it routes, and its evidence is told."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    home.configure(executions={"learn_every": 0, "retention_days": 365})
    home.run("query", "-", "--backend", "totalrecall", stdin=f"{QUESTION}\n" * 50)
    lesson = home.run("learn").json
    (proposed,) = lesson["proposed"]
    assert query(home, QUESTION)["routed_to"] == "qmd"
    home.run("rules", "approve", proposed, "--by", "katie@example.com")
    envelope = query(home, "Process the payroll PDFs", "--trace")
    assert envelope["routed_to"] == "totalrecall"
    assert envelope["trace"]["routing_rule"]["source"] == "learned"
    assert envelope["trace"]["routing_rule"]["evidence"]["based_on_executions"] == 50
    assert executions(home)[0]["routing_confidence"] > 0.85


def test_a_question_that_needs_approval_waits_for_it(home: Home) -> None:
    """Nothing runs before somebody approves; then the same question runs, and no other."""
    home.with_fakes(qmd=GOOD)
    home.run("rules", "add", "audit payroll compliance", "--to", "qmd:search", "--requires-approval")
    blocked = query(home, "audit payroll compliance")
    assert (blocked["status"], blocked["error_code"]) == ("error", "APPROVAL_REQUIRED")
    assert home.asked("qmd") == []
    assert executions(home)[0]["status"] == "governance_blocked"
    approval = blocked["approval_id"]
    assert "memory-router" not in blocked["error_message"], "an agent is not handed the command that approves"
    refused = home.run("approve", approval, "--by", "katie@example.com")
    assert (refused.code, "at a terminal only" in refused.err) == (1, True)
    home.at_terminal(["approve", approval, "--by", "katie@example.com"])
    assert query(home, "audit payroll compliance")["status"] == "success"
    assert query(home, "audit payroll compliance")["error_code"] == "APPROVAL_REQUIRED", "it was used"
    assert executions(home)[1]["governance_check"]["approved_by"] == "katie@example.com"
    replayed = query(home, "audit the payroll compliance", "--approval", approval)
    assert replayed["error_code"] == "APPROVAL_MISMATCH"


def test_a_denied_question_stays_unasked(home: Home) -> None:
    """A denial is told to whoever asks again."""
    home.with_fakes(qmd=GOOD)
    home.run("rules", "add", "^audit", "--regex", "--to", "qmd:search", "--escalate")
    approval = query(home, "audit everything")["approval_id"]
    assert home.run("approvals", "--pending").json["approvals"][0]["escalation_required"]
    home.at_terminal(["deny", approval, "--by", "preston@example.com"])
    answer = query(home, "audit everything")
    assert (answer["error_code"], home.asked("qmd")) == ("APPROVAL_DENIED", [])
    assert "preston@example.com" in answer["error_message"]


def test_a_guarded_backend_is_never_a_fallback(home: Home) -> None:
    """A backend that needs approval is asked for by name only; falling back to it would go around its guard."""
    home.fake("totalrecall", GOOD, requires_approval=True)
    home.fake("qmd", POOR, modes=["search", "vsearch", "query"])
    home.register(qmd="ready", totalrecall="ready")
    envelope = query(home, "auth", "--trace")
    assert (envelope["fallback_chain"], envelope["routed_to"]) == (["qmd", "totalrecall"], "qmd")
    assert "needs approval" in envelope["trace"]["skipped"][0]["reason"]
    assert query(home, "auth", "--backend", "totalrecall")["error_code"] == "APPROVAL_REQUIRED"
    assert home.asked("totalrecall") == []


def test_a_person_at_a_terminal_is_asked(home: Home) -> None:
    """On a terminal the question of approval is put to whoever sits there, and their yes is recorded."""
    home.with_fakes(qmd=GOOD)
    home.run("rules", "add", "audit payroll compliance", "--to", "qmd:search", "--requires-approval")
    printed = home.at_terminal(["query", "audit payroll compliance"], b"y\n")
    assert b"Approve it now" in printed
    assert b"the answer" in printed
    assert executions(home)[0]["governance_check"]["approved_by"]


@pytest.mark.parametrize(
    "options", [[], ["--backend", "totalrecall"], ["--rule", "relationship"], ["--multi"]], ids=str
)
def test_no_option_goes_around_a_guard(home: Home, options: Sequence[str]) -> None:
    """A rule guards its questions whichever way they would take."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    home.run("rules", "add", "audit", "--regex", "--to", "qmd:search", "--requires-approval")
    home.run("rules", "add", "audit payroll", "--regex", "--to", "totalrecall")
    answer = query(home, "audit payroll compliance and explain the tides", *options)
    assert (answer["status"], answer["error_code"]) == ("error", "APPROVAL_REQUIRED")
    assert home.asked("qmd") == home.asked("totalrecall") == []
    home.at_terminal(["approve", answer["approval_id"]])
    assert query(home, "audit payroll compliance and explain the tides", *options)["status"] != "error"


@pytest.mark.parametrize("between", ["\n", "\u200b\n ", " " * 9], ids=["lines", "invisible", "spaces"])
def test_a_guard_reads_a_question_as_a_person_does(home: Home, between: str) -> None:
    """Line ends and invisible characters do not take a question past a pattern."""
    home.with_fakes(qmd=GOOD)
    home.run("rules", "add", "audit .*payroll", "--regex", "--to", "qmd:search", "--requires-approval")
    assert query(home, f"audit{between}the{between}pay\u00adroll")["error_code"] == "APPROVAL_REQUIRED"
    assert home.asked("qmd") == []


def test_a_guarded_backend_gives_nothing_by_id(home: Home) -> None:
    """Fetching by id asks a backend, too, and so needs its approval."""
    home.fake("totalrecall", GOOD, requires_approval=True)
    home.register(totalrecall="ready")
    outcome = home.run("get", "totalrecall:1", "--json")
    assert "APPROVAL_REQUIRED" in outcome.out
    assert home.asked("totalrecall") == []


def test_a_guard_is_taken_away_at_a_terminal_only(home: Home) -> None:
    """A program cannot remove, disable or weaken a rule that guards questions."""
    home.with_fakes(qmd=GOOD)
    rule = home.run("rules", "add", "audit", "--regex", "--to", "qmd:search", "--requires-approval").json["id"]
    for arguments in (["remove", rule, "--yes"], ["disable", rule], ["edit", rule, "--no-approval"]):
        outcome = home.run("rules", *arguments)
        assert (outcome.code, "at a terminal only" in outcome.err) == (1, True)
    assert query(home, "audit")["error_code"] == "APPROVAL_REQUIRED"
    home.at_terminal(["rules", "disable", rule])
    assert query(home, "audit")["status"] == "success"


def test_similar_words_do_not_override_what_is_asked(home: Home) -> None:
    """A rule for "demurrage run time" leaves "what did we decide about the demurrage run time" to its own rule."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD, lossless=GOOD)
    home.run("rules", "add", "demurrage run time", "--to", "qmd:search")
    assert query(home, "demurrage run time")["routed_to"] == "qmd"
    assert query(home, "what did we decide about the demurrage run time")["routed_to"] == "lossless"
    home.run("rules", "add", "what did we decide about the tariffs", "--to", "totalrecall")
    assert query(home, "what did we decide about our tariffs")["routed_to"] == "totalrecall"


def test_stats_tell_the_savings(home: Home) -> None:
    """The savings are there from the first question on, and everything is there as JSON."""
    home.with_fakes(qmd=GOOD)
    query(home, "auth")
    found = home.run("stats").json
    assert found["savings"]["requests"] == 1
    assert found["savings"]["cost_saved"] == 1
    assert found["confidence_by_week"][0]["total_requests"] == 1
    assert found["cache_hits_by_day"][0]["cache_hits"] == 0


def test_the_database_can_be_checked_and_copied(home: Home, tmp_path: Path) -> None:
    """`db` names the database in force, finds it whole, and copies it."""
    home.with_fakes(qmd=GOOD)
    query(home, "auth")
    assert len(executions(home)) == 1
    assert home.run("db", "migrate").json["schemas"] == {"learning": 6, "advice": 1}
    assert home.run("db", "check").json["ok"]
    copied = home.run("db", "copy", f"sqlite:{home.folder}/data/memory.db", f"sqlite:{tmp_path}/copy.db", "--yes").json
    assert copied["copied"][0] == {"table": "executions", "rows": 1, "added": 1}
    assert "names no database" in home.run("db", "check", "mysql://x").err


def test_a_quiet_run_learns_without_a_word(home: Home) -> None:
    """What runs in the background takes in what was asked, and prints nothing."""
    home.with_fakes(qmd=GOOD)
    query(home, "auth")
    assert home.run("learn", "--quiet") == (0, "", "")
    assert not (home.folder / "data" / "executions.jsonl").exists()
    assert len(executions(home)) == 1


def test_two_learners_do_not_disturb_each_other(home: Home) -> None:
    """Learners at once take turns; every execution is counted once, and there is one rule."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    home.configure(executions={"learn_every": 0, "retention_days": 365})
    home.run("query", "-", "--backend", "totalrecall", stdin=f"{QUESTION}\n" * 50)
    command = [sys.executable, "-m", "memory_router", "learn"]
    learners = [
        subprocess.Popen(command, env=home.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    lessons = [json.loads(learner.communicate()[0]) for learner in learners]
    assert {lesson["executions"] for lesson in lessons} == {50}
    assert len(home.run("rules", "list").json["rules"]) == 1


def test_learning_off_changes_nothing(home: Home) -> None:
    """With `learning: off` an approved rule routes nothing; with `on` a sure one routes without approval."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    home.configure(learning="suggest", executions={"learn_every": 0, "retention_days": 365})
    home.run("query", "-", "--backend", "totalrecall", stdin=f"{QUESTION}\n" * 50)
    home.configure(learning="off", executions={"learn_every": 0, "retention_days": 365})
    (rule,) = home.run("learn").json["proposed"]
    home.run("rules", "approve", rule)
    assert query(home, QUESTION)["routed_to"] == "qmd"
    home.configure(learning="on")
    home.run("rules", "disable", rule)
    assert query(home, QUESTION)["routed_to"] == "qmd"
    home.run("rules", "remove", rule, "--yes")
    home.run("learn")
    assert query(home, QUESTION)["routed_to"] == "totalrecall"


def test_a_damaged_database_stops_no_answer(home: Home) -> None:
    """With half a database the question is answered, and recorded for later; commands that need it say what to do."""
    home.with_fakes(qmd=GOOD)
    query(home, "auth")
    assert len(executions(home)) == 1
    database = home.folder / "data" / "memory.db"
    database.write_bytes(database.read_bytes()[:5000])
    assert query(home, "auth")["status"] == "success"
    outcome = home.run("executions", "list")
    assert outcome.code == 1
    assert "is damaged" in outcome.err
    database.unlink()
    assert len(executions(home)) == 1


def test_a_compound_request_is_one_execution_with_the_whole_path(home: Home) -> None:
    """The id of a combined answer is known, with the way of all parts; the parts are what routing learns from."""
    home.with_fakes(qmd=GOOD, cognee=GOOD)
    answer = query(home, "find the file tide.py and tell me what depends on BerthAllocator", "--multi")
    found = home.run("executions", "show", answer["execution_id"], "--json").json
    recorded = executions(home)
    assert (found["source"], found["status"], len(recorded)) == ("compound", "success", len(answer["parts"]) + 1)
    paths = [home.run("executions", "show", part["execution_id"], "--json").json for part in answer["parts"]]
    assert found["routing_path"] == [step for one in paths for step in one["routing_path"]]
    assert home.run("stats").json["savings"]["requests"] == len(answer["parts"])
