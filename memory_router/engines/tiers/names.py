"""Know the names that memories speak of: people, places, services."""

import re

from memory_router.engines.tiers.schema import SCHEMA
from memory_router.storage.sqlite import named_errors, open_read_only
from memory_router.text.languages import languages_of

# A capitalised word that follows a word in lower case, so that no beginning of a sentence counts.
_NAME = re.compile(r"(?<=[a-z\u00df-\u00ff,] )[A-Z\u00c0-\u00de][\w-]+")
_LOWER = re.compile(r"\b[a-z\u00df-\u00ff]+\b")
# German writes every noun with a capital.
_CAPITALISED = "de"
_LATEST = 2000


def names_in_memories(database: str) -> frozenset[str]:
    """Return the names in the latest memories, in lower case.

    Args:
        database: the path of the database of memories.

    Raises:
        StoreError: the database is damaged or locked.
    """
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return frozenset()
    names: set[str] = set()
    with named_errors(database):
        for (text,) in connection.execute("SELECT text FROM memories ORDER BY created DESC LIMIT ?", (_LATEST,)):
            found = _NAME.findall(text)
            if found and _CAPITALISED not in languages_of(_LOWER.findall(text)):
                names.update(name.lower() for name in found)
    connection.close()
    return frozenset(names)
