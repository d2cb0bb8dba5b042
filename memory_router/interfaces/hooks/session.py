"""Import a session's transcript when it ends or is compacted, without keeping anybody waiting.

Claude Code's events SessionEnd and PreCompact: what compaction takes out of the context stays in memory.
"""

import os
from typing import NoReturn

from memory_router import app, paths
from memory_router.contract import JsonObject
from memory_router.errors import MemoryRouterError
from memory_router.interfaces.hooks import event
from memory_router.interfaces.hooks.event import HookReport
from memory_router.routing import config_file
from memory_router.routing.journal import Journal

# Nobody waits for a session that ends; a host gives it about two seconds.
_DEADLINE_MS = 1500
EVENT, BEFORE_COMPACTION = "SESSION_END", "COMPACTION"


def run() -> NoReturn:
    """Answer the event on stdin by an import in a process of its own, and end the process with exit code 0."""
    event.run(EVENT, lambda told, _clock: _import_later(told, is_on=config_file.load().hooks.session_end), _DEADLINE_MS)


def run_before_compaction() -> NoReturn:
    """Answer the event on stdin by an import in a process of its own, and end the process with exit code 0."""
    event.run(
        BEFORE_COMPACTION,
        lambda told, _clock: _import_later(told, is_on=config_file.load().hooks.compaction),
        _DEADLINE_MS,
    )


def _import_later(told: JsonObject, *, is_on: bool) -> HookReport:
    path = told.get("transcript_path")
    if not isinstance(path, str) or not path:
        return HookReport("bad_event")
    if not is_on:
        return HookReport("off")
    if not is_transcript(path):
        return HookReport("refused", told={"path": paths.shown(path), "error": "it is not a transcript of an agent's"})
    from memory_router.learning.background import start

    start("hooks", "session-end", "--transcript", path)
    return HookReport("started", told={"path": paths.shown(path)})


def is_transcript(path: str) -> bool:
    """Return whether a path leads to a transcript where the agents of this user keep theirs."""
    real = os.path.realpath(path)
    roots = (os.path.join(paths.claude_code_dir(), "projects"), os.path.join(paths.openclaw_dir(), "agents"))
    below = any(os.path.commonpath([real, os.path.realpath(root)]) == os.path.realpath(root) for root in roots)
    return below and real.endswith(".jsonl") and os.path.isfile(real)


def import_now(path: str) -> JsonObject:
    """Import one transcript, with what follows from it, write down how it went, and return what was new.

    Raises:
        StoreError: the archive cannot be written, or the file is gone.
    """
    journal = Journal(paths.hooks_log())
    try:
        # Sessions whose window was closed left no event: they are imported with this one.
        report = app.indexing.import_transcripts([path, *app.indexing.standard_places()])
    except MemoryRouterError as error:
        journal.hook(EVENT, "failed", path=paths.shown(path), error=str(error))
        raise
    told = {"added": report.added, "repeated": report.repeated, "duration_ms": round(report.seconds * 1000)}
    waiting = app.improving.waiting_sentence()
    journal.hook(EVENT, "imported", path=paths.shown(path), **told, **({"waiting": waiting} if waiting else {}))
    return {"path": path, **told, **({"waiting": waiting} if waiting else {})}
