"""`memory-router agents skill`: install the skill for the agents of this machine."""

from typing import Annotated

import typer

from memory_router import app, paths
from memory_router.errors import SkillError
from memory_router.interfaces import wiring
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.wiring import FileChange

skill = typer.Typer(name="skill", no_args_is_help=True, help="Install the skill for the agents of this machine.")


@skill.callback()
def _group() -> None:
    """Install the skill for the agents of this machine."""


@skill.command()
def install(
    claude: Annotated[bool, typer.Option("--claude", help="Install for Claude Code.")] = False,
    openclaw: Annotated[bool, typer.Option("--openclaw", help="Install for OpenClaw.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy SKILL.md to where agents look for skills.

    Without a choice, it goes to every agent that has a folder here.

    Example: memory-router agents skill install --claude --dry-run
    """
    chosen = [name for name, is_chosen in (("claude", claude), ("openclaw", openclaw)) if is_chosen] or [
        name for name, folder in wiring.SKILLS.items() if app.surveying.is_in_use(folder())
    ]
    if not chosen:
        raise SkillError(
            "Neither Claude Code nor OpenClaw has files here, so no agent would find the skill.",
            "Choose one: memory-router agents skill install --claude (or --openclaw).",
        )
    changes = [wiring.skill_of(name) for name in chosen]
    lacking = [change for change in changes if change.after != change.before]
    kept = {} if dry_run else {change.file: change.apply() for change in lacking}
    body = {
        "installed": [] if dry_run else [change.file for change in changes],
        "planned": [change.file for change in changes],
        "states": {change.file: _state(change) for change in changes},
        "kept": {file: copy for file, copy in kept.items() if copy},
    }
    sentences = [_told(change, kept.get(change.file), dry_run=dry_run) for change in changes]
    output.show(body, "\n".join(sentences), as_json=as_json)


def plugin(as_json: AsJson = False) -> None:
    """Print the folder of the plugin for Claude Code and OpenClaw.

    The plugin holds a skill, the MCP server and hooks.

    Example: memory-router agents plugin
    """
    folder = paths.bundled("plugin")
    if as_json:
        output.print_json({"plugin": folder})
    else:  # also in a pipe, since a shell puts it into other commands
        print(folder)


def _state(change: FileChange) -> str:
    """Return whether a skill there is `new`, `unchanged` or `changed`: by its user, or in an earlier version."""
    if change.after == change.before:
        return "unchanged"
    return "changed" if change.before else "new"


def _told(change: FileChange, copy: str | None, *, dry_run: bool) -> str:
    shown, state = f"{paths.shown(change.file)} for {change.client}", _state(change)
    if state == "unchanged":
        return f"{shown} is unchanged."
    kept = f" The edited copy is kept as {paths.shown(copy)}." if copy else ""
    return f"{'Would write' if dry_run else 'Wrote'} {shown} ({state}).{kept}"
