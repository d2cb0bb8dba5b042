"""`memory-router agents mcp install`: make a client start the MCP server."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from memory_router import paths
from memory_router.interfaces import settings_file
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.client_settings import CLIENTS, with_server, without_server
from memory_router.text.redaction import redact


class ClientName(StrEnum):
    """Name the clients whose settings can be changed."""

    claude = "claude"
    openclaw = "openclaw"
    cursor = "cursor"
    codex = "codex"
    gemini = "gemini"
    opencode = "opencode"


def install(
    client: Annotated[ClientName, typer.Option("--client", help="Whose settings to change.")],
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take the server out again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add the MCP server to the settings of an agent's client, and show the change.

    Everything else in the file stays as it is, and the file as it was is kept beside it. Run again, it changes nothing.

    Example: memory-router agents mcp install --client claude --dry-run
    """
    # Settings that are kept elsewhere and linked stay a link.
    file = os.path.realpath(CLIENTS[client].file())
    before = settings_file.read(file)
    change = without_server if uninstall else with_server
    after = change(CLIENTS[client], before, file)
    written = after != before and not dry_run
    backup = settings_file.write(file, before, after) if written else None
    # What stands around the change may be somebody's key.
    diff = redact(settings_file.difference(before, after, paths.shown(file))).text
    if after == before:
        done = f"{paths.shown(file)} is as it should be already."
    elif dry_run:
        done = "Nothing was written."
    else:
        kept = f" The file as it was is {paths.shown(backup)}." if backup else ""
        done = f"Wrote {paths.shown(file)}.{kept} Start {client.value} again to see the change."
    told = {"client": client.value, "file": file, "changed": after != before, "written": written}
    output.show({**told, "backup": backup, "diff": diff}, f"{diff}{done}", as_json=as_json)
