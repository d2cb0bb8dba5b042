"""`memory-router hooks`: what the hooks of agents call, and what they did."""

import json
import re
from collections.abc import Iterator
from typing import Annotated

import typer

from memory_router import paths
from memory_router.contract import JsonObject
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_table

hooks = typer.Typer(name="hooks", no_args_is_help=True, help="Look into memory for prompts; import ended sessions.")

_LINE = re.compile(r"\[(?P<time>[^\]]+)\] (?P<event>[A-Z_]+) (?P<told>.*)")
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


@hooks.callback()
def _group() -> None:
    """Look into memory for prompts; import ended sessions."""


@hooks.command()
def prompt() -> None:
    """Answer the event UserPromptSubmit on stdin: what memory knows about the prompt, where it needs memory.

    Exit code 0 whatever happens, and within `hooks.deadline_ms` of `router-config.json`.

    Example: memory-router hooks prompt < event.json
    """
    from memory_router.interfaces.hooks import prompt as hook

    hook.run()


@hooks.command("session-end")
def session_end(
    transcript: Annotated[str | None, typer.Option("--transcript", help="Import this file now, and wait.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer the event SessionEnd on stdin: import the session's transcript in the background.

    Example: memory-router hooks session-end < event.json
    """
    from memory_router.interfaces.hooks import session as hook

    if transcript is None:
        hook.run()
    report = hook.import_now(transcript)
    told = f"Imported {report['added']:,} new messages from {paths.shown(transcript)}."
    output.show(report, told, as_json=as_json)


@hooks.command()
def log(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Show at most so many, the latest.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what the hooks did, the latest last.

    Example: memory-router hooks log --limit 5
    """
    entries = list(_entries())[-limit:]
    rows = [
        (
            entry["time"],
            entry["event"],
            entry.get("outcome", ""),
            ", ".join(f"{name} {value}" for name, value in entry.items() if name not in ("time", "event", "outcome")),
        )
        for entry in entries
    ]
    output.show(entries, lambda: print_table(("time", "event", "outcome", ""), rows), as_json=as_json)


def _entries() -> Iterator[JsonObject]:
    """Yield the log's lines as objects; the file before the last rotation first."""
    file = paths.hooks_log()
    for path in (f"{file}.1", file):
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                yield from filter(None, map(_entry, stream))
        except OSError:
            continue


def _entry(line: str) -> JsonObject | None:
    found = _LINE.match(line)
    if not found:
        return None
    told = {name: _value(value) for name, value in _FIELD.findall(found["told"])}
    return {"time": found["time"], "event": found["event"], **told}


def _value(text: str) -> str | int:
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return int(text) if text.isdigit() else text
