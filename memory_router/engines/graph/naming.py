"""Give names the form in which they are compared: tolerant of case, separators, and plural."""

import functools
import re
from collections.abc import Callable

from memory_router.text.words import split_name

Stems = Callable[[str], list[str]]
_WORD = re.compile(r"[^\W_]+")
_parts = functools.lru_cache(maxsize=10_000)(split_name)  # modules and their members repeat each other's words


def spoken(name: str) -> str:
    """Return a name as words: `parseAuthToken`, `parse_auth_token` and `Parse auth-token` give the same."""
    return " ".join(part for word in _WORD.findall(name) for part in _parts(word))


def key(name: str, stems: Stems) -> str:
    """Return what all spellings of a name have in common, singular and plural too; empty if it has no word."""
    return "".join(stems(spoken(name)))
