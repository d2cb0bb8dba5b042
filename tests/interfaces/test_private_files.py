"""Everything that the program makes is for its user alone, whatever the shell's umask allows."""

import json
import os
import stat
from pathlib import Path

from tests.conftest import Home
from tests.interfaces.test_forget import transcript

_OF_THE_USER = ("notes", "in")


def test_a_whole_session_makes_private_files_and_folders(home: Home) -> None:
    """After every kind of command with a umask of 0, files have the mode 0600, folders 0700, also those above."""
    del home.environment["MEMORY_ROUTER_HOME"]
    for folder in _OF_THE_USER:
        (home.folder / folder).mkdir()
    (home.folder / "notes" / "a.md").write_text("# Tide\n\nThe tide gauge in Emden is read at noon.\n")
    transcript(home.folder / "in", "where are the cranes", "on the quay")
    event = {"hook_event_name": "UserPromptSubmit", "prompt": "when is the gauge read?", "cwd": str(home.folder)}
    before = os.umask(0)
    try:
        home.run("init", "--tier", "pro")
        kept = home.run("remember", "the vault opens with seven keys").json["id"]
        home.run("index", str(home.folder / "notes"))
        home.run("index", "--transcripts", str(home.folder / "in"))
        home.run("query", "when is the tide gauge read", "--all")
        home.run("rules", "add", "payroll audit", "--to", "qmd", "--requires-approval")
        home.run("query", "payroll audit")
        home.run("learn")
        home.run("suggestions", "list")
        home.run("hooks", "user-prompt-submit", stdin=json.dumps({**event, "session_id": "s"}))
        home.run("agents", "skill", "install", "--claude", "--openclaw")
        home.run("agents", "mcp", "install", "--client", "cursor")
        home.run("forget", kept, "--yes")
    finally:
        os.umask(before)
    made = [path for path in home.folder.rglob("*") if path.relative_to(home.folder).parts[0] not in _OF_THE_USER]
    assert any(path.name == "memory.db" for path in made)
    assert [(str(path), _mode(path)) for path in made if _mode(path) & 0o077] == []


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)
