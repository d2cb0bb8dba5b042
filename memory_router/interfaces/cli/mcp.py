"""`memory-router agents mcp`: serve agents over the Model Context Protocol, and make clients start the server."""

import os
from enum import StrEnum
from threading import Thread
from typing import Annotated

import typer

from memory_router import paths
from memory_router.app.asking import Router
from memory_router.errors import ConfigError, install_command
from memory_router.interfaces import settings_file
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson
from memory_router.interfaces.client_settings import CLIENTS, with_server, without_server
from memory_router.retrieval import questions
from memory_router.routing.router import EVERY_PROJECT
from memory_router.scope import current_project
from memory_router.text.redaction import redact

mcp = typer.Typer(name="mcp")


class ClientName(StrEnum):
    """The clients whose settings can be changed."""

    claude = "claude"
    openclaw = "openclaw"
    cursor = "cursor"
    codex = "codex"
    gemini = "gemini"
    opencode = "opencode"


@mcp.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Serve over streamable HTTP instead of stdio.")] = False,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen, with --http.")] = "127.0.0.1:8765",
    host_name: Annotated[
        list[str] | None, typer.Option(help="A further name by which clients call this machine; repeatable.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option(
            help="The project that is meant where an agent names none; the current one if left out, * for all."
        ),
    ] = None,
) -> None:
    """Serve agents over the Model Context Protocol (MCP).

    It speaks on stdin and stdout, or over HTTP.

    Agents get tools to search, fetch, remember and rate. Backends stay running, so that an answer takes milliseconds.
    Bound to another address than this machine's own, it wants a bearer token in MEMORY_ROUTER_MCP_TOKEN.

    Example: memory-router agents mcp --http --listen 127.0.0.1:8765
    """
    if context.invoked_subcommand:
        return
    try:
        from memory_router.interfaces.mcp.server import serve_stdio
    except ImportError as error:
        raise ConfigError(
            f"The MCP server needs the package {error.name}, which is not installed.",
            f"Run: {install_command('mcp')}",
        ) from error
    scope = project or current_project()
    Thread(target=questions.load, daemon=True).start()
    with Router(keep_warm=True) as router:
        if not http:
            serve_stdio(router, None if scope == EVERY_PROJECT else scope)
        from memory_router.interfaces.mcp.http import parse_address, serve_http

        serve_http(router, None if scope == EVERY_PROJECT else scope, parse_address(listen), host_name or [])


@mcp.command()
def install(
    client: Annotated[ClientName, typer.Option("--client", help="Whose settings to change.")],
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take the server out again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add the MCP server to a client's settings.

    The change is shown before it is made.

    Everything else in the file stays as it is, and a copy of the old file is kept. Run again, it changes nothing.

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
