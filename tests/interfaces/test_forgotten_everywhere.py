"""Whatever is forgotten by whichever choice, no piece of it stands in a home afterwards, nor after the next import."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import apsw
import pytest
from typer.testing import CliRunner

from memory_router.app import agent_memories
from memory_router.engines.transcripts import place
from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.expand import expand
from memory_router.interfaces.cli.commands import app
from memory_router.storage import sqlite
from tests.conftest import EMPTY, Home
from tests.interfaces.test_forget import content, transcript

OTHERS = ("The tide gauge of the harbour is read at noon by the pilots", "Red boxes are lifted by the green crane")
TEXTS = {
    "memory": "Hanna Berg agreed on the 4th: the vault in Emden opens with a seven, and not with an eight.",
    "session": "ÄRGER mit Übermut führt zu größeren Schäden an der Straße nach Ürzig",
    "turn": "zqxvplatypus quixotl",
    "project": "保险柜的密码是翡翠河马 不要告诉任何人 因为它只属于我们",
    "since": 'Quote "the heron\'s queue" as {"kind": "nats", "port": 4222}\nand\tnever as a b c d e f',
}


def run(*arguments: str) -> Any:
    """Run a command in this process and return what it printed as JSON."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def pieces(text: str) -> set[bytes]:
    """Return every five words in a row of a text as its bytes; a shorter text as a whole."""
    words = text.split(" ")
    return {" ".join(words[at : at + 5]).lower().encode() for at in range(max(1, len(words) - 4))}


def holding(home: Home, text: str) -> list[str]:
    """Return the files below the program's own folders that hold a piece of a text."""
    files = (file for part in ("data", "cache", "state") for file in (home.folder / part).rglob("*"))
    held = {file: content(file).decode("utf-8", "ignore").lower().encode() for file in files if file.is_file()}
    return sorted(file.name for file, body in held.items() if any(piece in body for piece in pieces(text)))


