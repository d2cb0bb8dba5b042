"""Laws of the table and the picture that tell how honest relevance is."""

import re
import sys
from pathlib import Path

import pytest

from memory_router.retrieval import relevance

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_page_and_the_picture_tell_the_same_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row of the table is a point of the picture, and no bin that many results stand in is off by a quarter."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.delitem(sys.modules, "reliability", raising=False)
    import reliability  # type: ignore[import-not-found,unused-ignore]

    page, picture = reliability.PAGE.read_text("utf-8"), reliability.PICTURE.read_text("utf-8")
    rows = re.findall(r"\| (\d\.\d\d) \| (\d\.\d\d) \| (\d+) \|", page.split(reliability.BEGIN)[1])
    assert len(rows) == picture.count("<circle") == 10
    assert re.findall(r"<title>(\d+) results", picture) == [count for _, _, count in rows]
    assert all(abs(float(claimed) - float(right)) < 0.25 for claimed, right, _ in rows)
    assert min(float(claimed) for claimed, _, _ in rows) >= relevance.FLOOR
    bins = {place: [(place / 10, True), (place / 10, False)] for place in range(10)}
    assert reliability.table(bins).count("| 0.50 |") >= 10
