"""Read what is new in one file of sessions: lines, a document, or a database."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import BinaryIO, NamedTuple

import apsw

from memory_router.engines.transcripts import files
from memory_router.engines.transcripts.hosts import registry
from memory_router.engines.transcripts.hosts.registry import DatabaseHost, HostReader
from memory_router.engines.transcripts.record import Record, parsed
from memory_router.storage.sqlite import open_foreign

# What is parsed at a time.
_BATCH_RECORDS = 2_000
_BATCH_BYTES = 4_000_000
# A file without a record of a session in this many lines is not a session.
_PROBED_LINES = 2_000
_LONGEST_DOCUMENT = 200_000_000  # bytes
DATABASES = (".sqlite", ".db", ".vscdb")


class Batch(NamedTuple):
    """Records with the position after them and how many lines before it could not be read."""

    records: list[Record]
    consumed: int
    unreadable: int = 0


def reader_of(path: str, stream: BinaryIO) -> HostReader | None:
    """Return what reads a file of lines, by its first records; None if it holds no session."""
    for number, line in enumerate(files.lines(stream, 0)):
        for raw in parsed(line.raw) if line.raw else ():
            if reader := registry.reader_of(path, raw):
                return reader
        if number >= _PROBED_LINES:
            break
    return None


def in_lines(reader: HostReader, stream: BinaryIO, start: int) -> Iterator[Batch]:
    """Yield what the lines of a file say; an answer of several lines stays together.

    Args:
        reader: what reads the file.
        stream: the open file.
        start: where to begin, in bytes.
    """
    batch: list[Record] = []
    size, consumed, unreadable = 0, start, 0
    for line in files.lines(stream, start):
        is_whole = line.raw is None or line.raw.endswith(b"\n")
        raws = parsed(line.raw) if line.raw is not None else []
        if not raws and not is_whole:
            break  # half-written: the next run reads it whole
        if not raws:
            unreadable += bool(line.raw is None or line.raw.strip(b"\0 \t\r\n"))
        for raw in raws:
            batch.extend(reader.read(raw, line.start))
        size += line.end - line.start
        consumed = line.end
        is_full = len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES
        if is_full and (not batch or not batch[-1].answer or len(batch) >= 2 * _BATCH_RECORDS):
            yield Batch(batch, consumed, unreadable)
            batch, size, unreadable = [], 0, 0
    if consumed > start or batch:
        yield Batch(batch, consumed, unreadable)


def in_document(path: str, stream: BinaryIO) -> tuple[HostReader, Batch] | None:
    """Return what reads a file that is one JSON document, and what that says; None if it is not a session."""
    size = os.fstat(stream.fileno()).st_size
    if size > _LONGEST_DOCUMENT:
        return None
    stream.seek(0)
    records = parsed(stream.read())
    reader = registry.reader_of(path, records[0]) if records else None
    return (reader, Batch(list(reader.read(records[0], 0)), size)) if reader else None


def in_database(tables: DatabaseHost, connection: apsw.Connection, start: int) -> Iterator[Batch]:
    """Yield what the rows of a database say; all of them, if those read before are gone.

    Args:
        tables: the host that writes it.
        connection: the open database.
        start: the last row that was read before.
    """
    batch: list[Record] = []
    last = connection.execute(f"SELECT max(rowid) FROM {tables.ROWS}").get or 0  # noqa: S608 - a constant
    consumed = start if last >= start else 0
    for row, records in tables.rows(connection, consumed):
        batch.extend(records)
        consumed = row
        if len(batch) >= _BATCH_RECORDS:
            yield Batch(batch, consumed)
            batch = []
    yield Batch(batch, consumed)


def sessions_below(places: Sequence[str]) -> set[str]:
    """Return the hosts' ids of all sessions in files and folders; what cannot be read is passed over.

    Args:
        places: absolute paths of files or folders; one that is gone holds nothing.
    """
    sessions: set[str] = set()
    for file in files.sessions_below([place for place in places if os.path.exists(place)]) if places else ():
        with suppress(OSError, apsw.Error):
            sessions |= {record.session for batch in _batches(file.path) for record in batch.records if record.session}
    return sessions


def _batches(path: str) -> Iterator[Batch]:
    """Yield all that a file says."""
    if path.endswith(DATABASES):
        with closing(open_foreign(path)) as connection:
            tables = registry.database_of(connection)
            yield from in_database(tables, connection, 0) if tables else ()
        return
    with files.open_regular(path) as stream:
        if path.endswith(".json"):
            document = in_document(path, stream)
            yield from document[1:] if document else ()
        elif reader := reader_of(path, stream):
            yield from in_lines(reader, stream, 0)


def state_of_database(path: str) -> bytes:
    """Return a digest that changes whenever a database is written."""
    parts = []
    for file in (path, path + "-wal"):
        try:
            status = os.stat(file)
        except FileNotFoundError:
            continue
        if status.st_size:  # a reader leaves an empty log behind
            parts.append(f"{status.st_size}:{status.st_mtime_ns}")
    return hashlib.blake2b(" ".join(parts).encode(), digest_size=16).digest()
