"""Bring the archive of conversations up to date with the sessions on disk.

Sessions only grow, so each run reads what was added since the last one. A batch of lines and the position after
it are committed together: an end at any moment, even by `kill -9`, loses nothing and repeats nothing. What a host
deletes stays in the archive.
"""

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import NamedTuple

import apsw

from memory_router import paths
from memory_router.engines.transcripts import files, place, sources, survey, vectors
from memory_router.engines.transcripts.files import SessionFile
from memory_router.engines.transcripts.hosts import registry
from memory_router.engines.transcripts.record import merged
from memory_router.engines.transcripts.schema import NOT_UNDERSTOOD, SCHEMA, count_sessions
from memory_router.engines.transcripts.sources import Batch
from memory_router.engines.transcripts.writing import Archivist, FileState
from memory_router.errors import CorruptStoreError
from memory_router.storage.files import exclusive
from memory_router.storage.salvage import Salvaged
from memory_router.storage.sqlite import named_errors, open_database, open_foreign, writing

# What is committed at a time: few large commits cost the full-text index less.
_COMMIT_RECORDS = 10_000
_CHECKPOINT_PAGES = 10_000
_CACHE_KIB = 32_768
# How many of the sessions that were written last are looked at first for more.
_GROWING = 20
# Where so large a share of the archive is new, its full-text index is merged into one segment: a question looks up
# every term in each. Half a million messages take 1.5 s and are asked five times as fast.
_MERGED_SHARE = 0.05


