"""Answer from conversations: lossless-claw's own database where there is one, and imported transcripts."""

import os
import time
from collections.abc import Callable
from typing import Any

from memory_router.contract import Health, Request, Response, Result, answer, failure, iso_time, nothing, serve, window
from memory_router.engines.tiers.disputes import Disputes
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.expand import LAYERS, expand
from memory_router.engines.transcripts.lcm import LcmArchive, standard_path
from memory_router.engines.transcripts.recall import ChainStep, RecalledTurn, recall
from memory_router.engines.transcripts.turn import Archive, Turn, Window
from memory_router.errors import StoreError

_FIX = "Run: memory-router index --transcripts"
_LABELS = {
    "question": "Question",
    "option": "Options",
    "decision": "Decision",
    "reason": "Reason",
    "outcome": "Afterwards",
    "reply": "Answer",
    "replaced": "Replaces",
    "change": "Superseded by",
}
_SOURCES = {"lcm": "lcm.db", "transcripts": "imported transcripts"}
_ENGINES = {"lcm": "lossless-claw", "transcripts": "embedded"}
_SHOWN = 600  # characters of one step

_opened: dict[str, Archive] = {}


def query(request: Request) -> Response:
    """Recall decisions and what was said."""
    archives, problems = _archives()
    if not archives:
        return failure("STORE_ERROR", str(problems[0])) if problems else _nothing_imported()
    since, until = window(request)
    recollections = recall(
        archives, request.query, request.limit, Window(since, until, project=request.scope or None), time.time()
    )
    notes = {"unread": [str(problem) for problem in problems]} if problems else None
    if recollections:
        return answer(Disputes.read().marked(list(map(_result, recollections)), are_dated=True), notes)
    count = sum(archive.count() for archive in archives)
    if not count:
        return _nothing_imported()
    return nothing(
        "NO_MATCH", f"No message and no tool call answers it ({count:,} stored). Try other words, or no time."
    )


def get(request: Request) -> Response:
    """Fetch a turn: a snippet, the turns around it, or the whole branch of the conversation."""
    layer = request.layer or "detail"
    if layer not in LAYERS or not request.id:
        return failure("BAD_REQUEST", f"`get` wants an id, and one of the layers {', '.join(LAYERS)}.")
    for archive in _archives()[0]:
        expansion = expand(archive, request.id, layer)
        if expansion:
            break
    else:
        return nothing("NOT_FOUND", f"No conversation holds {request.id!r}.")
    content = _shortened(expansion.turn.text or expansion.turn.tools)
    if layer != "search":
        content = "\n\n".join(_line(turn, mark=turn.key == expansion.turn.key) for turn in expansion.around)
    metadata = {**_metadata(archive, expansion.turn), "summaries": [_named(turn) for turn in expansion.summaries]}
    if layer == "timeline":
        metadata["around"] = [_named(turn) for turn in expansion.around]
    if expansion.left_out:
        metadata["turns_left_out"] = expansion.left_out
    return answer([_placed(expansion.turn, content, 1.0)._replace(metadata=metadata)])


def health() -> Health:
    """Say which conversations there are."""
    archives, problems = _archives()
    counts = [(archive, archive.count(), archive.sessions()) for archive in archives]
    held = [
        f"{_SOURCES[archive.name]}: {count:,} messages in {sessions:,} sessions"
        for archive, count, sessions in counts
        if count
    ]
    held += [sentence for archive, _, _ in counts if (sentence := archive.not_understood())]
    if held and problems:
        return Health("degraded", f"{'; '.join(held)}. {problems[0].cause}", problems[0].fix)
    if held:
        return Health(
            "ready", f"{'; '.join(held)}.", engine="lossless-claw" if counts[0][0].name == "lcm" else "embedded"
        )
    if problems:
        return Health("unavailable", problems[0].cause, problems[0].fix)
    return Health("installed", "No conversation is imported yet.", _FIX)


def _archives() -> tuple[list[Archive], list[StoreError]]:
    """Return the archives that can be read, opened once, and why others cannot."""
    problems: list[StoreError] = []
    openers: dict[str, Callable[[str], Archive | None]] = {
        standard_path(): LcmArchive.open,
        place.archive(): ImportedArchive.open,
    }
    for path, opener in openers.items():
        if path in _opened and _opened[path].is_replaced():
            _opened.pop(path).connection.close()
        try:
            if path not in _opened and (opened := opener(path)):
                _opened[path] = opened
        except StoreError as error:
            problems.append(error)
    return list(_opened.values()), problems


def _nothing_imported() -> Response:
    return failure("NOT_INDEXED", f"No conversation is imported yet. {_FIX}")


def _result(one: RecalledTurn) -> Result:
    turn = one.turn
    content = "\n".join(map(_told, one.chain or _replied(one))) or _said(turn)
    metadata = _metadata(one.archive, turn)
    if one.chain:
        metadata["status"] = "superseded" if one.superseded_by else "in force"
        metadata["superseded_by"] = one.superseded_by
        metadata["chain"] = [{"step": step.step, **_placed_in_time(step.turn)} for step in one.chain]
    else:
        metadata["around"] = [_placed_in_time(near) if near.id == turn.id else _named(near) for near in one.around]
    if one.archive.name == "lcm":
        metadata["summaries"] = [_named(above) for above in one.archive.summaries_above(turn.key)]
    return _placed(turn, content, one.relevance)._replace(metadata=metadata)


def _placed(turn: Turn, content: str, relevance: float) -> Result:
    return Result(
        content,
        round(relevance, 4),
        timestamp=iso_time(turn.time) if turn.time else None,
        id=turn.id,
        title=f"{turn.role} in {turn.project or turn.session}",
    )


def _metadata(archive: Archive, turn: Turn) -> dict[str, Any]:
    return {
        "engine": _ENGINES[archive.name],
        "host": turn.host,
        "session": turn.session,
        "project": turn.scope or os.path.basename(turn.project) or None,
        "folder": turn.project or None,
        "role": turn.role,
        "files": list(turn.files),
    }


def _replied(one: RecalledTurn) -> tuple[ChainStep, ...]:
    """Return the question that was asked before, and its answer, which says little alone."""
    if one.asked is None:
        return ()
    return ChainStep("question", one.asked, one.asked.text), ChainStep(
        "reply", one.turn, one.turn.text or one.turn.tools
    )


def _told(step: ChainStep) -> str:
    when = time.strftime("%Y-%m-%d", time.localtime(step.turn.time)) if step.turn.time else "undated"
    return f"{_LABELS[step.step]} ({step.turn.role}, {when}): {_shortened(step.text)}"


def _said(turn: Turn) -> str:
    return "\n".join(filter(None, (turn.text, _shortened(turn.tools))))[:4000]


def _line(turn: Turn, *, mark: bool) -> str:
    when = iso_time(turn.time) if turn.time else "undated"
    return f"{'> ' if mark else ''}{turn.role} ({when}): " + "\n".join(filter(None, (turn.text, turn.tools)))


def _named(turn: Turn) -> dict[str, Any]:
    return {**_placed_in_time(turn), "text": _shortened(turn.text or turn.tools)[:200]}


def _placed_in_time(turn: Turn) -> dict[str, Any]:
    return {"id": turn.id, "role": turn.role, "time": iso_time(turn.time) if turn.time else None}


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


if __name__ == "__main__":
    serve("lossless", query=query, health=health, get=get)
