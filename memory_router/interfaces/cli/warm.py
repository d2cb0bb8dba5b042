"""Answer command lines in the resident: the same commands with the same options, on behalf of their callers."""

import json
import os
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

from memory_router import app, resident
from memory_router.app.asking import Router, Rules, follow_files, learn_if_due, new_dispatcher
from memory_router.contract import JsonObject
from memory_router.errors import MemoryRouterError
from memory_router.interfaces.cli import ask, options
from memory_router.interfaces.hooks import brief, event, prompt, tool
from memory_router.learning.background import reap
from memory_router.paths import config_file, log_file, shown
from memory_router.resident.server import CommandRequest, CommandResult, Handler, Refused, Resident
from memory_router.resident.watching import Watcher
from memory_router.retrieval import questions
from memory_router.routing.config import Config
from memory_router.routing.dispatch import CallersDispatcher, Dispatcher
from memory_router.routing.journal import Journal
from memory_router.routing.process import Caller

# As long as the resident itself waits for the next question.
_KEPT_SECONDS = 900.0
# How often to look for passages that are not encoded yet, and for questions to learn from.
_LOOK_SECONDS = 10.0
# In addition to what backends may take: time to route and to write the answer.
_ROUTING_MS = 1000
_MOST_STEPS = 4


class Answering:
    """Answer requests with rules that are read once and backends that stay running; several threads may ask."""

    def __init__(self) -> None:
        self._dispatcher = new_dispatcher(keep_warm=True, idle_seconds=_KEPT_SECONDS)
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._stamp: object = None
        self._answered = self._learned = 0
        self._started = self._looked = time.monotonic()
        self.watcher = Watcher()
        self._failure = ""
        self.resident = Resident(self.accept, self._failed)

    def run(self) -> NoReturn:
        """Serve until there is a reason to end, and end the process with all that it started."""
        try:
            threading.Thread(target=questions.load, daemon=True).start()
            self.resident.run(self._look_after)
        finally:
            self.watcher.stop()
            self._dispatcher.close()
            sys.stderr.flush()
            os._exit(0)

    def _look_after(self) -> None:
        self.watcher.look()
        reap()
        if time.monotonic() > self._looked + _LOOK_SECONDS:
            self._looked = time.monotonic()
            app.meaning.encode_later()
            if self._rules and self._answered > self._learned:
                self._learned = self._answered
                learn_if_due(self._rules.settings)

    def _failed(self, error: Exception) -> None:
        """Log what went wrong, once as long as nothing else does."""
        failure, self._failure = self._failure, f"{type(error).__name__}: {error}"
        if failure != self._failure:
            with suppress(OSError):
                Journal(log_file()).background("resident run", "INTERNAL_ERROR", self._failure)

    def accept(self, request: CommandRequest) -> Handler:
        """Return how to answer a request.

        Raises:
            Refused: the caller has to answer it itself: to tell of a mistake, say.
        """
        name, *rest = request.arguments or [""]
        if name == "resident" and rest in (["status"], ["stop"]):
            return Handler(_ROUTING_MS, lambda: self._about(stop=rest == ["stop"]))
        rules = self._current()
        if (os.environ.get("MEMORY_ROUTER_RESIDENT") or rules.settings.resident) != "auto":
            self.resident.stop()
            raise Refused
        if not os.path.isdir(request.folder):
            raise Refused
        dispatcher = CallersDispatcher(self._dispatcher, Caller(request.folder, request.environment))
        if name == "hooks":
            return self._hooked(rest, request.stdin, rules, dispatcher)
        if name == "get":
            return self._fetched(rest, rules, dispatcher)
        command = ask.COMMANDS.get(name)
        values = options.parse(rest, command.options) if command else None
        if command is None or values is None or values["text"] == "-":
            raise Refused
        values["folder"] = request.folder
        return Handler(
            patience_ms(rules.settings, parts=16 if values.get("multi") else 1),
            lambda: self._answer(command, values, rules, dispatcher),
        )

    def _answer(
        self, command: ask.Command, values: options.Values, rules: Rules, dispatcher: Dispatcher
    ) -> CommandResult:
        warnings: list[str] = []

        def open_router() -> Router:
            return Router(warn=warnings.append, rules=rules, dispatcher=dispatcher)

        ((body, code),) = command.answers(values, open_router)
        if body.get("trace"):
            body["trace"]["warm"] = True

        def after() -> None:
            if "results" in body:
                follow_files(body["results"], body.get("metadata"))

        return self._said(body, code, warnings)._replace(after=after)

    def _fetched(self, words: list[str], rules: Rules, dispatcher: Dispatcher) -> Handler:
        values = options.parse(words, ask.OF_GET, several=True)
        if values is None:
            raise Refused

        def answer() -> CommandResult:
            warnings: list[str] = []
            with Router(warn=warnings.append, rules=rules, dispatcher=dispatcher) as router:
                return self._said(*ask.fetched(router, values["texts"], values["layer"]), warnings)

        return Handler(patience_ms(rules.settings, parts=len(values["texts"])), answer)

    def _said(self, body: JsonObject, code: int, warnings: list[str]) -> CommandResult:
        self._answered += 1
        out = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        return CommandResult(
            out, "".join(f"memory-router: {told}\n" for told in warnings).encode("utf-8", "replace"), code
        )

    def _hooked(self, words: list[str], stdin: bytes, rules: Rules, dispatcher: Dispatcher) -> Handler:
        hooks = rules.settings.hooks
        events = {
            "prompt": (prompt.EVENT, prompt.handle, hooks.deadline_ms),
            "tool": (tool.EVENT, tool.handle, hooks.tool_deadline_ms),
            "session-start": (brief.EVENT, brief.handle, hooks.session_start_deadline_ms),
        }
        if len(words) != 1 or words[0] not in events:
            raise Refused
        name, handle, deadline_ms = events[words[0]]
        watch = event.Stopwatch(deadline_ms, time.monotonic() - event.STARTING_SECONDS)

        def answer() -> CommandResult:
            report = event.settled(lambda: stdin[: event.LONGEST], lambda told: handle(told, watch, rules, dispatcher))
            if watch.left_ms() <= 0:
                report = event.HookReport("timeout")
            self._answered += 1
            said = report.said.encode("utf-8", "replace")
            return CommandResult(said, b"", 0, lambda: event.write_down(name, report, watch.elapsed_ms))

        return Handler(max(watch.left_ms(), 1), answer)

    def _about(self, *, stop: bool) -> CommandResult:
        told: JsonObject = {
            "running": not stop,
            "pid": os.getpid(),
            "seconds": round(time.monotonic() - self._started),
            "answered": self._answered,
            "socket": shown(os.fsdecode(resident.socket_path())),
            "watching": self.watcher.is_running(),
        }
        return CommandResult(json.dumps(told).encode(), b"", 0, self.resident.stop if stop else lambda: None)

    def _current(self) -> Rules:
        """Return the rules, read anew where the user's file was changed.

        Raises:
            Refused: they cannot be used, which the caller tells its user.
        """
        file = config_file()
        try:
            status = os.stat(file)
            stamp = (file, status.st_mtime_ns, status.st_size, status.st_ino)
            with self._lock:
                if self._rules is None or stamp != self._stamp:
                    self._rules, self._stamp = Rules.read(), stamp
                return self._rules
        except (MemoryRouterError, OSError) as error:
            raise Refused from error


def patience_ms(settings: Config, parts: int = 1) -> int:
    """Return the longest time a question may take, by the deadlines of its possible steps.

    Args:
        settings: the configuration in force.
        parts: how many questions are in it.
    """
    deadlines = settings.deadlines
    longest = max([deadlines.default_ms, *deadlines.backends.values()])
    return parts * ((deadlines.total_ms or _MOST_STEPS * longest) + _ROUTING_MS)


def run() -> NoReturn:
    """Serve as the resident of this home until there is a reason to end."""
    Answering().run()
