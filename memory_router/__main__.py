"""The command line: the resident answers what agents wait for, where there is one, and `interfaces` everything else.

A process that only has to carry a question to the resident and its answer back imports nothing but builtins.
"""

import gc
import os
import sys

from memory_router import resident

# What agents ask many times an hour.
_QUESTIONS = ("query", "route", "get")
_EVENTS = ("prompt", "tool", "session-start")
# How long an agent waits for a resident that does not say how long it will need, in seconds.
_EVENT_SECONDS = 0.25
# How many new objects make the interpreter look for cycles. What is imported stays, and looking through it time and
# again costs a twelfth of a cold start.
_NEW_OBJECTS = 50_000


def main() -> None:
    """Run the command line and end the process with its exit code."""
    gc.set_threshold(_NEW_OBJECTS)
    arguments = sys.argv[1:]
    if arguments[:2] in (["agents", "hooks"], ["rules", "route"]):
        arguments = arguments[1:]
    stdin = None
    if resident.is_wanted():
        if len(arguments) == 2 and arguments[0] == "hooks" and arguments[1] in _EVENTS:
            stdin = _carry_event(arguments)
        elif arguments and arguments[0] in _QUESTIONS and "-" not in arguments and _is_heard_by_a_program():
            answer = resident.ask(arguments)
            if answer and _print(*answer[:2]):
                os._exit(answer[2])
    from memory_router.interfaces.cli import program

    program.main(stdin)


def _carry_event(arguments: list[str]) -> bytes | None:
    """Have the resident answer the event on stdin, and exit; return what was read if it does not answer."""
    if not os.path.exists(resident.socket_path()):
        return None
    stdin = resident.read_all(0)
    try:
        answer = resident.ask(arguments, stdin, _EVENT_SECONDS)
    except TimeoutError:  # an agent must not wait any longer
        os._exit(0)
    if answer is None:
        return stdin
    _print(answer[0], b"")
    os._exit(0)


def _is_heard_by_a_program() -> bool:
    """Return whether stdout is open and no terminal: a person gets tables, and is asked back."""
    try:
        return not os.isatty(1) and bool(os.fstat(1)) and bool(os.fstat(2))
    except OSError:
        return False


def _print(out: bytes, err: bytes) -> bool:
    """Write to stdout and stderr; return False where nothing could be written, so that `program` tells why."""
    written = 0
    try:
        while written < len(out):
            written += os.write(1, out[written:])
        if err:
            os.write(2, err)
    except OSError:
        return written > 0
    return True


if __name__ == "__main__":
    main()
