"""Laws of finding words and names in whatever script and spelling they are written."""

import os
from pathlib import Path

# ruff: noqa: E501 - escapes make the lines look longer than they are.
import pytest

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex


def opened_index(folder: Path) -> DocumentIndex:
    """Return the index of a folder."""
    database = str(folder / "x.db")
    index([str(folder)], database=database)
    opened = DocumentIndex.open(database)
    assert opened
    return opened


def test_texts_without_spaces_are_found(tmp_path: Path) -> None:
    """Chinese, Japanese and Korean passages are found by words, by parts of words and by single characters."""
    notes = {
        "jp.md": "# \u8a2d\u8a08\u66f8\n\u6771\u4eac\u30bf\u30ef\u30fc\u306e\u9ad8\u3055\u3002\u732b\u304c\u597d\u304d\u3002",
        "zh.md": "# \u6570\u636e\u5e93\n\u6211\u4eec\u9009\u62e9\u4e86Postgres\u56e0\u4e3a\u5b83\u652f\u6301\u884c\u7ea7\u5b89\u5168",
        "ko.md": "# \ud68c\uc758\ub85d\n\ub370\uc774\ud130\ubca0\uc774\uc2a4\ub97c \ubc31\uc5c5\ud558\ub294 \ubc29\ubc95",
    }
    for name, text in notes.items():
        (tmp_path / name).write_text(text)
    opened = opened_index(tmp_path)
    for question, name in (
        ("\u6771\u4eac\u30bf\u30ef\u30fc\u306f\u3069\u3053", "jp.md"),
        ("\u732b", "jp.md"),
        ("\u6570\u636e\u5e93", "zh.md"),
        ("\u884c\u7ea7\u5b89\u5168", "zh.md"),
        ("\ub370\uc774\ud130\ubca0\uc774\uc2a4", "ko.md"),
    ):
        hits = opened.search(question)
        assert os.path.basename(hits[0].path) == name
        assert hits[0].relevance > 0.4
    assert opened.search("\u732b\u3068\u72ac")[0].relevance < opened.search("\u732b")[0].relevance


@pytest.mark.parametrize("beginning", ["parse*", "parse_au*", "parseA*", "where is parse_auth* used"])
def test_a_star_stands_for_any_ending(tmp_path: Path, beginning: str) -> None:
    """The beginning of a word or a name finds what begins so."""
    (tmp_path / "tokens.py").write_text("def parse_auth_token(raw):\n    return raw\n")
    (tmp_path / "other.py").write_text("def load(raw):\n    return raw\n")
    opened = opened_index(tmp_path)
    assert os.path.basename(opened.search(beginning)[0].path) == "tokens.py"


def test_names_of_all_spellings_are_found_whole_and_in_parts(tmp_path: Path) -> None:
    """Kebab, dotted, snake and camel names are found as written, in another spelling, and by their words."""
    names = ["nav-bar-item", "http.server.Handler", "load_user_profile", "retryAfterSeconds"]
    for number, name in enumerate(names):
        (tmp_path / f"{number}.txt").write_text(f"before {name} after")
    (tmp_path / "decoy.txt").write_text("the nav of a bar has no item; the user may load a page, retry after lunch")
    opened = opened_index(tmp_path)
    for question, number in (
        ("nav-bar-item", 0),
        ("navBarItem", 0),
        ("nav_bar_item", 0),
        ("http.server.Handler", 1),
        ("load-user-profile", 2),
        ("loadUserProfile", 2),
        ("user profile", 2),
        ("retry_after_seconds", 3),
    ):
        assert os.path.basename(opened.search(question)[0].path) == f"{number}.txt", question


def test_who_types_nothing_but_capitals_finds_the_same(tmp_path: Path) -> None:
    """A question in capitals has the answers of the same one in small letters; one without a vector goes by words."""
    (tmp_path / "roads.md").write_text("# Roads\n\nThe harbour street is closed until spring.\n")
    (tmp_path / "mood.md").write_text("# Launch\n\nIt went well \U0001f680 and all were happy.\n")
    (tmp_path / "other.md").write_text("# Boats\n\nBoats are painted in the shed.\n")
    opened = opened_index(tmp_path)
    shouted, typed = (opened.search(question, mode="query")[0] for question in ("HARBOUR STREET", "harbour street"))
    assert (shouted.path, shouted.relevance) == (typed.path, typed.relevance)
    assert opened.search("\U0001f680", mode="query")[0].relevance >= 0.4
