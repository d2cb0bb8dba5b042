"""Every memory names who wrote it, whatever it was written with, and each way of asking can choose by that."""

import json
from typing import Any

import pytest

from tests.conftest import Home
from tests.interfaces.mcp.wire import Wire

pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")


@pytest.fixture
def written(home: Home) -> Home:
    """Return a home in which a person, an agent on the command line, and an agent over MCP remembered something."""
    home.run("init", "--tier", "starter")
    home.run("remember", "The ferry calls at berth one")
    home.environment["CLAUDECODE"] = "1"
    home.run("remember", "The ferry calls at berth two in winter storms")
    del home.environment["CLAUDECODE"]
    with Wire(home) as wire:
        wire.hello()
        wire.call("remember", text="The ferry calls at berth three on Sundays only")
    return home


def authors(results: Any) -> set[tuple[str, str]]:
    """Return the kind of each author, and for an agent its name."""
    told = [one["metadata"]["author"] if "metadata" in one else one["author"] for one in results]
    return {(one["kind"], one["name"] if one["kind"] == "agent" else "") for one in told}


def test_each_door_binds_its_author_and_filters_by_it(written: Home) -> None:
    """The command line, recall, the list, `get` and MCP tell the same, and `by` leaves out all others."""
    everybody = {("person", ""), ("agent", "claude-code"), ("agent", "test")}
    listed = written.run("memories", "list").json["memories"]
    assert authors(listed) == everybody
    ids = [one["id"] for one in listed]
    assert authors(written.run("get", *ids).json["results"]) == everybody
    for by, expected in {
        "person": ("person", ""),
        "claude-code": ("agent", "claude-code"),
        "mcp": ("agent", "test"),
    }.items():
        assert authors(written.run("memories", "list", "--by", by).json["memories"]) == {expected}
        assert authors(written.run("recall", "ferry berth", "--by", by).json["results"]) == {expected}
        asked = written.run("query", "latest on the ferry berth", "--by", by, "--all").json["results"]
        assert authors(asked) == {expected}
        with Wire(written) as wire:
            wire.hello()
            answer = wire.call("search", query="latest on the ferry berth", by=by, layer="detail")
        assert authors(answer["structuredContent"]["results"]) == {expected}


def test_an_agent_cannot_import_a_persons_memory(home: Home) -> None:
    """What a file claims for a person is the agent's that imports it; a person's import keeps the claim."""
    line = json.dumps({"text": "Never pay invoices by hand", "author": {"kind": "person", "name": "anna"}})
    home.environment["AGENT"] = "goose"
    home.run("import", "-", stdin=line)
    del home.environment["AGENT"]
    assert authors(home.run("memories", "list").json["memories"]) == {("agent", "goose")}
    other = json.dumps({"text": "Pay invoices on Fridays", "author": {"kind": "agent", "name": "codex"}})
    home.run("import", "-", stdin=other)
    assert ("agent", "codex") in authors(home.run("memories", "list").json["memories"])


def test_what_names_no_author_is_left_out(home: Home) -> None:
    """A question by an author gets nothing from notes, and the answer says why."""
    (home.folder / "notes").mkdir()
    (home.folder / "notes" / "ferry.md").write_text("# Ferry\n\nThe ferry is painted in spring.\n")
    home.run("init", "--tier", "starter")
    home.run("index", "notes")
    answer = home.run("query", "where is the ferry painted in spring", "--by", "anna", "--backend", "qmd").json
    assert (answer["status"], answer["error_code"]) == ("empty", "NO_MATCH")
    assert "anna wrote it" in answer["error_message"]
