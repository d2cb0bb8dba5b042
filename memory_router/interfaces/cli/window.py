"""`memory-router window`: a local web page to see why, decide, and look into every memory."""

import sys
import threading
import webbrowser
from typing import Annotated

import typer

from memory_router.errors import ConfigError, install_command
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.parameters import AsJson, Yes


def window(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 for one that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    export: Annotated[
        str | None, typer.Option(metavar="FILE.html", help="Write one page that needs nothing else, and end.")
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Open a local web page to ask, see why, and decide.

    Only this machine can reach it, and only with the URL that is printed. Ctrl-C ends it.

    Example: memory-router window
    """
    try:
        from memory_router.interfaces.window import export as exporting
        from memory_router.interfaces.window.server import serve
    except ImportError as error:
        raise ConfigError(
            f"The window needs the package {error.name}, which is not installed.",
            f"Run: {install_command('window')}",
        ) from error
    if export is not None:
        written = exporting.write(export, is_replacing=yes)
        output.show(
            written._asdict(), lambda: print(f"Wrote {written.file} ({written.bytes:,} bytes)."), as_json=as_json
        )
        return

    def tell(url: str) -> None:
        if as_json or not output.is_terminal():
            output.print_json({"url": url})
        else:
            print(f"The window is open at {url}\nPress Ctrl-C to close it.", flush=True)
        if not (no_open or as_json):
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    serve(port, tell, is_attended=sys.stdin.isatty() and sys.stderr.isatty())
