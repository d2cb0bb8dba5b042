"""Laws of the index under bad input and bad luck."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import apsw

from memory_router.engines.documents.indexing import index
from memory_router.engines.documents.search import DocumentIndex
from memory_router.sources.discovery import Survey

_RUN = (
    "import sys; from memory_router.engines.documents.indexing import index; index([sys.argv[1]], database=sys.argv[2])"
)


def notes(folder: Path, count: int, words: str = "tide") -> Path:
    """Write so many notes."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.md").write_text(f"# Note {number}\n{words} number{number}\n" * 3)
    return folder


def is_found(database: str, question: str) -> bool:
    """Return whether the index answers."""
    opened = DocumentIndex.open(database)
    assert opened
    hits = opened.search(question)
    opened.close()
    return bool(hits)


def test_a_disk_that_fills_leaves_the_old_index_usable(tmp_path: Path) -> None:
    """When nothing more can be written the run fails with words, the old index answers, and a later run completes."""
    database = str(tmp_path / "x.db")
    index([str(notes(tmp_path / "old", 5, "walrus"))], database=database)
    many = notes(tmp_path / "many", 400, "penguin " * 300)
    limit = os.path.getsize(database) + 200_000

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-B", "-c", _RUN, str(many), database]
    failed = subprocess.run(command, preexec_fn=fill, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "StoreError" in failed.stderr
    assert is_found(database, "walrus")
    assert index([str(many)], database=database).files == 405
    assert is_found(database, "number399")


def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    """However often indexing is killed, what was indexed stays, and a last run completes it without a fault."""
    database = str(tmp_path / "x.db")
    index([str(notes(tmp_path / "old", 3, "walrus"))], database=database)
    many = notes(tmp_path / "many", 600)
    for number in range(50):
        (many / f"{number}.md").write_text(f"changed in round {number}\n" * 40)
        child = os.fork()
        if not child:
            try:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process; the test runner's handler would not
                signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.003 * (number % 17))
                index([str(many)], database=database)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert is_found(database, "walrus")
    assert index([str(many)], database=database).files == 603
    connection = apsw.Connection(database)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    counted = connection.execute("SELECT count(*) FROM chunks").get
    assert connection.execute("SELECT chunks FROM totals").get == counted
    assert set(connection.execute("SELECT rowid FROM chunk_text_docsize")) == set(
        connection.execute("SELECT id FROM chunks")
    )


def test_folders_may_be_nested_deeper_than_any_stack(tmp_path: Path) -> None:
    """A thousand folders in each other are looked through."""
    folder = str(tmp_path)
    for _ in range(1200):
        folder += "/d"
        os.mkdir(folder)
    with open(os.path.join(folder, "a.md"), "w", encoding="utf-8") as file:
        file.write("deep")
    found = list(Survey(str(tmp_path)).files())
    os.remove(found[0].path)
    while folder != str(tmp_path):  # the test runner's own way of cleaning up would not come to an end
        os.rmdir(folder)
        folder = os.path.dirname(folder)
    assert len(found) == 1


def test_an_own_ignore_file_leaves_out_what_git_keeps(tmp_path: Path) -> None:
    """`.memoryrouterignore` takes patterns like `.gitignore`, counts from its folder, and is told as the reason."""
    notes(tmp_path / "drafts", 2)
    notes(tmp_path / "kept", 1)
    (tmp_path / ".memoryrouterignore").write_text("drafts/\n")
    survey = Survey(str(tmp_path))
    assert [os.path.basename(os.path.dirname(one.path)) for one in survey.files()] == ["kept"]
    assert survey.skipped == {"ignored by .memoryrouterignore": 1, "hidden file": 1}
