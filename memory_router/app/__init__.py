"""The flows as a library: one implementation of each, which every interface calls.

This is the only room that knows engines as well as learning and the advisor. Each flow is imported when it is first
used, as `app.indexing` or `app.remembering`, so that a command pays for what it does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_router.app import (
        accesses,
        asking,
        briefing,
        evaluating,
        forgetting,
        health,
        improving,
        indexing,
        looking,
        meaning,
        overview,
        registration,
        remembering,
        repairing,
        surveying,
    )

__all__ = [
    "accesses",
    "asking",
    "briefing",
    "evaluating",
    "forgetting",
    "health",
    "improving",
    "indexing",
    "looking",
    "meaning",
    "overview",
    "registration",
    "remembering",
    "repairing",
    "surveying",
]


def __getattr__(name: str) -> Any:
    """Import a flow when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
