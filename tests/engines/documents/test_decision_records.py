"""Laws of documents that say that another one took their place."""

from pathlib import Path

import pytest

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.engines.documents.superseding import Opening, successors

OLD, NEW = "/notes/adr/0004-queue.md", "/notes/adr/0011-queue.md"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Status: superseded by ADR 11", ""),
        ("## Status\n\nSuperseded by [ADR-0011](0011-queue.md)", ""),
        ("> **Replaced by** [[0011-queue]].", ""),
        ("---\nsuperseded_by: 0011-queue.md\n---", ""),
        ("Stand: ersetzt durch ADR 11", ""),
        ("Statut : remplacé par ADR-11", ""),
        ("Estado: sustituido por ADR 0011", ""),
        ("", "Status: accepted. Supersedes ADR 4."),
        ("", "Accepted, replaces [the old queue](../adr/0004-queue.md)"),
        ("", "Stand: gilt, ersetzt ADR 4"),
    ],
)
def test_documents_say_which_one_is_in_force(old: str, new: str) -> None:
    """Either of two documents may say that one took the other's place, by link, file or number."""
    assert successors([Opening(OLD, "ADR 4: Queue", old), Opening(NEW, "ADR 11: Queue", new)]) == {OLD: NEW}


@pytest.mark.parametrize(
    "text",
    [
        "Status: accepted",
        "This replaces 11 lines of shell.",
        "The valve was replaced by a plumber in room 11.",
        "Superseded by nothing so far.",
        "Supersedes RFC 11.",
        "See also ADR 11.",
        "\n" * 30 + "Superseded by ADR 11",
    ],
)
def test_what_names_no_other_document_replaces_none(text: str) -> None:
    """A statement that names no document, or stands far below the head, puts none behind another."""
    assert not successors([Opening(OLD, "ADR 4: Queue", text), Opening(NEW, "ADR 11: Queue", "")])


def test_a_chain_ends_at_what_is_in_force() -> None:
    """Every document of a chain gives way to its last one; documents that replace each other give way to none."""
    chain = [Opening(f"/adr/{number}.md", "", f"Superseded by ADR {number + 1}") for number in (1, 2)]
    last = Opening("/adr/3.md", "", "Accepted")
    assert successors([*chain, last]) == {"/adr/1.md": "/adr/3.md", "/adr/2.md": "/adr/3.md"}
    assert not successors([Opening("/a.md", "", "Replaced by b.md"), Opening("/b.md", "", "Replaced by a.md")])


def test_the_document_in_force_stands_first(tmp_path: Path) -> None:
    """A replaced document follows its successor, names it, and claims no more."""
    adr = tmp_path / "adr"
    adr.mkdir()
    (adr / "0004-queue.md").write_text(
        "# ADR 4: Queue\n\nStatus: superseded by ADR 11\n\nThe current queue of the dock is Beanstalk, our queue.\n"
    )
    (adr / "0011-queue.md").write_text("# ADR 11: Queue\n\nStatus: accepted\n\nMessages wait in Kestrel.\n")
    database = str(tmp_path / "documents.db")
    index([str(adr)], database=database)
    opened = DocumentIndex.open(database)
    assert opened
    new, old = opened.search("what is the current queue of the dock")[:2]
    assert new.path.endswith("0011-queue.md")
    assert old.successor is not None
    assert old.successor.path == new.path
    assert old.relevance <= new.relevance
