"""Brief an agent on a project and on where it was left, as a session begins (Claude Code's SessionStart)."""

import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from memory_router import app, paths
from memory_router.contract import JsonObject
from memory_router.interfaces.hooks import event
from memory_router.interfaces.hooks.event import HookReport, Stopwatch
from memory_router.routing import config_file, journal
from memory_router.routing.config import Hooks
from memory_router.scope import current_project

if TYPE_CHECKING:
    from memory_router.app.asking import Rules
    from memory_router.routing.dispatch import Dispatcher
    from memory_router.routing.router import QuestionRouter

EVENT = "SESSION_START"
# Where no session began before.
_LOOK_BACK_SECONDS = 7 * 24 * 3600.0
_PARTING_MS = 50
# A resumed or compacted session knows already what it began with.
_NEW = (None, "startup", "clear")


def run(stdin: bytes | None = None) -> NoReturn:
    """Answer the event on stdin, and end the process with exit code 0.

    Args:
        stdin: what was read from there already.
    """
    event.run(EVENT, handle, Hooks().session_start_deadline_ms, stdin)


def handle(
    told: JsonObject, clock: Stopwatch, rules: "Rules | None" = None, dispatcher: "Dispatcher | None" = None
) -> HookReport:
    """Gather what an agent should know as its session begins.

    Args:
        told: the event.
        clock: tells how much time is left.
        rules: the configuration, where it was read already.
        dispatcher: carries requests to backends, where they are kept elsewhere.
    """
    folder = told.get("cwd")
    if not isinstance(folder, str) or not os.path.isabs(folder):
        return HookReport("bad_event")
    config = rules.settings if rules else config_file.load()
    settings = config.hooks
    if not settings.session_start:
        return HookReport("off")
    if told.get("source") not in _NEW:
        return HookReport("not_needed", told={"source": str(told.get("source"))})
    clock.allow(settings.session_start_deadline_ms)
    project = current_project(folder)
    logged: dict[str, str | int | None] = {"project": project or ""}
    place = app.briefing.SessionStart(folder, project, str(told.get("session_id", "")), _last_start(project or ""))
    parts: list[JsonObject] = []

    def open_router() -> "QuestionRouter":
        return app.asking.QuietRouter(config, clock.left_ms() - _PARTING_MS, rules=rules, dispatcher=dispatcher)

    try:
        for part in app.briefing.parts(place, open_router):
            parts.append(part)
            if clock.left_ms() < _PARTING_MS:
                break
        if waiting := app.improving.waiting_sentence():
            parts.append({"content": waiting, "source": "suggestions"})
    except event.TimeIsUp:  # what was gathered until then is said
        clock.stop()
    from memory_router.interfaces.fencing import fenced
    from memory_router.text.tokens import estimate_tokens

    block = fenced(parts, settings.session_start_tokens)
    if not block:
        return HookReport("nothing", told=logged)
    size = {"results": block.count("\n["), "tokens": estimate_tokens(block)}
    return HookReport("injected", event.context("SessionStart", block), {**logged, **size})


def _last_start(project: str) -> float:
    """Return when a session began in a project before, in seconds since the epoch."""
    starts = [entry for entry in journal.entries(paths.hooks_log()) if entry["event"] == EVENT]
    here = [entry["time"] for entry in starts if entry.get("project", "") == project]
    # The log counts whole seconds; what was stored in that of the start was told by it, or stored by its session.
    return datetime.fromisoformat(max(here)).timestamp() + 1 if here else time.time() - _LOOK_BACK_SECONDS
