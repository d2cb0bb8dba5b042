"""One front door to all the memories of an AI agent.

>>> from memory_router import Router
>>> Router().query("why did we choose Postgres").status  # doctest: +SKIP
'success'
"""

TYPE_CHECKING = False  # the import of `typing` costs a tenth of a question
if TYPE_CHECKING:
    from typing import Any

    from memory_router.app.asking import Router
    from memory_router.engines.tiers.blocking import BlockingMemorySystem
    from memory_router.engines.tiers.policy import EphemeralPolicy, MemoryConfig, PersistentPolicy, SessionPolicy
    from memory_router.engines.tiers.system import MemorySystem
    from memory_router.routing.envelope import Envelope
    from memory_router.routing.router import Choice

__all__ = [
    "BlockingMemorySystem",
    "Choice",
    "Envelope",
    "EphemeralPolicy",
    "MemoryConfig",
    "MemorySystem",
    "PersistentPolicy",
    "Router",
    "SessionPolicy",
    "__version__",
]
__version__ = "0.2.0"
_HOMES = {
    "app.asking": ("Router",),
    "engines.tiers.blocking": ("BlockingMemorySystem",),
    "engines.tiers.policy": ("EphemeralPolicy", "MemoryConfig", "PersistentPolicy", "SessionPolicy"),
    "engines.tiers.system": ("MemorySystem",),
    "routing.envelope": ("Envelope",),
    "routing.router": ("Choice",),
}


def __getattr__(name: str) -> "Any":
    """Import the public names on first use, so that `import memory_router` costs nothing."""
    for module, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(f"memory_router.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
