"""Mirror the notes that agents keep on their own: a new note is remembered, a deleted one is forgotten.

Their files are read and never written. A record of what came from which file tells what somebody forgot here, so that
it does not come back, and which memories may go when an agent deletes its note: only those that came from it.
"""

import json
import os
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from memory_router import paths, scope
from memory_router.app.remembering import work_with
from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.author import current_author
from memory_router.engines.tiers.memory import Memory
from memory_router.engines.tiers.system import MemorySystem
from memory_router.errors import RefusedMemoryError
from memory_router.sources import agent_memories
from memory_router.sources.agent_memories import Fact
from memory_router.storage.files import exclusive, write_whole

_SHARED = "team"


class Update(NamedTuple):
    """How many memories were added and removed, from how many files."""

    added: int = 0
    removed: int = 0
    files: int = 0


def count() -> dict[str, int]:
    """Return how many facts each agent has noted; nothing is stored."""
    counts: dict[str, int] = {}
    for fact in agent_memories.facts():
        counts[fact.agent] = counts.get(fact.agent, 0) + 1
    return counts


def bring_up_to_date() -> Update:
    """Store what agents noted since the last time, and remove what they deleted.

    Raises:
        StoreError: the memories cannot be read or written.
    """
    noted = _by_file(agent_memories.facts())
    file = _record_file()
    if not noted and not os.path.exists(file):
        return Update()
    with exclusive(file):
        earlier = _record()
        present = {name: list(memories) for name, memories in noted.items()}
        if present == earlier:
            return Update(files=len(noted))
        new = [
            memory
            for name, memories in noted.items()
            for memory in memories.values()
            if memory.id not in earlier.get(name, ())
        ]
        kept = {name for names in present.values() for name in names}
        known = {name for names in earlier.values() for name in names}
        gone = {name: source for source, names in earlier.items() for name in names if name not in kept}
        added, removed = work_with(lambda memories: _carried_out(memories, new, known, gone))
        paths.make_private(os.path.dirname(file))
        write_whole(file, json.dumps(present).encode())
    return Update(added, removed, len(noted))


async def _carried_out(
    memories: MemorySystem, new: Iterable[Memory], known: Collection[str], gone: dict[str, str]
) -> tuple[int, int]:
    held = await memories.memories()
    forgotten = set(known).difference(memory.id for memory in held)
    added = 0
    for memory in new:
        if memory.id in forgotten:  # the note stands in another file by now
            continue
        remembered = await memories.remember(
            memory.text,
            memory.importance,
            tags=memory.tags,
            metadata=memory.extra,
            project=memory.project,
            source=memory.source,
            created=memory.created,
            author=memory.author,
        )
        added += remembered.is_new
    doomed = [memory.id for memory in held if memory.id in gone and memory.extra.get("file") == gone[memory.id]]
    if doomed:
        await memories.forget(doomed)
    return added, len(doomed)


def _by_file(facts: Iterable[Fact]) -> dict[str, dict[str, Memory]]:
    """Return the memories that facts make, by file and id; what may not be remembered is left out."""
    noted: dict[str, dict[str, Memory]] = {}
    for fact in facts:
        try:
            memory = _memory(fact)
        except RefusedMemoryError:  # nothing but a secret
            continue
        noted.setdefault(fact.file, {}).setdefault(memory.id, memory)
    return noted


def _memory(fact: Fact) -> Memory:
    tags = [*([fact.kind] if fact.kind else []), *([_SHARED] if fact.is_shared else [])]
    project = scope.project_of(os.path.realpath(fact.folder)) if os.path.isabs(fact.folder) else None
    extra = {"file": fact.file, "line": fact.line}
    memory = admit(fact.text, tags, project, _noted_at(fact), source=fact.agent, extra=extra).memory
    return memory._replace(author=current_author("notes", fact.agent))


def _noted_at(fact: Fact) -> float:
    """Return when a fact was noted, in seconds since the epoch: the day in its file's name, else its last change."""
    try:
        if fact.date:
            return datetime.fromisoformat(f"{fact.date}T12:00").replace(tzinfo=UTC).timestamp()
        return os.path.getmtime(fact.file)
    except (OSError, ValueError):
        return datetime.now(UTC).timestamp()


def _record_file() -> str:
    return os.path.join(paths.data_dir(), "agent-memories.json")


def _record() -> dict[str, list[str]]:
    """Return the ids of what came from each file the last time."""
    try:
        with open(_record_file(), "rb") as stream:
            body = json.load(stream)
    except (OSError, ValueError):
        return {}
    return {name: list(map(str, ids)) for name, ids in body.items()} if isinstance(body, dict) else {}
