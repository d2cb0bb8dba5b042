"""Replace facts by later ones, in whatever stores they are; several processes may do so at once."""

from memory_router.engines.tiers.memory import LinkEnd, Memory, Selection
from memory_router.engines.tiers.revisions import history
from memory_router.engines.tiers.stores.room import Rooms
from memory_router.errors import RefusedMemoryError

# What a new memory is compared with, and how much of that is told.
_COMPARED, _TOLD = 8, 3
# From this relevance on, a stored memory is about what a new one says: what makes an answer acceptable (seed 002).
_ABOUT = 0.4


class Superseding:
    """Keep the revisions of each fact one list, from the first to the one in force.

    A link is set only where it is what it was when it was read, so that of two replacements of one fact made at the
    same time the second replaces the first.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def history(self, memory: Memory, now: float) -> list[Memory]:
        """Return all revisions of a fact, the oldest first.

        Args:
            memory: any of them.
            now: seconds since the epoch.
        """
        known: dict[str, Memory] = {memory.id: memory}
        awaited = [memory.supersedes, memory.superseded_by]
        while awaited:
            name = awaited.pop()
            if name and name not in known and (linked := await self._rooms.get(name, now)):
                known[name] = linked
                awaited += [linked.supersedes, linked.superseded_by]
        return history(memory, known.get)

    async def supersede(self, memory: Memory, replaced: Memory, now: float) -> tuple[Memory, Memory]:
        """Replace a memory, or its latest replacement, by another one.

        Args:
            memory: the newer one, as it is stored.
            replaced: any revision of the fact.
            now: seconds since the epoch.

        Returns:
            The newer memory as it is now, and the one that was in force before.

        Raises:
            RefusedMemoryError: a memory would replace itself, or it was forgotten meanwhile.
        """
        if memory.id == replaced.id:
            raise RefusedMemoryError("A memory cannot replace itself.", "Say what is so now, in other words.")
        revisions = [revision.id for revision in await self.history(memory, now)]
        if replaced.id in revisions[: revisions.index(memory.id)]:
            return memory, replaced
        if len(revisions) > 1:
            memory = await self.unlink(memory, now)
        while True:
            current = (await self.history(await self._existing(replaced.id, now), now))[-1]
            if current.id == memory.id:
                return memory, replaced
            if await self._link(current, "superseded_by", memory.id):
                await self._link(memory, "supersedes", current.id)
                return memory._replace(supersedes=current.id), current

    async def unlink(self, memory: Memory, now: float) -> Memory:
        """Take a memory out of its list; what it replaced is replaced by what replaced it.

        Args:
            memory: as it is, or was, stored.
            now: seconds since the epoch.
        """
        if memory.supersedes and (earlier := await self._rooms.get(memory.supersedes, now)):
            await self._link(earlier, "superseded_by", memory.superseded_by)
        if memory.superseded_by and (later := await self._rooms.get(memory.superseded_by, now)):
            await self._link(later, "supersedes", memory.supersedes)
        await self._link(memory, "supersedes", None)
        await self._link(memory, "superseded_by", None)
        return memory._replace(supersedes=None, superseded_by=None)

    async def similar(self, memory: Memory, now: float) -> tuple[Memory, ...]:
        """Return the memories in force that a new one may repeat or replace, the likeliest first.

        Args:
            memory: the new one, as it is stored.
            now: seconds since the epoch.
        """
        recollections = []
        for room, part in self._rooms.selected(Selection(scope=memory.project)).items():
            recollections += await room.ask(lambda store, part=part: store.search(memory.text, _COMPARED, part, now))  # type: ignore[misc]
        about = [
            recollection
            for recollection in recollections
            if recollection.relevance >= _ABOUT and recollection.id != memory.id
        ]
        about.sort(key=lambda recollection: -recollection.relevance)
        return tuple(recollection.memory for recollection in about if recollection.memory.superseded_by is None)[:_TOLD]

    async def _link(self, memory: Memory, end: LinkEnd, value: str | None) -> bool:
        before: str | None = getattr(memory, end)
        return await self._rooms[memory.tier].ask(lambda store: store.link(memory.id, end, before, value))

    async def _existing(self, memory_id: str, now: float) -> Memory:
        if (memory := await self._rooms.get(memory_id, now)) is None:
            raise RefusedMemoryError(
                f"The memory {memory_id} was forgotten meanwhile.", "Remember the new one without --supersedes."
            )
        return memory