class ImportReport(NamedTuple):
    """What a run did.

    Args:
        files: transcript files found.
        read: files among them in which something was new.
        added: turns, tool calls, tool results and summaries that were added.
        repeated: records that were there before, as resumed sessions have them.
        unreadable_lines: lines that are not JSON or are too long; a half-written last line is not counted.
        skipped: files left out, by reason.
        unreadable: files that could not be read, with the reason.
        notes: what else the user should know.
        places: the folders and files that were looked through.
        sessions: sessions in the archive now.
        messages: turns, tool calls, tool results and summaries in the archive now.
        seconds: wall-clock time of the import.
        embedded: turns that were given a vector after it.
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


class ImportListener:
    """Listens to a run; every method does nothing unless overridden."""

    def waiting(self) -> None:
        """Note that another run writes the archive and this one waits for it."""

    def surveyed(self, size: int) -> None:
        """Note how many bytes of transcripts were found."""

    def advanced(self, size: int) -> None:
        """Add to the number of bytes that are done."""

    def embedded(self, turns: int, total: int) -> None:
        """Set how many turns have got a vector, of those that had none."""


_SILENT = ImportListener()


def import_transcripts(
    places: Sequence[str] = (), *, database: str | None = None, listener: ImportListener = _SILENT
) -> ImportReport:
    """Import sessions of agents; without any place, from where these programs keep them.

    Args:
        places: folders or single files.
        database: the archive; the user's own when None.
        listener: hears of progress.

    Raises:
        StoreError: the archive cannot be written, or a place does not exist.
    """
    began, started = time.time(), time.perf_counter()
    is_own, database = database is None, database or place.archive()
    chosen = [os.path.realpath(place) for place in places] or files.standard_places()
    sessions = files.sessions_below(chosen) if chosen else []
    with exclusive(database, listener.waiting):
        try:
            run = _imported(database, sessions, listener)
        except CorruptStoreError:
            note = _told(place.mend(database))
            run = _imported(database, sessions, listener)
            run.notes.append(note)
        report = run.report(sessions, chosen, time.perf_counter() - started)
        if is_own and {*map(os.path.realpath, files.standard_places())} <= {*chosen}:
            with suppress(OSError):  # the next question looks again
                survey.note(began, [*registry.places(), *(file.path for file in sessions[-_GROWING:])])
        try:
            with named_errors(database):
                embedded = vectors.refresh(run.connection, listener.embedded)
        finally:
            run.connection.close()
    return report._replace(embedded=embedded.turns, embedding_seconds=embedded.seconds)


def _imported(database: str, found: Sequence[SessionFile], listener: ImportListener) -> "_ImportRun":
    connection = open_database(database, SCHEMA)
    try:
        connection.pragma("cache_size", -_CACHE_KIB)
        connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        with named_errors(database):
            run = _ImportRun(connection, listener)
            with writing(connection):
                run.read(found)
                run.merge_segments()
    except BaseException:
        connection.close()
        raise
    return run


def _told(mended: Salvaged) -> str:
    """Return a sentence about what became of a damaged archive."""
    if mended.aside is None:
        return "The archive was damaged: its indexes were built anew, and nothing is missing."
    lost = f" Some may be missing from: {', '.join(mended.damaged_tables)}." if mended.damaged_tables else ""
    return (
        f"The archive was damaged: the {mended.rows:,} rows that could be read were copied to a new one.{lost}"
        f" The damaged file is kept: {paths.shown(mended.aside)}."
    )


class _ImportRun:
    """The state of one run over one open archive."""

    def __init__(self, connection: apsw.Connection, listener: ImportListener) -> None:
        self.connection = connection
        self.listener = listener
        self.archivist = Archivist(connection)
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}
        self.notes: list[str] = []

    def read(self, found: Sequence[SessionFile]) -> None:
        """Read what is new in each file."""
        self.listener.surveyed(sum(_size(file.path) for file in found))
        for file in found:
            try:
                self._read_file(file)
            except OSError as error:
                self.unreadable[file.path] = error.strerror or str(error)

    def merge_segments(self) -> None:
        """Merge the segments of the full-text index if much was added."""
        if self.archivist.added > _MERGED_SHARE * self._messages():
            self.connection.execute("INSERT INTO node_text(node_text) VALUES ('optimize')")

    def report(self, found: Sequence[SessionFile], places: Sequence[str], seconds: float) -> ImportReport:
        """Sum up the run."""
        return ImportReport(
            len(found),
            self.counts["read"],
            self.archivist.added,
            self.archivist.repeated,
            self.counts["unreadable lines"],
            dict(self.skipped),
            self.unreadable,
            tuple(self.notes),
            tuple(places),
            count_sessions(self.connection),
            self._messages(),
            seconds,
        )

    def _messages(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM nodes").get)

    def _read_file(self, file: SessionFile) -> None:
        path = file.path
        if path.endswith(sources.DATABASES):
            self._read_database(file)
            return
        with files.open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            state = self.archivist.state_of(path)
            if state and (
                state.last == NOT_UNDERSTOOD
                or size < state.consumed
                or files.digest(stream, state.consumed) != state.head
            ):
                state = state._replace(consumed=0, last=0)  # another file took the name, or it was written anew
            state = state or FileState(self.archivist.add_file(path), 0, b"", 0)
            self.listener.advanced(min(state.consumed, size))
            if size == state.consumed:
                return
            fallback = os.fstat(stream.fileno()).st_mtime
            if path.endswith(".json"):
                document = sources.in_document(path, stream)
                reader, batches = (document[0], iter((document[1],))) if document else (None, iter(()))
            else:
                reader = sources.reader_of(path, stream)
                batches = sources.in_lines(reader, stream, state.consumed) if reader else iter(())
            if reader is None:
                self._pass_over(file, state, size, files.digest(stream, size))
                return
            self.counts["read"] += 1
            for batch in batches:
                position = stream.tell()
                head = files.digest(stream, batch.consumed)
                stream.seek(position)
                self.counts["unreadable lines"] += batch.unreadable
                self.listener.advanced(batch.consumed - state.consumed)
                state = self._store(reader.host, batch, state, head, fallback)

    def _read_database(self, file: SessionFile) -> None:
        path = file.path
        head = sources.state_of_database(path)
        state = self.archivist.state_of(path)
        self.listener.advanced(_size(path))
        if state and state.head == head and state.last != NOT_UNDERSTOOD:
            return
        state = state or FileState(self.archivist.add_file(path), 0, b"", 0)
        try:
            connection = open_foreign(path)
            with closing(connection):
                tables = registry.database_of(connection)
                if tables is None:
                    self._pass_over(file, state, 0, head)
                    return
                self.counts["read"] += 1
                state = state._replace(last=max(state.last, 0))
                for batch in sources.in_database(tables, connection, state.consumed):
                    state = self._store(tables.NAME, batch, state, head, os.stat(path).st_mtime)
        except apsw.SQLError:  # a table lacks what is known of it
            self._pass_over(file, state, 0, head)
        except apsw.Error as error:
            self.unreadable[path] = str(error)

    def _store(self, host: str, batch: Batch, state: FileState, head: bytes, fallback: float) -> FileState:
        last = self.archivist.store(host, merged(batch.records), state.last, fallback)
        advanced = state._replace(consumed=batch.consumed, head=head, last=last)
        self.archivist.note_state(advanced)
        self._commit(at_least=_COMMIT_RECORDS)
        return advanced

    def _pass_over(self, file: SessionFile, state: FileState, size: int, head: bytes) -> None:
        """Note a file that no reader understands; a later version tries again."""
        if file.host:
            self.archivist.note_state(state._replace(consumed=size, head=head, last=NOT_UNDERSTOOD))
            self.skipped[f"{file.host.TITLE}, in a format newer than known"] += 1
        else:
            self.skipped["no transcript"] += 1
        self.listener.advanced(size)

    def _commit(self, at_least: int) -> None:
        """Commit if enough records were added since the last commit."""
        if self.archivist.added - self.counts["committed"] >= at_least:
            self.connection.execute("COMMIT; BEGIN IMMEDIATE")
            self.counts["committed"] = self.archivist.added


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
