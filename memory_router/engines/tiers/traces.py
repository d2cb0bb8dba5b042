"""Find out which words only certain memories hold, and leave no byte of those that are gone."""

import json
from collections.abc import Collection, Iterable
from contextlib import closing

from memory_router.engines.tiers.schema import SCHEMA
from memory_router.storage.sqlite import erase_traces, named_errors, open_database, open_read_only


def words_of_others(database: str, words: Iterable[str], ids: Collection[str]) -> set[str]:
    """Return those of `words` that other memories hold, too.

    Args:
        database: the database of memories.
        words: single words, in lower case.
        ids: the memories that do not count.

    Raises:
        StoreError: the database cannot be read.
    """
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return set()
    sql = """
        SELECT 1 FROM memory_text JOIN memories m ON m.row = memory_text.rowid
        WHERE memory_text MATCH ? AND m.id NOT IN (SELECT value FROM json_each(?)) LIMIT 1
    """
    own = json.dumps(list(ids))
    with named_errors(database), closing(connection):
        return {one for one in words if connection.execute(sql, (f'"{one}"', own)).get}


def erase(database: str) -> None:
    """Leave no byte of forgotten memories in the files of the database.

    Raises:
        StoreError: a file cannot be written.
    """
    with closing(open_database(database, SCHEMA)) as connection:
        erase_traces(connection, database)
