"""Keep vectors of the passages of a store.

A store holds the encoder's vectors next to the static ones, which answer until every passage has one of the encoder's.
Where the words of a passage are weighted they all count alike, so that its vector never ages; the words of a question
count by how rare they are in the store.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

import apsw

from memory_router.storage.sqlite import load_distances, writing
from memory_router.text.embedding import (
    ENCODER_NAME,
    STATIC_NAME,
    Embedding,
    ModelIdentity,
    RemoteModelError,
    quantized,
    quantized_all,
)
from memory_router.text.words import is_stop_word

# Passages of one transaction: static vectors are made in no time, of other models' little work may be lost.
_BATCH, _SLOW_BATCH = 2000, 32
# These two stand side by side; what any other model made is removed when the user chooses another one.
_TOGETHER = (STATIC_NAME, ENCODER_NAME)
# Up to this many short texts are embedded without numpy, whose import takes longer.
_FEW = 16

SCHEMA = """
    CREATE TABLE vector_models(model INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dimension INTEGER NOT NULL);
    CREATE TABLE vector_bits(
        model INTEGER NOT NULL, id INTEGER NOT NULL, bits BLOB NOT NULL, PRIMARY KEY (model, id)
    ) WITHOUT ROWID;
    CREATE TABLE vectors(
        model INTEGER NOT NULL, id INTEGER NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, id)
    ) WITHOUT ROWID;
    CREATE TRIGGER {rows}_lose_vectors AFTER DELETE ON {rows} BEGIN
        DELETE FROM vector_bits WHERE model IN (SELECT model FROM vector_models) AND id = old.{key};
        DELETE FROM vectors WHERE model IN (SELECT model FROM vector_models) AND id = old.{key};
    END;
