"""What every command prints, on stdout and stderr, for programs and on a terminal, and its exit code.

`pytest tests/interfaces/test_snapshots.py --update` writes the snapshots anew; their difference is what changed.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Home, Outcome
from tests.docs.test_documentation import COMMANDS
from tests.interfaces.commands import ARGUMENTS, EVENTS, FILLED, NOTES, UNHURRIED, lasting, run

SNAPSHOTS = Path(__file__).parent / "snapshots"
NAMES = [name.partition(" ")[2] for name in COMMANDS]


class Filled(NamedTuple):
    """A home with three notes, a memory, a rule that guards, and what became of two suggestions.

    Args:
        folder: where it is.
        copy: what it is made of for each run, in the same place: what is stored names it.
    """

    folder: Path
    copy: Path

    def restore(self) -> None:
        """Make it again as it was."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.copy, self.folder)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Return the home of all commands."""
    folder = tmp_path_factory.mktemp("home")
    for name, text in NOTES.items():
        (folder / "notes").mkdir(exist_ok=True)
        (folder / "notes" / name).write_text(text)
    (folder / "config").mkdir()
    (folder / "config" / "router-config.json").write_text(json.dumps(UNHURRIED))
    (folder / "memories.jsonl").write_text(json.dumps({"text": "The crane is serviced in May"}) + "\nno JSON\n")
    with pytest.MonkeyPatch.context() as patch:
        _enter(patch, folder)
        for arguments in FILLED:
            assert run(arguments, at_terminal=True).code == 0, arguments
    copy = folder.parent / f"copy of {folder.name}"
    shutil.copytree(folder, copy)
    return Filled(folder, copy)


def _enter(patch: pytest.MonkeyPatch, folder: Path) -> None:
    for name, value in Home(folder).environment.items():
        patch.setenv(name, value)
    patch.setenv("COLUMNS", "80")
    patch.setenv("LINES", "24")
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    patch.chdir(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_prints_what_it_printed(
    name: str, filled: Filled, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    """A command prints what its snapshot shows, and on a terminal nothing is wider than 80 columns but a command."""
    told = [f"$ memory-router {name} {' '.join(ARGUMENTS.get(name, ()))}".rstrip()]
    for at_terminal in (False, True)[: 1 if name in EVENTS else 2]:
        filled.restore()
        _enter(monkeypatch, filled.folder)
        outcome = _outcome(name, filled.folder, at_terminal=at_terminal)
        if at_terminal:
            wide = [line for line in outcome.out.splitlines() if len(line) > 80]
            assert [line for line in wide if "Run: " not in line and not line.startswith(("+", "-", " "))] == []
        told.append(_section(outcome, filled.folder, at_terminal=at_terminal))
    snapshot = SNAPSHOTS / f"{name.replace(' ', '-')}.txt"
    now = "\n".join(told)
    if pytestconfig.getoption("--update"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(now, "utf-8")
    assert now == snapshot.read_text("utf-8"), "pytest tests/interfaces/test_snapshots.py --update accepts the change"


def test_no_snapshot_is_left_over() -> None:
    """Each snapshot is of a command that there is."""
    assert {file.stem for file in SNAPSHOTS.glob("*.txt")} == {name.replace(" ", "-") for name in NAMES}


def _outcome(name: str, folder: Path, *, at_terminal: bool) -> Outcome:
    if name in EVENTS:
        return Home(folder).run(*name.split(), stdin="no JSON", cwd=folder)
    arguments = (*name.split(), *(_known(word) for word in ARGUMENTS.get(name, ())))
    return run(arguments, at_terminal=at_terminal)


def _known(word: str) -> str:
    """Return an argument; a word in capitals stands for the first memory or rule of the home."""
    if word == "MEMORY":
        return str(json.loads(run(("memories", "list"), at_terminal=False).out)["memories"][0]["id"])
    if word == "RULE":
        return str(json.loads(run(("rules", "list"), at_terminal=False).out)["rules"][0]["id"])
    return word


def _section(outcome: Outcome, folder: Path, *, at_terminal: bool) -> str:
    out = outcome.out
    if out.startswith(("{", "[")):
        out = json.dumps(json.loads(out), indent=1, ensure_ascii=False) + "\n"
    parts = [f"\n=== {'on a terminal' if at_terminal else 'in a pipe'}: exit code {outcome.code}\n", out]
    parts += ["--- stderr\n", outcome.err] if outcome.err else []
    return lasting("".join(parts), folder)
