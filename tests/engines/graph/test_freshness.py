"""Laws of memories in the graph: what was remembered is there when it is asked, without an index run."""

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from memory_router import paths
from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.facts import Source
from memory_router.engines.graph.freshness import take_in_memories
from memory_router.engines.graph.search import KnowledgeGraph
from memory_router.engines.tiers.system import MemorySystem


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test an empty home with a graph of one file."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path))
    code = tmp_path / "shop.py"
    code.write_text("class OrderService:\n    pass\n")
    bring_up_to_date([Source(str(code), str(tmp_path), "python", "1", 1.0)])


def remember(text: str) -> str:
    """Remember a text and return its id."""

    async def stored() -> str:
        async with MemorySystem() as memories:
            return str((await memories.remember(text)).memory.id)

    return asyncio.run(stored())


def forget(memory: str) -> None:
    """Forget a memory."""

    async def gone() -> None:
        async with MemorySystem() as memories:
            await memories.forget(memory)

    asyncio.run(gone())


def mentioning(name: str) -> list[str]:
    """Return the texts that mention a name, by the graph."""
    graph = KnowledgeGraph.open(paths.graph_db())
    assert graph
    found = [one.path or "" for one in graph.ask(f"what mentions {name}").findings if one.relevance >= 0.4]
    graph.close()
    return found


def test_what_is_remembered_is_taken_in() -> None:
    """A memory is in the graph when it is next asked, gone when it is forgotten, and files stay as they are."""
    memory = remember("The OrderService keeps its rows in Postgres.")
    take_in_memories()
    assert mentioning("OrderService") == [f"memory:{memory}"]
    forget(memory)
    take_in_memories()
    assert mentioning("OrderService") == []
    graph = KnowledgeGraph.open(paths.graph_db())
    assert graph
    assert graph.statistics().texts == 1
    graph.close()


def test_the_times_of_files_do_not_matter() -> None:
    """A memory that was stored just before the graph was written is taken in the next time."""
    remember("The OrderService keeps its rows in Postgres.")
    take_in_memories()
    memory = remember("The OrderService is written in Python.")
    os.utime(paths.graph_db())
    take_in_memories()
    assert f"memory:{memory}" in mentioning("OrderService")


def test_a_run_at_work_is_not_waited_for() -> None:
    """While another process writes the graph, a question is answered from what is there."""
    remember("The OrderService keeps its rows in Postgres.")
    with open(paths.graph_db() + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        take_in_memories()
    assert mentioning("OrderService") == []


def test_no_graph_is_made() -> None:
    """Where nothing was ever indexed, asking makes no graph."""
    os.unlink(paths.graph_db())
    remember("The OrderService keeps its rows in Postgres.")
    take_in_memories()
    assert not os.path.exists(paths.graph_db())
