"""Read the chats that Cursor's command line keeps in a database each, where no transcript of them is kept.

Source: vshulcz/deja-vu, docs/registry/cursor.md. `~/.cursor/chats/HASH/CHAT/store.db` holds `blobs(id, data)` and
`meta(key, value)`. The value of `meta` is JSON in hexadecimal, and names the root blob; that is protobuf whose repeated
field 1 holds the digests of the messages in their order; a message is JSON with `role` and `content`. `meta.json` in
the same folder names the working folder.
"""

import glob
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import apsw

from memory_router import paths
from memory_router.engines.transcripts.hosts import cursor
from memory_router.engines.transcripts.record import Record, content, decoded, mapping, moment, spoken, text

NAME = cursor.NAME
TABLES = frozenset({"blobs", "meta"})
ROWS = "blobs"
_LONGEST_META = 1_000_000  # bytes
# A field 1 of 32 bytes in protobuf: its key, and its length.
_CHILD, _DIGEST = b"\x0a\x20", 32


def rows(connection: apsw.Connection, after: int) -> Iterator[tuple[int, list[Record]]]:
    """Yield what the messages of a chat say, all at once, with the number of the last row.

    Args:
        connection: an open database.
        after: the last row that was read before.
    """
    folder = os.path.dirname(connection.filename)
    chat = os.path.basename(folder)
    last = int(connection.execute("SELECT max(rowid) FROM blobs").get or 0)
    if last > after and not _has_transcript(chat):
        yield last, list(_said(connection, chat, _working_folder(folder)))


def _said(connection: apsw.Connection, chat: str, folder: str) -> Iterator[Record]:
    value = connection.execute("SELECT value FROM meta").get
    with suppress(ValueError, TypeError):
        value = bytes.fromhex(value)
    meta = mapping(decoded(value))
    times: Counter[str] = Counter()
    for digest in _children(_blob(connection, text(meta.get("latestRootBlobId")))):
        message = mapping(decoded(_blob(connection, digest)))
        role = text(message.get("role"))
        if role not in ("user", "assistant"):
            continue
        times[digest] += 1  # the same words said again are the same blob
        name = f"{NAME}:{chat}:{digest}:{times[digest]}"
        record = Record(name, None, chat, "", folder, "", moment(meta.get("createdAt")), follows=True)
        yield from spoken(record, role, content(message.get("content")))


def _blob(connection: apsw.Connection, digest: str) -> bytes:
    row = connection.execute("SELECT data FROM blobs WHERE id = ?", (digest,)).get
    return row.encode() if isinstance(row, str) else bytes(row or b"")


def _children(root: bytes) -> Iterator[str]:
    """Yield the digests at the beginning of a root blob."""
    place = 0
    while root.startswith(_CHILD, place) and len(root) >= place + len(_CHILD) + _DIGEST:
        yield root[place + len(_CHILD) : place + len(_CHILD) + _DIGEST].hex()
        place += len(_CHILD) + _DIGEST


def _has_transcript(chat: str) -> bool:
    """Return whether the chat is kept as lines, too, which say when each turn was."""
    projects = os.path.join(glob.escape(paths.cursor_dir()), "projects")
    return bool(
        glob.glob(os.path.join(projects, "*", "agent-transcripts", "**", f"{glob.escape(chat)}.jsonl"), recursive=True)
    )


def _working_folder(folder: str) -> str:
    with suppress(OSError), open(os.path.join(folder, "meta.json"), "rb") as file:
        return text(mapping(decoded(file.read(_LONGEST_META))).get("cwd"))
    return ""
