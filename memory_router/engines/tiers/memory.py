"""Hold what is remembered."""

from typing import NamedTuple


class Memory(NamedTuple):
    """Hold one remembered text.

    Args:
        id: derived from project and text: the same text in the same project is the same memory.
        text: without secrets and control characters.
        created: when it was remembered, in seconds since the epoch.
        tags: in the order given, each once.
        project: what it belongs to, or None.
        tier: where it lives; `persistent` is for good.
    """

    id: str
    text: str
    created: float
    tags: tuple[str, ...] = ()
    project: str | None = None
    tier: str = "persistent"


class Remembered(NamedTuple):
    """Say what became of a text that was to be remembered.

    Args:
        memory: as it is stored now.
        is_new: False if it was there before; then nothing of it was changed.
        redacted: the kinds of secrets that were taken out of the text.
    """

    memory: Memory
    is_new: bool
    redacted: tuple[str, ...]


class Recollection(NamedTuple):
    """Hold one memory found.

    Args:
        memory: the memory.
        relevance: calibrated estimate in [0, 1] that it answers the question; age does not lower it, except where
            a question asks for nothing but the newest.
        raw_score: what ranked it: relevance times what time left of it.
    """

    memory: Memory
    relevance: float
    raw_score: float
