"""One front door to all the memories of an AI agent.

>>> from memory_router import Router
>>> Router().query("why did we choose Postgres").status  # doctest: +SKIP
'success'
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_router.app.asking import Router
    from memory_router.routing.envelope import Envelope

__all__ = ["Envelope", "Router", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the public names on first use, so that `import memory_router` costs nothing."""
    if name == "Router":
        from memory_router.app.asking import Router

        return Router
    if name == "Envelope":
        from memory_router.routing.envelope import Envelope

        return Envelope
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
