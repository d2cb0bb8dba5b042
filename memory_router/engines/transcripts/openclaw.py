"""Read the records of OpenClaw's sessions (`<state>/agents/*/sessions/*.jsonl`, as of 2026.7.1).

The first line names the session; messages form a tree by `id` and `parentId`, which are unique in their session
only. Bare `{"role", "content"}` lines follow each other.
"""

import os
from collections.abc import Mapping
from typing import Any

from memory_router.engines.transcripts.record import Record, content, mapping, moment, output_only, text

HOST = "openclaw"
_SUMMARIES = ("compaction", "branch_summary")


def is_ours(record: Mapping[str, Any]) -> bool:
    """Say whether a record has this format."""
    return record.get("type") == "session" or "role" in record or "role" in mapping(record.get("message"))


class Reader:
    """Turn the records of one file into ours.

    Args:
        path: the file; its name is the session's unless the first line says another.
        first: that line, which an incremental run does not see again.
    """

    host = HOST

    def __init__(self, path: str, first: Mapping[str, Any]) -> None:
        header = first if first.get("type") == "session" else {}
        self._session = text(header.get("id")) or os.path.basename(path).removesuffix(".jsonl")
        self._project = text(header.get("cwd"))
        self._path = path

    def read(self, raw: Mapping[str, Any], line: int) -> Record | None:
        """Return what a record says, or None if it neither says nor links anything.

        Args:
            raw: the record.
            line: where it stands in its file, in bytes: the name of a record that has none.
        """
        if raw.get("type") == "session":
            return None
        message = mapping(raw.get("message")) or (raw if "role" in raw else {})
        own = text(raw.get("id")) or text(raw.get("uuid"))
        parent = text(raw.get("parentId")) or text(raw.get("parentUuid"))
        record = Record(
            f"{self._session}:{own or f'@{line}'}",
            f"{self._session}:{parent}" if parent else None,
            self._session,
            "",
            self._project,
            "",
            moment(raw.get("timestamp") or message.get("timestamp")),
            follows=not own,
        )
        if raw.get("type") in _SUMMARIES:
            said = text(raw.get("summary"))
            return record._replace(role="summary" if said else "", text=said)
        return _spoken(record, message)


def _spoken(record: Record, message: Mapping[str, Any]) -> Record:
    role = message.get("role")
    if role in ("toolResult", "tool"):
        output = output_only(message.get("content"))
        return record._replace(role="tool" if output else "", text=output)
    said = content(message.get("content"))
    if role in ("user", "assistant") and said.text:
        return record._replace(role=str(role), text=said.text, tools=said.tools, files=said.files)
    if role == "assistant" and said.tools:
        return record._replace(role="tool", tools=said.tools, files=said.files)
    return record
