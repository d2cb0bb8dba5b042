"""The database of lossless-claw is read where it lies, in every version, whatever its writer does."""

import os
from contextlib import suppress
from pathlib import Path

import apsw
import pytest

from memory_router.engines.transcripts.expand import expand
from memory_router.engines.transcripts.lcm import LcmArchive, standard_path
from memory_router.engines.transcripts.recall import RecalledTurn, recall
from memory_router.engines.transcripts.turn import ANY_TIME, Window
from memory_router.errors import CorruptStoreError, StoreError
from memory_router.storage.sqlite import named_errors
from tests.engines.transcripts.speech import CORE, VERSIONS, add, lcm

SAID = (
    "Which fence?",
    "Either wood, which rots, or wire.",
    "Wire it is, because wood rots.",
    "Wire then, I'll order it.",
    "Tell me about slugs.",
)


def found(path: Path, question: str, window: Window = ANY_TIME) -> list[RecalledTurn]:
    """Ask an lcm.db."""
    archive = LcmArchive.open(str(path))
    assert archive
    return recall([archive], question, 5, window, now=1.8e9)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read(tmp_path: Path, version: str) -> None:
    """Decisions are found with and without full text and parts, and keep the plugin's own ids."""
    lcm(tmp_path / "lcm.db", version, SAID).close()
    (first, *_) = found(tmp_path / "lcm.db", "what did we decide about the fence")
    assert first.turn.id == "lcm:3"
    assert [step.step for step in first.chain] == ["question", "option", "decision", "reason", "outcome"]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_read_while_it_is_written(tmp_path: Path, version: str) -> None:
    """An open write transaction does not stop a reader; what is committed is seen, in the write-ahead log too."""
    path = tmp_path / "lcm.db"
    writer = lcm(path, version, SAID)
    archive = LcmArchive.open(str(path))
    assert archive
    writer.execute("BEGIN EXCLUSIVE")
    add(writer, "Badgers dig under the fence.")
    assert recall([archive], "badgers", 5, ANY_TIME, 0.0) == []
    writer.execute("COMMIT")
    assert recall([archive], "badgers", 5, ANY_TIME, 0.0)[0].turn.id == "lcm:6"
    assert archive.connection.pragma("query_only") == 1


def test_a_lock_that_is_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that stays locked is an error with a reason, and is read again once it is free."""
    path = tmp_path / "lcm.db"
    writer = lcm(path, "0.15", SAID)
    writer.pragma("journal_mode", "delete")
    monkeypatch.setattr("memory_router.engines.transcripts.lcm._BUSY_MS", 0)
    archive = LcmArchive.open(str(path))
    assert archive
    writer.execute("BEGIN EXCLUSIVE")
    add(writer, "Badgers dig.")
    with pytest.raises(StoreError, match="locked"):
        recall([archive], "fence", 5, ANY_TIME, 0.0)
    with pytest.raises(StoreError, match="locked"):
        LcmArchive.open(str(path))
    writer.execute("ROLLBACK")
    assert recall([archive], "fence", 5, ANY_TIME, 0.0)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_database_is_told(tmp_path: Path, share: float) -> None:
    """Of a file that was cut off what is whole may answer; what is not is named as damage, never another error."""
    path = tmp_path / "lcm.db"
    writer = lcm(path, "0.15", [f"{text} {number} " + "fence " * 900 for number in range(8) for text in SAID])
    writer.pragma("journal_mode", "delete")
    writer.close()
    os.truncate(path, int(path.stat().st_size * share))
    with suppress(StoreError):
        found(path, "what did we decide about the fence")
    with suppress(StoreError):
        archive = LcmArchive.open(str(path))
        assert archive
        with named_errors(str(path)):
            archive.count(), archive.sessions()


def test_tool_arguments_and_summaries_are_found(tmp_path: Path) -> None:
    """What stands in a tool's arguments alone is found, and so is a summary; the chain of summaries goes upwards."""
    path = tmp_path / "lcm.db"
    writer = lcm(path, "0.15", SAID)
    insert = "INSERT INTO message_parts(part_id, message_id, part_type, ordinal, tool_name, tool_input) VALUES"
    writer.execute(f"{insert} ('p', 4, 'tool', 0, 'edit', '{{\"path\": \"src/fencing/posts.py\"}}')")
    for name, depth, text in (("sum_leaf", 0, "Fences compared."), ("sum_top", 1, "Garden season, trellises too.")):
        writer.execute(
            "INSERT INTO summaries(summary_id, conversation_id, kind, depth, content) VALUES (?, 1, 'leaf', ?, ?)",
            (name, depth, text),
        )
        writer.execute("INSERT INTO summaries_fts(summary_id, content) VALUES (?, ?)", (name, text))
    writer.execute("INSERT INTO summary_messages VALUES ('sum_leaf', 3, 0)")
    # The parent is the older, lower source; and a cycle must not be followed for ever.
    writer.execute("INSERT INTO summary_parents VALUES ('sum_top', 'sum_leaf', 0), ('sum_leaf', 'sum_top', 0)")
    writer.close()
    assert found(path, "posts.py")[0].turn.id == "lcm:4"
    assert found(path, "trellises")[0].turn.id == "lcm:sum_top"
    archive = LcmArchive.open(str(path))
    assert archive
    everything = expand(archive, "lcm:3", "detail")
    assert everything
    assert [turn.id for turn in everything.summaries] == ["lcm:sum_leaf", "lcm:sum_top"]
    assert [turn.id for turn in everything.around] == [f"lcm:{number}" for number in range(1, 6)]
    assert expand(archive, "lcm:99", "detail") is None


