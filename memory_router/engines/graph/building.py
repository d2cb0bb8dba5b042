"""Bring the graph up to date with what the other engines hold.

Each text is replaced in one transaction with everything that follows from it, and what it leaves open is marked in
the same one: an end at any moment loses nothing, and the next run goes on from there.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from typing import NamedTuple, TypeVar

import apsw

from memory_router import paths
from memory_router.engines.graph import sources
from memory_router.engines.graph.extraction import crates, go_packages, modules, processes, script_modules
from memory_router.engines.graph.facts import Facts, Source
from memory_router.engines.graph.resolution import resolve
from memory_router.engines.graph.schema import SCHEMA
from memory_router.engines.graph.store import GraphWriter
from memory_router.errors import CorruptStoreError, StoreError
from memory_router.storage.files import exclusive, quarantine
from memory_router.storage.sqlite import erase_traces, named_errors, open_database, writing
from memory_router.text.terms import stems

_MEMORY = "memory:"  # paths of memories begin so
_BATCH = 200  # texts a transaction
_READ = 5000  # texts that are known to have changed at a time
# Files that say what the names in other files mean: packages, workspaces, paths.
_CONFIGURING = re.compile(
    r"__init__\.py|go\.mod|Cargo\.toml|package\.json|pnpm-workspace\.yaml|pyproject\.toml|[jt]sconfig[\w.-]*\.json"
)
_CODE_BELOW = """
    SELECT path, root, language, fingerprint, modified, NULL FROM files f WHERE path > ? AND path < ?
    AND EXISTS (SELECT 1 FROM nodes n WHERE n.file = f.id AND n.kind = 'module')
