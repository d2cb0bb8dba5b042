"""SKILL.md is a skill to every agent."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Home

ROOT = Path(__file__).parent.parent.parent


def complaints(folder: Path) -> str:
    """Return what the reference validator says against a skill; nothing if it is valid."""
    validator = Path(sys.executable).parent / "agentskills"
    finished = subprocess.run([validator, "validate", folder], capture_output=True, text=True, check=False)
    return finished.stdout + finished.stderr if finished.returncode else ""


def test_skill_is_valid(tmp_path: Path) -> None:
    """The skill keeps to the Agent Skills specification, is short, and its description fits one line of a list."""
    folder = tmp_path / "memory-router"
    folder.mkdir()
    shutil.copy(ROOT / "SKILL.md", folder)
    assert complaints(folder) == ""
    lines = (ROOT / "SKILL.md").read_text("utf-8").splitlines()
    assert len(lines) < 200
    (description,) = (line.removeprefix("description: ") for line in lines if line.startswith("description:"))
    assert 0 < len(description) < 160


def test_checkout_is_a_skill(tmp_path: Path) -> None:
    """The repository itself, copied or cloned under its name, is a valid skill."""
    target = tmp_path / "memory-router"
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("this is no git checkout")
    for name in tracked.stdout.splitlines():
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    assert complaints(target) == ""


def test_dry_run_writes_nothing(home: Home) -> None:
    """`skill install --dry-run` names the files and leaves the home as it was."""
    outcome = home.run("skill", "install", "--claude", "--openclaw", "--dry-run")
    assert outcome.code == 0
    assert len(outcome.json["planned"]) == 2
    assert outcome.json["installed"] == []
    assert list(home.folder.iterdir()) == []


def test_installed_skills_are_valid(home: Home) -> None:
    """`skill install` puts a valid skill where each agent looks, and may be repeated."""
    for _ in range(2):
        outcome = home.run("skill", "install", "--claude", "--openclaw")
        assert outcome.code == 0, outcome.err
    for agent in (".claude", ".openclaw"):
        folder = home.folder / agent / "skills" / "memory-router"
        assert [path.name for path in folder.iterdir()] == ["SKILL.md"]
        assert complaints(folder) == ""


def test_agents_that_are_here_are_found(home: Home) -> None:
    """Without a choice, the skill goes to the agents that have a folder; with none, the message says what to do."""
    alone = home.run("skill", "install")
    assert alone.code == 1
    assert "--claude" in alone.err
    (home.folder / ".openclaw" / "agents").mkdir(parents=True)
    (installed,) = home.run("skill", "install").json["installed"]
    assert installed == str(home.folder / ".openclaw" / "skills" / "memory-router" / "SKILL.md")


def test_what_the_program_made_is_no_agent(home: Home) -> None:
    """State that `init` keeps below `~/.openclaw`, and a skill that was put there, do not stand for OpenClaw."""
    del home.environment["MEMORY_ROUTER_HOME"]
    home.run("init")
    assert (home.folder / ".openclaw" / "state" / "backends.json").exists()
    assert home.run("skill", "install").code == 1
    home.run("skill", "install", "--openclaw")
    home.run("skill", "install", "--claude")
    assert home.run("skill", "install").code == 1
    assert home.run("setup", "--dry-run").json["agents"] == []
