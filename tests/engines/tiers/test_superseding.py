"""Laws of facts that replace others."""

import asyncio
import itertools
import json
import multiprocessing
from pathlib import Path

import pytest

from memory_router.engines.tiers.memory import Memory, Selection
from memory_router.engines.tiers.policy import MemoryConfig, PersistentPolicy, SessionPolicy
from memory_router.engines.tiers.store import MemoryStore
from memory_router.engines.tiers.stores.protocol import Store
from memory_router.engines.tiers.system import MemorySystem
from memory_router.errors import RefusedMemoryError
from tests.conftest import Home

NOW = 1_760_000_000.0
ALL = Selection()
OLD, NEW = "We use Jina for web search", "Replaced Jina: web search now uses Exa"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test memories of its own."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path / "home"))


async def chain(*texts: str) -> list[Memory]:
    """Remember texts of which each replaces the one before; return the revisions."""
    async with MemorySystem() as memories:
        last = None
        for text in texts:
            last = (await memories.remember(text, supersedes=last)).memory.id
        return await memories.history(str(last))


def test_links_are_set_only_where_nothing_changed(store: Store) -> None:
    """A link is set only if it is what it was when it was read; every store holds both ends."""
    store.add(Memory("a", "first", NOW), NOW)
    assert store.link("a", "superseded_by", None, "b")
    assert not store.link("a", "superseded_by", None, "c")
    assert not store.link("missing", "supersedes", None, "c")
    assert store.link("a", "supersedes", None, "z")
    kept = store.get("a", NOW)
    assert kept
    assert (kept.supersedes, kept.superseded_by) == ("z", "b")


def test_a_replaced_fact_stands_after_its_successor(store: Store) -> None:
    """Whatever words they share with the question, the fact in force is first, and claims no less."""
    for question in ("web search Jina", "which web search do we use", "Exa", "use for web search"):
        for first, second in (("a", "b"), ("b", "a")):
            store.remove(["a", "b"], NOW, "forgotten")
            old, new = Memory("a", OLD, NOW - 9, superseded_by="b"), Memory("b", NEW, NOW, supersedes="a")
            for name in (first, second):
                store.add({"a": old, "b": new}[name], NOW)
            found = store.search(question, 5, ALL, NOW)
            assert [one.id for one in found][:1] == ["b"]
            assert all(before.relevance >= after.relevance for before, after in itertools.pairwise(found))


def test_a_successor_in_other_words_is_found_by_the_old_ones(store: Store) -> None:
    """Who asks in the words of the replaced fact gets what replaced it first."""
    store.add(Memory("a", "The staging server is called Falke", NOW - 9, superseded_by="b"), NOW)
    store.add(Memory("b", "It has had the name of another bird since: Milan", NOW, supersedes="a"), NOW)
    assert [one.id for one in store.search("name of the staging server Falke", 5, ALL, NOW)] == ["b", "a"]
    assert [one.id for one in store.search("staging server Falke", 1, ALL, NOW)] == ["b"]


def test_a_question_about_the_time_before_gets_what_was_so_then(store: Store) -> None:
    """What was in force at the time that is asked about is not corrected by what came later."""
    store.add(Memory("a", OLD, NOW - 9, superseded_by="b"), NOW)
    store.add(Memory("b", NEW, NOW, supersedes="a"), NOW)
    assert [one.id for one in store.search("web search", 5, ALL._replace(until=NOW - 5), NOW)] == ["a"]


def test_replacing_a_replaced_fact_replaces_the_one_in_force() -> None:
    """A chain stays a list: the newest replaces whatever is in force, whichever revision is named."""

    async def run() -> list[str]:
        async with MemorySystem() as memories:
            first = (await memories.remember("the port is 1")).memory.id
            await memories.remember("the port is 2", supersedes=first)
            third = await memories.remember("the port is 3", supersedes=first)
            assert third.replaced
            assert third.replaced.text == "the port is 2"
            return [revision.text for revision in await memories.history(first)]

    assert asyncio.run(run()) == ["the port is 1", "the port is 2", "the port is 3"]


def test_what_was_so_before_may_be_so_again() -> None:
    """A fact that is remembered again in the place of its successor is in force again."""
    revisions = asyncio.run(chain("the port is 1", "the port is 2", "the port is 1"))
    assert [revision.text for revision in revisions] == ["the port is 2", "the port is 1"]


def test_a_replacement_told_twice_changes_nothing() -> None:
    """Saying again that one replaces another leaves the chain as it is, also in its middle."""

    async def run() -> None:
        revisions = await chain("the port is 1", "the port is 2", "the port is 3")
        async with MemorySystem() as memories:
            await memories.remember("the port is 2", supersedes=revisions[0].id)
            assert await memories.history(revisions[2].id) == revisions

    asyncio.run(run())


def test_forgetting_one_revision_joins_the_others() -> None:
    """Without the middle one, the last replaces the first; without the last, the first is in force."""

    async def run() -> None:
        first, middle, last = await chain("the port is 1", "the port is 2", "the port is 3")
        async with MemorySystem() as memories:
            await memories.forget(middle.id)
            joined = await memories.history(first.id)
            assert [revision.id for revision in joined] == [first.id, last.id]
            await memories.forget(last.id)
            (alone,) = await memories.history(first.id)
            assert alone.superseded_by is None

    asyncio.run(run())


