"""Recall what was said about a file or a risky command before an agent changes or runs it (Claude Code's PreToolUse).

It speaks only where memory has something on this very file or command, and once a session; it never decides whether
the tool may run.
"""

import hashlib
import os
import re
from typing import TYPE_CHECKING, NoReturn

from memory_router import app, paths
from memory_router.contract import JsonObject
from memory_router.interfaces.hooks import event
from memory_router.interfaces.hooks.event import HookReport, Stopwatch
from memory_router.routing import config_file, journal
from memory_router.routing.config import Hooks
from memory_router.routing.router import Choice
from memory_router.scope import current_project

if TYPE_CHECKING:
    from memory_router.app.asking import Rules
    from memory_router.routing.dispatch import Dispatcher

EVENT = "TOOL"
_RESULTS = 8
_PARTING_MS = 30
_FEWEST_MS = 20
_FILES = ("file_path", "notebook_path", "path")
# What cannot be taken back, by kind: deleting, overwriting history, dropping data, changing what runs, publishing.
_RISKY = re.compile(
    r"\b(?:rm|rmdir|shred|dd|mkfs\S*|truncate|drop|delete|destroy|purge|prune|wipe|reset|rollback|revert|restore"
    r"|force|force-with-lease|hard|migrate|migration|upgrade|downgrade|deploy|release|publish|promote|apply|scale"
    r"|restart|reboot|shutdown|stop|kill|pkill|chmod|chown|terminate|uninstall|rebase|filter-branch)\b"
    r"|--(?:force|hard|delete|purge)\b|\bpush\b.*\s(?:-f|\+)|>\s*/dev/",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][\w.-]{2,}")
# Words of shells and version control that say nothing about what a command is for.
_USUAL = frozenset(["sudo", "git", "origin", "main", "master", "head", "true", "false", "null", "run", "exec", "bash"])


def run(stdin: bytes | None = None) -> NoReturn:
    """Answer the event on stdin, and end the process with exit code 0 (see `prompt.run`)."""
    event.run(EVENT, handle, Hooks().tool_deadline_ms, stdin)


def handle(
    told: JsonObject, clock: Stopwatch, rules: "Rules | None" = None, dispatcher: "Dispatcher | None" = None
) -> HookReport:
    """Look into memory for what is about to be changed or run (see `prompt.handle`)."""
    given = told.get("tool_input")
    if not isinstance(given, dict):
        return HookReport("bad_event")
    settings = rules.settings if rules else config_file.load()
    clock.allow(settings.hooks.tool_deadline_ms)
    if not settings.hooks.tool:
        return HookReport("off")
    subject = _subject(given)
    if subject is None:
        return HookReport("not_needed", told={"tool": str(told.get("tool_name", ""))})
    question, names, file = subject
    # Of a command the log holds one word: the others may be anything.
    key = hashlib.blake2b(question.encode("utf-8", "replace"), digest_size=6).hexdigest()
    logged: dict[str, str | int | None] = {
        "session": str(told.get("session_id", ""))[:36],
        "about": names[0],
        "key": f"k{key}",
    }
    if _told_before(logged):
        return HookReport("told_before", told=logged)
    left = clock.left_ms() - _PARTING_MS
    if left < _FEWEST_MS:
        return HookReport("timeout", told=logged)
    folder = told.get("cwd")
    project = current_project(folder) if isinstance(folder, str) and os.path.isabs(folder) else None
    router = app.asking.QuietRouter(settings, left, rules=rules, dispatcher=dispatcher)
    envelope = router.query(question, choice=Choice(strategy="all"), limit=_RESULTS, project=project)
    about = [
        result
        for result in envelope.results
        if result["relevance"] >= settings.fallback_threshold and _is_about(result, names, file)
    ]
    return _report(about, settings.hooks.tool_tokens, logged)


def _report(about: list[JsonObject], budget: int, logged: dict[str, str | int | None]) -> HookReport:
    from memory_router.interfaces.fencing import fenced
    from memory_router.text.tokens import estimate_tokens

    block = fenced(about, budget)
    if not block:
        return HookReport("nothing", told=logged)
    size = {"results": block.count("\n["), "tokens": estimate_tokens(block)}
    return HookReport("injected", event.context("PreToolUse", block), {**logged, **size})


def _subject(given: JsonObject) -> tuple[str, tuple[str, ...], str] | None:
    """Return what to ask about a tool's input, the names one of which an answer has to hold, and the file."""
    file = next((given[name] for name in _FILES if isinstance(given.get(name), str) and given[name]), None)
    if file:
        name = os.path.basename(file)
        return name, (name,), os.path.realpath(file)
    command = given.get("command")
    if not isinstance(command, str) or not _RISKY.search(command):
        return None
    words = [word for word in _WORD.findall(command) if word.lower() not in _USUAL]
    return (" ".join(words[:12]), tuple(words), "") if words else None


def _is_about(result: JsonObject, names: tuple[str, ...], file: str) -> bool:
    """Return whether a result speaks of one of the names, and is not the file itself."""
    if file and result.get("path") and os.path.realpath(result["path"]) == file:
        return False
    text = result["content"].casefold()
    return any(re.search(rf"(?<![\w.-]){re.escape(name.casefold())}(?![\w-])", text) for name in names)


def _told_before(logged: JsonObject) -> bool:
    """Return whether the same was told in this session."""
    return bool(logged["session"]) and any(
        entry.get("outcome") == "injected" and entry.get("key") == logged["key"]
        for entry in journal.entries(paths.hooks_log())
        if entry["event"] == EVENT and entry.get("session") == logged["session"]
    )
