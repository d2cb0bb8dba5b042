"""Laws of choosing which passages may answer."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.engines.documents.selection import PassageSelection

OLD, NEW = "2024-06-01", "2026-02-01"
MODES = ["search", "vsearch", "query"]


def at(day: str) -> float:
    """Return the local noon of a day, in seconds since the epoch."""
    return time.mktime(time.strptime(f"{day} 12", "%Y-%m-%d %H"))


def write(file: Path, text: str, day: str) -> None:
    """Write a file as if on some day."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (at(day), at(day)))


@pytest.fixture
def opened(tmp_path: Path) -> DocumentIndex:
    """Index two projects with notes of different days."""
    for project in ("harbor", "orchard"):
        subprocess.run(["git", "init", "-q", str(tmp_path / project)], check=True)
        (tmp_path / project / "go.mod").touch()
        write(tmp_path / project / "old.md", f"# Old\nThe ferry timetable of {project} hangs at the pier.", OLD)
        write(tmp_path / project / "new.md", f"# New\nThe ferry timetable of {project} is printed again.", NEW)
    diary = "# Diary\n\n## 2025-03-03\nThe ferry came late.\n\n## 4 March 2025\nThe ferry did not come.\n"
    write(tmp_path / "harbor/diary.md", diary, NEW)
    write(tmp_path / "harbor/2025-03-09-ferry.md", "The ferry was painted.", NEW)
    database = str(tmp_path / "index.db")
    index([str(tmp_path / "harbor"), str(tmp_path / "orchard")], database=database)
    found = DocumentIndex.open(database)
    assert found
    return found


def found(opened: DocumentIndex, question: str, mode: str, **selection: object) -> set[str]:
    """Return what is found as `project/file:line`."""
    hits = opened.search(question, 50, mode, PassageSelection(**selection))  # type: ignore[arg-type]
    places = [f"{hit.project}/{os.path.basename(hit.path)}:{hit.first_line}" for hit in hits]
    return {*places, *(f"{os.path.basename(path)}:{line}" for hit in hits for path, line in hit.copies)}


@pytest.mark.parametrize("mode", MODES)
def test_only_the_project_answers(opened: DocumentIndex, mode: str) -> None:
    """With a project, in any letter case, nothing of another one is found; an unknown one holds nothing."""
    places = found(opened, "ferry timetable", mode, project="Orchard")
    assert {place.partition("/")[0] for place in places} == {"orchard"}
    assert found(opened, "ferry timetable", mode, project="vineyard") == set()


@pytest.mark.parametrize("mode", MODES)
def test_only_what_is_of_the_time_answers(opened: DocumentIndex, mode: str) -> None:
    """Headings and names tell the day where they do; else the time at which the file was modified counts."""
    march = found(opened, "ferry", mode, since=at("2025-03-01"), until=at("2025-03-31"))
    assert march == {"harbor/diary.md:1", "harbor/diary.md:6", "harbor/2025-03-09-ferry.md:1"}
    assert found(opened, "ferry", mode, until=at("2025-03-03")) >= {"harbor/old.md:1", "harbor/diary.md:1"}
    later = found(opened, "ferry", mode, since=at("2025-03-04"))
    assert "harbor/diary.md:6" in later
    assert not later & {"harbor/old.md:1", "orchard/old.md:1", "harbor/diary.md:1"}


def test_a_day_counts_as_a_whole(opened: DocumentIndex) -> None:
    """What is dated by a day is of every moment of it."""
    noon = at("2025-03-03")
    assert found(opened, "ferry", "search", since=noon, until=noon + 60) == {"harbor/diary.md:1"}


def test_named_files_are_chosen_among(opened: DocumentIndex) -> None:
    """A question that names a file gets it only if it may answer."""
    assert found(opened, "old.md", "search", project="harbor") == {"harbor/old.md:1"}
    assert found(opened, "old.md", "search", since=at(NEW) - 60) == set()


@pytest.mark.parametrize(
    ("selection", "day", "modified", "answer"),
    [
        (PassageSelection(), "", 0.0, True),
        (PassageSelection(project="A"), "", 0.0, True),
        (PassageSelection(project="c"), "", 0.0, False),
        (PassageSelection(since=at("2025-03-03")), "2025-03-03", 0.0, True),
        (PassageSelection(since=at("2025-03-03")), "2025-03-02", at(NEW), False),
        (PassageSelection(until=at("2025-03-03")), "", at(NEW), False),
        (PassageSelection(until=at("2025-03-03")), "", at(OLD), True),
    ],
)
def test_one_passage_is_admitted(selection: PassageSelection, day: str, modified: float, answer: bool) -> None:
    """A single passage is judged as the index chooses."""
    assert selection.admits(["a", "b"], day, modified) is answer
