"""Bring the archive of conversations up to date with the transcripts on disk.

Transcripts only grow, so each run reads what was added since the last one. A batch of lines and the position after
it are committed together: an end at any moment, even by `kill -9`, loses nothing and repeats nothing. What a host
deletes stays in the archive.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple

import apsw
import orjson

from memory_router import paths
from memory_router.engines.transcripts import claude_code, files, openclaw, vectors
from memory_router.engines.transcripts.record import Record, merged
from memory_router.engines.transcripts.schema import SCHEMA
from memory_router.engines.transcripts.writing import Archivist, FileState
from memory_router.errors import CorruptStoreError
from memory_router.storage.files import exclusive, quarantine
from memory_router.storage.sqlite import named_errors, open_database, writing

# What is parsed at a time, and what is committed at a time: few large commits cost the full-text index less.
_BATCH_RECORDS = 2_000
_BATCH_BYTES = 4_000_000
_COMMIT_RECORDS = 10_000
_CHECKPOINT_PAGES = 10_000
# A file that shows no record of a transcript in so many lines is none.
_PROBED_LINES = 50


class Report(NamedTuple):
    """Tell what a run did.

    Args:
        files: transcript files found.
        read: files among them in which something was new.
        added: turns, tool calls, tool results and summaries that were added.
        repeated: records that were there before, as resumed sessions have them.
        unreadable_lines: lines that are no JSON or are too long; a half-written last line is not counted.
        skipped: files left out, by reason.
        unreadable: files that could not be read, with the reason.
        notes: what else the user should know.
        places: the folders and files that were looked through.
        sessions: sessions in the archive now.
        messages: turns, tool calls, tool results and summaries in the archive now.
        seconds: wall-clock time of the import.
        embedded: turns that were given a vector after it; none without the extra `vectors`.
        embedding_seconds: wall-clock time of that.
    """

    files: int
    read: int
    added: int
    repeated: int
    unreadable_lines: int
    skipped: Mapping[str, int]
    unreadable: Mapping[str, str]
    notes: tuple[str, ...]
    places: tuple[str, ...]
    sessions: int
    messages: int
    seconds: float
    embedded: int = 0
    embedding_seconds: float = 0.0


class Listener:
    """Hear how a run goes; every method does nothing unless overridden."""

    def waiting(self) -> None:
        """Hear that another run writes the archive and this one waits for it."""

    def surveyed(self, size: int) -> None:
        """Hear how many bytes of transcripts were found."""

    def advanced(self, size: int) -> None:
        """Hear that so many more bytes are done."""

    def embedded(self, turns: int, total: int) -> None:
        """Hear how many turns have a vector by now, of those that had none."""


_SILENT = Listener()
_Reader = claude_code.Reader | openclaw.Reader


def import_transcripts(
    places: Sequence[str] = (), *, database: str | None = None, listener: Listener = _SILENT
) -> Report:
    """Import transcripts of Claude Code and OpenClaw; without any place, from where these programs keep them.

    Args:
        places: folders or single files.
        database: the archive; the user's own when None.
        listener: hears of progress.

    Raises:
        StoreError: the archive cannot be written, or a place does not exist.
    """
    started = time.perf_counter()
    database = database or paths.transcripts_db()
    chosen = [os.path.realpath(place) for place in places] or files.standard_places()
    found = files.transcripts_below(chosen)
    with exclusive(database, listener.waiting):
        try:
            run = _imported(database, found, listener)
        except CorruptStoreError:
            aside = paths.shown(quarantine(database))
            run = _imported(database, found, listener)
            run.notes.append(f"The archive was damaged: it was moved to {aside} and built again from the transcripts.")
        report = run.report(found, chosen, time.perf_counter() - started)
        try:
            with named_errors(database):
                embedded = vectors.refresh(run.connection, listener.embedded)
        finally:
            run.connection.close()
    return report._replace(embedded=embedded.turns, embedding_seconds=embedded.seconds)


def _imported(database: str, found: Sequence[str], listener: Listener) -> "_Run":
    connection = open_database(database, SCHEMA)
    try:
        connection.pragma("cache_size", -65536)
        connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        run = _Run(connection, listener)
        with named_errors(database), writing(connection):
            run.read(found)
    except BaseException:
        connection.close()
        raise
    return run


class _Run:
    """Hold the state of one run over one open archive."""

    def __init__(self, connection: apsw.Connection, listener: Listener) -> None:
        self.connection = connection
        self.listener = listener
        self.archivist = Archivist(connection)
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}
        self.notes: list[str] = []

    def read(self, found: Sequence[str]) -> None:
        """Read what is new in each file."""
        self.listener.surveyed(sum(_size(path) for path in found))
        for path in found:
            try:
                with files.open_regular(path) as stream:
                    self._read_file(path, stream)
            except OSError as error:
                self.unreadable[path] = error.strerror or str(error)

    def report(self, found: Sequence[str], places: Sequence[str], seconds: float) -> Report:
        """Sum up the run."""
        count = self.connection.execute
        return Report(
            len(found),
            self.counts["read"],
            self.archivist.added,
            self.archivist.repeated,
            self.counts["unreadable lines"],
            dict(self.skipped),
            self.unreadable,
            tuple(self.notes),
            tuple(places),
            int(count("SELECT count(*) FROM sessions").get),
            int(count("SELECT count(*) FROM nodes").get),
            seconds,
        )

    def _read_file(self, path: str, stream: BinaryIO) -> None:
        size = os.fstat(stream.fileno()).st_size
        state = self.archivist.state_of(path)
        if state and (size < state.consumed or files.digest(stream, state.consumed) != state.head):
            state = state._replace(consumed=0, last=0)  # another file took the name, or it was written anew
        state = state or FileState(self.archivist.add_file(path), 0, b"", 0)
        self.listener.advanced(min(state.consumed, size))
        if size == state.consumed:
            return
        reader = _reader(path, stream)
        if reader is None:
            self.skipped["no transcript"] += 1
            self.listener.advanced(size)
            return
        self.counts["read"] += 1
        fallback = os.fstat(stream.fileno()).st_mtime
        for records, consumed in self._batches(reader, stream, state.consumed):
            last = self.archivist.store(reader.host, merged(records), state.last, fallback)
            position = stream.tell()
            advanced = state._replace(consumed=consumed, head=files.digest(stream, consumed), last=last)
            stream.seek(position)
            self.archivist.note_state(advanced)
            self._commit(at_least=_COMMIT_RECORDS)
            self.listener.advanced(consumed - state.consumed)
            state = advanced

    def _commit(self, at_least: int) -> None:
        """Commit if so many records were added since the last commit."""
        if self.archivist.added - self.counts["committed"] >= at_least:
            self.connection.execute("COMMIT; BEGIN IMMEDIATE")
            self.counts["committed"] = self.archivist.added

    def _batches(self, reader: _Reader, stream: BinaryIO, start: int) -> Iterator[tuple[list[Record], int]]:
        """Yield records with the position after them; an answer of several lines stays together."""
        batch: list[Record] = []
        size, consumed = 0, start
        for line in files.lines(stream, start):
            raw = parsed(line.raw) if line.raw is not None else None
            if raw is None:
                if line.raw is not None and not line.raw.endswith(b"\n"):
                    break  # half-written: the next run reads it whole
                self.counts["unreadable lines"] += bool(line.raw is None or line.raw.strip())
            else:
                record = reader.read(raw, line.start)
                if record:
                    batch.append(record)
                    size += line.end - line.start
            consumed = line.end
            is_full = len(batch) >= _BATCH_RECORDS or size >= _BATCH_BYTES
            if is_full and (not batch[-1].answer or len(batch) >= 2 * _BATCH_RECORDS):
                yield batch, consumed
                batch, size = [], 0
        if consumed > start or batch:
            yield batch, consumed


def _reader(path: str, stream: BinaryIO) -> _Reader | None:
    """Return what reads a file, by its first records; None if it holds no transcript."""
    for number, line in enumerate(files.lines(stream, 0)):
        raw = parsed(line.raw) if line.raw else None
        if raw and claude_code.is_ours(raw):
            return claude_code.Reader(path)
        if raw and openclaw.is_ours(raw):
            return openclaw.Reader(path, raw)
        if number >= _PROBED_LINES:
            break
    return None


def parsed(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line, or None; text that is no UTF-8 loses what cannot be read."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        if not raw.lstrip(b"\xef\xbb\xbf \t").startswith(b"{"):
            return None
        try:
            value = json.loads(raw.decode("utf-8-sig", "replace"))
            # Half a surrogate pair is JSON but no text.
            value = orjson.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
