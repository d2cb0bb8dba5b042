"""Read the chats of Cursor: those of its command line, and those of the editor.

Source: vshulcz/deja-vu, docs/registry/cursor.md. `~/.cursor/projects/FOLDER/agent-transcripts/**/*.jsonl` holds lines
with `role` and `message`, without ids and times; a turn of the user begins with a `<timestamp>`. The editor's
`state.vscdb` holds `bubbleId:CHAT:MESSAGE` in its table `cursorDiskKV`. What the command line keeps in databases is
read by `cursor_store`.
"""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import apsw

from memory_router import paths
from memory_router.engines.transcripts.record import Content, Record, content, decoded, mapping, moment, spoken, text

NAME, TITLE = "cursor", "Cursor"
TABLES = frozenset({"cursorDiskKV"})
ROWS = "cursorDiskKV"
_STAMP = re.compile(r"\A\s*<timestamp>([^<(]*?)(?:\(UTC(?:([+-]\d{1,2})(?::(\d{2}))?)?\))?\s*</timestamp>\s*")
_USER = 1


def places() -> list[str]:
    """Return the folders in which Cursor keeps chats, whether they exist or not."""
    user = paths.cursor_user_dir()
    return [
        os.path.join(paths.cursor_dir(), "projects"),
        os.path.join(paths.cursor_dir(), "chats"),
        os.path.join(user, "globalStorage"),
        os.path.join(user, "workspaceStorage"),
    ]


def keeps(name: str) -> bool:
    """Return whether a file of that name holds chats."""
    return name in ("state.vscdb", "store.db") or name.endswith(".jsonl")


def is_ours(record: Mapping[str, Any]) -> bool:
    """Return whether a record has this format."""
    return record.get("role") in ("user", "assistant") and "content" in mapping(record.get("message"))


class Reader:
    """Turn the records of one file of the command line into ours.

    Args:
        path: the file.
    """

    host = NAME

    def __init__(self, path: str, _first: Mapping[str, Any]) -> None:
        self._session = os.path.basename(path).removesuffix(".jsonl")
        self._project = _project(path)
        self._agent = self._session if f"{os.sep}subagents{os.sep}" in path else ""
        self._time: float | None = None

    def read(self, raw: Mapping[str, Any], line: int) -> Iterator[Record]:
        """Yield what a record says; nothing if it says nothing.

        Args:
            raw: the record.
            line: where it stands in its file, which is its name.
        """
        role = raw.get("role")
        if role not in ("user", "assistant"):
            return
        said = content(mapping(raw.get("message")).get("content"))
        if stamp := _STAMP.match(said.text):
            self._time = _moment(stamp) or self._time
            said = said._replace(text=said.text[stamp.end() :])
        name = f"{NAME}:{self._session}:@{line}"
        record = Record(name, None, self._session, self._agent, self._project, "", self._time, follows=True)
        if role == "user" and self._agent:
            yield record._replace(role="context", text=said.text)
        else:
            yield from spoken(record, str(role), said)


def rows(connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield what the messages in an editor's database say, with the number of the row.

    Args:
        connection: an open database.
        after: the last row that was read before.
    """
    sql = "SELECT rowid, key, value FROM cursorDiskKV WHERE key LIKE 'bubbleId:%' AND rowid > ? ORDER BY rowid"
    last: dict[str, str] = {}
    folders: dict[str, str] = {}
    for row, key, value in connection.execute(sql, (after,)):
        bubble = mapping(decoded(value))
        _, chat, identity = (*str(key).split(":", 2), "", "")[:3]
        folders[chat] = text(bubble.get("workspaceProjectDir")) or folders.get(chat, "")
        said = text(bubble.get("text")) or text(bubble.get("rawText"))
        name = f"{NAME}:{chat}:{identity}"
        stamp = moment(bubble.get("timestamp") or bubble.get("createdAt"))
        record = Record(name, last.get(chat) or _before(connection, chat, row), chat, "", folders[chat], "", stamp)
        last[chat] = name
        role = "user" if bubble.get("type") == _USER else "assistant"
        yield row, list(spoken(record, role, Content(said, "", (), "")))


def _before(connection: apsw.Connection, chat: str, row: int) -> str | None:
    sql = "SELECT max(rowid), key FROM cursorDiskKV WHERE key GLOB ? AND rowid < ?"
    earlier = connection.execute(sql, (f"bubbleId:{chat}:*", row)).fetchone()
    return f"{NAME}:{str(earlier[1]).removeprefix('bubbleId:')}" if earlier and earlier[1] else None


def _project(path: str) -> str:
    """Return the folder of a chat; its name has hyphens for slashes, so only a folder that exists is certain."""
    name = path.partition(f"{os.sep}agent-transcripts{os.sep}")[0].rpartition(os.sep)[2]
    folder = "/" + name.replace("-", "/")
    return folder if os.path.isdir(folder) else name


def _moment(stamp: re.Match[str]) -> float | None:
    """Read `Sunday, Jul 26, 2026, 1:06 PM (UTC+3)`."""
    hours, minutes = int(stamp[2] or 0), int(stamp[3] or 0)
    zone = timezone(timedelta(hours=hours, minutes=minutes if hours >= 0 else -minutes))
    try:
        return datetime.strptime(stamp[1].strip(), "%A, %b %d, %Y, %I:%M %p").replace(tzinfo=zone).timestamp()
    except ValueError:
        return None