@pytest.fixture
def lived_in(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Return a home with memories, and a reader of each database that is open but reads nothing just now."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(own_home.folder / "claude"))
    own_home.with_fakes(qmd=EMPTY, totalrecall=EMPTY)
    for other in OTHERS:
        run("remember", other)
    transcript(own_home.folder / "in", *OTHERS, session="kept")
    run("index", "--transcripts", str(own_home.folder / "in"))
    readers = [own_home.folder / "data" / name for name in ("memory.db", "conversations.db")]
    with closing(apsw.Connection(str(readers[0]))) as first, closing(apsw.Connection(str(readers[1]))) as second:
        for reader in (first, second):
            assert reader.execute("SELECT count(*) FROM sqlite_schema").get
        yield own_home


@pytest.mark.parametrize("by", TEXTS)
def test_no_piece_of_what_was_forgotten_stays_or_comes_back(lived_in: Home, by: str) -> None:
    """By id, session, turn, project or time: memories, talk, vectors, graph, questions, logs, spools and copies."""
    home, text = lived_in, TEXTS[by]
    said = transcript(home.folder / "in", "Hello there", text, "That is good to know", session="doomed")
    run("index", "--transcripts", str(home.folder / "in"))
    kept = run("remember", text)["id"] if by in ("memory", "since") else ""
    run("rules", "add", "--regex", "^why", "--to", "qmd", "--requires-approval")
    for question in (text, f"why {text}"):
        CliRunner().invoke(app, ["query", question[:4000]])
    (home.state / "hooks.log").write_text(f"a line\nbefore {text.splitlines()[0]} after\n")
    for copy in ("data/memory.db.memories-1.bak", "data/conversations.db.damaged-2", "cache/graph.db.damaged"):
        (home.folder / copy).write_bytes(b"\0\x81" + text.encode() + b"\xa5\0")
    (home.folder / "data/memory.db.damaged").write_bytes(b"\0another text\0")
    assert {"conversations.db-wal", "hooks.log", "graph.db.damaged"} <= set(holding(home, text))
    chosen = {
        "memory": [[kept], ["lossless:doomed-1"]],
        "session": [["--session", "doomed"]],
        "turn": [["lossless:doomed-1"]],
        "project": [["--project", "harbour"]],
        "since": [["--since", "2026-06-01T00:00:00Z"]],
    }[by]
    for choice in chosen:
        remains = run("forget", *choice, "--yes")["traces"]["remains"]
    others = ["memory.db"] if by == "project" else []  # what else was said in the project is remembered, too
    assert [os.path.basename(path) for path in remains if "/backends/" not in path] == others
    assert holding(home, text) == []
    assert (home.folder / "data/memory.db.damaged").exists(), "it holds nothing of it"
    said.touch()
    transcript(home.folder / "in" / "copied", "Hello there", text, "That is good to know", session="doomed")
    run("index", "--transcripts", str(home.folder / "in"))
    assert holding(home, text) == []
    with closing(apsw.Connection(str(home.folder / "data/conversations.db"))) as archive:
        turns = {key for (key,) in archive.execute("SELECT id FROM nodes")}
        assert {key for (key,) in archive.execute("SELECT id FROM vectors")} <= turns


def test_what_a_reader_still_sees_is_erased_by_the_next_run(lived_in: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program reads what was deleted, `forget` says so; run again with the same choice, it erases it."""
    home, text = lived_in, TEXTS["memory"]
    monkeypatch.setattr(sqlite, "_BUSY_MS", 50)
    kept = run("remember", text)["id"]
    with closing(apsw.Connection(str(home.folder / "data/memory.db"))) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM memories").get
        result = CliRunner().invoke(app, ["forget", kept, "--yes"])
        assert result.exit_code == 1
        assert isinstance(result.exception, SystemExit)
    assert holding(home, text)
    assert run("forget", kept, "--yes")["count"] == 0
    assert holding(home, text) == []


def test_a_forgotten_turn_takes_no_other_with_it(lived_in: Home) -> None:
    """The id of a forgotten turn is nobody's: neither forgetting it again nor fetching it touches its neighbour."""
    assert run("forget", "lossless:kept-1", "--yes")["count"] == 1
    assert run("forget", "lossless:kept-1", "--yes")["count"] == 0
    archive = ImportedArchive.open(place.archive())
    assert archive
    with closing(archive):
        assert expand(archive, "kept-1", "detail") is None
        assert expand(archive, "kept-0", "detail")


def test_the_vectors_around_a_forgotten_turn_are_made_anew(lived_in: Home) -> None:
    """A vector holds what was said around its turn, too: without that turn it is the one of talk that never had it."""

    def vectors(database: str) -> dict[str, bytes]:
        sql = "SELECT n.name, v.vector FROM vectors v JOIN nodes n ON n.id = v.id WHERE n.name LIKE 'kept-%'"
        with closing(apsw.Connection(str(lived_in.folder / "data" / database))) as archive:
            return dict(archive.execute(sql))

    without = vectors("conversations.db")
    transcript(lived_in.folder / "more", *OTHERS, TEXTS["memory"], session="kept")
    run("index", "--transcripts", str(lived_in.folder / "more"))
    assert set(vectors("conversations.db").values()).isdisjoint(without.values())
    run("forget", "lossless:kept-2", "--yes")
    assert vectors("conversations.db") == without


def test_a_forgotten_note_does_not_come_back_from_another_file(lived_in: Home) -> None:
    """An agent that moves its note to another file does not bring back what somebody forgot here."""
    folder = lived_in.folder / "claude/projects/-srv-heron/memory"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text("- The heron queue is NATS.\n- Deploys go out on Tuesdays.\n")
    assert agent_memories.bring_up_to_date().added == 2
    doomed = next(memory["id"] for memory in run("memories", "list")["memories"] if "NATS" in memory["text"])
    run("forget", doomed, "--yes")
    (folder / "MEMORY.md").rename(folder / "queues.md")
    assert agent_memories.bring_up_to_date().added == 0
    texts = {memory["text"] for memory in run("memories", "list")["memories"]}
    assert texts == {*OTHERS, "Deploys go out on Tuesdays."}
