"""Read the records of Claude Code's sessions (`~/.claude/projects/*/*.jsonl`; the format is unofficial).

Facts from research on real files: tool results arrive as `user` records; a `compact_boundary` has no `parentUuid`
but a `logicalParentUuid`; a sub-agent's file names its parent's session; a fork repeats records under new ids and
says which they were; a `summary` names the leaf of its branch and has no id of its own.
"""

import os
from collections.abc import Mapping
from typing import Any

from memory_router.engines.transcripts.record import Record, content, mapping, moment, text

HOST = "claude-code"
_SPEAKERS = ("user", "assistant")


def is_ours(record: Mapping[str, Any]) -> bool:
    """Say whether a record has this format."""
    return "uuid" in record or "leafUuid" in record or "sessionId" in record


class Reader:
    """Turn the records of one file into ours."""

    host = HOST

    def __init__(self, path: str) -> None:
        stem = os.path.basename(path).removesuffix(".jsonl")
        self._session = stem
        self._agent = stem.removeprefix("agent-") if stem.startswith("agent-") else ""

    def read(self, raw: Mapping[str, Any], _line: int) -> Record | None:
        """Return what a record says, or None if it neither says nor links anything."""
        if raw.get("type") == "summary":
            return self._summary(raw)
        identity = text(raw.get("uuid"))
        if not identity:
            return None
        record = Record(
            identity,
            text(raw.get("parentUuid")) or text(raw.get("logicalParentUuid")) or None,
            text(raw.get("sessionId")) or self._session,
            self._who(raw),
            text(raw.get("cwd")),
            "",
            moment(raw.get("timestamp")),
        )
        if origin := text(mapping(raw.get("forkedFrom")).get("messageUuid")):
            return record._replace(parent=origin)
        if raw.get("type") not in _SPEAKERS or raw.get("isMeta") is True:
            return record
        return _spoken(record, raw)

    def _who(self, raw: Mapping[str, Any]) -> str:
        if raw.get("isSidechain") is not True:
            return ""
        return self._agent or text(raw.get("agentId")) or "sidechain"

    def _summary(self, raw: Mapping[str, Any]) -> Record | None:
        said, leaf = text(raw.get("summary")), text(raw.get("leafUuid"))
        if not said:
            return None
        name = f"summary:{leaf or self._session}"
        return Record(name, leaf or None, self._session, "", "", "summary", None, said)


def _spoken(record: Record, raw: Mapping[str, Any]) -> Record:
    message = mapping(raw.get("message"))
    said = content(message.get("content"))
    if raw.get("isCompactSummary") is True:
        return record._replace(role="summary" if said.text else "", text=said.text)
    role = text(raw.get("type"))
    if said.text:
        answer = text(message.get("id")) or None if role == "assistant" else None
        return record._replace(role=role, text=said.text, tools=said.tools, files=said.files, answer=answer)
    if said.tools:
        answer = text(message.get("id")) or None
        return record._replace(role="tool", tools=said.tools, files=said.files, answer=answer)
    return record._replace(role="tool" if said.output else "", text=said.output)
