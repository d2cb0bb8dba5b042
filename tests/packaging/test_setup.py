"""The scripts of the README do what they say, on a machine with nothing but Python and git."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted(path for path in [*ROOT.glob("scripts/*.sh"), ROOT / ".ci" / "run"])


class Machine(NamedTuple):
    """A new machine: a clone of the repository and an empty home."""

    clone: Path
    home: Path

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the clone from the home folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_", "MEMORY_"))}
        return subprocess.run(
            ["bash", self.clone / "scripts" / script, *arguments],
            cwd=self.home,
            env={**kept, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )

    def state(self) -> dict[str, dict[str, str]]:
        """Return the status of each registered backend, with the tier."""
        body = json.loads((self.home / ".openclaw" / "state" / "backends.json").read_text())
        return {body["tier"]: {name: entry["status"] for name, entry in body["backends"].items()}}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a new machine."""
    clone = tmp_path / "a clone"
    ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", "dist", "results")
    shutil.copytree(ROOT, clone, ignore=ignored)
    (tmp_path / "home").mkdir()
    return Machine(clone, tmp_path / "home")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_strict(script: Path) -> None:
    """Every script parses, stops at its first fault, and holds no path of some machine."""
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text("utf-8")
    assert "set -euo pipefail" in text or script.name.startswith("_")
    assert not [word for word in ("/home/", "/root", "https://") if word in text]


@pytest.mark.parametrize("script", ["setup.sh", "install-pro.sh", "test.sh"])
def test_scripts_help(script: str, machine: Machine) -> None:
    """With --help a script says what it does, and does nothing."""
    shown = machine.run(script, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"Usage: bash scripts/{script}")
    assert not (machine.clone / ".venv").exists()


def test_wrong_arguments_change_nothing(machine: Machine) -> None:
    """A folder that is not there and an option that nobody knows are refused before anything is made."""
    for argument in ("nowhere", "--fast"):
        refused = machine.run("setup.sh", argument)
        assert refused.returncode == 1
        assert argument in refused.stderr
    assert not (machine.clone / ".venv").exists()


@pytest.mark.timeout(300)
def test_setup_answers_and_keeps(machine: Machine) -> None:
    """Setup answers a question from an empty home and leaves memory empty; with folders it keeps what is there."""
    first = machine.run("setup.sh")
    assert first.returncode == 0, first.stderr
    envelope = json.loads(first.stdout)["demonstration"]["answer"]
    assert envelope["status"] == "success"
    assert envelope["results"][0]["path"].endswith("docs/concepts.md")
    empty = {"qmd": "installed", "totalrecall": "ready", "cognee": "installed", "lossless": "installed"}
    assert machine.state() == {"pro": empty}
    link = machine.home / ".local" / "bin" / "memory-router"
    assert link.samefile(machine.clone / ".venv" / "bin" / "memory-router")
    assert "not on your PATH" in first.stderr

    assert machine.run("install-pro.sh").returncode == 0
    assert machine.state() == {"pro": empty}

    link.unlink()
    link.write_text("somebody else's")
    notes = machine.home / "my notes"
    notes.mkdir()
    (notes / "tides.md").write_text("# Tides\n\nThe tide table hangs on the fridge.\n")
    again = machine.run("setup.sh", "my notes")
    assert again.returncode == 0, again.stderr
    assert "fridge" in json.loads(again.stdout)["first"]["answer"]["results"][0]["content"]
    assert machine.state() == {"pro": empty | {"qmd": "ready", "cognee": "ready"}}
    assert link.read_text() == "somebody else's"
    assert "left as it is" in again.stderr
