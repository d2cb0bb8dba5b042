"""Projects do not leak: an agent in one hears of another only if it asks for that."""

import json
from typing import Any

import pytest

from tests.backends.test_narrowed import harbour
from tests.conftest import Home
from tests.interfaces.mcp.wire import Wire

pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")

__all__ = ["harbour"]

# One for each backend, as the rule table sends them.
QUESTIONS = {
    "qmd": "where is the ferry painted",
    "totalrecall": "latest on the ferry that is painted in spring",
    "lossless": "what did we say about when the ferry is painted",
    "cognee": "what depends on Ferry",
}


def asked(wire: Wire, **arguments: Any) -> list[Any]:
    """Return the results of all questions, in the layer that shows everything."""
    answers = [wire.call("search", query=question, layer="detail", **arguments) for question in QUESTIONS.values()]
    return [result for answer in answers for result in answer["structuredContent"]["results"]]


def test_an_agent_in_a_project_hears_of_no_other(harbour: Home) -> None:
    """Without a project named, every backend answers of the one that the server was started in, and of no other."""
    with Wire(harbour, cwd=str(harbour.folder / "old-pier")) as wire:
        wire.hello()
        own = asked(wire)
        other = asked(wire, project="new-pier")
        every = asked(wire, project="*")
    for results, mark, foreign in (
        (own, "old-pier", ("new-pier", "NewFerry")),
        (other, "new-pier", ("old-pier", "OldFerry")),
    ):
        assert {result["source"] for result in results} == set(QUESTIONS)
        assert {result["metadata"]["project"] for result in results} == {mark}
        assert [word for word in foreign if word in json.dumps(results)] == []
    assert {result["metadata"]["project"] for result in every} == {"old-pier", "new-pier"}


def test_memories_of_everywhere_are_told_in_every_project(harbour: Home) -> None:
    """What is remembered belongs to the current project; what belongs to everywhere is found there, too."""
    with Wire(harbour, cwd=str(harbour.folder / "old-pier")) as wire:
        wire.hello()
        kept = wire.call("remember", text="The harbour master likes zanzibar tea.")["structuredContent"]
        free = wire.call("remember", text="Everybody likes zanzibar coffee.", project="*")["structuredContent"]
        scoped = wire.call("search", query="zanzibar drinks remembered")["structuredContent"]["results"]
        every = wire.call("search", query="zanzibar drinks remembered", project="*")["structuredContent"]["results"]
        other = wire.call("search", query="zanzibar drinks remembered", project="new-pier")["structuredContent"]
    assert (kept["project"], free["project"]) == ("old-pier", None)
    assert {kept["id"], free["id"]} == {result["id"] for result in scoped} == {result["id"] for result in every}
    assert {result["id"] for result in other["results"]} == {free["id"]}


def test_an_empty_answer_names_the_projects_that_have_one(harbour: Home) -> None:
    """Where a project holds nothing, the note says which others do, and how many results."""
    with Wire(harbour, cwd=str(harbour.folder / "old-pier")) as wire:
        wire.hello()
        wire.call("remember", text="The quarry dog is called Pepper.", project="new-pier")
        answer = wire.call("search", query="what did we note last about the quarry dog")["structuredContent"]
    assert "in project new-pier" in answer["note"]
