"""Bring the graph up to date with what the other engines hold.

Each text is replaced in one transaction with everything that follows from it, and what it leaves open is marked in
the same one: an end at any moment loses nothing, and the next run goes on from there.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import NamedTuple, TypeVar

import apsw

from memory_router import paths
from memory_router.engines.graph import sources
from memory_router.engines.graph.extraction import crates, modules, processes, script_modules
from memory_router.engines.graph.facts import Facts, Source
from memory_router.engines.graph.resolution import resolve
from memory_router.engines.graph.schema import SCHEMA
from memory_router.engines.graph.store import Store, stored
from memory_router.errors import CorruptStoreError, StoreError
from memory_router.storage.files import exclusive, quarantine
from memory_router.storage.sqlite import erase_traces, named_errors, open_database, writing
from memory_router.text.relevance import stemmer

_MEMORY = "memory:"  # paths of memories begin so
_BATCH = 200  # texts a transaction
_T = TypeVar("_T")


class Report(NamedTuple):
    """Tell what a run did.

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


def bring_up_to_date(texts: Iterable[Source] | None = None, *, database: str | None = None) -> Report:
    """Read what has changed since the last run, and find out again what references to it mean.

    Args:
        texts: everything that is to be in the graph; by default what is indexed, remembered and imported.
        database: the graph; the user's own when None.

    Raises:
        StoreError: the graph cannot be written.
    """
    database = database or paths.graph_db()
    wanted = {one.path: one for one in (_everything() if texts is None else texts)}
    with exclusive(database, _silently):
        try:
            return _refreshed(database, wanted)
        except CorruptStoreError:
            quarantine(database)
            return _refreshed(database, wanted)


def take_in_memories(database: str, memories: str) -> None:
    """Bring what is remembered up to date in a graph, and nothing else; another run at work is left to it.

    Args:
        database: the graph.
        memories: the database of memories.

    Raises:
        StoreError: the graph cannot be written, or another run writes it.
    """
    wanted = {one.path: one for one in sources.memories(memories)}
    with exclusive(database, _give_way):
        connection = open_database(database, SCHEMA)
        try:
            with named_errors(database):
                held = {path: fingerprint for path, fingerprint in stored(connection) if path.startswith(_MEMORY)}
                _update(connection, wanted, held)
                os.utime(database)  # it is as new as the memories now, changed or not
        finally:
            connection.close()


def forget_what_is_gone(database: str | None = None) -> None:
    """Take out of the graph what is neither indexed nor remembered nor imported any more, to the last byte.

    Args:
        database: the graph; the user's own when None. Where there is none, none is made.

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
        sources.memories(paths.memory_db()),
        sources.turns(paths.transcripts_db()),
    )


def _refreshed(database: str, wanted: dict[str, Source]) -> Report:
    started = time.perf_counter()
    for configured in (modules, crates, script_modules):
        configured.forget()
    connection = open_database(database, SCHEMA)
    try:
        with named_errors(database):
            connection.pragma("cache_size", -65536)
            changed, removed = _update(connection, wanted, dict(stored(connection)))
            return _report(connection, changed, removed, time.perf_counter() - started)
    finally:
        connection.close()


def _update(connection: apsw.Connection, wanted: dict[str, Source], held: dict[str, str]) -> tuple[int, int]:
    """Put what is wanted in place of what is held, by path, and return how many texts changed and went."""
    stems = stemmer(connection)
    store = Store(connection, stems)
    gone = [path for path in held if path not in wanted]
    changed = [one for one in wanted.values() if held.get(one.path) != one.fingerprint]
    for batch in _batches(gone):
        with writing(connection):
            for path in batch:
                store.remove(path)
            store.settle()
    # Texts are read before the transaction that writes them: others may read the graph meanwhile, and write it never.
    with closing(processes.read(changed)) as batches:
        for read in batches:
            with writing(connection):
                for source, facts in read:
                    _put(store, source, facts)
                store.settle()
    resolve(connection, stems)
    return len(changed), len(gone)


def _put(store: Store, source: Source, facts: Facts | None) -> None:
    if facts is None:
        store.remove(source.path)
    else:
        store.put(source, facts)


def _report(connection: apsw.Connection, changed: int, removed: int, seconds: float) -> Report:
    count: Callable[..., apsw.Cursor] = connection.execute
    problems: Counter[str] = Counter()
    for reason, number in count("SELECT problem, count(*) FROM files WHERE problem <> '' GROUP BY problem"):
        problems[reason] = number
    return Report(
        changed,
        removed,
        int(count("SELECT count(*) FROM nodes").get),
        int(count("SELECT count(*) FROM edges").get),
        dict(problems),
        seconds,
    )


def _batches(items: list[_T]) -> Iterator[list[_T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
