"""Bring the document index up to date with the files on disk.

Work is committed in batches, so an end at any moment, even by `kill -9`, keeps what was done; the next run goes on
from there, because a file's row is written in the same transaction as its chunks.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import apsw

from memory_router import paths
from memory_router.engines.documents import store
from memory_router.engines.documents.schema import SCHEMA
from memory_router.errors import CorruptStoreError, StoreError
from memory_router.retrieval import vectors
from memory_router.retrieval.models import chosen_embedding, is_chosen
from memory_router.scope import project_of
from memory_router.sources import reading
from memory_router.sources.discovery import MAX_BYTES, DiscoveredFile, Survey
from memory_router.sources.document import Document
from memory_router.storage.files import exclusive, quarantine
from memory_router.storage.sqlite import named_errors, open_database, writing
from memory_router.text.embedding import RemoteModelError

_BATCH_FILES = 200
_BATCH_BYTES = 4_000_000
# A change within the same tick of the file system's clock as the reading leaves no trace in the time: such a file
# is read again next time. Ticks are a few milliseconds on most systems and two seconds on FAT.
_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_000_000_000


class IndexReport(NamedTuple):
    """What a run did.

    Args:
        added: files that were not indexed before.
        changed: files whose content is different now.
        unchanged: files left as they were.
        removed: files that are gone, or are not to be indexed any more.
        skipped: files and folders left out, by reason.
        unreadable: paths that could not be read, with the reason.
        notes: what else the user should know.
        roots: the folders that were looked through.
        files: files in the index now.
        chunks: passages in the index now.
        seconds: wall-clock time.
    """

    added: int
    changed: int
    unchanged: int
    removed: int
    skipped: Mapping[str, int]
    unreadable: Mapping[str, str]
    notes: tuple[str, ...]
    roots: tuple[str, ...]
    files: int
    chunks: int
    seconds: float


NOTHING = IndexReport(0, 0, 0, 0, {}, {}, (), (), 0, 0, 0.0)


class IndexListener:
    """Listens to a run; every method does nothing unless overridden."""

    def waiting(self) -> None:
        """Note that another run holds the index and this one waits for it."""

    def surveyed(self, root: str, files: int) -> None:
        """Note how many files of a root are to be looked at."""

    def advanced(self, files: int) -> None:
        """Add to the number of files that are done."""


_SILENT = IndexListener()


def index(
    folders: Sequence[str] = (), *, database: str | None = None, listener: IndexListener = _SILENT
) -> IndexReport:
    """Index folders and files, and remember them; without any, refresh all that are remembered.

    Args:
        folders: folders or single files.
        database: the index; the user's own when None.
        listener: hears of progress.

    Raises:
        StoreError: the index cannot be written, or a folder that was never indexed does not exist.
    """
    started = time.perf_counter()
    database = database or paths.documents_db()
    chosen = [os.path.realpath(folder) for folder in folders]
    with exclusive(database, listener.waiting):
        try:
            run = _refreshed(database, chosen, listener)
        except CorruptStoreError:
            note, known = _set_aside(database)
            run = _refreshed(database, [*filter(os.path.exists, known), *chosen], listener)
            run.notes.append(note)
        report = run.report(time.perf_counter() - started)
        run.connection.close()
    return report


def _refreshed(database: str, chosen: Sequence[str], listener: IndexListener) -> "_IndexRun":
    connection = _open(database)
    try:
        run = _IndexRun(connection, listener)
        with named_errors(database):
            run.refresh(chosen)
    except BaseException:
        connection.close()
        raise
    return run


class _News(NamedTuple):
    """A file that has to be written: its document, or None if only its time is new."""

    found: DiscoveredFile
    fingerprint: store.Fingerprint
    document: Document | None


class _IndexRun:
    """The state of one run over one open index."""

    def __init__(self, connection: apsw.Connection, listener: IndexListener) -> None:
        self.connection = connection
        self.listener = listener
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.unreadable: dict[str, str] = {}
        self.notes: list[str] = []
        self.roots: list[str] = []

    def refresh(self, chosen: Sequence[str]) -> None:
        """Bring the chosen roots up to date, or all known ones when none is chosen."""
        known = [path for (path,) in self.connection.execute("SELECT path FROM roots")]
        # What a root inside a chosen one holds may be invisible from the outer one, so both are looked through.
        affected = {root for root in known if not chosen or _is_below(root, chosen)}
        for root in sorted(affected | set(chosen)):
            if os.path.exists(root):
                self._refresh(root, [other for other in known if other != root])
            elif root in known and root in chosen:
                self._forget(root)
            elif root in known:
                self.notes.append(
                    f"{paths.shown(root)} is not there; what was indexed of it stays."
                    " Name it to `memory-router index` to forget it."
                )
            else:
                raise StoreError(
                    f"{paths.shown(root)} does not exist.",
                    "Give `memory-router index` a folder or a file that is there.",
                )
        written = self.counts["added"] + self.counts["changed"]
        store.merge_text(self.connection, written)
        model = chosen_embedding()
        if isinstance(model, str):
            self.notes += [model] * is_chosen()
            return
        try:
            vectors.refresh(self.connection, model, partial(store.without_vectors, self.connection))
        except RemoteModelError as error:
            self.notes.append(f"Not every passage has a vector: {error} Run `memory-router index` again to go on.")

    def report(self, seconds: float) -> IndexReport:
        """Sum up the run."""
        count = self.connection.execute
        return IndexReport(
            self.counts["added"],
            self.counts["changed"],
            self.counts["unchanged"],
            self.counts["removed"],
            dict(self.skipped.most_common()),
            self.unreadable,
            tuple(self.notes),
            tuple(self.roots),
            int(count("SELECT count(*) FROM files WHERE unfit = ''").get),
            int(count("SELECT count(*) FROM chunks").get),
            seconds,
        )

    def _refresh(self, path: str, others: Sequence[str]) -> None:
        self.roots.append(path)
        with writing(self.connection):
            root = store.add_root(self.connection, path)
        survey = Survey(path)
        files = list(survey.files())
        self.listener.surveyed(path, len(files))
        before = store.stored_below(self.connection, path)
        for batch in _batches(self._news(files, before, survey)):
            with writing(self.connection):
                for news in batch:
                    self._write(root, news)
            self.listener.advanced(len(batch))
        gone = before.keys() - {present.path for present in files}
        kept = [*survey.unreadable, *(other for other in others if _is_below(other, [path]))]
        self._remove([file for file in sorted(gone) if not _is_below(file, kept)])
        with writing(self.connection):
            self.connection.execute("UPDATE roots SET finished = ? WHERE id = ?", (time.time(), root))
        self.skipped.update(survey.skipped)
        self.unreadable.update(survey.unreadable)

    def _news(
        self, found: Sequence[DiscoveredFile], before: Mapping[str, tuple[int, store.Fingerprint]], survey: Survey
    ) -> Iterator[_News]:
        """Yield what has to be written; count and pass over the rest."""
        for file in found:
            mtime_ns, old = before.get(file.path, (0, None))
            cutter = reading.cutter_of(file.path)
            known = old if old and old.cutter == cutter else None
            if known and known.settled and (known.size, mtime_ns) == (file.size, file.mtime_ns):
                self._count("unchanged", known, survey)
                self.listener.advanced(1)
                continue
            try:
                raw, settled = _read(file)
            except FileNotFoundError:  # it vanished since the survey; the next run forgets it
                self.listener.advanced(1)
                continue
            except OSError as error:
                survey.unreadable[file.path] = error.strerror or str(error)
                self.listener.advanced(1)
                continue
            digest = hashlib.blake2b(raw, digest_size=16).digest()
            if known and known.hash == digest:
                self._count("unchanged", known, survey)
                yield _News(file, known._replace(size=file.size, settled=settled), None)
                continue
            unfit, document = reading.document(file.path, raw, file.mtime_ns)
            document = document._replace(project=project_of(os.path.dirname(file.path)) or "")
            fingerprint = store.Fingerprint(file.size, settled, digest, cutter, unfit)
            self._count("changed" if old else "added", fingerprint, survey)
            yield _News(file, fingerprint, document)

    def _count(self, kind: str, fingerprint: store.Fingerprint, survey: Survey) -> None:
        if fingerprint.unfit:
            survey.skipped[fingerprint.unfit] += 1
        else:
            self.counts[kind] += 1

    def _write(self, root: int, news: _News) -> None:
        if news.document is None:
            store.touch(self.connection, news.found.path, news.found.mtime_ns, news.fingerprint)
        else:
            store.put_document(self.connection, root, news.document, news.fingerprint)

    def _remove(self, gone: Sequence[str]) -> None:
        for start in range(0, len(gone), _BATCH_FILES):
            with writing(self.connection):
                for path in gone[start : start + _BATCH_FILES]:
                    store.remove_document(self.connection, path)
                    self.counts["removed"] += 1

    def _forget(self, root: str) -> None:
        self._remove(list(store.stored_below(self.connection, root)))
        with writing(self.connection):
            self.connection.execute("DELETE FROM roots WHERE path = ?", (root,))
        self.notes.append(f"{paths.shown(root)} is gone and was forgotten.")


def _read(found: DiscoveredFile) -> tuple[bytes, bool]:
    """Return a file's content, and whether a later change will show in its time."""
    now = time.time_ns()
    # O_NOFOLLOW and O_NONBLOCK: what was a file at the survey may be a link or a pipe by now.
    descriptor = os.open(found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        raw = file.read(MAX_BYTES + 1)
    tick = _TICK_NS if found.mtime_ns % 1_000_000_000 else _COARSE_TICK_NS
    return raw, len(raw) == found.size and now - found.mtime_ns > tick


def _batches(news: Iterator[_News]) -> Iterator[list[_News]]:
    batch: list[_News] = []
    size = 0
    for update in news:
        batch.append(update)
        size += update.fingerprint.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def _open(database: str) -> apsw.Connection:
    connection = open_database(database, SCHEMA)
    connection.pragma("cache_size", -65536)
    return connection


def _set_aside(database: str) -> tuple[str, list[str]]:
    """Move a damaged index out of the way; return a note and the roots that can still be read from it."""
    roots: list[str] = []
    with suppress(apsw.Error):
        damaged = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)
        roots = [path for (path,) in damaged.execute("SELECT path FROM roots")]
        damaged.close()
    aside = paths.shown(quarantine(database))
    return f"The index was damaged: it was moved to {aside} and built again from the files.", roots
