"""Read the sessions of Codex CLI (`~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`).

Sources: vshulcz/deja-vu, docs/registry/codex.md; jnarowski/agentcmd, .agent/research/codex/format-comparison.md. The
first line tells session and folder, `turn_context` a new folder, `response_item` what was said and done; `event_msg`
repeats that for the screen. Before 2025-09 items stood in their lines without a `payload`. Items have no ids, and a
fork repeats them, so that an item's name is what it says and when.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from memory_router import paths
from memory_router.engines.transcripts.record import (
    Content,
    Record,
    call,
    content,
    mapping,
    moment,
    output_only,
    spoken,
    text,
    touched,
)

NAME, TITLE = "codex", "Codex"
_ITEMS = frozenset({"session_meta", "response_item", "turn_context", "event_msg", "compacted"})
_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")


def places() -> list[str]:
    """Return the folders in which Codex keeps sessions, whether they exist or not."""
    return [os.path.join(paths.codex_dir(), part) for part in ("sessions", "archived_sessions")]


def keeps(name: str) -> bool:
    """Return whether a file of that name holds a session."""
    return name.startswith("rollout-") and name.endswith(".jsonl")


def is_ours(record: Mapping[str, Any]) -> bool:
    """Return whether a record has this format."""
    is_header = {"id", "timestamp", "instructions"} <= record.keys()
    return is_header or (record.get("type") in _ITEMS and "payload" in record)


class Reader:
    """Turn the records of one file into ours.

    Args:
        path: the file.
        first: its first line, which an incremental run does not see again.
    """

    host = NAME

    def __init__(self, path: str, first: Mapping[str, Any]) -> None:
        header = mapping(first.get("payload")) or first
        self._session = text(header.get("id")) or text(header.get("session_id")) or os.path.basename(path)[:-6]
        self._project = text(header.get("cwd"))
        self._agent = "helper" if "subagent" in mapping(header.get("source")) else ""

    def read(self, raw: Mapping[str, Any], _line: int) -> Iterator[Record]:
        """Yield what a record says; nothing if it says nothing."""
        item = mapping(raw.get("payload")) or raw
        if raw.get("type") == "turn_context":
            self._project = text(item.get("cwd")) or self._project
            return
        if raw.get("type") == "event_msg":
            return
        stamp = raw.get("timestamp") or item.get("timestamp")
        if raw.get("type") == "compacted":
            summary = text(item.get("message"))
            yield self._record(stamp, "summary", summary)._replace(role="summary" if summary else "", text=summary)
            return
        kind, role = item.get("type"), item.get("role")
        if kind in _CALLS:
            given = item.get("arguments") or item.get("input") or item.get("action")
            tools = call(text(item.get("name")) or "shell", given)
            yield from spoken(self._record(stamp, "call", tools), "tool", Content("", tools, touched(given), ""))
        elif kind in _OUTPUTS:
            output = _output(item.get("output"))
            yield from spoken(self._record(stamp, "output", output), "tool", Content("", "", (), output))
        elif role in ("user", "assistant"):
            said = content(item.get("content"))
            record = self._record(stamp, str(role), said.text)
            if role == "user" and self._agent:
                yield record._replace(role="context", text=said.text)
            else:
                yield from spoken(record, str(role), said)

    def _record(self, stamp: object, kind: str, said: str) -> Record:
        name = hashlib.blake2b(f"{stamp} {kind} {said}".encode("utf-8", "replace"), digest_size=12).hexdigest()
        return Record(
            f"{NAME}:{name}", None, self._session, self._agent, self._project, "", moment(stamp), follows=True
        )


def _output(value: object) -> str:
    """Return what a tool said: text, blocks, or an object that holds one of these as its `output` or `content`."""
    if isinstance(value, dict):
        value = value.get("output") or value.get("content")
    return output_only(value)
