"""Laws of keeping the index up to date, whatever happens on the way."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest

from memory_router.engines.documents import store
from memory_router.engines.documents.indexing import IndexListener, IndexReport, index
from memory_router.engines.documents.schema import SCHEMA
from memory_router.engines.documents.search import DocumentIndex
from memory_router.errors import NewerStoreError, StoreError
from memory_router.sources.document import Chunk, Document
from memory_router.storage.sqlite import open_database, writing


class Place:
    """A folder of notes and its index."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.database = str(folder / "cache" / "documents.db")

    def write(self, name: str, text: str) -> Path:
        """Write a note, old enough for its time to be trusted."""
        path = self.notes / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789 + len(text)))
        return path

    def index(self, *folders: Path, listener: IndexListener | None = None) -> IndexReport:
        """Index the notes, or the folders given."""
        chosen = [str(folder) for folder in folders or (self.notes,)]
        return index(chosen, database=self.database, listener=listener or IndexListener())

    def found(self, question: str) -> list[str]:
        """Return the names of the files that answer."""
        opened = DocumentIndex.open(self.database)
        assert opened
        names = [os.path.basename(hit.path) for hit in opened.search(question)]
        opened.close()
        return names

    def check(self) -> None:
        """Assert that the tables agree with each other."""
        connection = apsw.Connection(self.database)
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        chunks = set(connection.execute("SELECT id FROM chunks"))
        assert set(connection.execute("SELECT rowid FROM chunk_text_docsize")) == {(chunk[0],) for chunk in chunks}
        assert not list(connection.execute("SELECT 1 FROM chunks WHERE file NOT IN (SELECT id FROM files)"))
        connection.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty folder of notes."""
    return Place(tmp_path)


def changes(report: IndexReport) -> tuple[int, int, int, int]:
    """Return added, changed, unchanged and removed."""
    return report.added, report.changed, report.unchanged, report.removed


def test_only_what_changed_is_done_again(place: Place) -> None:
    """Added, changed, touched, removed and renamed files each have their effect and are counted."""
    for name in ("a.md", "b.md", "c.md"):
        place.write(name, f"# {name}\nabout harbours")
    assert changes(place.index()) == (3, 0, 0, 0)
    assert changes(place.index()) == (0, 0, 3, 0)
    place.write("a.md", "# a.md\nabout lighthouses")
    os.utime(place.notes / "b.md")
    (place.notes / "c.md").rename(place.notes / "d.md")
    assert changes(place.index()) == (1, 1, 1, 1)
    assert place.found("lighthouses") == ["a.md"]
    assert sorted(place.found("harbours")) == ["b.md", "d.md"]
    assert "c.md" not in place.found("c.md")
    place.check()


def test_a_change_in_the_same_tick_is_seen(place: Place) -> None:
    """A file of the same size, changed so soon that its time is the same, is read again."""
    note = place.notes / "a.md"
    # A time not yet past is one in whose tick the file may still change, however slow the machine is.
    later = time.time_ns() + 3_600_000_000_000
    note.write_text("cats")
    os.utime(note, ns=(later, later))
    place.index()
    note.write_text("dogs")
    os.utime(note, ns=(later, later))
    assert changes(place.index()) == (0, 1, 0, 0)
    assert place.found("dogs") == ["a.md"]


def test_without_a_folder_all_known_ones_are_refreshed(place: Place, tmp_path: Path) -> None:
    """Roots are remembered; one that is gone keeps its files until it is named."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "o.md").write_text("penguins")
    place.write("a.md", "walruses")
    place.index(place.notes, other)
    (other / "o.md").unlink()
    other.rmdir()
    report = index(database=place.database)
    assert "other" in report.notes[0]
    assert place.found("penguins") == ["o.md"]
    assert "forgotten" in place.index(other).notes[0]
    assert place.found("penguins") == []
    assert index(database=place.database).roots == (str(place.notes),)


def test_overlapping_roots_hold_each_file_once(place: Place) -> None:
    """A folder inside another, and a file inside both, may be roots, too; what the outer one ignores stays."""
    place.write("in/a.md", "alpha")
    place.write("build/b.md", "beta")
    place.write(".gitignore", "c.md\n")
    single = place.write("c.md", "gamma")
    place.index()
    place.index(place.notes / "in")
    place.index(place.notes / "build")
    place.index(single)
    report = place.index()
    assert (report.files, report.removed) == (3, 0)
    for word, name in (("alpha", "a.md"), ("beta", "b.md"), ("gamma", "c.md")):
        assert place.found(word) == [name]


def test_a_folder_that_never_was_is_an_error(place: Place) -> None:
    """A misspelt folder is told, not indexed as empty."""
    with pytest.raises(StoreError, match="does not exist"):
        place.index(place.notes / "nowhere")


def test_files_that_vanish_or_turn_into_links_are_no_obstacle(place: Place) -> None:
    """Between the survey and the reading anything may happen to a file; the others are indexed."""
    for name in ("a.md", "b.md", "c.md"):
        place.write(name, "text")
    outside = place.notes.parent / "outside.txt"
    outside.write_text("forbidden")

    class Vandal(IndexListener):
        def surveyed(self, root: str, files: int) -> None:
            (place.notes / "a.md").unlink()
            (place.notes / "b.md").unlink()
            (place.notes / "b.md").symlink_to(outside)

    report = place.index(listener=Vandal())
    assert report.added == 1
    assert list(report.unreadable) == [str(place.notes / "b.md")]
    assert place.found("forbidden") == []


