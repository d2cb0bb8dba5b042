"""Print for programs: JSON to stdout, sentences to stderr. `tables` draws for people."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TextIO

from memory_router import __version__
from memory_router.errors import ApprovalRequiredError, MemoryRouterError


def is_terminal() -> bool:
    """Return whether stdout is a terminal, and so a person."""
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """Print `value` as one line of JSON in UTF-8, and flush it."""
    # Escapes keep a terminal safe from whatever a memory holds; a pipe gets readable text.
    text = json.dumps(value, ensure_ascii=is_terminal())
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


def show(value: Any, drawn: str | Callable[[], object], *, as_json: bool) -> None:
    """Print what a command has to tell: as JSON where a program reads it, else for people.

    Args:
        value: it, as JSON has it.
        drawn: it as a sentence, or what draws it on the terminal.
        as_json: print JSON also on a terminal.
    """
    if as_json or not is_terminal():
        print_json(value)
    elif isinstance(drawn, str):
        say(drawn)
    else:
        drawn()


def print_version() -> None:
    """Print the program's name and version."""
    print(f"memory-router {__version__}")


def note(sentence: str, indent: str = "") -> None:
    """Print a sentence to stderr, each line after an indent."""
    print(_broken(sentence, indent, sys.stderr), file=sys.stderr, flush=True)


def say(sentence: str, indent: str = "") -> None:
    """Print a sentence for people to stdout, each line after an indent."""
    print(_broken(sentence, indent, sys.stdout))


def fail(error: MemoryRouterError, exit_code: int = 1) -> NoReturn:
    """Print what happened and what to do next, to stdout where JSON is wanted, and end with an exit code."""
    record_in_background(error.code, str(error))
    if wants_json():
        print_json({"status": "error", "error_code": error.code, "error_message": str(error)})
    else:
        note(f"memory-router: {error.cause}")
        if error.fix:
            note(error.fix, "  ")
    sys.exit(exit_code)


def record_in_background(code: str, message: str) -> None:
    """Record an error in `router.log` where this command runs in the background, so that somebody can know of it."""
    from memory_router import paths
    from memory_router.routing.journal import BACKGROUND, Journal

    if command := os.environ.get(BACKGROUND):
        with suppress(OSError):
            Journal(paths.log_file()).background(command, code, message)


def tell_unexpected(error: Exception) -> int:
    """Print an error that the program did not foresee as JSON, and return the exit code."""
    message = (
        f"{type(error).__name__}: {error}. The program did not foresee this. "
        "Run the command without --json to see where it happened, and report it."
    )
    print_json({"status": "error", "error_code": "INTERNAL_ERROR", "error_message": message})
    return 1


def wants_json() -> bool:
    """Return whether the command line holds `--json`, also one that is wrong otherwise."""
    arguments = sys.argv[1:]
    return "--json" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)


def require_person(what: str) -> None:
    """Return if a person can be asked at the terminal that this command runs at.

    Args:
        what: what only a person may do, as the beginning of a sentence.

    Raises:
        ApprovalRequiredError: a program runs the command, or its input or its messages go elsewhere.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ApprovalRequiredError(f"{what} by a person at a terminal only, not through a pipe.", "Tell the user.", "")


def _broken(sentence: str, indent: str, stream: TextIO) -> str:
    sentence = visible(sentence)
    if not stream.isatty():
        return indent + sentence
    from memory_router.interfaces.cli.wrapping import wrapped

    return wrapped(sentence, indent)


def counted(number: int, what: str, several: str = "") -> str:
    """Return a number with what it counts: `1 file`, `2 files`, `3 memories`."""
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def visible(text: str) -> str:
    """Return `text` without what a terminal would obey: control characters and escape sequences."""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
