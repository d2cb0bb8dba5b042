"""When a session ends, its transcript is imported, and nothing else is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import GOOD, Home, Outcome
from tests.interfaces.test_hooks import asked, event, logged


def _turn(number: int) -> str:
    body = {
        "type": "user",
        "uuid": f"00000000-0000-4000-8000-{number:012}",
        "parentUuid": f"00000000-0000-4000-8000-{number - 1:012}" if number else None,
        "sessionId": "5f2c",
        "timestamp": f"2026-03-01T10:{number // 60 % 60:02}:{number % 60:02}Z",
        "cwd": "/srv/harbor",
        "message": {"role": "user", "content": f"We decided on berth number {number}."},
    }
    return json.dumps(body) + "\n"


def _transcript(home: Home, turns: int) -> Path:
    folder = home.folder / ".claude" / "projects" / "-srv-harbor"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "5f2c.jsonl"
    file.write_text("".join(map(_turn, range(turns))))
    return file


def test_an_ended_session_is_imported(home: Home) -> None:
    """The hook returns at once; a process of its own imports the transcript and says so in the log."""
    home.environment.pop("CLAUDE_CONFIG_DIR", None)
    file = _transcript(home, 20)
    assert home.run("hooks", "session-end", stdin=event("", transcript_path=str(file))) == Outcome(0, "", "")
    looks = (logged(home) for _ in range(200))
    entries = next(entries for entries in looks if len(entries) == 2)
    assert [(entry["event"], entry["outcome"]) for entry in entries] == [
        ("SESSION_END", "started"),
        ("SESSION_END", "imported"),
    ]
    assert entries[1]["added"] == 20


@pytest.mark.parametrize("path", ["/etc/passwd", "/nowhere.jsonl", "-rf", "{home}/.claude/projects/../../x.jsonl"])
def test_only_transcripts_are_imported(path: str, home: Home) -> None:
    """A path outside the folders of transcripts is refused, also through `..` and links."""
    _transcript(home, 1)
    (home.folder / "x.jsonl").write_text(_turn(1))
    link = home.folder / ".claude/projects/link.jsonl"
    link.symlink_to(home.folder / "x.jsonl")
    for outside in (path.format(home=home.folder), str(link)):
        assert home.run("hooks", "session-end", stdin=event("", transcript_path=outside)) == Outcome(0, "", "")
    assert [entry["outcome"] for entry in logged(home)] == ["refused", "refused"]


def test_a_transcript_may_change_while_it_is_imported(home: Home) -> None:
    """While another process writes it, imports take what is whole; in the end everything is there once."""
    file = _transcript(home, 1)
    script = "import sys; out = open(sys.argv[1], 'a', buffering=7)\nfor line in sys.stdin: out.write(line)"
    writer = subprocess.Popen([sys.executable, "-c", script, str(file)], stdin=subprocess.PIPE, text=True)
    assert writer.stdin
    added = 0
    for begin in range(1, 1500, 300):
        writer.stdin.write("".join(map(_turn, range(begin, begin + 300))))
        writer.stdin.flush()
        report = home.run("hooks", "session-end", "--transcript", str(file)).json
        assert report["repeated"] == 0
        added += report["added"]
    writer.communicate()
    assert writer.returncode == 0
    added += home.run("hooks", "session-end", "--transcript", str(file)).json["added"]
    assert added == 1501


def test_hooks_can_be_switched_off(home: Home) -> None:
    """Each switch of the configuration stops its hook, and only that one."""
    home.with_fakes(totalrecall=GOOD)
    home.configure(hooks={"prompt": False, "session_end": False})
    transcript = _transcript(home, 1)
    assert asked(home, "why did we choose Postgres?") == Outcome(0, "", "")
    assert home.run("hooks", "session-end", stdin=event("", transcript_path=str(transcript))) == Outcome(0, "", "")
    # A machine that is too busy to read the configuration in time starts nothing either.
    assert [entry["outcome"] for entry in logged(home)] in (["off", "off"], ["off", "timeout"])
    assert home.asked("totalrecall") == []