def test_unreadable_files_are_reported_and_keep_what_was_known(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read now is told, and its old content stays."""
    note = place.write("a.md", "old words")
    place.index()
    note.write_text("new words")
    opened = os.open

    def refused(path: str, *rest: int) -> int:  # as the system does it, but to root as well
        if path == str(note):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, *rest)

    monkeypatch.setattr(os, "open", refused)
    report = place.index()
    assert list(report.unreadable) == [str(note)]
    assert place.found("old words") == ["a.md"]


def test_binary_and_minified_files_are_counted_on_every_run(place: Place) -> None:
    """What is found unfit by its content is reported each time, and read once."""
    (place.notes / "a.md").write_bytes(b"\0\1\2")
    (place.notes / "b.js").write_text("var a=1;" * 1000)
    for _ in range(2):
        report = place.index()
        assert dict(report.skipped) == {"binary": 1, "generated": 1}
        assert changes(report) == (0, 0, 0, 0)
        assert report.files == 0


def test_a_damaged_index_is_set_aside_and_built_again(place: Place) -> None:
    """Damage of any kind costs no more than the time to read the files once more."""
    place.write("a.md", "walrus")
    for damage in (b"no database at all, but long enough to look at" * 100, None):
        place.index()
        raw = bytearray(Path(place.database).read_bytes())
        Path(place.database).write_bytes(damage or raw[:4096] + b"\xa5" * (len(raw) - 4096))
        report = place.index()
        assert "damaged" in report.notes[-1]
        assert place.found("walrus") == ["a.md"]
        assert os.path.exists(place.database + ".damaged")


def test_a_newer_index_is_left_alone(place: Place) -> None:
    """An index of a later version is refused without a change."""
    place.write("a.md", "walrus")
    place.index()
    connection = apsw.Connection(place.database)
    connection.execute("UPDATE schema_versions SET version = 99")
    connection.close()
    with pytest.raises(NewerStoreError):
        place.index()
    with pytest.raises(NewerStoreError):
        DocumentIndex.open(place.database)


def test_an_interrupt_keeps_what_is_done(place: Place) -> None:
    """After Ctrl-C the finished files are found, and the next run does the others only."""
    for number in range(450):
        place.write(f"{number}.md", f"note number{number}")

    class Impatient(IndexListener):
        def advanced(self, files: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.index(listener=Impatient())
    assert place.found("number0") == ["0.md"]
    report = place.index()
    assert 0 < report.unchanged < 450
    assert report.added + report.unchanged == 450
    place.check()


_RUN = "import sys; from memory_router.engines.documents.indexing import *\n"
_TELLING = (
    "class L(IndexListener):\n"
    " def advanced(self, files): print(files, flush=True)\n"
    " def waiting(self): print('waiting', flush=True)\n"
    "index([sys.argv[1]], database=sys.argv[2], listener=L())"
)


def start(place: Place) -> "subprocess.Popen[str]":
    """Start indexing in a process of its own that prints a line a batch."""
    command = [sys.executable, "-c", _RUN + _TELLING, str(place.notes), place.database]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("batches", [0, 1, 2, 3])
def test_a_killed_run_loses_nothing(place: Place, batches: int) -> None:
    """After kill -9 at any moment the index is whole, and the next run completes it."""
    for number in range(700):
        place.write(f"{number}.md", f"note number{number}\n" * 5)
    place.index(place.write("first.md", "was there before"))
    process = start(place)
    assert process.stdout
    for _ in range(batches):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert place.found("there before") == ["first.md"]
    place.check()
    assert place.index().files == 701
    assert place.found("number699") == ["699.md"]
    place.check()


def test_two_runs_at_once_take_turns(place: Place) -> None:
    """The second run says that it waits, and both end well with every file once."""
    for number in range(50):
        place.write(f"{number}.md", f"note number{number}")
    lines: list[str] = []

    class Meanwhile(IndexListener):
        def surveyed(self, root: str, files: int) -> None:
            self.second = start(place)
            assert self.second.stdout
            lines.append(self.second.stdout.readline())

    meanwhile = Meanwhile()
    assert place.index(listener=meanwhile).added == 50
    meanwhile.second.communicate()
    assert meanwhile.second.returncode == 0
    assert lines == ["waiting\n"]
    assert place.index().files == 50
    place.check()


def test_ready_made_chunks_are_welcome(tmp_path: Path) -> None:
    """A text that is no file can be put in, chunk by chunk, and replaced."""
    database = str(tmp_path / "x.db")
    connection = open_database(database, SCHEMA)
    turns = [Chunk("Ann: we sailed to Texel", date="8 May 2023"), Chunk("Ben: with whom?")]
    with writing(connection):
        root = store.add_root(connection, "talks")
        for _ in range(2):
            store.put_document(connection, root, Document("talk-1", "A talk", "text", turns))
    opened = DocumentIndex.open(database)
    assert opened
    assert opened.statistics()[:3] == (1, 2, ("talks",))
    (first, *_) = opened.search("who sailed to Texel in May")
    assert first.content == turns[0].text


def test_a_large_import_leaves_one_segment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The full text of many files is one segment, whatever the batches; a single change is not worth merging all."""
    monkeypatch.setattr("memory_router.engines.documents.indexing._BATCH_FILES", 2)
    for number in range(60):
        place.write(f"note-{number}.md", f"# Tide {number}\n\nThe tide tables of quay {number}.\n")

    def segments() -> int:
        connection = apsw.Connection(place.database)
        count = connection.execute("SELECT count(DISTINCT segid) FROM chunk_text_idx").get
        connection.close()
        return int(count)

    place.index()
    assert segments() == 1
    place.write("note-7.md", "# Ebb\n\nThe ebb is new.\n")
    place.index()
    assert segments() > 1
    assert place.found("which ebb is new") == ["note-7.md"]
    place.check()
