"""Run a hook: read its event, keep to its time, write down what it did, and let nothing out."""

import faulthandler
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from memory_router import paths
from memory_router.contract import JsonObject
from memory_router.routing import survivors
from memory_router.routing.config import Hooks
from memory_router.routing.journal import Journal

# More than any prompt; what comes behind is read and dropped, so that the host can write it.
_LONGEST = 2**20
# After the time is up: to end the backends, and to write the log.
_GRACE_SECONDS = 0.15


class Report(NamedTuple):
    """Say how a hook ended.

    Args:
        outcome: in a word, for the log.
        said: what goes to the host, or nothing.
        told: what else the log should say; None is left out.
    """

    outcome: str
    said: str = ""
    told: dict[str, str | int | None] = {}  # noqa: RUF012 - never changed


class Clock:
    """Interrupt a hook when its time is up.

    Args:
        milliseconds: how long it may take.
        started: when the process began, on the clock of `time.monotonic`.
    """

    def __init__(self, milliseconds: int, started: float) -> None:
        self._started = started
        signal.signal(signal.SIGALRM, _time_is_up)
        self.allow(milliseconds)

    @property
    def elapsed_ms(self) -> int:
        """Return how long the hook has been running."""
        return round((time.monotonic() - self._started) * 1000)

    def left_ms(self) -> int:
        """Return how much of its time is left."""
        return self._allowed - self.elapsed_ms

    def allow(self, milliseconds: int) -> None:
        """Set how long the hook may take, from its beginning."""
        self._allowed = milliseconds
        seconds = max(self.left_ms(), 1) / 1000
        signal.setitimer(signal.ITIMER_REAL, seconds)
        # For what does not return to the interpreter: a thread of its own ends the process.
        faulthandler.dump_traceback_later(seconds + _GRACE_SECONDS, exit=True, file=_NOWHERE)

    def stop(self) -> None:
        """Interrupt no more; the process ends all the same if it takes much longer."""
        signal.setitimer(signal.ITIMER_REAL, 0)


class TimeIsUp(BaseException):
    """The hook has to end now."""


_NOWHERE = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process


def run(name: str, handle: Callable[[JsonObject, Clock], Report], deadline_ms: int = Hooks().deadline_ms) -> NoReturn:
    """Answer an event, and end the process with exit code 0.

    Args:
        name: what the log calls the event.
        handle: does the hook's work; whatever it raises ends the hook without output.
        deadline_ms: how long it may take until `handle` knows better.
    """
    # The interpreter has been starting until now, and used its processor for that.
    started = time.monotonic() - time.process_time()
    _continue_in_a_child()
    clock = Clock(deadline_ms, started)
    try:
        event = read(_LONGEST)
        report = handle(event, clock) if event is not None else Report("bad_event")
    except TimeIsUp:
        report = Report("timeout")
    except BaseException as error:  # a prompt must not wait for any of our faults
        report = Report("failed", told={"error": f"{type(error).__name__}: {error}"})
    finally:
        clock.stop()
    with suppress(BaseException):
        if report.said:
            os.write(1, report.said.encode("utf-8", "replace"))
    with suppress(BaseException):
        Journal(paths.hooks_log()).hook(name, report.outcome, duration_ms=clock.elapsed_ms, **report.told)
    # Threads may still wait for backends: the parent ends these where this process says that it left some.
    os._exit(report.outcome == "timeout")


def context(event: str, text: str) -> str:
    """Return what Claude Code takes for an event: text that is put beside what the agent knows.

    Args:
        event: the host's name of the event.
        text: what to put there.
    """
    output = {"hookEventName": event, "additionalContext": text}
    return json.dumps({"hookSpecificOutput": output}, ensure_ascii=False)


def _continue_in_a_child() -> None:
    """Return in a child of this process, which itself ends with exit code 0 however the child ends.

    A hook that is caught in a call that never returns can only be killed, and a prompt must not fail for that. What
    the child was asking then is killed, too.
    """
    mark = os.environ[survivors.VARIABLE] = survivors.new_mark()
    child = os.fork()
    if child == 0:
        return
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda received, _frame: os.kill(child, received))
    _, status = os.waitpid(child, 0)
    if status:
        survivors.kill(survivors.find(mark, child), mark, child)
    os._exit(0)


def read(longest: int) -> Any:
    """Return the JSON object on stdin, or None where it is missing or longer than `longest` bytes."""
    parts, size = [], 0
    with suppress(OSError):  # there may be no stdin
        while part := os.read(0, 1 << 16):
            size += len(part)
            if size <= longest:
                parts.append(part)
    if size > longest:
        return None
    try:
        event = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _time_is_up(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TimeIsUp
