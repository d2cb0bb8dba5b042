"""Whatever repeats a fact that was replaced says so, in every answer that holds it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memory_router import BlockingMemorySystem
from memory_router.contract import Result
from memory_router.engines.tiers.disputes import Disputes
from tests.conftest import Home
from tests.engines.qmd.conftest import Indexed

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


def test_another_memory_that_repeats_a_replaced_one_stands_after_the_fact_in_force(changed: Home) -> None:
    """Asked in turn, too: an older memory of the same is marked, follows the newer fact, and claims no more than it."""
    older = {"text": f"{OLD}, Anna said", "timestamp": "2026-01-05T10:00:00Z"}
    changed.run("import", "-", stdin=json.dumps(older))
    question = "what did Anna say the billing service stores its rows in"
    results = changed.run("query", question, "--backend", "totalrecall").json["results"]
    texts = [result["content"] for result in results]
    repeated = results[texts.index(older["text"])]
    assert repeated["metadata"]["disputed_by"] == results[texts.index(NEW)]["id"]
    assert texts.index(NEW) < texts.index(older["text"])
    assert results[texts.index(NEW)]["relevance"] >= repeated["relevance"]


def test_relations_and_the_index_of_qmd_itself_are_marked_too(changed: Home) -> None:
    """A relation whose evidence repeats a replaced fact is marked, and so is a document of the real QMD."""
    (changed.folder / "notes" / "links.md").write_text("# Ways\n\nThe billing service stores its rows in [[MySQL]].\n")
    (changed.folder / "notes" / "MySQL.md").write_text("# MySQL\n\nA database.\n")
    changed.run("index", "notes")
    relations = _marked(changed, "what is connected with MySQL", "cognee")
    assert any("rows in" in result["content"] for result in relations)
    folder = changed.folder / "real"
    folder.mkdir()
    indexed = Indexed(folder)
    indexed.add("stale.md", f"# Billing\n\n{OLD}.\n")
    changed.environment["INDEX_PATH"] = indexed.close()
    documents = _marked(changed, "where does the billing service store its rows", "qmd")
    assert "qmd" in {result["metadata"]["engine"] for result in documents}


def _marked(home: Home, question: str, backend: str) -> list[dict[str, Any]]:
    results = home.run("query", question, "--backend", backend).json["results"]
    return [result for result in results if result["metadata"].get("disputed_by")]


# A fact, what replaced it, what repeats it in other words, and what does not.
CHANGES = [
    (
        "We use Jina for web search",
        "Replaced Jina: web search now uses Exa",
        ("Our web searches go through Jina.", "# Web search\n\nRuns on Jina."),
        ("Web search: Jina was replaced by Exa.", "Jina is no longer used for web search.", "The Jina reader is free."),
    ),
    (
        "The gateway timeout is 30 seconds",
        "The gateway timeout was raised to 90 seconds",
        ("Gateway timeout: 30 seconds", "The timeout of the gateway stands at 30 seconds."),
        ("The parser timeout is 30 seconds.", "The gateway timeout went from 30 to 90 seconds."),
    ),
    (
        "The billing service stores its rows in MySQL",
        "Billing moved to Postgres",
        ("Billing keeps its rows in MySQL.", "# Billing\n\nRows are kept in MySQL."),
        ("The invoice service stores its rows in MySQL.", "Does billing keep its rows in MySQL?"),
    ),
    (
        "Die Rechnungen liegen in MySQL",
        "Die Rechnungen liegen jetzt in Postgres",
        ("Unsere Rechnungen liegen in MySQL.",),
        ("Rechnungen liegen nicht in MySQL.", "Die Fotos liegen in MySQL."),
    ),
    (
        "Le serveur de test est chez OVH",
        "Le serveur de test est maintenant chez Hetzner",
        ("Notre serveur de test tourne chez OVH.",),
        ("Le serveur de production est chez OVH.", "Le serveur de test n'est plus chez OVH."),
    ),
]


@pytest.fixture
def memories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingMemorySystem]:
    """Return the memories of an empty home."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path))
    with BlockingMemorySystem() as system:
        yield system


def test_other_words_repeat_a_fact_and_another_subject_does_not(memories: BlockingMemorySystem) -> None:
    """What names the old value of the subject is marked; another subject, a denial, a question, a change is not."""
    for old, new, repeating, others in CHANGES:
        memories.remember(new, supersedes=memories.remember(old).memory.id)
        marked = Disputes.read().marked([Result(text, 0.9) for text in (*repeating, *others)])
        assert [result.content for result in marked if result.metadata] == list(repeating)