"""

_PUT_BITS = "INSERT OR REPLACE INTO vector_bits VALUES (?1, ?2, vec_quantize_binary(vec_int8(?3)))"
_PUT = "INSERT OR REPLACE INTO vectors VALUES (?1, ?2, ?3)"


class UnembeddedPassage(NamedTuple):
    """A passage to be embedded.

    Args:
        key: its row number.
        text: the passage.
        above: the title and headings above it.
        around: what stands around it.
    """

    key: int
    text: str
    above: str = ""
    around: str = ""


def refresh(
    connection: apsw.Connection,
    embedding: Embedding,
    pending: Callable[[int, int], Sequence[UnembeddedPassage]],
    advanced: Callable[[int], None] = lambda _count: None,
) -> int:
    """Give every passage without a vector one.

    Each batch is a transaction, so an interrupted run goes on where it ended. What another model of the same kind
    made is removed first.

    Args:
        connection: a store opened for writing, outside a transaction.
        embedding: what to embed with.
        pending: returns the next passages after a row number, in order, as many as asked for at most.
        advanced: hears of every batch how many passages were embedded.

    Returns:
        How many passages were embedded.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer; what was embedded is kept.
    """
    if not load_distances(connection):
        return 0
    with writing(connection):
        model = model_number(connection, embedding.identity)
    count, begun_anew = 0, False
    size = _BATCH if embedding.is_weighted else _SLOW_BATCH
    done = last_embedded(connection, model)
    while batch := pending(done, size):
        rows = embedded(embedding, batch)
        stored = 0
        with writing(connection):
            if not _fits(connection, model, len(rows[0])):
                if begun_anew:
                    raise RemoteModelError(f"{embedding.identity.name} gives vectors of different lengths.")
                count, begun_anew = 0, True
            elif last_embedded(connection, model) == done:  # else passages went meanwhile, and others took their place
                # Another process may have changed the store since it was read, if that took a while.
                same = batch if embedding.is_weighted else pending(done, size)
                unchanged = list(takewhile(lambda pair: pair[0] == pair[1], zip(batch, same, strict=False)))
                pairs = zip(unchanged, rows, strict=False)
                store(connection, model, ((passage.key, row) for (passage, _), row in pairs))
                stored = len(unchanged)
            done = last_embedded(connection, model)
        count += stored
        advanced(stored)  # it may take its time: nothing is locked
    return count


def add(connection: apsw.Connection, embedding: Embedding, passages: Sequence[UnembeddedPassage]) -> None:
    """Give passages vectors, outside a transaction; without the vectors of this model in the store, nothing happens.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer.
    """
    model = connection.execute("SELECT model FROM vector_models WHERE name = ?", (embedding.identity.name,)).get
    if model is not None and passages and load_distances(connection):
        rows = embedded(embedding, passages)
        with writing(connection):
            if _fits(connection, int(model), len(rows[0])):
                store(connection, int(model), zip((passage.key for passage in passages), rows, strict=True))


def remove(connection: apsw.Connection, keys: Collection[int]) -> None:
    """Remove the vectors of passages inside a transaction, but those of the encoder, which hold nothing around them."""
    for table in ("vector_bits", "vectors"):
        sql = f"DELETE FROM {table} WHERE model IN (SELECT model FROM vector_models WHERE name <> ?) AND id = ?"  # noqa: S608 - ours
        connection.executemany(sql, ((ENCODER_NAME, key) for key in keys))


def last_embedded(connection: apsw.Connection, model: int) -> int:
    """Return the highest row number that has a vector of a model, 0 without any."""
    return int(connection.execute("SELECT max(id) FROM vectors WHERE model = ?", (model,)).get or 0)


def model_number(connection: apsw.Connection, identity: ModelIdentity) -> int:
    """Return the number under which a model's vectors are stored; vectors of models it replaces are removed.

    The caller holds the transaction.
    """
    kept = _TOGETHER if identity.name in _TOGETHER else (identity.name,)
    gone = "SELECT model FROM vector_models WHERE name NOT IN (SELECT value FROM json_each(?))"
    if connection.execute(f"{gone} LIMIT 1", (json.dumps(kept),)).get is not None:
        for table in ("vector_bits", "vectors", "vector_models"):
            connection.execute(f"DELETE FROM {table} WHERE model IN ({gone})", (json.dumps(kept),))  # noqa: S608  # names of ours
    held = connection.execute("SELECT model FROM vector_models WHERE name = ?", (identity.name,)).get
    if held is not None:
        return int(held)
    sql = "INSERT INTO vector_models(name, dimension) VALUES (?, ?) RETURNING model"
    return int(connection.execute(sql, identity).get)


def embedded(embedding: Embedding, batch: Sequence[UnembeddedPassage]) -> list[bytes]:
    """Return the vectors of passages, one signed byte a dimension.

    Raises:
        UnansweredError: the model is behind an endpoint, and that does not answer.
    """
    if embedding.is_weighted and len(batch) <= _FEW and not any(passage.above or passage.around for passage in batch):
        return [quantized(embedding.embed(passage.text, _alike)) for passage in batch]
    # A model of sentences reads one text: what it is about belongs to it, what others say does not.
    texts = [
        passage.text if embedding.is_weighted else f"{passage.above}\n{passage.text}".lstrip() for passage in batch
    ]
    made = embedding.embed_all(texts, _alike, [f"{passage.above}\n{passage.around}" for passage in batch])
    return [quantized(row) for row in made] if isinstance(made, list) else quantized_all(made)


def store(connection: apsw.Connection, model: int, vectors: Iterable[tuple[int, bytes]]) -> None:
    """Store vectors by key inside a transaction; those that are there are replaced."""
    rows = [(model, key, vector) for key, vector in vectors]
    connection.executemany(_PUT, rows)
    connection.executemany(_PUT_BITS, rows)


def _fits(connection: apsw.Connection, model: int, length: int) -> bool:
    """Note how long the vectors of a model are; return False if all were removed, as they had another length."""
    held = int(connection.execute("SELECT dimension FROM vector_models WHERE model = ?", (model,)).get)
    connection.execute("UPDATE vector_models SET dimension = ? WHERE model = ?", (length, model))
    if held in (0, length):
        return True
    connection.execute("DELETE FROM vector_bits WHERE model = ?", (model,))
    connection.execute("DELETE FROM vectors WHERE model = ?", (model,))
    return False


def _alike(word: str) -> float:
    return 0.0 if is_stop_word(word) else 1.0
