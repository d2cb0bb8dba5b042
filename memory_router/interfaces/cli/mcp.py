"""`memory-router agents mcp`: serve agents over the Model Context Protocol."""

from typing import Annotated

import typer

from memory_router.app.asking import Router
from memory_router.errors import ConfigError
from memory_router.interfaces.cli.mcp_install import install
from memory_router.routing.router import EVERY_PROJECT
from memory_router.scope import current_project

mcp = typer.Typer(name="mcp")
mcp.command()(install)


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
    """Serve agents over the Model Context Protocol, on stdin and stdout or over HTTP.

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
            "Run: pip install 'memory-router[mcp]'",
        ) from error
    scope = project or current_project()
    with Router(keep_warm=True) as router:
        if not http:
            serve_stdio(router, None if scope == EVERY_PROJECT else scope)
        from memory_router.interfaces.mcp.http import parse_address, serve_http

        serve_http(router, None if scope == EVERY_PROJECT else scope, parse_address(listen), host_name or [])
