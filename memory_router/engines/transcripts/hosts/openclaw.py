"""Read the sessions of OpenClaw: files until 2026.7, one database an agent since 2026.8.

Source: vshulcz/deja-vu, docs/registry/openclaw.md. `<state>/agents/*/sessions/*.jsonl`: the first line names the
session; messages form a tree by `id` and `parentId`, which are unique in their session only; bare
`{"role", "content"}` lines follow each other. A reset renames a file to `*.jsonl.reset.TIME`. In
`<state>/agents/*/agent/openclaw-agent.sqlite` the table `transcript_events` holds the same lines. What its user
deleted (`*.jsonl.deleted.TIME`) is not read.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import apsw

from memory_router import paths
from memory_router.engines.transcripts.record import (
    Content,
    Record,
    content,
    mapping,
    moment,
    output_only,
    parsed,
    spoken,
    text,
)

NAME, TITLE = "openclaw", "OpenClaw"
DATABASE = "openclaw-agent.sqlite"
TABLES = frozenset({"transcript_events"})
ROWS = "transcript_events"
_SUMMARIES = ("compaction", "branch_summary")
_SESSION = re.compile(r"\.jsonl(?:\.reset\.[^/]*)?\Z")


def places() -> list[str]:
    """Return the folders in which OpenClaw keeps the sessions of its agents, whether they exist or not."""
    agents = os.path.join(paths.openclaw_dir(), "agents")
    names = sorted(os.listdir(agents)) if os.path.isdir(agents) else []
    return [os.path.join(agents, name, part) for name in names for part in ("sessions", "agent")]


def keeps(name: str) -> bool:
    """Return whether a file of that name holds sessions; what is written during compaction does not."""
    return name == DATABASE or (_SESSION.search(name) is not None and ".checkpoint." not in name)


def is_ours(record: Mapping[str, Any]) -> bool:
    """Return whether a record has this format."""
    return record.get("type") == "session" or "role" in record or "role" in mapping(record.get("message"))


def rows(connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield what the rows of an agent's database say, with the number of the row.

    Args:
        connection: an open database.
        after: the last row that was read before.
    """
    readers: dict[str, Reader] = {}
    header = "SELECT event_json FROM transcript_events WHERE session_id = ? ORDER BY seq LIMIT 1"
    sql = "SELECT rowid, session_id, seq, event_json FROM transcript_events WHERE rowid > ? ORDER BY rowid"
    for row, session, sequence, event in connection.execute(sql, (after,)):
        if session not in readers:
            first = parsed(str(connection.execute(header, (session,)).get or "").encode())
            readers[session] = Reader(session, first[0] if first else {})
        yield row, [record for raw in parsed(str(event).encode()) for record in readers[session].read(raw, sequence)]


class Reader:
    """Turn the records of one session into ours.

    Args:
        path: its file, or its id; its name is the session's unless the first line says another.
        first: that line, which an incremental run does not see again.
    """

    host = NAME

    def __init__(self, path: str, first: Mapping[str, Any]) -> None:
        header = first if first.get("type") == "session" else {}
        self._session = text(header.get("id")) or _SESSION.sub("", os.path.basename(path))
        self._project = text(header.get("cwd"))

    def read(self, raw: Mapping[str, Any], line: int) -> Iterator[Record]:
        """Yield what a record says; nothing if it neither says nor links anything.

        Args:
            raw: the record.
            line: where it stands in its session: the name of a record that has none.
        """
        if raw.get("type") == "session":
            return
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
            yield record._replace(role="summary" if said else "", text=said)
            return
        role = message.get("role")
        if role in ("user", "assistant"):
            yield from spoken(record, str(role), content(message.get("content")))
        elif role in ("toolResult", "tool"):
            yield from spoken(record, "tool", Content("", "", (), output_only(message.get("content"))))
        else:
            yield record
