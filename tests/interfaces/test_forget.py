"""Forgotten means gone: from every file of the program, also after the next import."""

import json
import os
from pathlib import Path

import pytest

from tests.conftest import Home

SECRET = "zqxvplatypus"
TEXT = f"Hanna Berg agreed that the vault opens with {SECRET} seven"
_OF_USERS = ("in", "again", "notes")


def holding(home: Home, word: str = SECRET) -> list[str]:
    """Return the files of the program that hold a word."""
    return sorted(
        str(path.relative_to(home.folder))
        for path in home.folder.rglob("*")
        if path.relative_to(home.folder).parts[0] not in _OF_USERS
        and path.is_file()
        and word.encode() in path.read_bytes().lower()
    )


def transcript(folder: Path, *said: str, session: str = "s-1") -> Path:
    """Write a session of Claude Code in which user and assistant take turns."""
    rows, parent = [], None
    for number, text in enumerate(said):
        role = ("user", "assistant")[number % 2]
        rows.append(
            {
                "type": role,
                "uuid": f"{session}-{number}",
                "parentUuid": parent,
                "sessionId": session,
                "cwd": "/srv/harbour",
                "timestamp": f"2026-06-01T10:{number:02d}:00.000Z",
                "message": {"role": role, "content": text},
            }
        )
        parent = f"{session}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{session}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_no_byte_of_a_forgotten_memory_stays(home: Home) -> None:
    """No database, log, copy, recorded question or graph holds it afterwards; what stays still answers."""
    home.run("init", "--tier", "pro")
    home.run("remember", "The tide gauge in Emden is read at noon")
    kept = home.run("remember", TEXT).json["id"]
    (home.folder / "notes").mkdir()
    (home.folder / "notes" / "a.md").write_text("# Cranes\n\nThe crane is green.\n")
    home.run("index", str(home.folder / "notes"))
    home.run("query", f"how does {SECRET} relate to Hanna Berg")
    home.run("query", f"what opens with {SECRET}")
    Path(home.folder / "data" / "memory.db.memories-1.bak").write_bytes(TEXT.encode())
    Path(home.folder / "cache" / "graph.db.damaged").write_bytes(TEXT.encode())
    assert holding(home)
    planned = home.run("forget", kept, "--dry-run").json
    assert (planned["count"], planned["dry_run"]) == (1, True)
    assert planned["traces"]["questions"] == 2
    receipt = home.run("forget", kept, "--yes").json
    assert receipt["count"] == 1
    assert receipt["traces"]["questions"] == 2
    assert [os.path.basename(path) for path in receipt["traces"]["copies"]] == ["graph.db.damaged"]
    assert receipt["traces"]["remains"] == []
    assert holding(home) == []
    assert home.run("query", "when is the tide gauge read", "--backend", "totalrecall").json["results"]


@pytest.mark.parametrize("by", ["session", "turn", "time"])
def test_what_was_said_is_forgotten_and_does_not_come_back(home: Home, tmp_path: Path, by: str) -> None:
    """A session, a single turn or a span of time goes, and later imports of the same file leave it out."""
    file = transcript(tmp_path / "in", "Hello there", f"My sister has {SECRET}", "The crane is green", "Yes")
    home.run("init", "--tier", "pro")
    assert home.run("index", "--transcripts", str(file)).json["messages"] == 4
    chosen = {
        "session": ("--session", "s-1"),
        "turn": ("lossless:s-1-1",),
        "time": ("--since", "2026-06-01T10:01:00Z", "--until", "2026-06-01T10:01:30Z"),
    }[by]
    assert home.run("forget", *chosen, "--dry-run").json["count"] == (4 if by == "session" else 1)
    assert holding(home)
    home.run("forget", *chosen, "--yes")
    assert holding(home) == []
    with file.open("a") as stream:
        stream.write("\n")
    os.utime(file)
    report = home.run("index", "--transcripts", str(transcript(tmp_path / "again", *file_texts(file)))).json
    assert report["messages"] == (0 if by == "session" else 3)
    assert holding(home) == []
    found = home.run("query", "crane", "--backend", "lossless").json
    assert bool(found["results"]) == (by != "session")


def file_texts(file: Path) -> list[str]:
    """Return what was said in a transcript."""
    return [json.loads(line)["message"]["content"] for line in file.read_text().splitlines() if line.strip()]


def test_nothing_is_forgotten_by_accident(home: Home) -> None:
    """Without a choice, or without a yes where nobody can be asked, everything stays."""
    home.run("remember", "The crane is green", "--tag", "colour")
    assert home.run("forget").code == 1
    assert home.run("forget", "--tag", "colour").code == 1
    assert home.run("forget", "totalrecall:none", "--yes").json["count"] == 0
    assert home.run("tiers").json["tiers"][1]["entry_count"] == 1


@pytest.mark.parametrize("damage", ["garbage", "page"])
def test_a_damaged_database_is_an_error_to_doctor_and_is_salvaged_when_asked(home: Home, damage: str) -> None:
    """`doctor` does not call it sound; `db repair` keeps the damaged file and brings back what can be read."""
    home.run("init")
    home.run("remember", "memory " + "of many words " * 100)
    path = home.folder / "data" / "memory.db"
    content = path.read_bytes()
    path.write_bytes(b"no database " * 500 if damage == "garbage" else content[:-4096] + b"\xa5" * 4096)
    checks = home.run("doctor").json
    assert not checks["ok"]
    assert any("db repair" in check["fix"] for check in checks["checks"])
    (repaired,) = home.run("db", "repair").json["repaired"]
    assert repaired["aside"] is None or Path(repaired["aside"]).exists()
    assert home.run("remember", "after the repair").code == 0
