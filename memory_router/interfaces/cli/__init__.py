"""The command line.

`query` and `route` are the ask path: an agent waits for them many times an hour. When their arguments are plain,
they are answered here without loading the command framework, which would cost more than the question. Everything
else, and whatever is not understood here, goes to the `typer` application in `commands`, which has the same
options from the same tables, the help and the error messages.
"""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from memory_router.interfaces.cli import ask, options


def main() -> None:
    """Run the command line and end the process with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(_run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away; nothing must be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _run(arguments: list[str]) -> int:
    command = ask.COMMANDS.get(arguments[0]) if arguments else None
    values = options.parse(arguments[1:], command.options) if command else None
    if command and values:
        return command.run(values)
    from memory_router.interfaces.cli.commands import app

    app()
    return 0


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End as by an exception, so that no backend outlives a terminated router."""
    sys.exit(143)
