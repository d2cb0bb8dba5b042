"""Report what an index holds and what has changed since, forget folders, and follow changes of files."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from memory_router.engines.documents import store
from memory_router.engines.documents.schema import SCHEMA
from memory_router.errors import StoreError
from memory_router.paths import shown
from memory_router.sources.discovery import Survey
from memory_router.storage.sqlite import named_errors, open_database, open_read_only, writing

# The silence that ends a burst of changes, and the longest time until a burst is told.
_STEP_MS, _BURST_MS = 50, 400
# How often folders are looked at where the system tells of no change, and how often whether others are indexed now.
_POLL_MS, _LOOK_MS = 1000, 2000


class RootStatus(NamedTuple):
    """The state of one indexed folder.

    Args:
        path: the folder.
        files: its files in the index.
        chunks: their passages.
        age: seconds since the last run that ended, or None.
        new: files that are there and not indexed.
        changed: files that differ from what was indexed.
        removed: indexed files that are gone, or not to be indexed any more.
        skipped: files and folders left out, by reason.
        unreadable: paths that cannot be looked at.
    """

    path: str
    files: int
    chunks: int
    age: float | None
    new: int
    changed: int
    removed: int
    skipped: dict[str, int]
    unreadable: dict[str, str]


_FILES = """
    SELECT f.path, f.mtime_ns, f.size, f.unfit, (SELECT count(*) FROM chunks c WHERE c.file = f.id)
    FROM files f JOIN roots r ON r.id = f.root WHERE r.path = ?
"""


def status(database: str) -> list[RootStatus]:
    """Compare an index with the files on disk, without reading them; nothing is changed.

    Raises:
        StoreError: the index is damaged or locked.
    """
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return []
    with named_errors(database):
        roots = list(connection.execute("SELECT path, finished FROM roots ORDER BY path"))
        held = {path: list(connection.execute(_FILES, (path,))) for path, _ in roots}
        everywhere = {row[0] for rows in held.values() for row in rows}
    connection.close()
    return [_root_status(path, finished, held[path], everywhere) for path, finished in roots]


def _root_status(root: str, finished: float | None, rows: list[Any], everywhere: set[str]) -> RootStatus:
    known = {path: (mtime_ns, size) for path, mtime_ns, size, _, _ in rows}
    survey = Survey(root)
    present = {file.path: (file.mtime_ns, file.size) for file in survey.files()} if os.path.exists(root) else {}
    skipped = survey.skipped + Counter(unfit for *_, unfit, _ in rows if unfit)
    return RootStatus(
        root,
        sum(not unfit for *_, unfit, _ in rows),
        sum(chunks for *_, chunks in rows),
        max(0.0, time.time() - finished) if finished else None,
        len(present.keys() - everywhere),
        sum(present[path] != stamp for path, stamp in known.items() if path in present),
        len(known.keys() - present.keys()),
        dict(skipped.most_common()),
        survey.unreadable,
    )


def disk_size(database: str) -> int:
    """Return how many bytes an index takes on disk, with its write-ahead log."""
    return sum(os.path.getsize(name) for name in (database, f"{database}-wal") if os.path.exists(name))


def files_below(database: str, folder: str) -> int:
    """Return how many indexed files `remove` would forget.

    Raises:
        StoreError: the index is damaged or locked, or knows nothing of the folder.
    """
    connection = open_read_only(database, SCHEMA)
    with named_errors(database):
        count = len(store.stored_below(connection, folder)) if connection else 0
        known = connection and connection.execute("SELECT 1 FROM roots WHERE path = ?", (folder,)).get
    if not count and not known:
        raise StoreError(
            f"Nothing of {shown(folder)} is indexed.", "See what is: memory-router index --status. Nothing was changed."
        )
    return count


def remove(database: str, folder: str) -> int:
    """Forget a folder with all that is indexed below it; its files stay. Return how many were forgotten.

    Raises:
        StoreError: the index is damaged or locked.
    """
    connection = open_database(database, SCHEMA)
    with named_errors(database), writing(connection):
        gone = list(store.stored_below(connection, folder))
        for path in gone:
            store.remove_document(connection, path)
        connection.execute("DELETE FROM roots WHERE path = ?", (folder,))
    connection.close()
    return len(gone)


def changes(database: str) -> Iterator[None]:
    """Yield after every burst of changes below the indexed folders, until the caller stops or Ctrl-C ends it.

    Raises:
        StoreError: nothing is indexed yet.
    """
    present = [root for root in roots(database) if os.path.exists(root)]
    if not present:
        raise StoreError("There is no indexed folder to watch.", "Name one: memory-router index PATH --watch")
    yield from _bursts(database, present, None)


def follow(database: str) -> Iterator[None]:
    """Yield at once, after every burst of changes below the indexed folders, and when other folders are indexed.

    Args:
        database: the index; the end comes when it is gone.

    Raises:
        StoreError: the index is damaged or locked.
    """
    while os.path.exists(database):
        present = [root for root in roots(database) if os.path.exists(root)]
        yield
        if present:
            yield from _bursts(database, present, _LOOK_MS)
        else:
            time.sleep(_LOOK_MS / 1000)


def _bursts(database: str, folders: list[str], until_ms: int | None) -> Iterator[None]:
    """Yield after every burst of changes below folders.

    Args:
        database: the index.
        folders: absolute paths.
        until_ms: how often to look whether the same folders are indexed, and to end where they are not; None for never.
    """
    from watchfiles import watch  # only what watches pays for it

    # The index's own files may lie below a root; their changes do not count.
    own = os.path.dirname(os.path.abspath(database)) + os.sep
    options: dict[str, Any] = {"raise_interrupt": True, "debounce": _BURST_MS, "step": _STEP_MS}
    if until_ms:
        options |= {"rust_timeout": until_ms, "yield_on_timeout": True}
    for is_polling in (False, True):
        is_new = bool(until_ms)
        try:
            for burst in watch(
                *folders, watch_filter=lambda _, path: not path.startswith(own), force_polling=is_polling, **options
            ):
                if burst or is_new:  # what changed before the system began to tell of changes
                    yield
                is_new = False
                if until_ms and (not os.path.exists(database) or set(folders) ^ _present(database)):
                    return
        except OSError:  # the system has too few watches left for the folders: look at the files instead
            if is_polling:
                raise
            options["poll_delay_ms"] = _POLL_MS
        else:
            return


def _present(database: str) -> set[str]:
    return {root for root in roots(database) if os.path.exists(root)}


def roots(database: str) -> list[str]:
    """Return the folders that are indexed.

    Raises:
        StoreError: the index is damaged or locked.
    """
    connection = open_read_only(database, SCHEMA)
    with named_errors(database):
        return [path for (path,) in connection.execute("SELECT path FROM roots ORDER BY path")] if connection else []