"""
_T = TypeVar("_T")


class BuildReport(NamedTuple):
    """What a run did.

    Args:
        changed: texts that were read.
        removed: texts that are gone.
        entities: nodes in the graph now.
        relations: edges in the graph now.
        problems: texts of which little could be read, by reason.
        seconds: wall-clock time.
    """

    changed: int
    removed: int
    entities: int
    relations: int
    problems: dict[str, int]
    seconds: float


def bring_up_to_date(texts: Iterable[Source] | None = None, *, database: str | None = None) -> BuildReport:
    """Read what has changed since the last run, and find out again what references to it mean.

    Args:
        texts: everything that is to be in the graph; by default what is indexed, remembered and imported.
        database: the graph; the user's own when None.

    Raises:
        StoreError: the graph cannot be written.
    """
    database = database or paths.graph_db()
    given = None if texts is None else list(texts)
    with exclusive(database, _silently):
        try:
            return _refreshed(database, given)
        except CorruptStoreError:
            quarantine(database)
            return _refreshed(database, given)


def take_in_memories(database: str, memories: str) -> None:
    """Bring what is remembered up to date in a graph, and nothing else; another run at work is left to it.

    Args:
        database: the graph.
        memories: the database of memories.

    Raises:
        StoreError: the graph cannot be written, or another run writes it.
    """
    with (
        exclusive(database, _give_way),
        closing(open_database(database, SCHEMA)) as connection,
        named_errors(database),
    ):
        _follow(connection, memories, lambda: _update(connection, sources.memories(memories), _MEMORY))


def _follow(connection: apsw.Connection, memories: str, update: Callable[[], _T]) -> _T:
    """Run an update, and note up to which revision it took the memories in.

    The revision is read before the memories are: what is stored in between is taken in twice, and nothing is missed.
    """
    revision = sources.revision(memories)
    done = update()
    connection.execute("INSERT OR REPLACE INTO followed(store, revision) VALUES ('memories', ?)", (revision,))
    return done


def forget_what_is_gone(database: str | None = None) -> None:
    """Take out of the graph what is neither indexed nor remembered nor imported any more, to the last byte.

    Args:
        database: the graph; the user's own when None. A missing one is not made.

    Raises:
        StoreError: the graph cannot be written.
    """
    database = database or paths.graph_db()
    if not os.path.exists(database):
        return
    bring_up_to_date(database=database)
    with exclusive(database, _silently), closing(open_database(database, SCHEMA)) as connection:
        erase_traces(connection, database)


def _give_way() -> None:
    raise StoreError("Another run writes the graph.", "Ask again when it is done.")


def _silently() -> None:
    """Wait for another run without a word: the index has already said so."""


def _everything() -> Iterator[Source]:
    return chain(
        sources.documents(paths.documents_db()),
        sources.memories(paths.memory_file() or ""),
        sources.turns(paths.transcripts_db()),
    )


def _refreshed(database: str, given: list[Source] | None) -> BuildReport:
    started = time.perf_counter()
    for configured in (modules, crates, go_packages, script_modules):
        configured.forget()
    connection = open_database(database, SCHEMA)
    try:
        with named_errors(database):
            connection.pragma("cache_size", -65536)
            if given is None:
                run = _follow(connection, paths.memory_file() or "", lambda: _update(connection, _everything()))
            else:
                run = _update(connection, given)
            changed, removed = run
            return _report(connection, changed, removed, time.perf_counter() - started)
    finally:
        connection.close()


def _update(connection: apsw.Connection, listed: Iterable[Source], among: str = "") -> tuple[int, int]:
    """Put what is listed in place of what is held, and return how many texts changed and went.

    Args:
        connection: the graph, open for writing.
        listed: every text that is to be held; it is looked through once, and a few are in memory at a time.
        among: the beginning of the paths that are compared; others stay as they are.
    """
    store = GraphWriter(connection, stems)
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS listed(path TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.execute("DELETE FROM listed")
    is_first = connection.execute("SELECT 1 FROM files LIMIT 1").get is None
    configured: set[str] = set()
    changed = 0
    for batch in _batches(_fresh(connection, listed), _READ):
        changed += len(batch)
        configured.update(os.path.dirname(source.path) for source in batch if _configures(source.path))
        _read(connection, store, batch)
    gone = [
        str(path)
        for (path,) in connection.execute(
            "SELECT path FROM files WHERE substr(path, 1, length(?1)) = ?1 AND path NOT IN (SELECT path FROM listed)",
            (among,),
        )
    ]
    configured.update(os.path.dirname(path) for path in gone if _configures(path))
    for removed in _batches(gone, _BATCH):
        with writing(connection):
            for path in removed:
                store.remove(path)
            store.settle()
    for folder in () if is_first else sorted(configured):
        below = list(map(Source._make, connection.execute(_CODE_BELOW, (f"{folder}/", f"{folder}0"))))
        _read(connection, store, below)
    resolve(connection, stems)
    return changed, len(gone)


def _fresh(connection: apsw.Connection, listed: Iterable[Source]) -> Iterator[Source]:
    """Yield the texts that are not held as they are now, each path once."""
    for source in listed:
        if connection.execute("INSERT OR IGNORE INTO listed(path) VALUES (?) RETURNING 1", (source.path,)).get is None:
            continue
        if connection.execute("SELECT fingerprint FROM files WHERE path = ?", (source.path,)).get != source.fingerprint:
            yield source


def _configures(path: str) -> bool:
    """Return whether a file decides how the names of others are resolved."""
    return bool(_CONFIGURING.fullmatch(os.path.basename(path)))


def _read(connection: apsw.Connection, store: GraphWriter, texts: list[Source]) -> None:
    # Texts are read before the transaction that writes them: others may read the graph meanwhile, and write it never.
    with closing(processes.read(texts)) as batches:
        for read in batches:
            with writing(connection):
                for source, facts in read:
                    _put(store, source, facts)
                store.settle()


def _put(store: GraphWriter, source: Source, facts: Facts | None) -> None:
    if facts is None:
        store.remove(source.path)
    else:
        store.put(source, facts)


def _report(connection: apsw.Connection, changed: int, removed: int, seconds: float) -> BuildReport:
    count: Callable[..., apsw.Cursor] = connection.execute
    problems: Counter[str] = Counter()
    for reason, number in count("SELECT problem, count(*) FROM files WHERE problem <> '' GROUP BY problem"):
        problems[reason] = number
    return BuildReport(
        changed,
        removed,
        int(count("SELECT count(*) FROM nodes").get),
        int(count("SELECT count(*) FROM edges").get),
        dict(problems),
        seconds,
    )


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
