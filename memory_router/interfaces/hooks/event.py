"""Run a hook: read its event, keep its deadline, log what it did, and hide every error from the agent."""

import faulthandler
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NamedTuple, NoReturn

from memory_router import paths
from memory_router.contract import JsonObject
from memory_router.routing import survivors
from memory_router.routing.config import Hooks
from memory_router.routing.journal import Journal

# More than any prompt; what comes behind is read and dropped, so that the host can write it.
LONGEST = 2**20
# What a client of the resident has taken before its question arrives, about.
STARTING_SECONDS = 0.03
# After the time is up: to end the backends, and to write the log.
_GRACE_SECONDS = 0.15


class HookReport(NamedTuple):
    """How a hook ended.

    Args:
        outcome: in a word, for the log.
        said: what goes to the host, or nothing.
        told: what else the log should say; None is left out.
    """

    outcome: str
    said: str = ""
    told: dict[str, str | int | None] = {}  # noqa: RUF012 - never changed


class Stopwatch:
    """The time that a hook has left.

    Args:
        milliseconds: how long it may take.
        started: when its process began, on the clock of `time.monotonic`.
    """

    def __init__(self, milliseconds: int, started: float) -> None:
        self._started = started
        self._allowed = milliseconds

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

    def stop(self) -> None:
        """Interrupt nothing any more; a stopwatch never does."""


class Clock(Stopwatch):
    """Interrupt a hook when its time is up.

    Args:
        milliseconds: how long it may take.
        started: when the process began, on the clock of `time.monotonic`.
    """

    def __init__(self, milliseconds: int, started: float) -> None:
        super().__init__(milliseconds, started)
        signal.signal(signal.SIGALRM, _time_is_up)
        self.allow(milliseconds)

    def allow(self, milliseconds: int) -> None:
        """Set how long the hook may take, from its beginning."""
        super().allow(milliseconds)
        seconds = max(self.left_ms(), 1) / 1000
        signal.setitimer(signal.ITIMER_REAL, seconds)
        # For what does not return to the interpreter: a thread of its own ends the process.
        faulthandler.dump_traceback_later(seconds + _GRACE_SECONDS, exit=True, file=_NOWHERE)

    def stop(self) -> None:
        """Stop interrupting; the process is still ended if it takes much longer."""
        signal.setitimer(signal.ITIMER_REAL, 0)


# How events end where the user wants no hook, or a host sent none.
_OF_NO_USE = ("off", "bad_event")


class TimeIsUp(BaseException):
    """The hook has to end now."""


_NOWHERE = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process


def run(
    name: str,
    handle: Callable[[JsonObject, Clock], HookReport],
    deadline_ms: int = Hooks().deadline_ms,
    stdin: bytes | None = None,
) -> NoReturn:
    """Answer an event, and end the process with exit code 0.

    Args:
        name: what the log calls the event.
        handle: does the hook's work; whatever it raises ends the hook without output.
        deadline_ms: how long it may take until `handle` knows better.
        stdin: what was read from there already.
    """
    # The interpreter has been starting until now, and used its processor for that.
    started = time.monotonic() - time.process_time()
    _continue_in_a_child()
    clock = Clock(deadline_ms, started)
    try:
        report = settled(lambda: read(LONGEST) if stdin is None else stdin, lambda event: handle(event, clock))
    finally:
        clock.stop()
    with suppress(BaseException):
        if report.said:
            os.write(1, report.said.encode("utf-8", "replace"))
    write_down(name, report, clock.elapsed_ms)
    if report.outcome not in _OF_NO_USE:
        _warm_up()
    # Threads may still wait for backends: the parent ends these where this process says that it left some.
    os._exit(report.outcome == "timeout")


def context(event: str, text: str) -> str:
    """Return what Claude Code takes for an event: text that is added to the agent's context.

    Args:
        event: the host's name of the event.
        text: what to put there.
    """
    output = {"hookEventName": event, "additionalContext": text}
    return json.dumps({"hookSpecificOutput": output}, ensure_ascii=False)


def settled(read_event: Callable[[], bytes], handle: Callable[[JsonObject], HookReport]) -> HookReport:
    """Return how an event ends: whatever is raised ends it without output.

    Args:
        read_event: gives the event as it came; nothing where there was none, or too much.
        handle: does the hook's work.
    """
    try:
        event = _parsed(read_event())
        return handle(event) if event is not None else HookReport("bad_event")
    except TimeIsUp:
        return HookReport("timeout")
    except BaseException as error:  # a prompt must not wait for any of our faults
        return HookReport("failed", told={"error": f"{type(error).__name__}: {error}"})


def write_down(name: str, report: HookReport, duration_ms: int) -> None:
    """Log how a hook ended; a disk that refuses costs the line."""
    with suppress(BaseException):
        Journal(paths.hooks_log()).hook(name, report.outcome, duration_ms=duration_ms, **report.told)


def _warm_up() -> None:
    """Start the resident where none runs, so that it answers the next event: an agent may never ask otherwise."""
    with suppress(BaseException):
        from memory_router.app.asking import start_resident

        del os.environ[survivors.VARIABLE]  # it outlives this process on purpose
        start_resident()


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


def read(longest: int) -> bytes:
    """Return what is on stdin; nothing where it is longer than `longest` bytes."""
    parts, size = [], 0
    with suppress(OSError):  # there may be no stdin
        while part := os.read(0, 1 << 16):
            size += len(part)
            if size <= longest:
                parts.append(part)
    return b"" if size > longest else b"".join(parts)


def _parsed(told: bytes) -> JsonObject | None:
    try:
        event = json.loads(told)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _time_is_up(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise TimeIsUp
