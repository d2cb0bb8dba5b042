"""Index documents and conversations, and bring up to date whatever follows from them: the graph, the registration."""

import os
import select
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NoReturn

from memory_router import paths, scope
from memory_router.app import agent_memories, registration
from memory_router.app.progress import Noting, progress
from memory_router.engines.documents import indexing as documents
from memory_router.engines.documents import upkeep
from memory_router.engines.documents.indexing import IndexListener
from memory_router.engines.documents.state import vectors
from memory_router.engines.documents.upkeep import RootStatus
from memory_router.engines.graph import building
from memory_router.engines.graph.search import KnowledgeGraph
from memory_router.engines.transcripts import importing, survey
from memory_router.engines.transcripts.files import standard_places
from memory_router.engines.transcripts.importing import ImportListener
from memory_router.engines.transcripts.retention import deletion_warning
from memory_router.errors import MemoryRouterError
from memory_router.routing import config_file
from memory_router.storage.files import exclusive

__all__ = ["ImportListener", "IndexListener", "deletion_warning", "progress", "standard_places"]

# Which backend answers from what is indexed here.
_DOCUMENTS, _CONVERSATIONS, GRAPH = "qmd", "lossless", "cognee"


def index(folders: Sequence[str] = (), listener: IndexListener | None = None) -> documents.IndexReport:
    """Index folders, or bring all known ones up to date, and then the graph.

    Args:
        folders: folders or files; none refreshes all that are known.
        listener: is told the progress.

    Raises:
        StoreError: an index cannot be read or written.
    """
    if not folders and not os.path.exists(paths.documents_db()):
        return documents.NOTHING  # a run in the background may come after its home was removed: nothing is written
    noting = Noting(listener or IndexListener())
    try:
        _register(folders)
        notes = _follow_moved(noting)
        report = documents.index(folders, listener=noting)
    finally:
        noting.ended()
    _update_graph()
    registration.refresh(_DOCUMENTS)
    return report._replace(notes=(*notes, *report.notes))


def _register(folders: Sequence[str]) -> None:
    """Note the checkouts among folders, so that they are found again when they have moved."""
    with suppress(OSError):  # a checkout that is not known is not followed
        for folder in filter(os.path.isdir, folders):
            scope.register(os.path.realpath(folder))


def _follow_moved(listener: IndexListener) -> list[str]:
    """Index checkouts that were moved from where they are now, and return a sentence for each."""
    moved = {root: place for root in roots() if not os.path.exists(root) and (place := scope.moved_to(root))}
    for root, place in moved.items():
        documents.index([place, root], listener=listener)
    _register([*moved.values()])
    return [
        f"{paths.shown(root)} was moved to {paths.shown(place)}, and is indexed there now."
        for root, place in moved.items()
    ]


def watch(listener: IndexListener | None = None) -> Iterator[documents.IndexReport]:
    """Index after every burst of changes below the indexed folders; yield a report where something changed.

    Args:
        listener: hears how far each run is.

    Raises:
        StoreError: nothing is indexed yet.
    """
    for _ in upkeep.changes(paths.documents_db()):
        report = index(listener=listener)
        if report.added or report.changed or report.removed:
            yield report


def import_transcripts(places: Sequence[str] = (), listener: ImportListener | None = None) -> importing.ImportReport:
    """Import conversations of agents and the notes they keep, and bring the graph up to date.

    Args:
        places: folders or files; none looks where agents keep theirs. Notes are read where these are among them.
        listener: is told the progress.

    Raises:
        StoreError: the archive cannot be written, or a file is gone.
    """
    report = importing.import_transcripts(places, listener=listener or ImportListener())
    if {*standard_places()} <= {*places} or not places:
        noted = agent_memories.bring_up_to_date()
        if noted.added or noted.removed:
            sentence = f"{noted.added:,} facts that agents noted came in, and {noted.removed:,} went that they deleted."
            report = report._replace(notes=(*report.notes, sentence))
    _update_graph()
    registration.refresh(_CONVERSATIONS)
    return report


def remove(folders: Sequence[str], listener: IndexListener | None = None) -> dict[str, int]:
    """Forget folders, and return how many indexed files went with each; the files themselves stay.

    Args:
        folders: absolute paths of folders or files.
        listener: hears when another run has to be waited for.
    """
    database = paths.documents_db()
    with exclusive(database, (listener or IndexListener()).waiting):
        gone = {folder: upkeep.remove(database, folder) for folder in folders}
    _update_graph()
    registration.refresh(_DOCUMENTS)
    return gone


def files_below(folders: Sequence[str]) -> dict[str, int]:
    """Return how many indexed files `remove` would forget with each folder.

    Raises:
        StoreError: nothing of a folder is indexed.
    """
    return {folder: upkeep.files_below(paths.documents_db(), folder) for folder in folders}


def roots() -> list[str]:
    """Return the folders that are indexed."""
    return upkeep.roots(paths.documents_db())


def status() -> list[RootStatus]:
    """Return what each indexed folder holds, and what has changed there since; nothing is changed."""
    return upkeep.status(paths.documents_db())


def disk_size() -> int:
    """Return how many bytes the document index takes."""
    return upkeep.disk_size(paths.documents_db())


def vectors_in_use() -> str:
    """Return a sentence about the vectors of the document index."""
    return vectors(paths.documents_db())


def open_graph() -> KnowledgeGraph | None:
    """Return the graph of what is indexed, or None where nothing is."""
    return KnowledgeGraph.open(paths.graph_db())


def _update_graph() -> None:
    """Bring the graph up to date with what is indexed, where its backend is registered."""
    if not registration.is_registered(GRAPH):
        return
    building.bring_up_to_date()
    registration.refresh(GRAPH)


# A machine with more work than this for each processor has none to spare for an index.
_BUSY = 2.0
# How often to look whether it still has, and how long to wait at most: where it always has, an index must not grow old.
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 60.0
# How often to look for new sessions of agents, and the largest share of the time that imports may take.
_SESSIONS_SECONDS, _IMPORTING_SHARE = 2.0, 0.1


def follow_changes() -> NoReturn:
    """Index after every burst of changes, and import what agents write, until stdin ends; then end the process."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    threading.Thread(target=_follow_sessions, daemon=True).start()
    with suppress(MemoryRouterError, OSError):  # the next command that needs the index tells what is wrong
        while is_there_to_follow():
            for _ in upkeep.follow(paths.documents_db()):
                _wait_for_quiet()
                index()
            time.sleep(_SESSIONS_SECONDS)
    os._exit(0)


def is_there_to_follow() -> bool:
    """Return whether folders were indexed or sessions imported, so that there is something to keep up to date."""
    return os.path.exists(paths.documents_db()) or os.path.exists(paths.sessions_survey())


def import_new_sessions() -> importing.ImportReport | None:
    """Import what agents wrote since the last import, unless there was none or the user does not want it.

    Raises:
        ConfigError: the configuration cannot be read.
        StoreError: the archive cannot be written.
    """
    return import_transcripts() if survey.is_behind() and config_file.load().hooks.session_end else None


def _follow_sessions() -> NoReturn:
    while True:
        _wait_for_quiet()
        started = time.monotonic()
        with suppress(MemoryRouterError, OSError):  # the backend of conversations tells what is wrong
            import_new_sessions()
        time.sleep(max(_SESSIONS_SECONDS, (time.monotonic() - started) / _IMPORTING_SHARE))


def _wait_for_quiet() -> None:
    until = time.monotonic() + _LONGEST_PAUSE_SECONDS
    while os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1) and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)


def _end_with_stdin() -> None:
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while not poll.poll():
        pass
    os._exit(0)