def test_a_fact_cannot_replace_itself_or_what_is_not_there() -> None:
    """Both are refused, and nothing is stored for a missing one."""

    async def run() -> None:
        async with MemorySystem() as memories:
            known = (await memories.remember(OLD)).memory
            with pytest.raises(RefusedMemoryError):
                await memories.remember(OLD, supersedes=known.id)
            with pytest.raises(RefusedMemoryError):
                await memories.remember(NEW, supersedes="missing")
            assert [memory.text for memory in await memories.memories()] == [OLD]

    asyncio.run(run())


def test_links_survive_moves_between_stores(tmp_path: Path) -> None:
    """A chain whose members are in different tiers and stores is one chain, also after promotion."""

    async def run() -> list[str]:
        session = SessionPolicy(store=f"sqlite:{tmp_path / 'session.db'}")
        config = MemoryConfig(session=session, persistent=PersistentPolicy())
        async with MemorySystem(config) as memories:
            first = (await memories.remember("the port is 1", tier="session")).memory
            second = (await memories.remember("the port is 2", tier="persistent", supersedes=first.id)).memory
            await memories.promote(first.id, "persistent")
            return [revision.id for revision in await memories.history(first.id)] + [first.id, second.id]

    result = asyncio.run(run())
    assert result[:2] == result[2:]


def replace_at_once(folder: str, root: str, number: int) -> None:
    """Replace one fact in a process of its own."""
    import os

    os.environ["MEMORY_ROUTER_HOME"] = folder

    async def run() -> None:
        async with MemorySystem() as memories:
            for turn in range(5):
                await memories.remember(f"the port is {number}{turn}", supersedes=root)

    asyncio.run(run())


def test_processes_that_replace_at_once_leave_a_list(tmp_path: Path) -> None:
    """Eight processes that replace the same fact leave one chain with every replacement in it."""
    root = asyncio.run(chain("the port is first"))[0].id
    spawn = multiprocessing.get_context("spawn")
    workers = [
        spawn.Process(target=replace_at_once, args=(str(tmp_path / "home"), root, number)) for number in range(1, 9)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0

    async def run() -> list[Memory]:
        async with MemorySystem() as memories:
            return await memories.history(root)

    revisions = asyncio.run(run())
    assert len(revisions) == 41
    assert sum(revision.superseded_by is None for revision in revisions) == 1


@pytest.mark.parametrize(
    "again",
    [
        "We decided to use Postgres for billing.",
        "we decided to use postgres for  billing",
        '"We decided to use Postgres for billing"',
    ],
)
def test_spelling_makes_no_second_memory(again: str) -> None:
    """Case, spaces, outer quotation marks and a last full stop make no other fact."""

    async def run() -> None:
        async with MemorySystem() as memories:
            assert (await memories.remember("We decided to use Postgres for billing")).is_new
            assert not (await memories.remember(again)).is_new

    asyncio.run(run())


def test_facts_of_an_earlier_version_are_known_again(tmp_path: Path) -> None:
    """A memory whose id was made from its literal text is found when the text is remembered again."""
    from memory_router.engines.tiers.admission import admit, literal_identity

    text = "We decided to use Postgres for billing."

    async def run() -> None:
        async with MemorySystem() as memories:
            (tmp_path / "home" / "data").mkdir(parents=True, exist_ok=True)
            store = MemoryStore.open(str(tmp_path / "home" / "data" / "memory.db"))
            store.add(admit(text).memory._replace(id=literal_identity(text, None)), NOW)
            assert not (await memories.remember(text)).is_new

    asyncio.run(run())


def test_the_command_line_tells_replacements(tmp_path: Path) -> None:
    """`remember` names similar facts, --supersedes replaces one; answers, history and export tell of it."""
    (tmp_path / "other").mkdir()
    (tmp_path / "copy").mkdir()
    home = Home(tmp_path / "other")
    assert home.run("init", "--tier", "starter").code == 0
    old = home.run("remember", OLD).json["id"]
    told = home.run("remember", NEW).json
    assert old in [similar["id"] for similar in told["similar"]]
    again = home.run("remember", NEW, "--supersedes", old).json
    assert again["supersedes"] == old
    results = home.run("query", "what do we use for web search", "--backend", "totalrecall").json["results"]
    assert [result["content"] for result in results] == [NEW, OLD]
    assert results[1]["metadata"]["superseded_by"] == again["id"]
    assert [revision["text"] for revision in home.run("history", old).json["revisions"]] == [OLD, NEW]
    exported = home.run("export", "-").out
    copy = Home(tmp_path / "copy")
    assert copy.run("import", "-", stdin=exported).json["imported"] == 2
    assert [revision["text"] for revision in copy.run("history", old).json["revisions"]] == [OLD, NEW]
    assert len([json.loads(line) for line in exported.splitlines()]) == 2
