"""Laws of finding passages in QMD's index, on an index built by hand."""

import os
import time
from pathlib import Path

import pytest

from memory_router.engines.documents.selection import PassageSelection
from memory_router.engines.qmd import search
from memory_router.engines.qmd.answering import find
from tests.engines.qmd.conftest import Indexed

TIDES = "# Tides\n\nIntroduction.\n\n## Source\n\nTide tables come from Tidewell every night.\n"
BERTHS = "# Berths\n\nThe allocator reserves a berth through `reserveBerth`.\n"


@pytest.fixture
def notes(indexed: Indexed) -> Indexed:
    """Return an index of a few notes."""
    indexed.add("tides.md", TIDES)
    indexed.add("berths.md", BERTHS)
    indexed.add("src/auth/login.py", "def parse_auth_token(text):\n    return text.split('.')\n")
    for number in range(5):
        indexed.add(f"other-{number}.md", f"# Other {number}\n\nNothing of interest, number {number}.\n")
    return indexed


def names(answer: search.QmdPassages) -> list[str]:
    """Return the paths of an answer's documents."""
    return [hit.uri.removeprefix("qmd://notes/").rpartition(":")[0] for hit in answer.hits]


def test_a_plain_question_is_answered(notes: Indexed) -> None:
    """Where QMD requires every word and finds nothing, the passage that covers most of the question is found."""
    question = "where do our tide tables come from, by the way?"
    assert search.as_qmd(notes.close(), question) == []
    (hit, *_) = search.search(notes.path, question).hits
    assert (hit.uri, hit.first_line, hit.heading) == ("qmd://notes/tides.md:5", 5, "Tides > Source")
    assert hit.path == str(notes.notes / "tides.md")
    assert hit.relevance > 0.4


def test_an_unanswerable_question_is_refused(notes: Indexed) -> None:
    """A question of which little stands in the index stays below the gate, or finds nothing."""
    hits = search.search(notes.close(), "which penguin won the zoology tables last summer").hits
    assert all(hit.relevance < 0.4 for hit in hits)
    assert search.search(notes.path, "penguin zoology").hits == []


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("reserveBerth", "berths.md"),
        ("parse_auth_token", "src/auth/login.py"),
        ("parseAuthToken", "src/auth/login.py"),
        ("what is in src/auth/login.py", "src/auth/login.py"),
        ("auth/login.py", "src/auth/login.py"),
        ("src/auth/", "src/auth/login.py"),
        ("Tidew", "tides.md"),
        ('"come from Tidewell"', "tides.md"),
    ],
)
def test_names_paths_and_beginnings_are_found(notes: Indexed, question: str, best: str) -> None:
    """Names in either spelling, paths that QMD itself reads as one word, beginnings of words, and phrases."""
    answer = search.search(notes.close(), question)
    assert names(answer)[0] == best
    assert answer.hits[0].relevance > 0.4


def test_exclusions_hold_in_every_reading(notes: Indexed) -> None:
    """What the question excludes is not found by the wider reading either."""
    assert "tides.md" in names(search.search(notes.close(), "tide berth"))
    assert names(search.search(notes.path, "berth tide -tidewell")) == ["berths.md"]


def test_chinese_and_japanese_are_found(indexed: Indexed) -> None:
    """QMD indexes these characters one by one; a run of them is found as it stands."""
    indexed.add("ja.md", "# メモ\n\n認 証 は署名されたトークンで行う。\n".replace("認 証", "認証"))
    sql = "UPDATE documents_fts SET body = '認 証 は 署 名' WHERE rowid = 1"
    indexed.connection.execute(sql)
    (hit,) = search.search(indexed.close(), "認証").hits
    assert hit.relevance > 0.4


def test_other_collections_stay_out(notes: Indexed, tmp_path: Path) -> None:
    """A collection that QMD leaves out by default is left out here."""
    notes.collection("private", tmp_path / "private", included=False)
    notes.add("tides.md", TIDES, "private")
    assert {hit.collection for hit in search.search(notes.close(), "tide tables").hits} == {"notes"}


def test_deleted_files_are_no_answer(notes: Indexed) -> None:
    """QMD goes on serving a deleted file until its next update; here it is left out and counted."""
    (notes.notes / "tides.md").unlink()
    found = find(notes.close(), "tide tables tidewell", "search", 10, 1.0)
    assert "qmd://notes/tides.md:5" not in [hit.uri for hit in found.hits]
    assert found.notes == {"deleted_left_out": 1, "fix": "Run: qmd update"}


