"""What commands print: JSON for programs, the same told for people."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.commands import app

# A server, and answers to events, whose form the client prescribes; each also by its earlier name.
_OF_CLIENTS = ("mcp", "hooks prompt", "hooks session-start", "hooks tool", "hooks compaction")
WITHOUT_DATA = {*_OF_CLIENTS, *(f"agents {name}" for name in _OF_CLIENTS)}


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command by its full name."""
    members = getattr(group, "commands", {})
    for member in members:
        yield from commands(members[member], f"{name} {member}".strip())
    if name and not (members and group.no_args_is_help):
        yield name, group


def test_json_everywhere() -> None:
    """Every command that prints data takes `--json`."""
    lacking = [
        name
        for name, command in commands(typer.main.get_command(app))
        if not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert set(lacking) == WITHOUT_DATA


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("terminal", [True, False])
def test_shown(monkeypatch: pytest.MonkeyPatch, capfdbinary: Any, as_json: bool, terminal: bool) -> None:
    """A terminal gets the sentence without what it would obey; a pipe, and whoever asks for JSON, gets the value."""
    monkeypatch.setattr(output, "is_terminal", lambda: terminal)
    output.show({"name": "a\x1b[2J"}, "named a\x1b[2J", as_json=as_json)
    printed = capfdbinary.readouterr().out
    if terminal and not as_json:
        assert printed == b"named a [2J\n"
    else:
        assert json.loads(printed) == {"name": "a\x1b[2J"}


def test_drawn_lazily(monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> None:
    """What draws for people runs on a terminal only."""
    for terminal, drawings in ((False, 0), (True, 1)):
        drawn: list[bool] = []
        monkeypatch.setattr(output, "is_terminal", lambda is_one=terminal: is_one)
        output.show({}, lambda drawn=drawn: drawn.append(True), as_json=False)  # type: ignore[misc]
        assert len(drawn) == drawings
    assert capfdbinary.readouterr().out == b"{}\n"
