"""Suggest, remember what became of each suggestion, and learn what a user wants (seed 003).

>>> from memory_router.outcomes import open_outcomes
>>> with open_outcomes() as outcomes:  # doctest: +SKIP
...     outcomes.record("abc123", "reduce_source", "theverge", "rejected", reason="I like their gaming coverage")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_router.outcomes.memory import OutcomeMemory, open_outcomes
    from memory_router.outcomes.tools import TOOLS, get_suggestion_outcomes, get_user_profile

__all__ = ["TOOLS", "OutcomeMemory", "get_suggestion_outcomes", "get_user_profile", "open_outcomes"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that `import memory_router.outcomes` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from memory_router.outcomes import memory, tools

    return getattr(memory if name in ("OutcomeMemory", "open_outcomes") else tools, name)
