"""Read the sessions of OpenCode: those in its database, and those of older versions in files of JSON.

Source: vshulcz/deja-vu, docs/registry/opencode.md. `~/.local/share/opencode/opencode.db` has the tables
`session(id, directory, ...)`, `message(id, session_id, time_created, data)`, `part(id, message_id, data)`; `data` is
JSON. A part of the kind `text` was said, one of the kind `tool` done; a `synthetic` text was written by the host.

Source of the older form: lamnguyenx/opencode2, docs/refs/how_opencode_organize_sessions_and_messages.md. The same JSON
stands below `storage` in `session/PROJECT/SESSION.json`, `message/SESSION/MESSAGE.json` and `part/MESSAGE/PART.json`;
names grow with time. Ids stay when the database takes files over.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
_LONGEST = 50_000_000  # bytes of one file; what is longer is cut, and so skipped
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
    return name == "opencode.db" or (name.startswith("ses_") and name.endswith(".json"))


def is_ours(record: Mapping[str, Any]) -> bool:
    """Return whether a record is the head of a session that is kept in files."""
    return text(record.get("id")).startswith("ses_") and "directory" in record


class Reader:
    """Turn a session that is kept in files into our records.

    Args:
        path: the file with its head.
    """

    host = NAME

    def __init__(self, path: str, _first: Mapping[str, Any]) -> None:
        self._session = os.path.basename(path).removesuffix(".json")
        self._storage = os.path.dirname(os.path.dirname(os.path.dirname(path)))

    def read(self, raw: Mapping[str, Any], _line: int) -> Iterator[Record]:
        """Yield what the messages of the session say; stop at one that is being written."""
        folder, before = text(raw.get("directory")), ""
        messages = _objects(os.path.join(self._storage, "message", self._session))
        for number, (name, message) in enumerate(messages):
            if _is_being_written(message) and number == len(messages) - 1:
                return
            parts = [part for _, part in _objects(os.path.join(self._storage, "part", name))]
            yield from _said(name, before, self._session, folder, message, parts)
            before = name


def rows(connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield what the messages of a database say, with the number of the row; stop at one that is being written.

    Args:
        connection: an open database.
        after: the last row that was read before.
    """
    for row, name, session, created, data, folder, before, is_followed in connection.execute(_MESSAGES, (after,)):
        message = mapping(decoded(data))
        if _is_being_written(message) and not is_followed:
            return
        parts = [mapping(decoded(part)) for (part,) in connection.execute(_PARTS, (name,))]
        records = _said(name, before, session, text(folder), message, parts)
        yield row, [record._replace(time=record.time or moment(created)) for record in records]


def _is_being_written(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "assistant" and not mapping(message.get("time")).get("completed")


def _said(
    name: str, before: str, session: str, folder: str, message: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
) -> Iterator[Record]:
    """Yield what a message says, with the parts that it consists of."""
    said = [part for part in parts if part.get("type") == "text"]
    stamp = moment(mapping(message.get("time")).get("created"))
    record = Record(f"{NAME}:{name}", f"{NAME}:{before}" if before else None, session, "", folder, "", stamp)
    told = "\n".join(text(part.get("text")) for part in said if part.get("synthetic") is True)
    if told:
        yield record._replace(id=f"{record.id}#synthetic", role="context", text=told)
    words = "\n".join(text(part.get("text")) for part in said if part.get("synthetic") is not True)
    used = [
        (text(part.get("tool")), mapping(part.get("state")).get("input"))
        for part in parts
        if part.get("type") == "tool"
    ]
    tools = "\n".join(call(tool, given) for tool, given in used)
    files = tuple(file for _, given in used for file in touched(given))
    role = "assistant" if message.get("role") == "assistant" else "user"
    yield from spoken(record, role, Content(words, tools, files, ""))


def _objects(folder: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the JSON objects in a folder with their names, in the order of these; links are passed over."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except FileNotFoundError:
        return []
    objects: list[tuple[str, Mapping[str, Any]]] = []
    for name in names:
        if name.endswith(".json"):
            with open(os.path.join(folder, name), "rb") as file:
                objects.append((name.removesuffix(".json"), mapping(decoded(file.read(_LONGEST)))))
    return objects
