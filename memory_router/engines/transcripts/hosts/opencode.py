"""Read the sessions of OpenCode (`~/.local/share/opencode/opencode.db`).

Source: vshulcz/deja-vu, docs/registry/opencode.md. Tables: `session(id, directory, ...)`,
`message(id, session_id, time_created, data)`, `part(id, message_id, data)`; `data` is JSON. A part of the kind
`text` was said, one of the kind `tool` done; a `synthetic` text was written by the host.
"""

from collections.abc import Iterator

import apsw

from memory_router import paths
from memory_router.engines.transcripts.record import (
    Content,
    Record,
    call,
    decoded,
    mapping,
    moment,
    spoken,
    text,
    touched,
)

NAME, TITLE = "opencode", "OpenCode"
TABLES = frozenset({"session", "message", "part"})
ROWS = "message"
_MESSAGES = """
    SELECT m.rowid, m.id, m.session_id, m.time_created, m.data, s.directory,
        (SELECT p.id FROM message p WHERE p.session_id = m.session_id AND p.rowid < m.rowid
         ORDER BY p.rowid DESC LIMIT 1),
        EXISTS (SELECT 1 FROM message n WHERE n.session_id = m.session_id AND n.rowid > m.rowid)
    FROM message m LEFT JOIN session s ON s.id = m.session_id WHERE m.rowid > ? ORDER BY m.rowid
"""
_PARTS = "SELECT data FROM part WHERE message_id = ? ORDER BY rowid"


def places() -> list[str]:
    """Return the folder in which OpenCode keeps its database, whether it exists or not."""
    return [paths.opencode_dir()]


def keeps(name: str) -> bool:
    """Return whether a file of that name holds sessions."""
    return name == "opencode.db"


def rows(connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield what the messages of a database say, with the number of the row; stop at one that is being written.

    Args:
        connection: an open database.
        after: the last row that was read before.
    """
    for row, name, session, created, data, folder, before, is_followed in connection.execute(_MESSAGES, (after,)):
        message = mapping(decoded(data))
        time = mapping(message.get("time"))
        if message.get("role") == "assistant" and not time.get("completed") and not is_followed:
            return
        parts = [mapping(decoded(one)) for (one,) in connection.execute(_PARTS, (name,))]
        said = [one for one in parts if one.get("type") == "text"]
        stamp = moment(time.get("created")) or moment(created)
        parent = f"{NAME}:{before}" if before else None
        record = Record(f"{NAME}:{name}", parent, session, "", text(folder), "", stamp)
        told = "\n".join(text(one.get("text")) for one in said if one.get("synthetic") is True)
        context = [record._replace(id=f"{record.id}#synthetic", role="context", text=told)] if told else []
        words = "\n".join(text(one.get("text")) for one in said if one.get("synthetic") is not True)
        used = [
            (text(one.get("tool")), mapping(one.get("state")).get("input"))
            for one in parts
            if one.get("type") == "tool"
        ]
        tools = "\n".join(call(tool, given) for tool, given in used)
        files = tuple(file for _, given in used for file in touched(given))
        role = "assistant" if message.get("role") == "assistant" else "user"
        yield row, [*context, *spoken(record, role, Content(words, tools, files, ""))]
