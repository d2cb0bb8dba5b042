"""`memory-router agents skill`: make the agents of this machine know the router."""

import os
import shutil
import time
from typing import Annotated

import typer

from memory_router import paths
from memory_router.errors import SkillError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson

skill = typer.Typer(name="skill", no_args_is_help=True, help="Make the agents of this machine know the router.")

_ROOTS = {"claude": "~/.claude/skills", "openclaw": "~/.openclaw/skills"}


@skill.callback()
def _group() -> None:
    """Make the agents of this machine know the router."""


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
    chosen = [name for name, wanted in (("claude", claude), ("openclaw", openclaw)) if wanted] or [
        name for name, root in _ROOTS.items() if os.path.isdir(os.path.dirname(os.path.expanduser(root)))
    ]
    if not chosen:
        raise SkillError(
            "Neither ~/.claude nor ~/.openclaw is here, so no agent would find the skill.",
            "Choose one: memory-router agents skill install --claude (or --openclaw).",
        )
    targets = {name: os.path.join(os.path.expanduser(_ROOTS[name]), "memory-router", "SKILL.md") for name in chosen}
    source = paths.bundled("SKILL.md")
    states = {target: _state(source, target) for target in targets.values()}
    kept = {} if dry_run else {target: _copy(source, target, state) for target, state in states.items()}
    told = []
    for name, target in targets.items():
        shown = f"{paths.shown(target)} for {name}"
        if states[target] == "unchanged":
            told.append(f"{shown} is unchanged.")
            continue
        copy = f" The edited copy is kept as {paths.shown(kept[target])}." if kept.get(target) else ""
        told.append(f"{'Would write' if dry_run else 'Wrote'} {shown} ({states[target]}).{copy}")
    copies = {target: copy for target, copy in kept.items() if copy}
    body = {"installed": list(kept), "planned": list(states), "states": states, "kept": copies}
    output.show(body, "\n".join(told), as_json=as_json)


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


def _state(source: str, target: str) -> str:
    """Return whether a skill there is `new`, `unchanged` or `changed`: by its user, or in an earlier version."""
    try:
        with open(source, "rb") as bundled, open(target, "rb") as installed:
            return "unchanged" if bundled.read() == installed.read() else "changed"
    except OSError:
        return "new"


def _copy(source: str, target: str, state: str) -> str:
    """Put the skill in place, and return where a copy of what stood there before is kept, empty if nothing did."""
    if state == "unchanged":  # also where a checkout is linked or cloned there
        return ""
    kept = ""
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if state == "changed":
            kept = f"{target}.before-{time.strftime('%Y%m%d-%H%M%S')}"
            shutil.copy2(target, kept)
        shutil.copyfile(source, f"{target}.new")
        os.replace(f"{target}.new", target)
    except OSError as error:
        raise SkillError(
            f"{paths.shown(target)} cannot be written ({error.strerror}).", "Check the folder's permissions."
        ) from error
    return kept
