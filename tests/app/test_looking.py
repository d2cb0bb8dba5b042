"""Everything that is stored stands in one list, each once, the newest first, whatever the size of a page."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router import paths
from memory_router.app import looking
from memory_router.engines.tiers.schema import SCHEMA as MEMORIES
from memory_router.engines.transcripts.schema import SCHEMA as TURNS
from memory_router.errors import QueryError
from memory_router.storage.sqlite import open_database
from tests.conftest import Home
from tests.engines.cognee.conftest import STACK, write_graph
from tests.engines.transcripts.speech import lcm

# Few different times, so that entries of the same time meet at the ends of pages.
TIMES = st.lists(st.sampled_from([1.0, 1.5, 2.0, 1e9]), max_size=12)

ANYTHING = looking.Filter()


def fill(memories: list[float], turns: list[float | None]) -> None:
    """Store memories and turns of these times."""
    with open_database(paths.memory_db(), MEMORIES) as connection:
        connection.execute("DELETE FROM memories")
        connection.executemany(
            "INSERT INTO memories(id, text, names, created, tags, tier)"
            " VALUES (?, 'text', '', ?, '[\"a\"]', 'session')",
            [(f"m{number}", created) for number, created in enumerate(memories)],
        )
    connection.close()
    with open_database(paths.transcripts_db(), TURNS) as connection:
        connection.execute("DELETE FROM nodes")
        connection.execute("INSERT OR IGNORE INTO sessions VALUES (1, 'claude-code', 's', '', '/x', 'harbor')")
        connection.executemany(
            "INSERT INTO nodes(name, session, role, time, text, tools, files, cues)"
            " VALUES (?, 1, 'user', ?, 'said', '', '', 0)",
            [(f"t{number}", spoken) for number, spoken in enumerate(turns)],
        )
    connection.close()


def everything(limit: int, chosen: looking.Filter = ANYTHING) -> list[looking.Listed]:
    """Return the list, read page by page."""
    found: list[looking.Listed] = []
    after = ""
    while True:
        page = looking.page(chosen, after=after, limit=limit)
        assert page.problems == []
        found += page.listed
        after = page.following
        if not after:
            return found


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TIMES, st.lists(st.sampled_from([None, 1.0, 2.0, 1e9]), max_size=12), st.integers(1, 7))
def test_pages_hold_everything_once(
    own_home: Home, memories: list[float], turns: list[float | None], limit: int
) -> None:
    """Whatever the size of a page, all pages together are the whole list, in descending order of time."""
    fill(memories, turns)
    found = everything(limit)
    assert sorted(one.id for one in found) == sorted(
        [f"totalrecall:m{number}" for number in range(len(memories))]
        + [f"lossless:t{number}" for number in range(len(turns))]
    )
    assert all(one.entry.place.time >= other.entry.place.time for one, other in pairwise(found))


def test_filters_choose(own_home: Home) -> None:
    """Each condition leaves out what does not fulfil it; those about facts leave out everything else."""
    fill([1.0, 1e9], [2.0, None])
    assert len(everything(3)) == 4
    assert [one.id for one in everything(3, looking.Filter(since=5.0))] == ["totalrecall:m1"]
    assert {one.backend for one in everything(3, looking.Filter(project="harbor"))} == {"lossless"}
    assert {one.backend for one in everything(3, looking.Filter(tag="a"))} == {"totalrecall"}
    assert everything(3, looking.Filter(tag="b")) == []
    assert len(everything(3, looking.Filter(replaced=False))) == 4
    assert everything(3, looking.Filter(replaced=True)) == []
    assert len(everything(3, looking.Filter(text="text"))) == 2
    assert everything(3, looking.Filter(text='"* NOT (')) == []


@pytest.mark.parametrize("after", ["x", "1.0/qmd", "1.0/nobody/1", "a/qmd/1", "1.0/qmd/b"])
def test_a_wrong_place_is_an_error(own_home: Home, after: str) -> None:
    """A place that no page named is refused with what to do."""
    with pytest.raises(QueryError, match="first page"):
        looking.page(ANYTHING, after=after)


def test_a_damaged_store_costs_its_own_entries_only(own_home: Home) -> None:
    """What cannot be read is told; the rest of the list is shown."""
    fill([1.0], [2.0])
    with open(paths.transcripts_db(), "r+b") as file:
        file.write(b"no database" * 20)
    page = looking.page(ANYTHING)
    assert [one.id for one in page.listed] == ["totalrecall:m0"]
    assert len(page.problems) == 1


def test_an_empty_home_has_an_empty_list(own_home: Home) -> None:
    """Where nothing was ever stored the list is empty, and nothing is made."""
    assert looking.page(ANYTHING) == looking.Page([], "", [])
    assert looking.projects() == []


def test_what_lossless_claw_keeps_is_listed(own_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of its database stand in the list, each once, and filters choose among them."""
    lcm(tmp_path / "lcm.db", "0.9", ["Which fence?", "Wire, 100 % of it.", "Fine."]).close()
    monkeypatch.setenv("LCM_DATABASE_PATH", str(tmp_path / "lcm.db"))
    fill([1.0], [2.0])
    listed = everything(2)
    assert {listing.id for listing in listed} == {
        "totalrecall:m0", "lossless:t0", "lossless:lcm:1", "lossless:lcm:2", "lossless:lcm:3",
    }  # fmt: skip
    assert [listing.id for listing in everything(2, looking.Filter(text="100 %"))] == ["lossless:lcm:2"]
    assert len(everything(2, looking.Filter(project="agent:main:main"))) == 3
    assert len(everything(2, looking.Filter(since=1.7e9))) == 3
    assert everything(2, looking.Filter(origin="openclaw", until=1.7e9)) == []


def test_what_cognee_keeps_is_listed(own_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passages and things of the real Cognee's graph files stand in the list, each once, with ids that `get` takes."""
    write_graph(tmp_path / "cognee/databases/owner/dataset.lbug", STACK)
    monkeypatch.setenv("SYSTEM_ROOT_DIRECTORY", str(tmp_path / "cognee"))
    listed = everything(3)
    assert len(listed) == len({listing.id for listing in listed})
    assert {listing.store for listing in listed} == {"Cognee"}
    assert sum(listing.entry.kind == "passage" for listing in listed) == 7
    (fridge,) = everything(3, looking.Filter(text="tide FRIDGE hangs"))
    assert fridge.entry.excerpt == "The tide table hangs on the fridge."
    assert fridge.id.startswith("cognee:cognee:")
