"""The command line fits in the head: few commands, each found by its name, its group, and its earlier name."""

import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from memory_router.interfaces.cli.commands import app
from tests.conftest import Home

_GROUPED = {
    "memories": ("recall", "list", "history", "promote", "demote", "tiers", "import", "export", "backup"),
    "rules": ("list", "route", "learn", "dream", "amendments", "executions", "stats", "approvals"),
    "outcomes": ("list", "profile"),
    "backends": ("test", "init", "doctor", "graph", "config", "db"),
    "agents": ("mcp", "hooks", "skill", "plugin"),
}


def test_the_help_shows_few_commands(home: Home) -> None:
    """--help lists at most 14 commands, and none of the earlier names."""
    root = typer.main.get_command(app)
    shown = root.list_commands(typer.Context(root))  # type: ignore[attr-defined]
    assert shown[:2] == ["setup", "query"]
    assert len(shown) <= 14
    told = home.run("--help").out
    assert all(f" {name} " in told for name in shown)
    assert not any(f" {name} " in told for name in ("advise", "amendments", "recall", "dream"))
    assert "<bool>" not in told


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in _GROUPED.items() for name in names])
def test_a_group_holds_its_commands(group: str, name: str) -> None:
    """Each command stands in its group, and its earlier name leads to the same command."""
    root = typer.main.get_command(app)
    context = typer.Context(root)
    grouped = root.get_command(context, group).get_command(context, name)  # type: ignore[attr-defined]
    assert not grouped.hidden
    earlier = root.get_command(context, name)  # type: ignore[attr-defined]
    if earlier is not None and name not in ("list", "test"):
        assert earlier.hidden
        assert earlier.help == grouped.help


def _every_command() -> Iterator[str]:
    def below(path: str, command: Any) -> Iterator[str]:
        yield path
        for name, child in getattr(command, "commands", {}).items():
            if not child.hidden:
                yield from below(f"{path} {name}", child)

    yield from below("memory-router", typer.main.get_command(app))


@pytest.mark.parametrize("path", list(_every_command()))
def test_help_fits_on_one_screen(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--help` of every command leaves room for the prompt on a screen of 80 x 24, and cuts nothing but an example."""
    monkeypatch.setenv("COLUMNS", "80")
    told = CliRunner().invoke(app, [*path.split()[1:], "--help"], prog_name="memory-router").stdout
    lines = [line for line in told.splitlines() if not line.startswith("Example: ")]
    assert lines[0].startswith(f"Usage: {path} [OPTIONS]")
    assert len(told.splitlines()) <= 23
    assert [line for line in lines if len(line) > 80 or "<bool>" in line] == []


def test_a_summary_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command of a group takes one line of the group's help."""
    monkeypatch.setenv("COLUMNS", "80")
    for group in ("", *_GROUPED):
        told = CliRunner().invoke(app, [*group.split(), "--help"]).stdout
        summaries = told.partition(":\n")[2].partition("\nOptions")[0].splitlines()
        assert [line for line in summaries if line and not re.match(r"  [a-z]|Look closer:", line)] == [], group


def test_a_misspelt_command_names_the_nearest(home: Home) -> None:
    """Who mistypes a command is told which one is near."""
    outcome = home.run("remembr", "x")
    assert outcome.code == 2
    assert "remember" in outcome.err


def test_memories_are_listed(home: Home) -> None:
    """`memories list` prints what is remembered, the newest first, and can be narrowed."""
    home.run("remember", "The tide table is printed on Mondays", "--tag", "tides")
    home.run("remember", "The crane is serviced in May")
    assert [one["text"][:9] for one in home.run("memories", "list").json["memories"]] == ["The crane", "The tide "]
    assert len(home.run("memories", "list", "--tag", "tides").json["memories"]) == 1


def test_status_names_the_one_next_step(home: Home) -> None:
    """From an empty home to a working one, `status` always names what to do next."""
    told = home.run("status").json
    assert "setup" in told["next_step"]["do"]
    assert set(told["not_set_up"]) == {"cognee", "lossless", "qmd", "totalrecall"}
    home.run("init")
    told = home.run("status").json
    assert told["not_set_up"]["lossless"] == "memory-router backends init --tier pro"
    assert told["empty"] == ["qmd", "totalrecall"]
    assert "setup" in told["next_step"]["do"]
    home.run("remember", "The tide table is printed on Mondays")
    told = home.run("status").json
    assert told["empty"] == ["qmd"]
    assert "index" in told["next_step"]["do"]


def test_status_calls_no_damaged_database_well(home: Home) -> None:
    """A damaged database is the first thing that `status` tells, with the command that repairs it."""
    home.run("init")
    home.run("remember", "The tide table is printed on Mondays")
    database = home.folder / "data" / "memory.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(database.read_bytes())
    content[4096:8192] = b"\xff" * 4096
    database.write_bytes(content)
    assert "db repair" in home.run("status").json["next_step"]["do"]


def test_a_missing_argument_is_named_as_its_usage_names_it(home: Home) -> None:
    """Whoever leaves an argument out reads the word that stands in the usage of the command."""
    for command, argument in (("memories history", "MEMORY_ID"), ("get", "IDS")):
        words = command.split()
        assert f"Missing argument {argument}." in home.run(*words).err
        assert argument in home.run(*words, "--help").out.splitlines()[0]
