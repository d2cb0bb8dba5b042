"""What must hold when a store goes away while memories move or are written: one copy stays, and moves are finished."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from memory_router.engines.tiers import MemoryConfig, MemorySystem, PersistentPolicy, SessionPolicy
from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.stores.in_process import InProcessStore
from memory_router.engines.tiers.stores.opening import open_store
from memory_router.errors import StoreError
from tests.engines.tiers import servers
from tests.engines.tiers.conftest import Clock, run

# The steps of a move between two stores, by the tier whose store is asked.
STEPS = [("persistent", "add"), ("persistent", "get"), ("session", "remove"), ("persistent", "settle")]
WRITER = """
import asyncio, sys
from memory_router.engines.tiers import MemoryConfig, MemorySystem, PersistentPolicy
async def main():
    memories = MemorySystem(MemoryConfig(persistent=PersistentPolicy(store=sys.argv[1]), default_tier="persistent"))
    number = 0
    while True:
        print(await memories.store(f"fact {number}", importance=0.9), flush=True)
        number += 1
try:
    asyncio.run(main())
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


class Failing(InProcessStore):
    """A store that is gone when it is asked for one thing, before or after it did it."""

    def __init__(self) -> None:
        super().__init__(compares=False)
        self.lost: str | None = None
        self.is_done = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name in ("lost", "is_done") or name != self.lost:
            return found

        def gone(*arguments: Any, **named: Any) -> None:
            if self.is_done:
                found(*arguments, **named)
            raise StoreError("The store went away.", "Start it again.")

        return gone

    def close(self) -> None:
        """Keep what is held: the store outlives its user."""


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("tier", "step"), STEPS)
def test_a_store_that_goes_away_during_a_move_loses_and_doubles_nothing(
    clock: Clock, tier: str, step: str, is_done: bool
) -> None:
    """The error is told, the memory is found once, and the next start leaves exactly one copy of it."""
    stores = {"session": Failing(), "persistent": Failing()}
    config = MemoryConfig(
        session=SessionPolicy(store=stores["session"]), persistent=PersistentPolicy(store=stores["persistent"])
    )

    async def interrupted() -> None:
        async with MemorySystem(config, clock=clock) as memories:
            one = await memories.store("The tide offset is 0.35 m", importance=0.5)
            await memories.recall("nothing of it")
            stores[tier].lost, stores[tier].is_done = step, is_done
            with pytest.raises(StoreError, match="went away"):
                await memories.promote(one)
            stores[tier].lost = None
            assert len(await memories.recall("tide offset")) == 1

    async def restarted() -> list[str]:
        async with MemorySystem(config, clock=clock) as memories:
            await memories.maintain()
            (found,) = await memories.recall("tide offset")
            await memories.promote(found.id) if found.tier == "session" else None
            return [one.tier for one in await memories.memories()]

    run(interrupted())
    assert run(restarted()) == ["persistent"]
    held = [memory for store in stores.values() for memory in store.find(Selection(), clock())]
    assert [(memory.tier, memory.moved_from) for memory in held] == [("persistent", None)]


@pytest.mark.parametrize("server", [servers.postgres, servers.redis], ids=["postgres", "redis"])
def test_a_server_that_goes_away_is_an_error_with_a_fix(server: Callable[[], Any]) -> None:
    """Whoever writes when the server ends is told so, and so is whoever comes next."""
    with ExitStack() as stack:
        gone = stack.enter_context(ExitStack())
        try:
            url = gone.enter_context(server())
        except servers.MissingServerError as missing:
            pytest.skip(str(missing))
        idle = stack.enter_context(closing(open_store(url)))
        writer = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        )
        assert writer.stdout
        for _ in range(3):
            writer.stdout.readline()
        gone.close()
        _, error = writer.communicate(timeout=60)
        assert "StoreError: " in error
        with pytest.raises(StoreError) as caught:
            idle.count()
        assert "Check that it runs" in caught.value.fix


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_a_killed_writer_leaves_every_acknowledged_memory(kind: str, url_of: Callable[[str], str]) -> None:
    """What was acknowledged before the kill is in the server once, and nothing is there by half."""
    url = url_of(kind)
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        acknowledged = [writer.stdout.readline().strip() for _ in range(5)]
        writer.kill()
        rest = writer.stdout.read().splitlines(keepends=True)
    acknowledged += [line.strip() for line in rest if line.endswith("\n")]
    store = open_store(url)
    held = [memory.id for memory in store.find(Selection(), 0.0)]
    assert set(acknowledged) <= set(held)
    assert len(held) == len(set(held)) <= len(acknowledged) + 1
    stored = [event.id for event in store.audit(10_000) if event.event == "stored"]
    assert sorted(stored) == sorted(held)
    store.close()


def test_a_file_of_the_first_schema_is_taken_over(tmp_path: Path) -> None:
    """Memories of the first version are all there, found by words, filed as persistent; a copy is kept beside."""
    import apsw

    from memory_router.engines.tiers.schema import SCHEMA
    from memory_router.engines.tiers.store import MemoryStore

    path = str(tmp_path / "memory.db")
    connection = apsw.Connection(path)
    first = SCHEMA.migrations[0].sqlite
    assert callable(first)
    first(connection)
    connection.pragma("user_version", 1)
    connection.execute(
        "INSERT INTO memories(id, text, names, created, tags, project, tier) VALUES ('a', ?, '', 1e9, ?, 'p', ?)",
        ("We chose Postgres", '["decision"]', "persistent"),
    )
    connection.close()
    store = MemoryStore.open_read_only(path)
    assert store
    (found,) = store.recall("why Postgres", now=2e9)
    assert (found.id, found.memory.tags, found.memory.importance) == ("a", ("decision",), 0.7)
    assert (tmp_path / "memory.db.memories-1.bak").exists()
    assert MemoryStore.open(path).count("persistent") == 1
