"""Write documents into the index; the caller holds the transaction."""

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import apsw

from memory_router.engines.documents.identity import path_key
from memory_router.engines.documents.selection import day_of
from memory_router.retrieval.vectors import UnembeddedPassage
from memory_router.sources.document import Document, surroundings
from memory_router.storage.sqlite import writing
from memory_router.text.dates import MONTHS
from memory_router.text.spelling import normal
from memory_router.text.words import identifier_terms, name_terms, split_name

NAME_WORDS = 6  # More words than that are not a name, in a heading or a question.
_ISO_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)-([01]\d)-([0-3]\d)(?!\d)")


class Fingerprint(NamedTuple):
    """What tells whether a file is still the one that was indexed.

    Args:
        size: bytes.
        settled: False if the file may have changed after it was read without its time showing it.
        hash: digest of the content.
        cutter: in which way it was cut into chunks.
        unfit: why nothing of it is indexed although it was read, else empty.
    """

    size: int
    settled: bool
    hash: bytes
    cutter: str
    unfit: str = ""


_AFTER = """
    SELECT c.id, c.text, f.title, c.heading, c.file, c.position FROM chunks c JOIN files f ON f.id = c.file
    WHERE c.id > ? ORDER BY c.id LIMIT ?
"""
_NO_FILE = Fingerprint(0, True, b"", "")
# Every question looks into every segment of the full text. Merging takes as long as reading the index: it is worth it
# after a run that wrote a good part of it, and SQLite merges what single files leave behind.
_MOST_SEGMENTS, _LARGE_SHARE = 4, 0.1


def add_root(connection: apsw.Connection, path: str) -> int:
    """Remember a folder (or any other collection of documents) and return its id."""
    connection.execute("INSERT OR IGNORE INTO roots(path) VALUES (?)", (path,))
    return int(connection.execute("SELECT id FROM roots WHERE path = ?", (path,)).get)


def put_document(
    connection: apsw.Connection, root: int, document: Document, fingerprint: Fingerprint = _NO_FILE
) -> None:
    """Store a document with all its chunks in place of what was stored under its path.

    Args:
        connection: an index opened for writing.
        root: the id that `add_root` gave.
        document: the text and its chunks; ready-made chunks are welcome.
        fingerprint: tells later whether the file has changed; empty where there is no file.
    """
    remove_document(connection, document.path)
    file = connection.execute(
        "INSERT INTO files"
        "(root, path, key, name, title, language, project, size, mtime_ns, settled, hash, cutter, unfit)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            root,
            document.path,
            path_key(document.path),
            normal(os.path.basename(document.path)),
            document.title,
            document.language,
            document.project,
            fingerprint.size,
            document.mtime_ns,
            fingerprint.settled,
            fingerprint.hash,
            fingerprint.cutter,
            fingerprint.unfit,
        ),
    ).get
    base = connection.execute("SELECT path FROM roots WHERE id = ?", (root,)).get
    path = path_terms(_shown_path(document.path, base))
    texts = [chunk.text for chunk in document.chunks]
    written = written_dates(document.path)
    for position, chunk in enumerate(document.chunks):
        chunk_id = connection.execute(
            "INSERT INTO chunks(file, position, first_line, last_line, heading, symbols, date, day, continues, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                file,
                position,
                chunk.first_line,
                chunk.last_line,
                chunk.heading,
                chunk.symbols,
                chunk.date,
                day_of(chunk.heading, chunk.date, document.path),
                chunk.continues,
                chunk.text,
            ),
        ).get
        connection.execute(
            "INSERT INTO chunk_text(rowid, path, title, heading, symbols, identifiers, body, context, date)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                chunk_id,
                path,
                document.title,
                heading_terms(chunk.heading) if document.language == "markdown" else chunk.heading,
                symbol_terms(chunk.symbols),
                identifier_terms(chunk.text),
                chunk.text,
                surroundings(texts, position),
                f"{chunk.date} {written}",
            ),
        )


