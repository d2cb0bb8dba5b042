"""Give turns their vectors after the import.

A turn's vector holds what was said two turns each way, too, at half the weight.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import apsw

from memory_router.engines.transcripts.schema import EMBEDDED
from memory_router.engines.transcripts.turn import SPEAKERS
from memory_router.retrieval import vectors
from memory_router.retrieval.models import chosen_embedding
from memory_router.storage.sqlite import writing
from memory_router.text.embedding import RemoteModelError

# Of none to three turns each way two have the best recall@10: .500 on the mean of worlds A, B, E and F, none .447.
_AROUND = 2
# How much of a turn is embedded, in characters, and how much of those around it, at the near end.
_READ, _NEAR_END = 4_000, 1_000

_COUNT = f"SELECT count(*) FROM {EMBEDDED}"  # noqa: S608 - a constant
_PENDING = f"SELECT id, previous, substr(text, 1, {_READ}), role FROM {EMBEDDED} ORDER BY id LIMIT ?"  # noqa: S608
_DONE = "SELECT max(id) FROM vectors WHERE model = (SELECT model FROM vector_models WHERE name = ?)"
_SAID = "SELECT n.id, n.previous, substr(n.text, 1, ?2), n.role FROM json_each(?1) w JOIN nodes n ON n.id = w.value"
_NEXT = "SELECT n.id FROM json_each(?1) w JOIN nodes n ON n.previous = w.value"
_EMBEDDED_OF = """
    SELECT DISTINCT id FROM vectors WHERE model IN (SELECT model FROM vector_models)
    AND id IN (SELECT value FROM json_each(?))
"""


class Embedded(NamedTuple):
    """How many turns were given vectors, and in how many seconds."""

    turns: int
    seconds: float


class _Said(NamedTuple):
    """A turn that is embedded, or that stands around one."""

    key: int
    previous: int | None
    text: str
    role: str


def refresh(connection: apsw.Connection, advanced: Callable[[int, int], None]) -> Embedded:
    """Give vectors to the turns that have none yet, and new ones to those that somebody went on from.

    Args:
        connection: an archive opened for writing, outside a transaction.
        advanced: hears how many turns are done, and of how many.
    """
    embedding = chosen_embedding()
    if isinstance(embedding, str):
        return Embedded(0, 0.0)
    started = time.perf_counter()
    done = int(connection.execute(_DONE, (embedding.identity.name,)).get or 0)
    total, embedded = int(connection.execute(_COUNT, (done,)).get), 0

    def hear(count: int) -> None:
        nonlocal embedded
        embedded += count
        advanced(min(embedded, total), total)

    with suppress(RemoteModelError):  # words find what has no vector yet; the next import goes on
        vectors.refresh(connection, embedding, partial(_pending, connection), hear)
    return Embedded(embedded, time.perf_counter() - started)


def near(connection: apsw.Connection, keys: Collection[int]) -> set[int]:
    """Return the other turns whose vectors hold what was said in the turns `keys`."""
    levels = _levels(connection, _said(connection, keys), _AROUND)
    above = {key for level in levels for key in level}
    return (above | _below(connection, keys, _AROUND)) - set(keys)


def renew(connection: apsw.Connection, keys: Collection[int]) -> None:
    """Make the vectors of turns anew, as what was said around them is gone; those that cannot be made anew go.

    Args:
        connection: an archive opened for writing, outside a transaction.
        keys: the turns.
    """
    held = [key for (key,) in connection.execute(_EMBEDDED_OF, (json.dumps(list(keys)),))]
    with writing(connection):
        vectors.remove(connection, held)
    embedding = chosen_embedding()
    if isinstance(embedding, str) or not held:
        return
    turns = _said(connection, {*held, *_below(connection, held, _AROUND)})
    passages = _passages(_levels(connection, turns, 2 * _AROUND), held)
    with suppress(RemoteModelError):  # words find what has no vector
        vectors.add(connection, embedding, passages)


def without_meaning(connection: apsw.Connection, after: int, size: int) -> Sequence[vectors.UnembeddedPassage]:
    """Return the next turns after a row number, each for itself: an encoder reads a turn as a whole.

    Args:
        connection: an open archive.
        after: the row number.
        size: the largest number of turns.
    """
    return [vectors.UnembeddedPassage(key, text) for key, _, text, _ in connection.execute(_PENDING, (after, size))]


def _pending(connection: apsw.Connection, after: int, size: int) -> Sequence[vectors.UnembeddedPassage]:
    """Return the next turns, and before them those that they go on from, whose surroundings have grown."""
    batch = [_Said(*row) for row in connection.execute(_PENDING, (after, size))]
    levels = _levels(connection, {turn.key: turn for turn in batch}, 2 * _AROUND)
    return _passages(levels, {key for level in levels[: 1 + _AROUND] for key in level})


def _levels(connection: apsw.Connection, turns: dict[int, _Said], reach: int) -> list[dict[int, _Said]]:
    """Return turns, then those that they go on from, then those that these go on from, and so on."""
    levels = [turns]
    for _ in range(reach):
        levels.append(_said(connection, {turn.previous for turn in levels[-1].values() if turn.previous is not None}))
    return levels


def _said(connection: apsw.Connection, keys: Collection[int]) -> dict[int, _Said]:
    return {row[0]: _Said(*row) for row in connection.execute(_SAID, (json.dumps(list(keys)), _READ))}


def _below(connection: apsw.Connection, keys: Collection[int], reach: int) -> set[int]:
    """Return the turns that go on from some, and those that go on from these, and so on."""
    last, below = list(keys), set[int]()
    for _ in range(reach):
        last = [key for (key,) in connection.execute(_NEXT, (json.dumps(last),))]
        below.update(last)
    return below


def _passages(levels: Sequence[Mapping[int, _Said]], keys: Collection[int]) -> list[vectors.UnembeddedPassage]:
    held = {key: turn for level in levels for key, turn in level.items()}
    below = {turn.previous: key for key, turn in sorted(held.items()) if turn.role in SPEAKERS}
    return [vectors.UnembeddedPassage(key, held[key].text, "", _around(held, below, key)) for key in sorted(keys)]


def _around(held: Mapping[int, _Said], below: Mapping[int | None, int], key: int) -> str:
    """Return what was said just before a turn and just after it; of several branches the last one counts."""
    near: list[str] = []
    before, other = held[key].previous, below.get(key)
    for _ in range(_AROUND):
        if before is not None and before in held:
            near.append(held[before].text[-_NEAR_END:])
            before = held[before].previous
        if other is not None:
            near.append(held[other].text[:_NEAR_END])
            other = below.get(other)
    return "\n".join(near)
