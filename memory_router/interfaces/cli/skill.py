"""`memory-router skill`: make the agents of this machine know the router."""

import os
import shutil
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
    """Copy SKILL.md to where agents look for skills; without a choice, for every agent that has a folder here.

    Example: memory-router skill install --claude --dry-run
    """
    chosen = [name for name, wanted in (("claude", claude), ("openclaw", openclaw)) if wanted] or [
        name for name, root in _ROOTS.items() if os.path.isdir(os.path.dirname(os.path.expanduser(root)))
    ]
    if not chosen:
        raise SkillError(
            "Neither ~/.claude nor ~/.openclaw is here, so no agent would find the skill.",
            "Choose one: memory-router skill install --claude (or --openclaw).",
        )
    targets = {name: os.path.join(os.path.expanduser(_ROOTS[name]), "memory-router", "SKILL.md") for name in chosen}
    if not dry_run:
        for target in targets.values():
            _copy(paths.bundled("SKILL.md"), target)
    if as_json or not output.is_terminal():
        output.print_json({"installed": [] if dry_run else list(targets.values()), "planned": list(targets.values())})
        return
    for name, target in targets.items():
        output.note(f"{'Would write' if dry_run else 'Wrote'} {paths.shown(target)} for {name}.")


def plugin() -> None:
    """Print the folder of the plugin for Claude Code and OpenClaw: a skill, the MCP server and hooks.

    Example: memory-router plugin
    """
    print(paths.bundled("plugin"))


def _copy(source: str, target: str) -> None:
    folder = os.path.dirname(target)
    try:
        # A checkout linked or cloned there is the skill already, and newer than a copy would be.
        if os.path.exists(target) and os.path.samefile(source, target):
            return
        os.makedirs(folder, exist_ok=True)
        shutil.copyfile(source, f"{target}.new")
        os.replace(f"{target}.new", target)
    except OSError as error:
        raise SkillError(
            f"{paths.shown(target)} cannot be written ({error.strerror}).", "Check the folder's permissions."
        ) from error
