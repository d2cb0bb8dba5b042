"""Find damaged databases of what cannot be rebuilt, and salvage them."""

import os
from collections.abc import Callable
from contextlib import suppress

from memory_router import paths
from memory_router.engines.transcripts import place
from memory_router.errors import StoreError
from memory_router.storage.files import exclusive
from memory_router.storage.salvage import Salvaged, is_whole, salvage


def damaged() -> list[str]:
    """Return the databases of memories and conversations in which SQLite finds something wrong."""
    return [path for path in _menders() if _is_damaged(path)]


def repair() -> dict[str, Salvaged]:
    """Salvage what is damaged, and return what became of it by database; a whole one is left alone.

    Raises:
        StoreError: a database cannot be looked at, or a folder cannot be written; nothing was lost by that.
    """
    mended = {}
    for path, mend in _menders().items():
        if not is_whole(path):
            with exclusive(path):
                mended[path] = mend(path)
    return mended


def _is_damaged(path: str) -> bool:
    with suppress(StoreError):  # what cannot be looked at has another cause, which others tell
        return not is_whole(path)
    return False


def _menders() -> dict[str, Callable[[str], Salvaged]]:
    menders: dict[str, Callable[[str], Salvaged]] = {paths.memory_db(): salvage, place.archive(): place.mend}
    menders |= {file: salvage} if (file := paths.memory_file()) else {}
    return {path: mend for path, mend in menders.items() if os.path.exists(path)}
