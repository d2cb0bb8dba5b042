"""A store that the configuration names serves every door: the command line, questions, agents and Python."""

import json
from collections.abc import Callable

import pytest

from tests.conftest import Home
from tests.interfaces.mcp.wire import Wire

pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")

_IN_PYTHON = """
from memory_router import BlockingMemorySystem
with BlockingMemorySystem() as memories:
    print(memories.store("Pilots board the ferry at buoy nine"))
"""


@pytest.fixture(params=["sqlite", "plain path", "postgres", "redis"])
def elsewhere(request: pytest.FixtureRequest, home: Home, url_of: Callable[[str], str]) -> Home:
    """Return a home whose memories are kept in another store."""
    url = str(home.folder / "team" / "shared.db") if request.param == "plain path" else url_of(request.param)
    (home.folder / "team").mkdir()
    home.run("init", "--tier", "starter")
    (home.folder / "config").mkdir(exist_ok=True)
    (home.folder / "config" / "router-config.json").write_text(json.dumps({"memories": {"store": url}}))
    return home


def test_each_door_uses_the_store_that_is_configured(elsewhere: Home) -> None:
    """What one door stores all others find and can forget, and the database in the data folder holds none of it."""
    first = elsewhere.run("remember", "The ferry leaves from berth four").json["id"]
    second = elsewhere.run("remember", "The ferry leaves from berth six", "--supersedes", first).json["id"]
    with Wire(elsewhere) as wire:
        wire.hello()
        assert wire.call("remember", text="Dogs travel free on the ferry")["structuredContent"]["status"] == "stored"
        found = wire.call("search", query="latest on where the ferry leaves from")["structuredContent"]["results"]
    assert [one["id"] for one in found][:2] == [second, first]
    outcome = elsewhere.run("query", "do dogs travel free on the ferry", "--backend", "totalrecall").json
    assert outcome["results"][0]["content"] == "Dogs travel free on the ferry"
    assert [one["id"] for one in elsewhere.run("history", first).json["revisions"]] == [first, second]
    assert elsewhere.run("get", first).json["results"][0]["metadata"]["superseded_by"] == second
    script = elsewhere.folder / "store.py"
    script.write_text(_IN_PYTHON)
    assert elsewhere.python(str(script)).code == 0
    assert len(elsewhere.run("memories", "list").json["memories"]) == 4
    assert elsewhere.run("forget", second, "--yes").json["count"] == 1
    assert len(elsewhere.run("memories", "list").json["memories"]) == 3
    assert elsewhere.run("status", "--json").code == 0
    own = elsewhere.folder / "config" / "router-config.json"
    own.unlink()
    assert elsewhere.run("memories", "list").json["memories"] == []


def test_a_configuration_that_cannot_be_read_stores_nothing_in_the_wrong_place(home: Home) -> None:
    """Where it is unknown where memories belong, `remember` says so and stores nothing."""
    (home.folder / "config").mkdir()
    own = home.folder / "config" / "router-config.json"
    own.write_text("{")
    outcome = home.run("remember", "The ferry leaves at nine")
    assert (outcome.code, "where memories are kept" in outcome.err) == (1, True)
    own.unlink()
    assert home.run("memories", "list").json["memories"] == []


@pytest.mark.parametrize("store", ["nowhere", "ftp://host/x", "sqlite:", 7])
def test_a_store_that_is_none_is_refused_by_the_check(home: Home, store: object) -> None:
    """The schema knows which stores there are."""
    (home.folder / "config").mkdir()
    (home.folder / "config" / "router-config.json").write_text(json.dumps({"memories": {"store": store}}))
    outcome = home.run("config", "check")
    assert outcome.code != 0
    assert "memories.store" in outcome.err + outcome.out