def test_a_folder_that_is_not_there_proves_nothing(notes: Indexed) -> None:
    """With the whole folder gone (an unplugged disk) the documents still answer."""
    notes.notes.rename(notes.notes.with_name("elsewhere"))
    assert names(search.search(notes.close(), "tide tables"))[0] == "tides.md"


def test_changed_files_are_told(notes: Indexed) -> None:
    """A file that was changed since is told; one that was only touched is not."""
    os.utime(notes.notes / "tides.md")
    notes.close()
    assert not search.search(notes.path, "tidewell").hits[0].is_changed
    (notes.notes / "tides.md").write_text("# Tides\n\nFrom elsewhere now.\n")
    found = find(notes.path, "tidewell", "search", 10, 1.0)
    assert found.hits[0].is_changed
    assert found.notes["changed_since"] == 1


def test_a_hit_is_found_again_by_its_uri(notes: Indexed) -> None:
    """`passage` returns what the URI of a hit names, and nothing for one that is not there."""
    (hit, *_) = search.search(notes.close(), "tidewell").hits
    (again,) = search.passage(notes.path, hit.uri).hits
    assert (again.content, again.first_line) == (hit.content, hit.first_line)
    assert search.passage(notes.path, "qmd://notes/nowhere.md:1").hits == []
    assert search.passage(notes.path, "garbage").hits == []


def test_layers_show_more_of_a_document(indexed: Indexed) -> None:
    """A snippet, the section with its neighbours, the whole section: each of the passage that the URI names."""
    long = "\n\n".join(f"Rope number {number} is tarred twice a year by the crew." * 8 for number in range(6))
    indexed.add("ropes.md", f"# Ropes\n\nAll of hemp.\n\n## Tar\n\n{long}\n\n## Knots\n\nBowline.\n")
    (hit,) = search.search(indexed.close(), "rope number 4 tarred").hits
    snippet, around, whole = (
        search.passage(indexed.path, hit.uri, layer).hits[0] for layer in ("search", "timeline", "detail")
    )
    assert hit.content.startswith(snippet.content)
    assert len(snippet.content) == 240
    assert "All of hemp" in around.content
    assert "Bowline" in around.content
    assert whole.content.startswith("## Tar")
    assert all(f"Rope number {number}" in whole.content for number in range(6))
    assert "Bowline" not in whole.content


def test_without_a_line_a_document_is_shown_from_its_beginning(notes: Indexed) -> None:
    """QMD's own URIs name no line; a line between passages means the one before it."""
    first = search.passage(notes.close(), "qmd://notes/tides.md").hits[0]
    assert first.first_line == 1
    assert search.passage(notes.path, "qmd://notes/tides.md:2").hits[0].content == first.content


def test_only_what_is_selected_answers(indexed: Indexed, tmp_path: Path) -> None:
    """Notes outside repositories belong to every project; the dates of headings, names and files tell their time."""
    indexed.collection("logs", tmp_path / "logs")
    indexed.add("ferry.md", "# Ferry\n\nThe ferry leaves at ten.\n")
    diary = "# Diary\n\n## 2025-03-03\n\nThe ferry was late.\n\n## 2025-05-05\n\nThe ferry was early.\n"
    indexed.add("diary.md", diary, "logs")
    indexed.close()

    def found(**selection: object) -> list[str]:
        hits = search.search(indexed.path, "ferry", 10, (), PassageSelection(**selection)).hits  # type: ignore[arg-type]
        return [hit.uri for hit in hits]

    assert found(project="logs") == found(project="other") == found()
    may = time.mktime((2025, 5, 1, 0, 0, 0, 0, 0, -1))
    assert found(since=may) == ["qmd://logs/diary.md:7"]
    assert found(until=may) == ["qmd://notes/ferry.md:1", "qmd://logs/diary.md:1"]


def test_the_limit_holds(notes: Indexed) -> None:
    """Never more than asked for; nothing for nothing."""
    notes.close()
    assert len(search.search(notes.path, "interest", 3).hits) == 3
    assert search.search(notes.path, "interest", 0).hits == []


@pytest.mark.parametrize(
    "question", ["", "???", "-x", "\ud800 tide", "*" * 5000, "a/" * 500, "%_%", "tide " * 3000, "\0"]
)
def test_any_question_is_safe(notes: Indexed, question: str) -> None:
    """Hostile questions get an answer like any other."""
    assert isinstance(search.search(notes.close(), question).hits, list)
