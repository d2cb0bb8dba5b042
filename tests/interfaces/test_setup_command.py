"""Setup fills memory with what a machine has, connects the agents that are there, and can be taken back."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from memory_router.app import surveying
from tests.conftest import Home

FOREIGN = """{
  // mine
  "theme": "dark",
  "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}
}
"""
MOVED = (
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_HOME",
    "LCM_OPENCLAW_DIR",
    "GEMINI_CLI_HOME",
)


def written(file: Path, text: str) -> Path:
    """Write a file with the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def session(home: Path) -> None:
    """Write a session of Claude Code in which something is decided."""
    said = [("user", "Which queue should the heron service use?"), ("assistant", "NATS or RabbitMQ."),
            ("user", "Let's go with NATS for the heron service."), ("assistant", "Okay, NATS it is.")]  # fmt: skip
    rows = [
        {"type": role, "uuid": str(number), "sessionId": "s", "cwd": "/home/me/heron",
         "timestamp": f"2026-11-20T10:0{number}:00Z", "message": {"role": role, "content": text}}
        for number, (role, text) in enumerate(said)
    ]  # fmt: skip
    written(home / ".claude/projects/-home-me-heron/s.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def tree(home: Path) -> dict[str, str]:
    """Return what the files of the clients hold, by name."""
    found = [home / ".claude.json", *(file for top in (".claude", ".cursor") for file in (home / top).rglob("*"))]
    return {str(file.relative_to(home)): file.read_text() for file in found if file.is_file()}


@pytest.fixture
def user(home: Home) -> Home:
    """Return a user with notes, a repository, a session, and two agents with settings of their own."""
    for variable in MOVED:
        home.environment.pop(variable, None)
    home.environment["PATH"] = os.pathsep.join(["/usr/bin", "/bin"])
    written(home.folder / "notes/tides.md", "# Tide table of the harbour\n\nThe tide table hangs on the fridge.\n")
    code = home.folder / "code/heron"
    written(code / "pyproject.toml", "[project]\nname = 'heron'\n")
    written(code / "heron.py", "def wade(depth: float) -> bool:\n    return depth < 0.3\n")
    subprocess.run(["git", "init", "-q", code], check=True)
    session(home.folder)
    written(home.folder / ".claude/settings.json", FOREIGN)
    written(home.folder / ".cursor/mcp.json", '{"mcpServers": {"other": {"command": "other"}}}\n')
    return home


def test_setup_fills_connects_and_answers(user: Home) -> None:
    """One run indexes, imports, connects and answers a question about the user's own notes; a second adds nothing."""
    done = user.run("setup", "--yes")
    assert done.code == 0, done.err
    report = done.json
    assert {Path(folder["path"]).name: folder["kind"] for folder in report["folders"]} == {
        "notes": "notes",
        "heron": "repository",
    }
    assert (report["files"], report["messages"]) == (3, 4)
    assert set(report["backends"].values()) == {"ready"}
    assert "fridge" in report["first"]["answer"]["results"][0]["content"]
    connected = {(change["client"], change["part"]) for change in report["connected"]}
    assert connected == {("claude", "mcp"), ("claude", "skill"), ("claude", "hooks"), ("cursor", "mcp")}
    assert "NATS" in user.run("query", "which queue did we choose for the heron service").out
    again = user.run("setup", "--yes").json
    assert (again["changes"], again["connected"]) == ([], [])


def test_undo_takes_out_what_setup_put_there(user: Home) -> None:
    """After setup and undo, each file of a client says what it said before; memory stays."""
    before = tree(user.folder)
    user.run("setup", "--yes")
    during = tree(user.folder)
    assert "hooks prompt" in during[".claude/settings.json"]
    assert "// mine" in during[".claude/settings.json"]
    undone = user.run("setup", "--undo")
    assert undone.code == 0
    after = {name: text for name, text in tree(user.folder).items() if not name.endswith(".before-memory-router")}
    assert after == before
    assert user.run("query", "tide table").json["status"] == "success"
    assert user.run("setup", "--undo").json["disconnected"] == []


def test_undo_leaves_an_edited_skill(user: Home) -> None:
    """A skill that its user edited after setup is not removed."""
    user.run("setup", "--yes")
    skill = user.folder / ".claude/skills/memory-router/SKILL.md"
    skill.write_text(skill.read_text() + "\nMy own line.\n")
    user.run("setup", "--undo")
    assert "My own line." in skill.read_text()


def test_undo_brings_back_the_skill_that_stood_there(user: Home) -> None:
    """A skill of the same name that setup replaced stands there again after undo."""
    skill = written(user.folder / ".claude/skills/memory-router/SKILL.md", "an edited skill\n")
    user.run("setup", "--yes")
    assert skill.read_text() != "an edited skill\n"
    user.run("setup", "--undo")
    assert skill.read_text() == "an edited skill\n"


def test_dry_run_shows_each_change_and_does_nothing(user: Home) -> None:
    """A dry run shows what would be written to each file of a client, and writes nothing at all."""
    before = set(user.folder.rglob("*"))
    shown = user.run("setup", "--dry-run").json
    assert {change["part"]: bool(change["diff"]) for change in shown["changes"]} == {
        "mcp": True,
        "skill": False,
        "hooks": True,
    }
    assert set(user.folder.rglob("*")) == before


def test_nobody_to_ask_means_nothing_is_done(user: Home) -> None:
    """Without a terminal and without --yes, setup does nothing and names the option."""
    refused = user.run("setup")
    assert refused.code == 1
    assert "--yes" in refused.err
    assert not (user.folder / "state").exists()


def test_a_damaged_settings_file_is_in_nobody_elses_way(user: Home) -> None:
    """Settings that cannot be read are left as they are, with the reason, and the rest is done."""
    written(user.folder / ".cursor/mcp.json", "{ no json")
    done = user.run("setup", "--yes")
    assert done.code == 0
    assert "mcp.json is not JSON" in done.err
    assert (user.folder / ".cursor/mcp.json").read_text() == "{ no json"
    assert ("claude", "mcp") in {(change["client"], change["part"]) for change in done.json["connected"]}


def test_the_plugin_is_not_doubled(user: Home) -> None:
    """Where Claude Code has our plugin, setup adds neither server nor skill nor hooks beside it."""
    written(user.folder / ".claude/settings.json", '{"enabledPlugins": {"memory-router@memory-router": true}}')
    assert {change["client"] for change in user.run("setup", "--dry-run").json["changes"]} == {"cursor"}


def test_an_empty_home_shows_an_answer_and_stays_empty(home: Home) -> None:
    """Where there is nothing to remember, a question about this program is answered and memory stays empty."""
    for variable in MOVED:
        home.environment.pop(variable, None)
    home.environment["PATH"] = os.pathsep.join(["/usr/bin", "/bin"])
    report = home.run("setup", "--yes").json
    assert report["demonstration"]["answer"]["status"] == "success"
    assert (report["files"], report["messages"]) == (0, 0)
    assert not (home.folder / "cache/documents.db").exists()


def test_a_survey_takes_what_a_person_works_on(tmp_path: Path) -> None:
    """Vaults, notes and repositories are found once each; hidden, vendored and long untouched ones are not taken."""
    for name in ("Documents/vault/.obsidian", "Documents/vault/inner/.obsidian", "code/fresh/.git", "code/old/.git"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("node_modules/package/.git", ".cache/tool/.git"):
        (tmp_path / name).mkdir(parents=True)
    for folder in ("Documents/vault", "Documents/vault/inner", "code/fresh", "code/old", "notes"):
        written(tmp_path / folder / "go.mod", "module x\n")
        written(tmp_path / folder / "a.md", "# A\n\ntext\n")
    for path in (tmp_path / "code/old", tmp_path / "code/old/.git"):
        os.utime(path, (1e9, 1e9))
    found = surveying.survey(str(tmp_path))
    assert {(Path(folder.path).name, folder.kind) for folder in found.folders} == {
        ("Documents", "notes"),
        ("fresh", "repository"),
        ("notes", "notes"),
    }
    assert [Path(path).name for path in found.left_out] == ["old"]
