"""Suggest, remember what became of each suggestion, and learn what a user wants (seed 003).

>>> from memory_router.advice import get_user_profile, open_advice
>>> with open_advice() as advice:  # doctest: +SKIP
...     advice.record("abc123", "reduce_source", "theverge", "rejected", reason="I like their gaming coverage")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_router.advice.stores import Advice, open_advice
    from memory_router.advice.tools import TOOLS, get_suggestion_outcomes, get_user_profile

__all__ = ["TOOLS", "Advice", "get_suggestion_outcomes", "get_user_profile", "open_advice"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that `import memory_router.advice` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from memory_router.advice import stores, tools

    return getattr(stores if name in ("Advice", "open_advice") else tools, name)
