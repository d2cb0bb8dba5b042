"""Forgotten means gone: from every file of the program, also after the next import."""

import gzip
import json
import os
from pathlib import Path

import pytest

from memory_router.app.improving import opened
from tests.conftest import BROKEN, GOOD, Home

SECRET = "zqxvplatypus"
TEXT = f"Hanna Berg agreed that the vault opens with {SECRET} seven"
_OF_USERS = ("in", "again", "notes", "config")


def holding(home: Home, word: str = SECRET) -> list[str]:
    """Return the files of the program that hold a word."""
    return sorted(
        str(path.relative_to(home.folder))
        for path in home.folder.rglob("*")
        if path.relative_to(home.folder).parts[0] not in _OF_USERS
        and path.is_file()
        and word.encode() in content(path).lower()
    )


def content(path: Path) -> bytes:
    """Return what a file holds; an archive unpacked."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


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
    copies = {os.path.basename(path) for path in receipt["traces"]["copies"]}
    assert copies == {"graph.db.damaged", "memory.db.memories-1.bak"}
    assert receipt["traces"]["remains"] == []
    assert holding(home) == []
    assert home.run("query", "when is the tide gauge read", "--backend", "totalrecall").json["results"]


def test_no_store_keeps_a_byte_of_what_was_forgotten(own_home: Home) -> None:
    """Questions, approvals, rules with their cache, dreams, amendments, outcomes, archives, spools, logs, copies."""
    home = own_home
    home.with_fakes(qmd=BROKEN, totalrecall=BROKEN)
    kept = home.run("remember", TEXT).json["id"]
    question = f"who knows {SECRET}"
    guard = home.run("rules", "add", "--regex", "vault", "--to", "qmd", "--requires-approval").json["id"]
    home.run("query", f"vault {SECRET}")
    home.run("query", question)
    with opened() as improving:
        learned = improving.stores.rules.add(question, ["totalrecall"])
        manual = improving.stores.rules.add(f"{SECRET} of mine", ["totalrecall"])
        database = improving.stores.database
        database.run(
            "UPDATE routing_rules SET auto_generated = 1, state = 'approved', evidence = :told WHERE id = :id",
            {"id": learned.id, "told": json.dumps({"requests": [question]})},
        )
        database.run(
            "UPDATE routing_rules SET evidence = :told WHERE id = :id",
            {"id": manual.id, "told": json.dumps({"requests": [question]})},
        )
        database.run("UPDATE routing_rules SET request_pattern = 'nothing of it' WHERE id = :id", {"id": manual.id})
        database.run(
            "INSERT INTO dream_cycles VALUES ('c', 'm', '{}', :told, 0, 0)", {"told": json.dumps([{"worst": question}])}
        )
        database.run(
            "INSERT INTO constitutional_amendments(id, setting, evidence, amended_at) VALUES ('a', 's', :told, 0)",
            {"told": json.dumps({"worst": question})},
        )
        outcomes = improving.outcomes
        for number in range(3):
            outcomes.record(
                "ann",
                "add_topic",
                f"{SECRET} {number}",
                "rejected",
                reason=f"it names {SECRET}",
                evidence={"example": question},
                config_before={"topic": question},
            )
        database.run("UPDATE suggestion_outcomes SET decided_at = '2020-01-01T00:00:00Z' WHERE outcome_id < 3")
        assert outcomes.compaction().run("ann").outcomes == 2
        improving.stores.rules.refresh_cache()
    data = home.folder / "data"
    (data / "executions.jsonl.taken").write_text(json.dumps({"user_request": question}) + "\n")
    (data / "memory.db.memories-1.bak").write_bytes(TEXT.encode())
    (home.state / "hooks.log").write_text(f"a line\n{question}\n")
    expected = {"memory.db", "router.log", "hooks.log", "routing-rules.json", "executions.jsonl.taken"}
    assert expected <= {os.path.basename(path) for path in holding(home)}
    assert any(path.endswith(".gz") for path in holding(home))
    receipt = home.run("forget", kept, "--yes").json
    assert holding(home) == []
    assert receipt["traces"]["remains"] == [f"rule {guard}"], "a person wrote it"
    assert (home.state / "hooks.log").read_text() == "a line\n"
    with opened() as improving:
        assert {rule.id for rule in improving.stores.rules.all()} >= {manual.id}
        assert learned.id not in {rule.id for rule in improving.stores.rules.all()}
        assert len(improving.outcomes.outcomes.all("ann")) == 3, "the rows of outcomes stay"
        assert improving.stores.database.rows("SELECT * FROM executions"), "and so do those of questions"


def test_a_rule_of_a_person_is_told_and_stays(home: Home) -> None:
    """Forgetting never opens what a person's rule guards; the receipt names the rule."""
    kept = home.run("remember", TEXT).json["id"]
    rule = home.run("rules", "add", "--regex", SECRET, "--to", "qmd", "--requires-approval").json["id"]
    assert f"rule {rule}" in home.run("forget", kept, "--yes").json["traces"]["remains"]
    assert home.run("rules", "show", rule).json["requires_approval"]


def test_a_quotation_of_common_words_is_a_trace(home: Home) -> None:
    """A recorded question that quotes a forgotten text goes, though each of its words stands elsewhere, too."""
    home.with_fakes(qmd=GOOD)
    kept = home.run("remember", "The green crane lifts red boxes at noon").json["id"]
    for other in ("green boxes", "the crane lifts at noon", "red"):
        home.run("remember", other)
    home.run("query", "why is it that the green crane lifts red boxes at noon")
    home.run("query", "when does the crane lift green boxes")
    home.run("forget", kept, "--yes")
    asked = [one["user_request"] for one in home.run("executions", "list").json["executions"]]
    assert sorted(asked) == ["[forgotten]", "when does the crane lift green boxes"]


@pytest.mark.parametrize("is_gone", [False, True])
def test_the_conversations_of_a_file_can_be_removed(home: Home, tmp_path: Path, is_gone: bool) -> None:
    """`index --transcripts --remove` forgets the sessions of a file or folder, also where the host deleted it."""
    home.run("init", "--tier", "pro")
    first = transcript(tmp_path / "in", "Hello there", f"My sister has {SECRET}")
    second = transcript(tmp_path / "in" / "more", "The crane is green", "Yes", session="s-2")
    home.run("index", "--transcripts", str(tmp_path / "in"))
    if is_gone:
        first.unlink()
    remove = ("index", "--transcripts", "--remove", str(first))
    assert home.run(*remove, "--dry-run").json["count"] == 2
    assert home.run(*remove).code == 1, "nobody can be asked"
    assert holding(home)
    assert home.run(*remove, "--yes").json["count"] == 2
    assert holding(home) == []
    assert home.run("index", "--transcripts", str(tmp_path / "in")).json["messages"] == 2
    assert home.run("index", "--transcripts", "--remove", str(second.parent), "--yes").json["count"] == 2
    assert home.run(*remove, "--yes").code == 1, "nothing of it is there any more"


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
    refused = home.run("forget", "--tag", "colour", "--json")
    assert (refused.code, refused.json["status"], "--yes" in refused.json["error_message"]) == (1, "error", True)
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
