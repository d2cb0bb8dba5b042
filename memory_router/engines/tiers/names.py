"""Find the names in memories: people, places, services."""

import re
import time
from contextlib import closing

from memory_router import paths
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.schema import SCHEMA
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.storage.sqlite import named_errors, open_read_only
from memory_router.text.languages import languages_of

# A capitalised word that follows a word in lower case, so that no beginning of a sentence counts.
_NAME = re.compile(r"(?<=[a-z\u00df-\u00ff,] )[A-Z\u00c0-\u00de][\w-]+")
_LOWER = re.compile(r"\b[a-z\u00df-\u00ff]+\b")
# German writes every noun with a capital.
_CAPITALISED = "de"
_LATEST = 2000


def names_in_memories() -> frozenset[str]:
    """Return the names in the latest memories of the user, in lower case.

    Raises:
        StoreError: the store is damaged, locked or out of reach.
    """
    names: set[str] = set()
    for text in _latest_texts():
        matches = _NAME.findall(text)
        if matches and _CAPITALISED not in languages_of(_LOWER.findall(text)):
            names.update(name.lower() for name in matches)
    return frozenset(names)


def _latest_texts() -> list[str]:
    database = paths.memory_file()
    if database is None:
        with closing(open_store(None)) as store:
            return [memory.text for memory in store.find(Selection(), time.time(), _LATEST)]
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return []
    with named_errors(database), closing(connection):
        return [text for (text,) in connection.execute(_TEXTS, (_LATEST,))]


_TEXTS = "SELECT text FROM memories ORDER BY created DESC LIMIT ?"
