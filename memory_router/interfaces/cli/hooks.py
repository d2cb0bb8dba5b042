"""`memory-router agents hooks`: what the hooks of agents call, and what they did."""

from typing import Annotated

import typer

from memory_router import paths
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.cli.tables import print_table
from memory_router.routing import journal

hooks = typer.Typer(name="hooks", no_args_is_help=True, help="What memory does unasked in an agent's sessions.")


@hooks.callback()
def _group() -> None:
    """What memory does unasked in an agent's sessions."""


@hooks.command("session-start")
def session_start() -> None:
    """Answer SessionStart: what this project is, and what is open.

    At most `hooks.session_start_tokens`, within `hooks.session_start_deadline_ms` of `router-config.json`.

    Example: memory-router agents hooks session-start < event.json
    """
    from memory_router.interfaces.hooks import brief as hook

    hook.run()


@hooks.command()
def tool() -> None:
    """Answer PreToolUse: what was said about a file or a command.

    At most `hooks.tool_tokens`, within `hooks.tool_deadline_ms`, and once a session. It never blocks the tool.

    Example: memory-router agents hooks tool < event.json
    """
    from memory_router.interfaces.hooks import tool as hook

    hook.run()


@hooks.command()
def compaction() -> None:
    """Answer PreCompact: import the transcript in the background.

    Example: memory-router agents hooks compaction < event.json
    """
    from memory_router.interfaces.hooks import session as hook

    hook.run_before_compaction()


@hooks.command()
def prompt() -> None:
    """Answer UserPromptSubmit: what memory knows about the prompt.

    Exit code 0 whatever happens, and within `hooks.deadline_ms` of `router-config.json`.

    Example: memory-router agents hooks prompt < event.json
    """
    from memory_router.interfaces.hooks import prompt as hook

    hook.run()


@hooks.command("session-end")
def session_end(
    transcript: Annotated[str | None, typer.Option("--transcript", help="Import this file now, and wait.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer SessionEnd: import the transcript in the background.

    Example: memory-router agents hooks session-end < event.json
    """
    from memory_router.interfaces.hooks import session as hook

    if transcript is None:
        hook.run()
    report = hook.import_now(transcript)
    told = f"Imported {report['added']:,} new messages from {paths.shown(transcript)}."
    output.show(report, told, as_json=as_json)


@hooks.command()
def log(
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=10_000, help="The largest number of entries, latest first.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """Show what the hooks did, the latest last.

    Example: memory-router agents hooks log --limit 5
    """
    entries = list(journal.entries(paths.hooks_log()))[-limit:]
    rows = [
        (
            entry["time"],
            entry["event"],
            entry.get("outcome", ""),
            ", ".join(f"{name} {value}" for name, value in entry.items() if name not in ("time", "event", "outcome")),
        )
        for entry in entries
    ]
    output.show(
        entries, lambda: print_table(("time", "event", "outcome", ""), rows, "No hook has run yet."), as_json=as_json
    )
