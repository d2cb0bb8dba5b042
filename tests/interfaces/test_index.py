"""Laws of `memory-router index` as a user meets it."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from tests.conftest import Home

NOTE = "# Tides\n\n## Source\nTide tables come from Tidewell.\n"


def test_what_is_indexed_is_asked_without_another_init(home: Home) -> None:
    """After `init` and `index` a question is answered: indexing brings the registration up to date."""
    (home.folder / "notes").mkdir()
    (home.folder / "notes/tides.md").write_text(NOTE)
    assert home.run("init").json["backends"]["qmd"]["status"] == "installed"
    indexed = home.run("index", "notes")
    assert (indexed.code, indexed.err) == (0, "")
    answer = home.run("query", "where do the tide tables come from", "--backend", "qmd").json
    assert (answer["status"], answer["results"][0]["title"]) == ("success", "Tides")


def test_an_index_that_nobody_asks_is_told(home: Home) -> None:
    """Without a registration the next command is named, and the report is printed all the same."""
    (home.folder / "a.md").write_text(NOTE)
    indexed = home.run("index", "a.md")
    assert (indexed.code, indexed.json["added"]) == (0, 1)
    assert "memory-router backends init" in indexed.err


def stocked(home: Home) -> Home:
    """Return a home with an indexed folder of two notes."""
    (home.folder / "notes").mkdir()
    for name in ("tides.md", "moles.md"):
        (home.folder / "notes" / name).write_text(NOTE)
    home.register(qmd="ready")
    assert home.run("index", "notes").code == 0
    return home


def test_status_tells_what_changed_and_changes_nothing(home: Home) -> None:
    """New, changed, removed and skipped files are counted by folder, with the index's age and size."""
    notes = stocked(home).folder / "notes"
    (notes / "tides.md").write_text(NOTE * 2)
    (notes / "moles.md").unlink()
    (notes / "new.md").write_text("new")
    (notes / ".env").write_text("KEY=1")
    for _ in range(2):
        told = home.run("index", "--status").json
        (root,) = told["roots"]
        assert (root["path"], root["files"], root["chunks"]) == (str(notes), 2, 2)
        assert (root["new"], root["changed"], root["removed"]) == (1, 1, 1)
        assert root["skipped"] == {"may hold secrets": 1}
        assert 0 <= root["age"] < 600
        assert told["bytes"] > 0
    assert home.run("index").json["changed"] == 1
    (root,) = home.run("index", "--status").json["roots"]
    assert (root["new"], root["changed"], root["removed"]) == (0, 0, 0)


def test_a_folder_is_forgotten_only_when_confirmed(home: Home) -> None:
    """`--remove` asks, `--dry-run` only tells, `--yes` does it; files stay, and unknown folders are an error."""
    notes = str(stocked(home).folder / "notes")
    assert home.run("index", "--remove", notes, "--dry-run").json == {"dry_run": True, "removed": {notes: 2}}
    assert home.run("index", "--remove", notes).code == 1
    assert home.run("index", "--status").json["roots"][0]["files"] == 2
    assert home.run("index", "--remove", notes, "--yes").json == {"dry_run": False, "removed": {notes: 2}}
    assert home.run("index", "--status").json["roots"] == []
    assert (home.folder / "notes/tides.md").exists()
    unknown = home.run("index", "--remove", "elsewhere", "--yes")
    assert (unknown.code, unknown.out) == (1, "")
    assert "--status" in unknown.err


def test_watching_indexes_what_changes_until_interrupted(home: Home) -> None:
    """A new file is indexed without another command, and Ctrl-C ends with exit code 0."""
    pytest.importorskip("watchfiles", reason="the extra `watch` is not installed")
    notes = stocked(home).folder / "notes"
    process = subprocess.Popen(
        [sys.executable, "-m", "memory_router", "index", "notes", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=home.environment,
        cwd=home.folder,
    )
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["unchanged"] + 2 >= 2
    assert "Watching" in process.stderr.readline()
    # The watcher may start a moment after it says so: the note is written anew until it is noticed.
    answered = threading.Event()

    def write() -> None:
        number = 0
        while not answered.wait(0.2):
            number += 1
            (notes / f"new-{number}.md").write_text("about walruses")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert json.loads(process.stdout.readline())["added"] >= 1
    finally:
        answered.set()
        writer.join()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 0
    assert "Stopped watching" in errors
    assert home.run("query", "walruses").json["results"]
