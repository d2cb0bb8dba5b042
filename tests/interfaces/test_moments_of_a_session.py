"""A session begins with a brief, a tool is preceded by what was said about it, and compaction by an import."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memory_router.contract import Result
from memory_router.interfaces.hooks.tool import _is_about, _subject
from memory_router.testing import Behaviour
from memory_router.text.tokens import estimate_tokens
from tests.conftest import Home, Outcome

README = "# heron\n\n![badge](x.svg)\n\nHeron moves mail between harbours and keeps a ledger of each letter.\n"
SAID = Behaviour(
    results=(
        Result("The ledger.py file must never be written while the night run is on.", relevance=0.9),
        Result("Something else entirely about the weather.", relevance=0.9),
    )
)


def told(outcome: Outcome) -> str:
    """Return what a hook puts before the agent; nothing if it is silent."""
    assert (outcome.code, outcome.err) == (0, "")
    return str(json.loads(outcome.out)["hookSpecificOutput"]["additionalContext"]) if outcome.out else ""


def last(home: Home) -> dict[str, Any]:
    """Return the latest line of the log."""
    entries: list[dict[str, Any]] = home.run("hooks", "log", "--limit", "1").json
    return entries[0] if entries else {"outcome": "timeout"}


def call(home: Home, hook: str, **event: Any) -> str:
    """Answer an event, and return what the agent gets; a start that a busy machine delayed does not count."""
    for _ in range(20):
        said = told(home.run("hooks", hook, stdin=json.dumps({"session_id": "s", **event})))
        if last(home)["outcome"] != "timeout":
            break
    return said


@pytest.fixture
def project(home: Home) -> Path:
    """Return a repository with a description and an open task, in a home that gives hooks all the time they need."""
    home.configure(hooks={"session_start_deadline_ms": 10_000, "tool_deadline_ms": 10_000})
    folder = home.folder / "code/heron"
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    (folder / "pyproject.toml").write_text("[project]\nname = 'heron'\n")
    (folder / "README.md").write_text(README)
    (folder / "TODO.md").write_text("- [x] done\n- [ ] mend the night run\n")
    return folder


def test_a_session_begins_with_a_brief(home: Home, project: Path) -> None:
    """The brief says what the project is, what is new since the last session there, and what is open."""
    home.run("remember", "The heron ledger moved to SQLite", cwd=project)
    home.run("remember", "The stork queue is NATS", "--project", "stork")
    brief = call(home, "session-start", cwd=str(project), source="startup")
    assert last(home)["outcome"] == "injected"
    for part in ("keeps a ledger", "moved to SQLite", "mend the night run"):
        assert part in brief
    assert "NATS" not in brief
    assert "done" not in brief.replace("undone", "")
    assert estimate_tokens(brief) <= 400
    again = call(home, "session-start", cwd=str(project), source="startup")
    assert "moved to SQLite" not in again


def test_a_brief_keeps_to_its_budget(home: Home, project: Path) -> None:
    """However much is new, a brief has no more tokens than the configuration allows."""
    home.configure(hooks={"session_start_deadline_ms": 10_000, "session_start_tokens": 120})
    (project / "README.md").write_text("# heron\n\n" + "Heron moves mail between harbours. " * 200 + "\n")
    brief = call(home, "session-start", cwd=str(project), source="startup")
    assert 0 < estimate_tokens(brief) <= 120


@pytest.mark.parametrize("source", ["resume", "compact"])
def test_a_session_that_goes_on_gets_no_brief(home: Home, project: Path, source: str) -> None:
    """A resumed or compacted session knows what it began with."""
    assert call(home, "session-start", cwd=str(project), source=source) == ""
    assert last(home)["outcome"] == "not_needed"


def test_an_edit_recalls_what_was_said_about_the_file_once(home: Home, project: Path) -> None:
    """Before an edit only what names the file is told, within 150 tokens, and not again in the same session."""
    home.with_fakes(totalrecall=SAID)
    edit = {"tool_name": "Edit", "tool_input": {"file_path": str(project / "ledger.py")}, "cwd": str(project)}
    recalled = call(home, "tool", **edit)
    assert "night run" in recalled
    assert "weather" not in recalled
    assert estimate_tokens(recalled) <= 150
    assert call(home, "tool", **edit) == ""
    assert last(home)["outcome"] == "told_before"
    assert "night run" in call(home, "tool", **{**edit, "session_id": "another"})


def test_silence_where_nothing_was_said(home: Home, project: Path) -> None:
    """A file that nobody spoke of, and a harmless command, pass in silence; a harmless one asks no backend."""
    home.with_fakes(totalrecall=SAID)
    assert call(home, "tool", tool_input={"file_path": str(project / "other.py")}, cwd=str(project)) == ""
    assert last(home)["outcome"] == "nothing"
    asked = len(home.asked("totalrecall"))
    assert call(home, "tool", tool_input={"command": "ls -la src"}, cwd=str(project)) == ""
    assert last(home)["outcome"] == "not_needed"
    assert len(home.asked("totalrecall")) == asked


def test_each_moment_has_its_switch(home: Home, project: Path) -> None:
    """Switched off, a hook asks nothing, says nothing, and says so in the log."""
    home.configure(hooks={"session_start": False, "tool": False, "compaction": False})
    events: dict[str, dict[str, Any]] = {
        "session-start": {"cwd": str(project)},
        "tool": {"tool_input": {"command": "rm -rf build"}, "cwd": str(project)},
        "compaction": {"transcript_path": "/x.jsonl"},
    }
    for hook, event in events.items():
        assert call(home, hook, **event) == ""
        assert last(home)["outcome"] == "off"


@pytest.mark.parametrize("hook", ["session-start", "tool", "compaction"])
@pytest.mark.parametrize("event", ["", "[]", "{}", '{"cwd": 7, "tool_input": []}', "\x00", "{" * 5000])
def test_no_event_stands_in_the_way(home: Home, hook: str, event: str) -> None:
    """Whatever comes on stdin, a hook ends with exit code 0 and says nothing."""
    outcome = home.run("hooks", hook, stdin=event)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_compaction_imports_the_session(home: Home) -> None:
    """What a session said before it is compacted can be asked for."""
    home.environment.pop("CLAUDE_CONFIG_DIR", None)
    home.run("init", "--tier", "pro")
    transcript = home.folder / ".claude/projects/-x/s.jsonl"
    transcript.parent.mkdir(parents=True)
    row = {"type": "user", "uuid": "1", "sessionId": "s", "cwd": "/x", "timestamp": "2026-11-20T10:00:00Z",
           "message": {"role": "user", "content": "Let's go with NATS for the heron service."}}  # fmt: skip
    transcript.write_text(json.dumps(row) + "\n")
    assert call(home, "compaction", transcript_path=str(transcript)) == ""
    assert last(home)["outcome"] in ("started", "imported")
    imported = [sys.executable, "-m", "memory_router", "hooks", "session-end", "--transcript", str(transcript)]
    subprocess.run(imported, env=home.environment, check=True, capture_output=True)
    home.run("init")
    assert "NATS" in home.run("query", "what did we choose for the heron service", "--backend", "lossless").out


@pytest.mark.parametrize(
    ("command", "is_risky"),
    [
        ("rm -rf build/", True),
        ("git push --force origin main", True),
        ("git reset --hard HEAD~3", True),
        ("terraform apply", True),
        ("kubectl delete pod api-7", True),
        ("alembic upgrade head", True),
        ("npm publish", True),
        ("psql -c 'DROP TABLE letters'", True),
        ("docker compose down && docker volume prune", True),
        ("ls -la", False),
        ("git status", False),
        ("pytest -q tests/test_ledger.py", False),
        ("cat README.md | head", False),
        ("git commit -m 'Add a ledger'", False),
        ("npm run build", False),
        ("grep -rn ledger src", False),
    ],
)
def test_risky_commands_are_told_from_others(command: str, is_risky: bool) -> None:
    """Commands that delete, overwrite, migrate, deploy or publish are risky; those that read or build are not."""
    assert (_subject({"command": command}) is not None) is is_risky


def test_only_what_names_the_file_is_about_it() -> None:
    """A name inside another name is not the file, and neither is a passage of the file itself."""
    assert _is_about({"content": "We split ledger.py in June."}, ("ledger.py",), "/x/ledger.py")
    assert not _is_about({"content": "See old-ledger.py."}, ("ledger.py",), "/x/ledger.py")
    assert not _is_about({"content": "# ledger.py", "path": "/x/ledger.py"}, ("ledger.py",), "/x/ledger.py")
