"""The command line fits in the head: few commands, each found by its name, its group, and its earlier name."""

import sqlite3

import pytest
import typer.main

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
    """Each command stands in its group; no flag shows a type; the earlier name leads to the same command."""
    root = typer.main.get_command(app)
    context = typer.Context(root)
    grouped = root.get_command(context, group).get_command(context, name)  # type: ignore[attr-defined]
    assert not grouped.hidden
    flags = [one for one in grouped.get_params(context) if getattr(one, "is_flag", False)]
    assert flags
    assert all(flag.metavar == "" for flag in flags)
    earlier = root.get_command(context, name)  # type: ignore[attr-defined]
    if earlier is not None and name not in ("list", "test"):
        assert earlier.hidden
        assert earlier.help == grouped.help


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
    assert "init" in home.run("status").json["next_step"]["do"]
    home.run("init")
    told = home.run("status").json
    assert {one["name"]: one["status"] for one in told["backends"]}["qmd"] == "installed"
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
