"""Laws of questions that name a time."""

import os
import time
from pathlib import Path

import pytest

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex

DAY = 86_400.0


@pytest.fixture
def opened(tmp_path: Path) -> DocumentIndex:
    """Index a diary, a dated file, and two notes of which one was written yesterday."""
    notes = tmp_path / "notes"
    notes.mkdir()
    months = ("2025-01-12", "2025-03-12", "May 12, 2025", "2024-03-12")
    diary = "\n\n".join(
        f"## {day}\n\nWe planted {tree} beside the gate." for day, tree in zip(months, "abcd", strict=True)
    )
    (notes / "diary.md").write_text(
        diary.replace("planted a", "planted larches").replace("planted b", "planted beeches")
    )
    (notes / "2025-07-01-planting.md").write_text("We planted rowans beside the gate.")
    for name, age in (("old.md", 400), ("new.md", 1)):
        (notes / name).write_text(f"Pruned {name[:3]} hazels along the lane.")
        midday = time.mktime((*time.localtime()[:3], 12, 0, 0, 0, 0, -1))
        os.utime(notes / name, (midday - age * DAY, midday - age * DAY))
    database = str(tmp_path / "index.db")
    index([str(notes)], database=database)
    found = DocumentIndex.open(database)
    assert found
    return found


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("what did we plant beside the gate in January 2025", "2025-01-12"),
        ("what did we plant beside the gate in March 2025", "2025-03-12"),
        ("what did we plant beside the gate on 12 May 2025", "May 12, 2025"),
        ("what did we plant beside the gate in 2024", "2024-03-12"),
        ("what did we plant beside the gate in July 2025", "rowans"),
        ("which hazels did we prune yesterday", "Pruned new"),
    ],
)
def test_what_is_of_the_time_comes_first(opened: DocumentIndex, question: str, best: str) -> None:
    """Among passages that say the same, those of the named time are first; the others are still there."""
    hits = opened.search(question, 10, "query")
    assert best in hits[0].content
    assert len(hits) > 1
