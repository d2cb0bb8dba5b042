"""Brief an agent on a project and on where it was left, as a session begins (Claude Code's SessionStart)."""

import os
import time
from datetime import datetime
from typing import NoReturn

from memory_router import app, paths
from memory_router.contract import JsonObject
from memory_router.interfaces.hooks import event
from memory_router.interfaces.hooks.event import Clock, HookReport
from memory_router.routing import config_file, journal
from memory_router.routing.config import Hooks
from memory_router.scope import current_project

EVENT = "SESSION_START"
# Where no session began before.
_LOOK_BACK_SECONDS = 7 * 24 * 3600.0
_PARTING_MS = 50
# A resumed or compacted session knows already what it began with.
_NEW = (None, "startup", "clear")


def run() -> NoReturn:
    """Answer the event on stdin, and end the process with exit code 0."""
    event.run(EVENT, _handle, Hooks().session_start_deadline_ms)


def _handle(told: JsonObject, clock: Clock) -> HookReport:
    folder = told.get("cwd")
    if not isinstance(folder, str) or not os.path.isabs(folder):
        return HookReport("bad_event")
    settings = config_file.load().hooks
    if not settings.session_start:
        return HookReport("off")
    if told.get("source") not in _NEW:
        return HookReport("not_needed", told={"source": str(told.get("source"))})
    clock.allow(settings.session_start_deadline_ms)
    project = current_project(folder)
    logged: dict[str, str | int | None] = {"project": project or ""}
    place = app.briefing.SessionStart(folder, project, str(told.get("session_id", "")), _last_start(project or ""))
    parts: list[JsonObject] = []
    try:
        for part in app.briefing.parts(place, clock.left_ms() - _PARTING_MS):
            parts.append(part)  # noqa: PERF402 - what was gathered stays when the time is up
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
