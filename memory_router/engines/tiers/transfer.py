"""Write memories to a file and read them back: JSON Lines for programs, Markdown for people."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from memory_router.engines.tiers.author import read
from memory_router.engines.tiers.memory import Memory
from memory_router.errors import RefusedMemoryError

FORMATS = ("jsonl", "markdown")
_FIX = 'A line is a JSON object such as {"text": "...", "timestamp": "2026-06-01T09:00:00Z", "importance": 0.5}.'


def as_object(memory: Memory) -> dict[str, Any]:
    """Return a memory as the object that a line of an export holds, without what is not set."""
    fields = {
        "id": memory.id,
        "text": memory.text,
        "timestamp": datetime.fromtimestamp(memory.created, UTC).isoformat().replace("+00:00", "Z"),
        "importance": memory.importance,
        "tags": list(memory.tags),
        "tier": memory.tier,
        "project": memory.project,
        "source": memory.source,
        "session": memory.session,
        "metadata": dict(memory.extra) or None,
        "author": memory.author.to_dict(),
        "supersedes": memory.supersedes,
        "superseded_by": memory.superseded_by,
    }
    return {name: value for name, value in fields.items() if value is not None}


def exported(memories: Iterable[Memory], form: str) -> Iterator[str]:
    """Yield the lines of an export, each with its line end.

    Args:
        memories: in the order wanted.
        form: `jsonl`, which `arguments` reads back, or `markdown`.
    """
    if form == "jsonl":
        yield from (json.dumps(as_object(memory), ensure_ascii=False) + "\n" for memory in memories)
        return
    day = ""
    yield "# Memories\n"
    for memory in memories:
        moment = datetime.fromtimestamp(memory.created, UTC)
        if f"{moment:%Y-%m-%d}" != day:
            day = f"{moment:%Y-%m-%d}"
            yield f"\n## {day}\n\n"
        about = [memory.tier, f"{memory.importance:g}", *(f"#{tag}" for tag in memory.tags)]
        text = memory.text.replace("\n", "\n  ")
        yield f"- {moment:%H:%M} {text} ({', '.join([*about, *filter(None, [memory.project])])})\n"


def arguments(line: str | bytes) -> dict[str, Any]:
    """Return what `MemorySystem.remember` takes from a line of an export, or of any file of such objects.

    Args:
        line: one JSON object with `text`, and any of `timestamp` (ISO 8601, or seconds since the epoch), `importance`,
            `tags`, `tier`, `project`, `source`, `session`, `metadata` and `author`; other members are left out.

    Raises:
        RefusedMemoryError: the line is not such an object.
    """
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RefusedMemoryError(f"It is not JSON ({error}).", _FIX) from error
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise RefusedMemoryError("It is not a JSON object with a `text`.", _FIX)
    tags = body.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RefusedMemoryError("`tags` is not a list of texts.", _FIX)
    for name in ("tier", "project", "source", "session", "supersedes"):
        if not isinstance(body.get(name), str | None):
            raise RefusedMemoryError(f"`{name}` is not text.", _FIX)
    for name in ("metadata", "author"):
        if not isinstance(body.get(name), Mapping | None):
            raise RefusedMemoryError(f"`{name}` is not an object.", _FIX)
    names = ("text", "importance", "tier", "project", "source", "session", "metadata", "supersedes")
    told = {name: body.get(name) for name in names}
    return {**told, "tags": tags, "created": _seconds(body.get("timestamp")), "author": read(body.get("author"))}


def exported_id(line: str | bytes) -> str | None:
    """Return the id that a memory had where it was exported, or None; the line is one that `arguments` takes."""
    name = json.loads(line).get("id")
    return name if isinstance(name, str) else None


def _seconds(moment: Any) -> float | None:
    if moment is None or (isinstance(moment, int | float) and not isinstance(moment, bool)):
        return moment
    try:
        parsed = datetime.fromisoformat(moment)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise RefusedMemoryError(f"`timestamp` is not an ISO 8601 time: {moment!r}.", _FIX) from error
