"""Find the words that only certain memories hold, and erase every byte of memories that are gone."""

import json
import time
from collections.abc import Collection, Iterable
from contextlib import closing

from memory_router import paths
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.schema import SCHEMA
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.storage.sqlite import erase_traces, named_errors, open_database, open_read_only
from memory_router.text.terms import words_in


def words_of_others(words: Iterable[str], ids: Collection[str]) -> set[str]:
    """Return those of `words` that other memories of the user hold, too.

    Args:
        words: single words, in lower case.
        ids: the memories that do not count.

    Raises:
        StoreError: the store cannot be read.
    """
    database = paths.memory_file()
    if database is None:
        return _words_of_others_on_server(words, ids)
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return set()
    sql = """
        SELECT 1 FROM memory_text JOIN memories m ON m.row = memory_text.rowid
        WHERE memory_text MATCH ? AND m.id NOT IN (SELECT value FROM json_each(?)) LIMIT 1
    """
    own = json.dumps(list(ids))
    with named_errors(database), closing(connection):
        return {word for word in words if connection.execute(sql, (f'"{word}"', own)).get}


def _words_of_others_on_server(words: Iterable[str], ids: Collection[str]) -> set[str]:
    store = open_store(None)
    held = store.find(Selection(), time.time())
    store.close()
    known = {term for memory in held if memory.id not in ids for term in words_in(memory.text)}
    return {word for word in words if word in known}


def erase(database: str) -> None:
    """Leave no byte of forgotten memories in the files of the database.

    Raises:
        StoreError: a file cannot be written.
    """
    with closing(open_database(database, SCHEMA)) as connection:
        erase_traces(connection, database)