def test_scripts_without_spaces_are_found(tmp_path: Path) -> None:
    """Texts that the index cannot cut into words are found by what they contain."""
    path = tmp_path / "lcm.db"
    lcm(path, "0.15", (*SAID, "柵は針金にしましょう。")).close()
    assert found(path, "針金")[0].turn.id == "lcm:6"


def test_windows_hold(tmp_path: Path) -> None:
    """Times without a zone are UTC; nothing outside the window is found."""
    path = tmp_path / "lcm.db"
    lcm(path, "0.15", SAID).close()
    at = 1791194580.0  # 2026-10-05 10:03:00 UTC
    assert found(path, "wire wood fence", Window(since=at))[0].turn.id == "lcm:3"
    assert {one.turn.id for one in found(path, "fence.py", Window(since=at))} <= {"lcm:3", "lcm:4", "lcm:5"}
    assert found(path, "fence", Window(project="agent:other")) == []


def test_what_is_no_such_database_is_told(tmp_path: Path) -> None:
    """A foreign, older or damaged file is refused with a reason and left as it is; a missing one is not made."""
    path = tmp_path / "lcm.db"
    assert LcmArchive.open(str(path)) is None
    assert not path.exists()
    connection = apsw.Connection(str(path))
    connection.execute(CORE.replace("seq INTEGER NOT NULL,", "").replace(", UNIQUE(conversation_id, seq)", ""))
    connection.close()
    with pytest.raises(StoreError, match="messages lacks seq"):
        LcmArchive.open(str(path))
    path.write_bytes(b"garbage" * 999)
    with pytest.raises(CorruptStoreError):
        LcmArchive.open(str(path))


def test_the_path_follows_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment wins over `dbPath` in openclaw.json, which wins over the state folder."""
    for name in ("LCM_DATABASE_PATH", "LCM_OPENCLAW_DIR", "OPENCLAW_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path))
    assert standard_path() == str(tmp_path / "lcm.db")
    (tmp_path / "openclaw.json").write_text(
        '{"plugins": {"entries": {"lossless-claw": {"config": {"dbPath": "/data/own.db"}}}}}'
    )
    assert standard_path() == "/data/own.db"
    (tmp_path / "openclaw.json").write_text("[{")
    assert standard_path() == str(tmp_path / "lcm.db")
    monkeypatch.setenv("LCM_DATABASE_PATH", "/env.db")
    assert standard_path() == "/env.db"
