"""Remember facts and find them again: a store in which relevance and time rank together, in three tiers.

    from memory_router.engines.tiers import MemoryConfig, MemorySystem

The names below are imported when they are first used: the process that answers a cold question needs the store alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_router.engines.tiers.compaction import Compaction as Compaction
    from memory_router.engines.tiers.memory import Event as Event
    from memory_router.engines.tiers.memory import Memory as Memory
    from memory_router.engines.tiers.memory import Receipt as Receipt
    from memory_router.engines.tiers.memory import Recollection as Recollection
    from memory_router.engines.tiers.memory import Remembered as Remembered
    from memory_router.engines.tiers.memory import Selection as Selection
    from memory_router.engines.tiers.policy import EphemeralPolicy as EphemeralPolicy
    from memory_router.engines.tiers.policy import MemoryConfig as MemoryConfig
    from memory_router.engines.tiers.policy import PersistentPolicy as PersistentPolicy
    from memory_router.engines.tiers.policy import SessionPolicy as SessionPolicy
    from memory_router.engines.tiers.router import PolicyEngine as PolicyEngine
    from memory_router.engines.tiers.router import Router as Router
    from memory_router.engines.tiers.scoring import ScoringConfig as ScoringConfig
    from memory_router.engines.tiers.scoring import ScoringEngine as ScoringEngine
    from memory_router.engines.tiers.system import MemorySystem as MemorySystem

    MemoryEntry = Memory

_HOMES = {
    "compaction": ("Compaction",),
    "memory": ("Event", "Memory", "Receipt", "Recollection", "Remembered", "Selection"),
    "policy": ("EphemeralPolicy", "MemoryConfig", "PersistentPolicy", "SessionPolicy"),
    "router": ("PolicyEngine", "Router"),
    "scoring": ("ScoringConfig", "ScoringEngine"),
    "system": ("MemorySystem",),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    attribute = "Memory" if name == "MemoryEntry" else name  # the seed's name for a memory
    for module, names in _HOMES.items():
        if attribute in names:
            return getattr(import_module(f"{__name__}.{module}"), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
