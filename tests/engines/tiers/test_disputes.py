"""A note or a conversation that repeats what was replaced says so, in every answer that holds it."""

import json

import pytest

from tests.conftest import Home

OLD, NEW = "The billing service stores its rows in MySQL", "The billing service stores its rows in Postgres now"


@pytest.fixture
def changed(home: Home) -> Home:
    """Return a home with a replaced fact, and with notes and a conversation about it."""
    notes = home.folder / "notes"
    notes.mkdir()
    (notes / "stale.md").write_text(f"# Billing\n\nHow it works. {OLD}, as they always were.\n")
    (notes / "fresh.md").write_text("# Rows\n\nThe billing service stores its rows in Postgres, no longer in MySQL.\n")
    (notes / "other.md").write_text("# Invoices\n\nThe invoice service stores its rows in MySQL.\n")
    talk = home.folder / ".claude" / "projects" / "-work" / "one.jsonl"
    talk.parent.mkdir(parents=True)
    row = {"type": "user", "uuid": "1", "sessionId": "s", "cwd": "/work", "timestamp": "2026-01-05T10:00:00.000Z"}
    said = {"role": "user", "content": f"For the record: {OLD.lower()}, please keep that in mind for the report."}
    talk.write_text(json.dumps(row | {"message": said}) + "\n")
    home.run("init", "--tier", "pro")
    home.run("index", "notes")
    home.run("index", "--transcripts")
    first = home.run("remember", OLD, "--everywhere").json["id"]
    home.run("remember", NEW, "--everywhere", "--supersedes", first)
    return home


def test_what_repeats_a_replaced_fact_is_disputed_by_the_newer_one(changed: Home) -> None:
    """Only the stale note and the conversation are marked; what tells of the change, or of another thing, is not."""
    (current,) = [one["id"] for one in changed.run("memories", "list").json["memories"] if not one.get("superseded_by")]
    results = [
        one
        for backend in ("qmd", "lossless")
        for one in changed.run("query", "where does the billing service store its rows", "--backend", backend).json[
            "results"
        ]
    ]
    marks = {
        str(one.get("path") or one["source"]).rpartition("/")[2]: one["metadata"].get("disputed_by") for one in results
    }
    assert marks.pop("stale.md") == marks.pop("lossless") == current
    assert set(marks.values()) <= {None}


def test_the_newer_fact_stands_before_what_it_disputes(changed: Home) -> None:
    """Asked of all memories at once, the fact in force comes first and claims no less than what repeats the old one."""
    results = changed.run("query", "where does the billing service store its rows", "--all").json["results"]
    places = {one["id"]: place for place, one in enumerate(results)}
    disputed = [one for one in results if one["metadata"].get("disputed_by")]
    assert disputed
    for one in disputed:
        later = places[one["metadata"]["disputed_by"]]
        assert later < places[one["id"]]
        assert results[later]["relevance"] >= one["relevance"]


def test_a_budget_leaves_out_first_what_is_no_longer_so(changed: Home) -> None:
    """With little room the answer keeps what is in force."""
    question = ("query", "where does the billing service store its rows", "--all", "--layer", "search")
    everything = changed.run(*question).json["results"]
    kept = changed.run(*question, "--budget", "420").json["results"]
    assert len(kept) < len(everything)
    dropped = {one["id"] for one in everything} - {one["id"] for one in kept}
    stale = {one["id"] for one in everything if {"superseded_by", "disputed_by"} & set(one["metadata"])}
    assert dropped <= stale or stale <= dropped
