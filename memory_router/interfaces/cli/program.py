"""The command line where no resident answers it.

`query`, `route` and hooks are the ask path: an agent waits for them many times an hour. When their arguments are plain,
they are answered here without loading the command framework, which would cost more than the question. Everything
else, and whatever is not understood here, goes to the `typer` application in `commands`, which has the same
options from the same tables, the help and the error messages.
"""

import gc
import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import NoReturn

from memory_router.interfaces.cli import streams

# What answers each event of a host: a module of `hooks`, and a function of it that ends the process.
_HOOKS = {
    "session-start": ("brief", "run"),
    "prompt": ("prompt", "run"),
    "tool": ("tool", "run"),
    "compaction": ("session", "run_before_compaction"),
    "session-end": ("session", "run"),
}


def main(stdin: bytes | None = None) -> None:
    """Run the command line and end the process with its exit code.

    Args:
        stdin: the event of a hook, where it was read already.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
            signal.signal(number, _terminate)
    streams.prepare()
    try:
        _answer_quickly(sys.argv[1:], stdin)
        from memory_router.interfaces.cli.commands import app

        app(prog_name="memory-router")
    except KeyboardInterrupt:
        code: str | int | None = 130
    except streams.OutputError:
        code = 1
    except SystemExit as error:
        code = error.code
    except Exception as error:
        from memory_router.interfaces.cli import output

        output.record_in_background("INTERNAL_ERROR", f"{type(error).__name__}: {error}")
        if not output.wants_json():
            raise
        code = output.tell_unexpected(error)
    else:
        code = 0
    sys.exit(streams.finish(code))


def _answer_quickly(arguments: list[str], stdin: bytes | None) -> None:
    """Run what has to be quick and end the process, or return if the command framework has to look at it."""
    if "MEMORY_ROUTER_BACKGROUND" in os.environ:
        from memory_router.learning import background

        background.end_without_home()
    if arguments[:2] in (["agents", "hooks"], ["rules", "route"]):
        arguments = arguments[1:]
    if arguments == ["--version"]:
        from memory_router.interfaces.cli import output

        output.print_version()
        sys.exit(0)
    if len(arguments) == 2 and arguments[0] == "hooks" and arguments[1] in _HOOKS:
        _run_hook(arguments[1], stdin)
    if arguments == ["resident", "run"]:
        from memory_router.interfaces.cli import warm

        warm.run()
    if arguments == ["resident", "watch"]:
        from memory_router.app import indexing

        indexing.follow_changes()
    if not arguments or arguments[0] not in ("query", "route"):
        return
    # A process of a few hundredths of a second has no garbage worth collecting: a tenth of its time.
    gc.disable()
    from memory_router.interfaces.cli import ask, options

    command = ask.COMMANDS[arguments[0]]
    values = options.parse(arguments[1:], command.options)
    gc.enable()
    if values is None:
        return
    # Skips the interpreter's tear-down, another tenth of the time: no backend is running any more.
    os._exit(streams.finish(command.run(values)))


def _run_hook(name: str, stdin: bytes | None) -> NoReturn:
    gc.disable()
    module, function = _HOOKS[name]
    run = getattr(import_module(f"memory_router.interfaces.hooks.{module}"), function)
    run() if stdin is None else run(stdin)
    os._exit(0)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    """End as by an exception, so that no backend outlives a terminated router."""
    sys.exit(128 + number)
