"""`memory-router remember`: keep a fact for later questions."""

import sys
from typing import Annotated

import typer

from memory_router import paths
from memory_router.contract import iso_time
from memory_router.engines.tiers.memory import Remembered
from memory_router.engines.tiers.store import MemoryStore
from memory_router.interfaces.cli import output


def remember(
    text: Annotated[
        str | None, typer.Argument(help="What to remember; `-`, or nothing in a pipe, reads it from stdin.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="File it under this word; repeatable.")] = None,
    project: Annotated[str | None, typer.Option("--project", help="The project it belongs to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, also on a terminal.")] = False,
) -> None:
    """Remember TEXT, so that later questions find it; secrets in it are redacted first.

    Example: memory-router remember "We chose Postgres for row-level security" --tag decision
    """
    if text is None and sys.stdin.isatty():
        raise typer.BadParameter('Say what to remember: memory-router remember "TEXT".', param_hint="TEXT")
    if text is None or text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    store = MemoryStore.open(paths.memory_db())
    remembered = store.remember(text, tag or (), project)
    store.close()
    if as_json or not output.is_terminal():
        output.print_json(_as_json(remembered))
        return
    print(output.visible(_as_sentence(remembered)))


def _as_json(remembered: Remembered) -> dict[str, object]:
    memory = remembered.memory
    return {
        "id": memory.id,
        "status": "stored" if remembered.is_new else "already_stored",
        "text": memory.text,
        "timestamp": iso_time(memory.created),
        "tags": memory.tags,
        "project": memory.project,
        "tier": memory.tier,
        "redacted": remembered.redacted,
    }


def _as_sentence(remembered: Remembered) -> str:
    memory = remembered.memory
    text = " ".join(memory.text.split())
    shown = text if len(text) <= 60 else text[:59] + "…"
    if not remembered.is_new:
        return f'Already remembered on {iso_time(memory.created)}, nothing changed: "{shown}" ({memory.id})'
    redacted = f" Redacted: {', '.join(remembered.redacted)}." if remembered.redacted else ""
    return f'Remembered "{shown}" ({memory.id}).{redacted}'
