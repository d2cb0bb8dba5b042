"""Put what memory knows before a user's prompt, where the prompt needs it (Claude Code's event UserPromptSubmit)."""

import os
from typing import TYPE_CHECKING, NoReturn

from memory_router import app
from memory_router.contract import JsonObject
from memory_router.interfaces.hooks import event
from memory_router.interfaces.hooks.event import HookReport, Stopwatch
from memory_router.interfaces.hooks.occasion import Occasion, occasion
from memory_router.routing import config_file
from memory_router.routing.config import Config
from memory_router.routing.router import ASK_ALL
from memory_router.routing.rules import RuleTable
from memory_router.scope import current_project

if TYPE_CHECKING:
    from memory_router.app.asking import Rules
    from memory_router.routing.dispatch import Dispatcher
    from memory_router.routing.envelope import Envelope

EVENT = "PROMPT"
_RESULTS = 5
# What it takes to put the answer into words and to end.
_PARTING_MS = 30
_FEWEST_MS = 20
_HINT = (
    "memory-router: this prompt seems to refer to earlier work. Memory {why}; if you need it, run: "
    'memory-router query "QUESTION" --all --layer search'
)
_UNSURE = {
    "partial": "holds something on it, but nothing convincing",
    "error": "did not answer in time",
}
_SLOW = ("QUERY_TIMEOUT", "ALL_BACKENDS_FAILED")


def run(stdin: bytes | None = None) -> NoReturn:
    """Answer the event on stdin, and end the process with exit code 0.

    Args:
        stdin: what was read from there already.
    """
    event.run(EVENT, handle, stdin=stdin)


def handle(
    told: JsonObject, clock: Stopwatch, rules: "Rules | None" = None, dispatcher: "Dispatcher | None" = None
) -> HookReport:
    """Look into memory for a prompt that needs it.

    Args:
        told: the event.
        clock: tells how much time is left.
        rules: the configuration, where it was read already.
        dispatcher: carries requests to backends, where they are kept elsewhere.
    """
    prompt = told.get("prompt")
    if not isinstance(prompt, str):
        return HookReport("bad_event")
    settings = rules.settings if rules else config_file.load()
    clock.allow(settings.hooks.deadline_ms)
    if not settings.hooks.prompt:
        return HookReport("off")
    need = occasion(prompt, rules.table if rules else RuleTable(settings), _names)
    if need is None:
        return HookReport("not_needed", told={"session": _session(told), "characters": len(prompt)})
    left = clock.left_ms() - _PARTING_MS
    if left < _FEWEST_MS:
        return HookReport("timeout", told={"session": _session(told), "reason": need.reason})
    router = app.asking.QuietRouter(settings, left, rules=rules, dispatcher=dispatcher)
    envelope = router.query(need.question, choice=ASK_ALL, limit=_RESULTS, project=_project(told))
    return _report(need, envelope, settings, _session(told))


def _session(told: JsonObject) -> str | None:
    """Return which session a prompt belongs to, for the log."""
    return str(told.get("session_id") or "")[:36] or None


def _report(found: Occasion, envelope: "Envelope", settings: Config, session: str | None) -> HookReport:
    from memory_router.interfaces.fencing import fenced
    from memory_router.interfaces.layers import layered
    from memory_router.text.tokens import estimate_tokens

    told: dict[str, str | int | None] = {
        "session": session,
        "reason": found.reason,
        "backend": envelope.routed_to,
        "error": envelope.error_code,
    }
    convincing = [result for result in envelope.results if result["relevance"] >= settings.fallback_threshold]
    if envelope.status == "success":
        shown = layered(envelope._replace(results=convincing), "timeline").results
        block = fenced(shown, settings.hooks.tokens)
        if block:
            results = block.count("\n[")
            # Ids alone: what is forgotten later does not stay in a log.
            ids = " ".join(str(result["id"]) for result in shown[:results] if result.get("id"))
            told |= {"results": results, "tokens": estimate_tokens(block), "ids": ids or None}
            app.accesses.note(shown[:results])
            return HookReport("injected", event.context("UserPromptSubmit", block), told)
    why = _UNSURE.get(envelope.status)
    if why is None or (envelope.status == "error" and envelope.error_code not in _SLOW):
        return HookReport(envelope.status, told=told)
    return HookReport("hinted", event.context("UserPromptSubmit", _HINT.format(why=why)), told)


def _project(told: JsonObject) -> str | None:
    """Return the project of the session's folder: what another one holds is not put before a prompt."""
    folder = told.get("cwd")
    return current_project(folder) if isinstance(folder, str) and os.path.isabs(folder) else None


def _names() -> frozenset[str]:
    # Looked up now because most prompts need no index.
    return app.asking.known_names()
