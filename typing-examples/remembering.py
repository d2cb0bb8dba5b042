"""What a type checker knows of memories in tiers: this file is checked, and need not run."""

from typing import assert_type

from memory_router import BlockingMemorySystem, MemoryConfig, MemorySystem, PersistentPolicy, SessionPolicy
from memory_router.engines.tiers import MemoryEntry
from memory_router.engines.tiers import Router as TierRouter

config = MemoryConfig(session=SessionPolicy(store="memory:"), persistent=PersistentPolicy(store="memory:"))


class ByTag(TierRouter):
    """A choice of tiers of an application."""

    async def select_tier(self, entry: MemoryEntry) -> str:
        """Return the tier of a new memory."""
        assert_type(entry.tags, tuple[str, ...])
        return "persistent" if "critical" in entry.tags else await super().select_tier(entry)


async def work() -> None:
    """Store and recall without blocking."""
    async with MemorySystem(config, router=ByTag()) as memories:
        assert_type(await memories.store("User prefers dark mode", importance=0.8, tags=["preference"]), str)
        for recollection in await memories.recall("which mode"):
            assert_type(recollection.text, str)
            assert_type(recollection.tier, str)
            assert_type(recollection.similarity, float)
        await memories.store("User prefers dark mode", importence=0.8)  # type: ignore[call-arg]
        await memories.store("User prefers dark mode", importance="high")  # type: ignore[arg-type]
        await memories.remember("User prefers dark mode", projekt="desk")  # type: ignore[call-arg]


with BlockingMemorySystem(config) as blocking:
    assert_type(blocking.store("User prefers dark mode", project="desk"), str)
    assert_type([found.text for found in blocking.recall("which mode")], list[str])

SessionPolicy(ttl="a day")  # type: ignore[call-arg]
MemoryConfig(sesion=SessionPolicy())  # type: ignore[call-arg]
