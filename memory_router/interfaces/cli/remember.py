"""`memory-router remember`: keep a fact for later questions."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from memory_router import app
from memory_router.contract import iso_time
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.scope import register

if TYPE_CHECKING:
    from memory_router.engines.tiers.memory import Memory, Remembered


def remember(
    text: Annotated[str | None, typer.Argument(help="What to remember; `-` or a pipe reads it from stdin.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="File it under this word; repeatable.")] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="Its project; without it, that of the working folder.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="It belongs to all projects.")] = False,
    importance: Annotated[
        float | None,
        typer.Option("--importance", help="From 0 to 1 (0.5): below 0.3 for a day, from 0.7 for good."),
    ] = None,
    tier: Annotated[str | None, typer.Option("--tier", help="`ephemeral` (a day), `session` or `persistent`.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="What tells it, such as the name of an agent.")] = None,
    session: Annotated[str | None, typer.Option("--session", help="The conversation that it comes from.")] = None,
    supersedes: Annotated[
        str | None, typer.Option("--supersedes", metavar="ID", help="The memory that it replaces, by its id.")
    ] = None,
    allow_sensitive: Annotated[
        bool, typer.Option("--allow-sensitive", help="Keep secrets and personal data as they are.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remember a text; secrets in it are redacted first.

    Example: memory-router remember "We chose Postgres for row-level security" --tag decision
    """
    if text is None and sys.stdin.isatty():
        raise typer.BadParameter('Say what to remember: `memory-router remember "TEXT"`.', param_hint="TEXT")
    if text is None or text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    if project and everywhere:
        raise typer.BadParameter("Give --project or --everywhere, not both.", param_hint="--everywhere")
    if project is None and not everywhere:
        project = register(os.getcwd())
    provenance: dict[str, object] = {
        "project": project,
        "source": source,
        "session": session,
        "allow_sensitive": allow_sensitive,
    }
    provenance["author"] = app.remembering.current_author("cli")
    remembered, similar = app.remembering.remember(text, importance, tier, tag or (), supersedes, **provenance)
    told = [_as_sentence(remembered), f"  id: {app.remembering.qualified(remembered.memory.id)}"]
    if similar:
        told.append("Stored before, and similar:")
        told += [f"  id: {app.remembering.qualified(memory.id)}\n  {_shown(memory)}" for memory in similar]
        told.append("If the new one replaces one of them, run the same command again with `--supersedes ID`.")
    body = _as_json(remembered) | {"similar": [app.remembering.as_object(memory) for memory in similar]}
    output.show(body, "\n".join(told), as_json=as_json)


def _as_json(remembered: "Remembered") -> dict[str, object]:
    memory = remembered.memory
    return {
        "id": app.remembering.qualified(memory.id),
        "status": "stored" if remembered.is_new else "already_stored",
        "text": memory.text,
        "timestamp": iso_time(memory.created),
        "tags": memory.tags,
        "project": memory.project,
        "author": memory.author.to_dict(),
        "tier": memory.tier,
        "importance": memory.importance,
        "expires": iso_time(memory.expires) if memory.expires else None,
        "redacted": remembered.redacted,
        "supersedes": app.remembering.qualified(memory.supersedes) if memory.supersedes else None,
        "superseded_by": app.remembering.qualified(memory.superseded_by) if memory.superseded_by else None,
    }


def _as_sentence(remembered: "Remembered") -> str:
    memory = remembered.memory
    shown = _shown(memory)
    replaced = f' It replaces "{_shown(remembered.replaced)}".' if remembered.replaced else ""
    if not remembered.is_new:
        known = f'Already remembered on {iso_time(memory.created)}, {memory.tier}: "{shown}".'
        later = memory.superseded_by and f" {app.remembering.qualified(memory.superseded_by)} replaced it since."
        return f"{known}{replaced}{later or ''}"
    redacted = f" Redacted: {', '.join(remembered.redacted)}." if remembered.redacted else ""
    until = f" until {iso_time(memory.expires)}" if memory.expires else ""
    return f'Remembered "{shown}", {memory.tier}{until}.{redacted}{replaced}'


def _shown(memory: "Memory") -> str:
    text = " ".join(memory.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
