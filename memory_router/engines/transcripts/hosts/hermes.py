"""Read the sessions of Hermes (`~/.hermes/state.db`, or one below `profiles` for each profile).

Source: vshulcz/deja-vu, docs/registry/hermes.md. Table `messages`: `session_id`, `role`, `content`, `tool_calls` as
JSON, `timestamp` in seconds; rows with `active = 0` were taken back, unless `compacted = 1`. Table
`sessions`: `id`, `cwd`.
"""

import os
from collections.abc import Iterator
from typing import Any

import apsw

from memory_router import paths
from memory_router.engines.transcripts.record import (
    Content,
    Record,
    call,
    content,
    decoded,
    mapping,
    moment,
    spoken,
    text,
    touched,
)

NAME, TITLE = "hermes", "Hermes"
TABLES = frozenset({"messages", "sessions"})
ROWS = "messages"
_PARTS = "\0json:"
_SUMMARY = ("[CONTEXT COMPACTION", "[CONTEXT SUMMARY]")


def places() -> list[str]:
    """Return the folders in which Hermes keeps its databases, whether they exist or not."""
    home = paths.hermes_dir()
    profiles = os.path.join(home, "profiles")
    names = sorted(os.listdir(profiles)) if os.path.isdir(profiles) else []
    return [os.path.join(home, "state.db"), *(os.path.join(profiles, name, "state.db") for name in names)]


def keeps(name: str) -> bool:
    """Return whether a file of that name holds sessions."""
    return name == "state.db"


def rows(connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield what the messages of a database say, with the number of the row.

    Args:
        connection: an open database.
        after: the last row that was read before.
    """
    known = {str(name) for (name,) in connection.execute("SELECT name FROM pragma_table_info('messages')")}
    folder = "cwd" if connection.execute("SELECT 1 FROM pragma_table_info('sessions') WHERE name = 'cwd'").get else "''"
    live = "1" if "active" not in known else "active" if "compacted" not in known else "(active OR compacted)"
    calls = "m.tool_calls" if "tool_calls" in known else "NULL"
    sql = f"""
        SELECT m.rowid, m.session_id, m.role, m.content, {calls}, m.timestamp, s.{folder}
        FROM messages m LEFT JOIN sessions s ON s.id = m.session_id WHERE m.rowid > ? AND {live} ORDER BY m.rowid
    """.replace("s.''", "''")  # noqa: S608 - constants
    before = "SELECT max(rowid) FROM messages WHERE session_id = ? AND rowid < ?"
    last: dict[str, int | None] = {}
    for row, session, role, body, used, stamp, cwd in connection.execute(sql, (after,)):
        if session not in last:
            last[session] = connection.execute(before, (session, row)).get
        parent = f"{NAME}:{session}:{last[session]}" if last[session] else None
        last[session] = row
        record = Record(f"{NAME}:{session}:{row}", parent, session, "", text(cwd), "", moment(stamp))
        yield row, list(_said(record, text(role), _content(text(body)), used))


def _said(record: Record, role: str, said: Content, used: object) -> Iterator[Record]:
    if said.text.startswith(_SUMMARY):
        yield record._replace(role="summary", text=said.text)
    elif role in ("user", "assistant"):
        for tool in map(mapping, _list(used)):
            function = mapping(tool.get("function"))
            given = function.get("arguments")
            tools = "\n".join(filter(None, (said.tools, call(text(function.get("name")), given))))
            said = said._replace(tools=tools, files=(*said.files, *touched(given)))
        yield from spoken(record, role, said)
    elif role == "tool":
        yield from spoken(record, "tool", Content("", "", (), said.text))
    else:
        yield record


def _content(body: str) -> Content:
    if not body.startswith(_PARTS):
        return content(body)
    return content(_list(body.removeprefix(_PARTS)))


def _list(cell: object) -> list[Any]:
    held = decoded(cell)
    return held if isinstance(held, list) else []
