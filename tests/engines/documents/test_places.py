"""Laws of finding files by what a question calls them."""

import os
import re
import unicodedata
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.engines.documents import store
from memory_router.engines.documents.places import files_named
from memory_router.engines.documents.schema import SCHEMA
from memory_router.sources.document import Document
from memory_router.storage.sqlite import open_database

PATHS = ["a", "ab", "b", "aa/b", "a/b/a", "a/a/a", "b/ab/a", "ab/b/ba/aab", "a/b.b", "B/A", "b/b/b/b"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> apsw.Connection:
    """Return an index that knows some files by name."""
    connection = open_database(str(tmp_path_factory.mktemp("places") / "x.db"), SCHEMA)
    root = store.add_root(connection, "/home/root")
    for path in PATHS:
        store.put_document(connection, root, Document(f"/home/root/{path}", path, "text", []))
    return connection


def named(index: apsw.Connection, asked: str) -> set[str]:
    """Return the files that a name means, below the root."""
    marks = ",".join("?" * len(files := files_named(index, asked)))
    rows = index.execute(f"SELECT path FROM files WHERE id IN ({marks})", files)
    return {os.path.relpath(path, "/home/root") for (path,) in rows}


def meant(asked: str) -> set[str]:
    """Say the same in the plainest way, which may try for ever on long globs."""
    pattern = ""
    for piece in re.findall(r"(?:\*\*+/)+|\*+|\?|[^*?]+", asked.rstrip("/")):
        if piece.startswith("*"):
            pattern += "(?:.*/)?" if piece.endswith("/") else "[^/]*"
        else:
            pattern += "[^/]" if piece == "?" else re.escape(piece)
    after = "/.+" if asked.endswith("/") else "(?:/.+)?"
    whole = re.compile(f"(?:.*/)?{pattern}{after}", re.IGNORECASE)
    return {path for path in PATHS if whole.fullmatch(f"root/{path}")}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "/", "*", "**/", "?"]), min_size=1, max_size=7).map("".join))
def test_globs_mean_what_they_always_meant(index: apsw.Connection, asked: str) -> None:
    """Stars, question marks and folders match exactly what trying everything would match."""
    if re.search(r"(?<!/)(?<!^)\*\*+/|\*{2,}$|//|\*\*+[^/*]|^/|^[/*]*$", asked):
        return  # shells do not agree on these either
    assert named(index, asked) == meant(asked)


@pytest.mark.parametrize(
    "asked", ["*a" * 300, "**/a/" * 300, "a/**/" * 200 + "*b" * 200, "{a,b}" * 300, "?" * 2000, "*/" * 900, "{" * 999]
)
def test_no_glob_takes_long(index: apsw.Connection, asked: str) -> None:
    """Any number of wildcards is tried in time that grows with the length (the test's time limit is the judge)."""
    deep = "/home/root/" + "a/" * 1500 + "c"
    with index:
        root = store.add_root(index, "/home/root")
        store.put_document(index, root, Document(deep, "deep", "text", []))
        files_named(index, asked)
        store.remove_document(index, deep)


def test_choices_multiply(index: apsw.Connection) -> None:
    """Each pair of braces stands for any of its parts, the empty one among them."""
    assert named(index, "{a,b}/{b,}.b") == {"a/b.b"}
    assert named(index, "a{b,}/b/**/a{ab,}") == {"ab/b/ba/aab", "a/b/a"}


@pytest.mark.parametrize("asked", ["~T\0/", "~nobody-here/x", "~/", "\ud800/a", "/", "."])
def test_odd_names_mean_nothing(index: apsw.Connection, asked: str) -> None:
    """What cannot be a path finds no file, and harms nothing."""
    files_named(index, asked)


def test_names_of_other_scripts_are_found(tmp_path: Path) -> None:
    """Names beyond ASCII are found in either letter case, by name, by folder and by glob."""
    connection = open_database(str(tmp_path / "x.db"), SCHEMA)
    root = store.add_root(connection, "/home")
    store.put_document(connection, root, Document("/home/\u00dcber/\u00c4rger.md", "x", "markdown", []))
    for asked in ("\u00e4rger.md", "\u00fcber/", "\u00fc*/*.md"):
        assert len(files_named(connection, asked)) == 1, asked


def test_names_with_spaces_and_accents_are_found_as_people_write_them(tmp_path: Path) -> None:
    """Words before the last one belong to a name where a file is called so; both normal forms are one name."""
    connection = open_database(str(tmp_path / "x.db"), SCHEMA)
    root = store.add_root(connection, "/n")
    paths = [
        "/n/Meeting notes.md",
        "/n/old/Meeting notes.md",
        "/n/notes.txt",
        unicodedata.normalize("NFD", "/n/Größe.md"),
    ]
    for path in paths:
        store.put_document(connection, root, Document(path, path, "text", []))

    def called(asked: str, question: str) -> set[str]:
        files = files_named(connection, asked, question)
        return {str(connection.execute("SELECT path FROM files WHERE id = ?", (file,)).get) for file in files}

    assert called("notes.md", "what is in meeting notes.md") == set(paths[:2])
    assert called("notes.md", "/n/old/Meeting notes.md") == {paths[1]}
    assert called("notes.md", "the notes.md of last week") == set()
    assert called("Größe.md", "Größe.md") == {paths[3]}
