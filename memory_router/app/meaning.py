"""Encode the passages of all stores, so that questions are compared with what they mean.

Words and static vectors find a passage at once; the encoder's vectors are made afterwards, a few at a time, and a store
is compared by them as soon as every passage has one.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import NamedTuple

import apsw

from memory_router import paths
from memory_router.engines.documents import schema as documents
from memory_router.engines.documents import store as passages
from memory_router.engines.tiers import recall as memories
from memory_router.engines.tiers import schema as tiers
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts import schema as transcripts
from memory_router.engines.transcripts import vectors as turns
from memory_router.errors import MemoryRouterError, StoreError
from memory_router.learning.background import is_tested, start
from memory_router.retrieval import models, vectors
from memory_router.storage.files import exclusive, is_locked
from memory_router.storage.schema import Schema
from memory_router.storage.sqlite import named_errors, open_database, open_read_only
from memory_router.text.embedding import ENCODER_NAME, Embedding

# A machine with more work than this for each processor has none to spare for passages.
_BUSY = 2.0
_PAUSE_SECONDS = 1.0


class _Kind(NamedTuple):
    """A kind of store whose passages are encoded."""

    holds: str
    path: Callable[[], str | None]
    schema: Schema
    embedded: str
    pending: Callable[[apsw.Connection, int, int], Sequence[vectors.UnembeddedPassage]]


_KINDS = (
    _Kind("memories", paths.memory_file, tiers.SCHEMA, tiers.EMBEDDED, memories.without_vectors),
    _Kind("passages", paths.documents_db, documents.SCHEMA, documents.EMBEDDED, passages.without_vectors),
    _Kind("turns", place.archive, transcripts.SCHEMA, transcripts.EMBEDDED, turns.without_meaning),
)


class Coverage(NamedTuple):
    """How far a store is encoded.

    Args:
        holds: `memories`, `passages` or `turns`.
        total: how many it has.
        left: how many of them are not encoded yet.
    """

    holds: str
    total: int
    left: int


def wait_while_busy(_done: int = 0, _total: int = 0) -> None:
    """Wait until the machine is idle.

    Raises:
        StoreError: the home was removed meanwhile, so that nobody will ask what is encoded.
    """
    while os.path.isdir(paths.cache_dir()):
        if os.getloadavg()[0] <= _BUSY * (os.cpu_count() or 1):
            return
        time.sleep(_PAUSE_SECONDS)
    raise StoreError("The folder of memory was removed while it was encoded.", "Run: memory-router setup")


def why_not() -> str:
    """Return the reason why nothing is compared by meaning, in one sentence; empty if it is."""
    return models.why_no_encoder()


def coverage() -> list[Coverage]:
    """Return how far each store is encoded; those that are not there, or cannot be read, are left out."""
    return [covered for kind in _KINDS for covered in _coverage(kind)]


def told(stores: Sequence[Coverage]) -> str:
    """Return one or two sentences about what is compared by meaning, and what is to be encoded first."""
    ready = [f"{store.total:,} {store.holds}" for store in stores if not store.left]
    waiting = [f"{store.left:,} of {store.total:,} {store.holds}" for store in stores if store.left]
    sentences = [f"Compared by meaning: {', '.join(ready)}."] * bool(ready)
    return " ".join(sentences + [f"Still to be encoded: {', '.join(waiting)}."] * bool(waiting))


def encode(advanced: Callable[[int, int], None], threads: int = 1) -> int:
    """Encode what is not encoded yet, in all stores; return how many passages that were.

    It may end at any moment: each few passages are stored, and the next run goes on from there. Where another process
    does the same, it is waited for.

    Args:
        advanced: hears how many are done, and of how many.
        threads: how many processors may be used.

    Raises:
        StoreError: a store cannot be written.
    """
    encoder = models.encoder(threads)
    if isinstance(encoder, str):
        return 0
    done = 0
    with exclusive(_lock()):
        total = sum(covered.left for covered in coverage())

        def hear(count: int) -> None:
            nonlocal done
            done += count
            advanced(done, max(done, total))

        for kind in _KINDS:
            _encode(kind, encoder, hear)
    return done


def encode_later() -> None:
    """Start `memory-router index --meaning` in the background where something is left to encode."""
    if why_not() or is_tested() or is_locked(_lock()):
        return
    with suppress(OSError):  # no room for a process: the next time is as good
        if any(_is_behind(kind) for kind in _KINDS):
            start("index", "--meaning")


def _is_behind(kind: _Kind) -> bool:
    """Return whether a store has passages that are not encoded."""
    further = f"SELECT EXISTS (SELECT 1 FROM {kind.embedded})"  # noqa: S608  # a constant of ours
    return any(connection.execute(further, (done,)).get for connection, done in _opened(kind))


def _coverage(kind: _Kind) -> Iterator[Coverage]:
    count = f"SELECT count(*) FROM {kind.embedded}"  # noqa: S608  # a constant of ours
    for connection, done in _opened(kind):
        yield Coverage(kind.holds, *(int(connection.execute(count, (row,)).get) for row in (0, done)))


def _opened(kind: _Kind) -> Iterator[tuple[apsw.Connection, int]]:
    """Yield a store, if it is there and can be read, and the row number up to which it is encoded."""
    path = kind.path()
    with suppress(MemoryRouterError):
        connection = open_read_only(path, kind.schema) if path else None
        if path and connection:
            with closing(connection), named_errors(path):
                sql = "SELECT model FROM vector_models WHERE name = ?"
                model = connection.execute(sql, (ENCODER_NAME,)).get
                yield connection, 0 if model is None else vectors.last_embedded(connection, model)


def _encode(kind: _Kind, encoder: Embedding, hear: Callable[[int], None]) -> None:
    path = kind.path()
    if path and os.path.exists(path):
        with closing(open_database(path, kind.schema)) as connection, named_errors(path):
            vectors.refresh(connection, encoder, partial(kind.pending, connection), hear)


def _lock() -> str:
    return os.path.join(paths.cache_dir(), "meaning")