def without_vectors(connection: apsw.Connection, after: int, size: int) -> Sequence[UnembeddedPassage]:
    """Return the next passages after a row number, as they are embedded.

    Args:
        connection: an open index.
        after: the row number.
        size: the largest number of passages.
    """
    texts: dict[int, list[str]] = {}
    passages = []
    rows: list[Any] = connection.execute(_AFTER, (after, size)).fetchall()
    for chunk, text, title, heading, file, position in rows:
        if file not in texts:
            held = connection.execute("SELECT text FROM chunks WHERE file = ? ORDER BY position", (file,))
            texts[file] = [str(content) for (content,) in held]
        passages.append(UnembeddedPassage(chunk, text, f"{title}\n{heading}", surroundings(texts[file], position)))
    return passages


def remove_document(connection: apsw.Connection, path: str) -> None:
    """Forget the document stored under `path`, if there is one."""
    file = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).get
    if file is None:
        return
    connection.execute("DELETE FROM chunk_text WHERE rowid IN (SELECT id FROM chunks WHERE file = ?)", (file,))
    connection.execute("DELETE FROM chunks WHERE file = ?", (file,))
    connection.execute("DELETE FROM files WHERE id = ?", (file,))


def merge_text(connection: apsw.Connection, written: int) -> None:
    """Merge the full text into one segment where a run left many: questions take a third less time then.

    Args:
        connection: an index opened for writing, outside a transaction.
        written: how many files the run wrote.
    """
    segments = connection.execute("SELECT count(DISTINCT segid) FROM chunk_text_idx").get
    files = connection.execute("SELECT count(*) FROM files").get
    if segments > _MOST_SEGMENTS and written > _LARGE_SHARE * files:
        with writing(connection):
            connection.execute("INSERT INTO chunk_text(chunk_text) VALUES ('optimize')")


def path_terms(path: str) -> str:
    """Return a path as words: its steps, and the parts of names in it."""
    return f"{path} {identifier_terms(path)}"


def heading_terms(heading: str) -> str:
    """Return a section's headings, with the name that the lowest one would be in code: `Yard store`, `yardstore`."""
    parts = split_name(heading.rpartition(" > ")[2])
    return f"{heading} {''.join(parts) if 1 < len(parts) <= NAME_WORDS else ''}"


def symbol_terms(symbols: str) -> str:
    """Return defined names as an index needs them: as written, joined, and split."""
    terms: dict[str, None] = {}
    for name in symbols.split():
        terms.update(dict.fromkeys(name_terms(name)))
    return " ".join(terms)


def written_dates(text: str) -> str:
    """Return the ISO dates of a text in words, so that `2 November` finds `2026-11-02`."""
    return " ".join(_in_words(*match) for match in _ISO_DATE.findall(text))


def _in_words(year: str, month: str, day: str) -> str:
    name = MONTHS[int(month) - 1] if 1 <= int(month) <= 12 else ""
    return f"{year}-{month}-{day} {int(day)} {name} {year}"


def _shown_path(path: str, root: str) -> str:
    """Return `path` below its root, with the root's own name in front."""
    return os.path.join(os.path.basename(root), os.path.relpath(path, root)) if path.startswith(root + os.sep) else path


def touch(connection: apsw.Connection, path: str, mtime_ns: int, fingerprint: Fingerprint) -> None:
    """Note that a file was written anew with the same content."""
    connection.execute(
        "UPDATE files SET mtime_ns = ?, settled = ? WHERE path = ?", (mtime_ns, fingerprint.settled, path)
    )


def stored_below(connection: apsw.Connection, root: str) -> dict[str, tuple[int, Fingerprint]]:
    """Return modification time in ns and fingerprint of every file below a root, whichever root it was found from."""
    folder = root.rstrip(os.sep) + os.sep
    rows = connection.execute(
        "SELECT path, mtime_ns, size, settled, hash, cutter, unfit FROM files"
        " WHERE path = ? OR (path > ? AND path < ?)",
        (root, folder, folder[:-1] + chr(ord(os.sep) + 1)),
    )
    return {path: (mtime_ns, Fingerprint(*rest)) for path, mtime_ns, *rest in rows}
