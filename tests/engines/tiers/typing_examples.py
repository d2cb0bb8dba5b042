"""What a type checker must refuse: an example whose error is gone is itself an error (`warn_unused_ignores`)."""

from memory_router import BlockingMemorySystem, MemoryConfig, MemorySystem, SessionPolicy


async def misspelt(memories: MemorySystem) -> None:
    """A misspelt argument is a type error."""
    await memories.store("text", importnace=0.5)  # type: ignore[call-arg]
    await memories.remember("text", projekt="a")  # type: ignore[call-arg]
    await memories.store("text", project=7)  # type: ignore[arg-type]


def misspelt_without_async(memories: BlockingMemorySystem) -> str:
    """The blocking form has the same signatures, and its methods return values, not coroutines."""
    memories.store("text", importnace=0.5)  # type: ignore[call-arg]
    MemoryConfig(sesion=SessionPolicy())  # type: ignore[call-arg]
    return memories.store("text", importance=0.5, project="a")
