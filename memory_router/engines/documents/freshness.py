"""Compare the files of an answer with the disk: what is gone does not answer, and what was changed is marked."""

import json
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from memory_router.engines.documents.search import DocumentHit, DocumentIndex
from memory_router.engines.documents.selection import PassageSelection
from memory_router.paths import shown
from memory_router.storage.sqlite import named_errors

# How often to search again for what takes the place of passages whose files are gone. Whole folders are left out at
# once, so that more rounds are only needed where single files were deleted all over.
_ROUNDS = 4
# How many files that are gone are named.
_NAMED = 3

_STAMPS = "SELECT path, mtime_ns, size FROM files WHERE path IN (SELECT value FROM json_each(?))"


class Present(NamedTuple):
    """What an index finds in files that are there.

    Args:
        hits: the passages, most probable first.
        changed: the files among theirs that were changed since they were indexed.
        gone: files and folders that would have answered and are not there any more.
        deleted: how many of `gone` lie in an indexed folder that is there, so that indexing it anew forgets them.
        age: seconds since the last run of the index ended, or None.
    """

    hits: list[DocumentHit]
    changed: frozenset[str]
    gone: tuple[str, ...]
    deleted: int
    age: int | None

    def metadata(self) -> dict[str, int]:
        """Return for the answer how old the index is, how many files differ from it, and how many are gone."""
        if self.age is None:
            return {}
        told = {"index_age": self.age, "files_changed": len(self.changed) + self.deleted}
        return told | ({"files_gone": len(self.gone)} if self.gone else {})

    def explanation(self) -> str:
        """Return why nothing is left to answer, and what to do."""
        places = ", ".join(map(shown, self.gone[:_NAMED]))
        return (
            f"What would answer is gone from the disk: {places}."
            " If it was moved, run: memory-router index NEW_FOLDER; to forget it: memory-router index --remove FOLDER"
        )


def present(
    index: DocumentIndex, search: Callable[[PassageSelection], list[DocumentHit]], selection: PassageSelection
) -> Present:
    """Search, and leave out what is in files that are gone, also as a copy.

    Args:
        index: what is searched.
        search: returns the passages of a selection.
        selection: which passages may answer.

    Raises:
        StoreError: the index is damaged or locked.
    """
    gone: list[str] = []
    for _ in range(_ROUNDS):
        hits = search(selection._replace(absent=tuple(gone)))
        states = _states(index, [path for hit in hits for path in (hit.path, *(path for path, _ in hit.copies))])
        absent = [path for path, state in states.items() if state == "gone"]
        gone += dict.fromkeys(_outermost(path, root) for path, root in _places(hits) if path in absent)
        if not absent:
            break
    kept = [
        hit._replace(copies=tuple(copy for copy in hit.copies if states.get(copy[0]) != "gone"))
        for hit in hits
        if states.get(hit.path) != "gone"
    ]
    changed = frozenset(path for path, state in states.items() if state == "changed")
    with named_errors(index.path):
        roots = dict(index.connection.execute("SELECT path, finished FROM roots"))
    finished = max((ended for ended in roots.values() if ended), default=None)
    deleted = sum(place not in roots for place in gone)
    return Present(kept, changed, tuple(gone), deleted, round(time.time() - finished) if finished else None)


def file_state(path: str, mtime_ns: int, size: int) -> str:
    """Return whether a file is `unchanged` since it was indexed, `changed` or `gone`."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return "gone"
    return "unchanged" if (status.st_mtime_ns, status.st_size) == (mtime_ns, size) else "changed"


def _states(index: DocumentIndex, files: Sequence[str]) -> dict[str, str]:
    with named_errors(index.path):
        stamps = index.connection.execute(_STAMPS, (json.dumps(sorted(set(files))),))
        return {path: file_state(path, mtime_ns, size) for path, mtime_ns, size in stamps}


def _places(hits: Sequence[DocumentHit]) -> list[tuple[str, str]]:
    """Return every file of the hits with a folder that it was indexed with; of a copy, one that may hold it."""
    return [(path, hit.root) for hit in hits for path in (hit.path, *(path for path, _ in hit.copies))]


def _outermost(path: str, root: str) -> str:
    """Return the outermost folder on the way to a file, from its root on, that is gone; the file itself if none is."""
    if not path.startswith(root + os.sep):
        return path
    place = root
    for step in path[len(root) + 1 :].split(os.sep):
        if not os.path.exists(place):
            return place
        place = os.path.join(place, step)
    return path
