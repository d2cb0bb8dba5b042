"""Every host's own format is read as it is, once, and belongs to the folder it was said in."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from memory_router.engines.transcripts.importing import ImportReport, import_transcripts
from tests.engines.transcripts.speech import record, talk, write

Bring = Callable[[], ImportReport]
QUESTION, ANSWER = "Which bed: north or south?", "Let's take the north bed."


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home in which no host has kept anything yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "OPENCLAW_STATE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


@pytest.fixture
def bring(home: Path) -> Bring:
    """Return a function that imports what all hosts keep."""
    return lambda: import_transcripts(database=str(home / "talk.db"))


def nodes(home: Path) -> list[tuple[str, str]]:
    """Return role and text of everything in the archive."""
    connection = apsw.Connection(str(home / "talk.db"), flags=apsw.SQLITE_OPEN_READONLY)
    return [tuple(row) for row in connection.execute("SELECT role, text FROM nodes ORDER BY id")]


def folders(home: Path) -> list[tuple[str, str]]:
    """Return host and folder of every session."""
    connection = apsw.Connection(str(home / "talk.db"), flags=apsw.SQLITE_OPEN_READONLY)
    return [tuple(row) for row in connection.execute("SELECT host, project FROM sessions ORDER BY id")]


SAID = [("user", QUESTION), ("assistant", ANSWER)]


def claude(home: Path, records: list[Any], name: str = "s", end: bytes = b"\n") -> Path:
    """Write a session of Claude Code."""
    return write(home / ".claude/projects/-srv-garden" / f"{name}.jsonl", records, end)


def test_codex(home: Path, bring: Bring) -> None:
    """A rollout is read by its items; instructions are context, screen events are passed over, forks count once."""
    stamp = "2026-10-05T09:00:0{}Z"

    def item(second: int, **payload: Any) -> dict[str, Any]:
        return {"timestamp": stamp.format(second), "type": "response_item", "payload": payload}

    def message(second: int, role: str, text: str) -> dict[str, Any]:
        return item(second, type="message", role=role, content=[{"type": "input_text", "text": text}])

    head = {"timestamp": stamp.format(0), "type": "session_meta", "payload": {"id": "c1", "cwd": "/srv/garden"}}
    body = [
        message(1, "user", "<environment_context>cwd</environment_context>"),
        message(2, "user", QUESTION),
        {"timestamp": stamp.format(2), "type": "event_msg", "payload": {"type": "user_message", "message": QUESTION}},
        message(3, "assistant", ANSWER),
        item(4, type="function_call", name="shell", arguments='{"command": "ls beds"}'),
        item(5, type="function_call_output", output="north south"),
    ]
    folder = home / ".codex/sessions/2026/10/05"
    write(folder / "rollout-a.jsonl", [head, *body])
    write(folder / "rollout-b.jsonl", [{**head, "payload": {"id": "c2", "cwd": "/srv/garden"}}, *body])
    report = bring()
    assert [one for one in nodes(home) if one[0] in ("user", "assistant")] == SAID
    assert [one[0] for one in nodes(home)].count("tool") == 2
    assert report.repeated == report.added
    assert folders(home)[0] == ("codex", "/srv/garden")


def test_gemini(home: Path, bring: Bring) -> None:
    """A session is read as a document and as lines; kept in both, it counts once."""
    head = {"sessionId": "g1", "projectHash": "h", "startTime": "2026-10-05T09:00:00Z"}
    said = [
        {"id": "1", "timestamp": "2026-10-05T09:00:01Z", "type": "user", "content": QUESTION},
        {"id": "2", "timestamp": "2026-10-05T09:00:02Z", "type": "gemini", "content": [{"text": ANSWER}]},
        {"id": "3", "type": "info", "content": "Update available"},
    ]
    chats = home / ".gemini/tmp/garden/chats"
    write(chats / "session-1.jsonl", [head, *said, {"$set": {"lastUpdated": "2026-10-05T09:00:03Z"}}])
    (chats / "session-1.json").write_text(json.dumps({**head, "messages": said}, indent=1), "utf-8")
    (chats.parent / ".project_root").write_text("/srv/garden\n", "utf-8")
    report = bring()
    assert (nodes(home), report.repeated) == (SAID, 2)
    assert folders(home) == [("gemini", "/srv/garden")]
    assert bring().added == 0


def database(path: Path, *statements: str) -> apsw.Connection:
    """Create another program's database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    for statement in statements:
        connection.execute(statement)
    return connection


def test_opencode(home: Path, bring: Bring) -> None:
    """Messages and their parts are read; an answer that is still being written waits until it is whole."""
    store = database(
        home / ".local/share/opencode/opencode.db",
        "CREATE TABLE session(id TEXT PRIMARY KEY, directory TEXT, time_created INTEGER, time_updated INTEGER)",
        "CREATE TABLE message(id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, data TEXT)",
        "CREATE TABLE part(id TEXT PRIMARY KEY, message_id TEXT, data TEXT)",
        "INSERT INTO session VALUES ('o1', '/srv/garden', 1791190800000, 1791190800000)",
    )

    def say(name: str, data: dict[str, Any], *parts: dict[str, Any]) -> None:
        store.execute("INSERT INTO message VALUES (?, 'o1', 1791190800000, ?)", (name, json.dumps(data)))
        for number, part in enumerate(parts):
            store.execute("INSERT INTO part VALUES (?, ?, ?)", (f"{name}-{number}", name, json.dumps(part)))

    hint = {"type": "text", "text": "The file bed.py was opened.", "synthetic": True}
    say("m1", {"role": "user"}, {"type": "text", "text": QUESTION}, hint)
    say("m2", {"role": "assistant", "time": {"created": 1791190801000}}, {"type": "text", "text": "Let's"})
    bring()
    assert [one for one in nodes(home) if one[0] != "context"] == SAID[:1]
    done = json.dumps({"role": "assistant", "time": {"created": 1791190801000, "completed": 1791190802000}})
    store.execute("UPDATE message SET data = ? WHERE id = 'm2'", (done,))
    store.execute("UPDATE part SET data = ? WHERE message_id = 'm2'", (json.dumps({"type": "text", "text": ANSWER}),))
    bring()
    assert [one for one in nodes(home) if one[0] != "context"] == SAID
    assert bring().read == 0


def test_opencode_in_files(home: Path, bring: Bring) -> None:
    """Sessions of older versions are read from their files, what is added later once, and not again from a database."""
    storage = home / ".local/share/opencode/storage"

    def keep(value: dict[str, Any], *path: str) -> None:
        file = storage.joinpath(*path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))

    def say(name: str, data: dict[str, Any], part: dict[str, Any]) -> None:
        keep({"id": name, "sessionID": "ses_1", **data}, "message", "ses_1", f"{name}.json")
        keep({"id": "prt_1", "messageID": name, **part}, "part", name, "prt_1.json")

    def touch(updated: int) -> None:
        head = {"id": "ses_1", "directory": "/srv/garden", "time": {"created": 1791190800000, "updated": updated}}
        keep(head, "session", "global", "ses_1.json")

    say("msg_1", {"role": "user", "time": {"created": 1791190800000}}, {"type": "text", "text": QUESTION})
    say("msg_2", {"role": "assistant", "time": {"created": 1791190801000}}, {"type": "text", "text": "Let's"})
    (storage / "message/ses_1/msg_0.json").symlink_to(storage / "message/ses_1/msg_1.json")
    touch(1791190801000)
    bring()
    assert nodes(home) == SAID[:1]
    done = {"role": "assistant", "time": {"created": 1791190801000, "completed": 1791190802000}}
    say("msg_2", done, {"type": "text", "text": ANSWER})
    touch(1791190802000)
    bring()
    assert (nodes(home), folders(home)) == (SAID, [("opencode", "/srv/garden")])
    assert bring().read == 0


def cursor_store(home: Path, chat: str, *said: tuple[str, str]) -> None:
    """Write a chat as Cursor's command line does."""
    folder = home / ".cursor/chats" / hashlib.md5(b"/srv/garden").hexdigest() / chat
    store = database(
        folder / "store.db",
        "CREATE TABLE blobs(id TEXT PRIMARY KEY, data BLOB)",
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT)",
    )
    digests = []
    for role, text in said:
        blob = json.dumps({"role": role, "content": [{"type": "text", "text": text}]}).encode()
        digests.append(hashlib.sha256(blob).digest())
        store.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (digests[-1].hex(), blob))
    root = b"".join(b"\x0a\x20" + digest for digest in digests) + b"\x12\x02ok"
    name = hashlib.sha256(root).hexdigest()
    store.execute("INSERT INTO blobs VALUES (?, ?)", (name, root))
    meta = {"agentId": chat, "latestRootBlobId": name, "createdAt": 1791190800000}
    store.execute("INSERT INTO meta VALUES ('0', ?)", (json.dumps(meta).encode().hex(),))
    (folder / "meta.json").write_text(json.dumps({"cwd": "/srv/garden"}))


def test_cursor_databases_of_the_command_line(home: Path, bring: Bring) -> None:
    """A chat without a transcript is read from its database, in its order; one with a transcript only from that."""
    preamble = ("user", "<user_info>\nOS: linux\n</user_info>")
    cursor_store(home, "k3", ("system", "Be brief."), preamble, *SAID, SAID[0])
    cursor_store(home, "k4", *SAID)
    lines = [{"role": role, "message": {"content": [{"type": "text", "text": text}]}} for role, text in SAID]
    write(home / ".cursor/projects/srv-garden/agent-transcripts/k4/k4.jsonl", lines)
    bring()
    assert sorted(one for one in nodes(home) if one[0] != "context") == sorted([*SAID, SAID[0], *SAID])
    assert ("cursor", "/srv/garden") in folders(home)
    assert bring().read == 0


def test_cursor(home: Path, bring: Bring) -> None:
    """Chats of the command line and of the editor are read; the time stands in the user's turn."""
    stamped = f"<timestamp>Monday, Oct 5, 2026, 12:00 PM (UTC+3)</timestamp>\n<user_query>\n{QUESTION}\n</user_query>"
    lines = [{"role": "user", "message": {"content": [{"type": "text", "text": stamped}]}}, {"type": "turn_ended"}]
    lines.append({"role": "assistant", "message": {"content": [{"type": "text", "text": ANSWER}]}})
    write(home / ".cursor/projects/srv-garden/agent-transcripts/k1/k1.jsonl", lines)
    store = database(
        home / ".config/Cursor/User/globalStorage/state.vscdb",
        "CREATE TABLE cursorDiskKV(key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)",
    )
    for name, kind, text in (("a", 1, QUESTION), ("b", 2, ANSWER)):
        value = {"type": kind, "text": text, "timestamp": 1791190800000, "workspaceProjectDir": "/srv/garden"}
        store.execute("INSERT INTO cursorDiskKV VALUES (?, ?)", (f"bubbleId:k2:{name}", json.dumps(value)))
    bring()
    assert [one for one in nodes(home) if one[0] != "context"] == SAID + SAID
    connection = apsw.Connection(str(home / "talk.db"), flags=apsw.SQLITE_OPEN_READONLY)
    assert {time for (time,) in connection.execute("SELECT time FROM nodes")} == {1791190800.0}


def test_hermes(home: Path, bring: Bring) -> None:
    """Messages that were taken back are not read; tool calls and results are."""
    store = database(
        home / ".hermes/state.db",
        "CREATE TABLE sessions(id TEXT PRIMARY KEY, cwd TEXT, title TEXT)",
        "CREATE TABLE messages(id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, tool_calls TEXT,"
        " timestamp REAL, active INTEGER DEFAULT 1, compacted INTEGER DEFAULT 0)",
        "INSERT INTO sessions VALUES ('h1', '/srv/garden', 'Beds')",
    )
    calls = json.dumps([{"function": {"name": "terminal", "arguments": '{"command": "ls"}'}}])
    rows = (("user", "Dig it all up.", None, 0), ("user", QUESTION, None, 1), ("assistant", "", calls, 1))
    for role, text, used, active in (*rows, ("tool", '{"output": "north"}', None, 1), ("assistant", ANSWER, None, 1)):
        sql = "INSERT INTO messages(session_id, role, content, tool_calls, timestamp, active) VALUES ('h1',?,?,?,?,?)"
        store.execute(sql, (role, text, used, 1791190800.5, active))
    bring()
    assert [one for one in nodes(home) if one[0] != "tool"] == SAID
    assert folders(home) == [("hermes", "/srv/garden")]


def openclaw_lines(session: str) -> list[dict[str, Any]]:
    """Return a session of OpenClaw."""
    head = {"type": "session", "id": session, "timestamp": "2026-10-05T09:00:00Z", "cwd": "/srv/garden"}
    said = [
        {"type": "message", "id": str(number), "parentId": str(number - 1) if number else None,
         "timestamp": "2026-10-05T09:00:01Z", "message": {"role": role, "content": text}}
        for number, (role, text) in enumerate(SAID)
    ]  # fmt: skip
    return [head, *said]


def test_openclaw_databases_and_what_they_replaced(home: Path, bring: Bring) -> None:
    """Sessions in an agent's database are read, also those added later; the file they came from counts once."""
    agent = home / ".openclaw/agents/main"
    write(agent / "sessions" / "w1.jsonl", openclaw_lines("w1"))
    store = database(
        agent / "agent" / "openclaw-agent.sqlite",
        "CREATE TABLE transcript_events(session_id TEXT, seq INTEGER, event_json TEXT, created_at INTEGER,"
        " PRIMARY KEY(session_id, seq))",
    )

    def add(session: str) -> None:
        for number, line in enumerate(openclaw_lines(session)):
            store.execute("INSERT INTO transcript_events VALUES (?, ?, ?, 0)", (session, number, json.dumps(line)))

    add("w1")
    first = bring()
    assert (nodes(home), first.repeated) == (SAID, 2)
    add("w2")
    assert bring().added == 2


@pytest.mark.parametrize("name", ["w.jsonl.reset.2026-11-19T04-00-00.000Z", "w-topic-42.jsonl.reset.1763460000"])
def test_openclaw_sessions_that_were_reset(home: Path, bring: Bring, name: str) -> None:
    """What a reset renamed is read; what the user deleted is not."""
    folder = home / ".openclaw/agents/main/sessions"
    write(folder / name, openclaw_lines("w"))
    write(folder / "v.jsonl.deleted.2026-11-19T04-00-00.000Z", openclaw_lines("v"))
    bring()
    assert nodes(home) == SAID


def test_formats_that_are_not_known_are_told(home: Path, bring: Bring) -> None:
    """A host's file that no reader understands is counted under the host's name, every time, until one does."""
    write(home / ".codex/sessions/2026/10/05/rollout-a.jsonl", [{"v": 9, "turn": {"say": QUESTION}}])
    database(home / ".local/share/opencode/opencode.db", "CREATE TABLE talk(id TEXT)")
    told = {"Codex, in a format newer than known": 1, "OpenCode, in a format newer than known": 1}
    assert bring().skipped == told
    assert bring().skipped == told


def test_prompts_typed_while_a_tool_runs(home: Path, bring: Bring) -> None:
    """A queued prompt is a turn of the user, once, in its place; one taken back, or queued by a program, is not."""
    attachment = {"type": "queued_command", "commandMode": "prompt", "prompt": [{"type": "text", "text": ANSWER}]}
    stamp = {"sessionId": "session-1", "timestamp": "2026-10-05T09:01:30Z"}
    notice = {"type": "queued_command", "commandMode": "task-notification", "prompt": "A task is done."}
    queue = {"type": "queue-operation", **stamp}
    records = [
        *talk(QUESTION, "Working."),
        {"type": "attachment", "attachment": attachment, **stamp},
        {**queue, "operation": "remove", "reason": "absorbed_mid_turn", "content": ANSWER},
        {**queue, "operation": "popAll", "content": "Dig it all up."},
        {"type": "attachment", "attachment": notice, **stamp},
        record("t2", "t1", "assistant", "North it is.", 3),
    ]
    claude(home, records)
    bring()
    assert nodes(home) == [*SAID[:1], ("assistant", "Working."), ("user", ANSWER), ("assistant", "North it is.")]
    connection = apsw.Connection(str(home / "talk.db"), flags=apsw.SQLITE_OPEN_READONLY)
    sql = "SELECT p.text FROM nodes n JOIN nodes p ON p.id = n.previous WHERE n.name = 't2'"
    assert connection.execute(sql).get == ANSWER


def result(name: str, content: str, **more: Any) -> dict[str, Any]:
    """Return a record of the user that holds only a tool's result."""
    block = {"type": "tool_result", "tool_use_id": "x", "content": content}
    return record(name, "t1", "user", [block], 3, **more)


def test_words_of_the_user_in_results(home: Path, bring: Bring) -> None:
    """A choice in a dialog and the reason for a refusal are turns of the user; a refusal without one is not."""
    refused = "The user doesn't want to proceed with this tool use. The tool use was rejected."
    asked = {"questions": [{"question": "Which bed?", "options": [{"label": "North", "description": "sunny"}]}]}
    dialog = {"type": "tool_use", "id": "x", "name": "AskUserQuestion", "input": asked}
    records = [
        *talk("Plan the beds.", "Yes."),
        record("d", "t1", "assistant", [dialog]),
        result("a", "", toolUseResult={"answers": {"Which bed?": "North"}}),
        result("b", 'User has answered your questions: "How deep?"="Two feet". Go on.'),
        result("c", f"{refused} To tell you how to proceed, the user said:\nNo spade, use the fork.\n\nNote: The user's"
               " next message may contain a correction."),
        result("e", f"{refused} STOP what you are doing and wait for the user to tell you how to proceed."),
    ]  # fmt: skip
    claude(home, records)
    bring()
    said = [text for role, text in nodes(home) if role == "user"]
    assert said == ["Plan the beds.", "Which bed? North.", "How deep? Two feet.", "No spade, use the fork."]
    assert ("assistant", "Which bed? Options: North (sunny).") in nodes(home)


def test_what_an_agent_tells_its_helper_is_not_the_user(home: Path, bring: Bring) -> None:
    """The task of a helper is context of the helper's session."""
    claude(home, [record("h", None, "user", ANSWER, isSidechain=True)], name="agent-7")
    bring()
    assert nodes(home) == [("context", ANSWER)]


def test_damaged_lines_lose_only_themselves(home: Path, bring: Bring) -> None:
    """Two records on a line, a record behind NUL bytes, and one behind a torn one are read."""
    lines = [json.dumps(one).encode() for one in talk("One.", "Two.", "Three.", "Four.")]
    claude(home, [lines[0] + lines[1], b"\0" * 4096 + lines[2], lines[0][:70] + lines[3]])
    report = bring()
    assert [text for _, text in nodes(home)] == ["One.", "Two.", "Three.", "Four."]
    assert report.unreadable_lines == 0


def test_pictures_do_not_hide_the_words_beside_them(home: Path, bring: Bring) -> None:
    """A prompt with more than 16 MB of pictures keeps its words."""
    picture = {"type": "image", "source": {"type": "base64", "data": "A" * 6_000_000}}
    claude(home, [record("a", None, "user", [{"type": "text", "text": ANSWER}, picture, picture, picture])])
    bring()
    assert nodes(home) == [("user", ANSWER)]


def test_each_turn_belongs_to_the_folder_it_was_said_in(home: Path, bring: Bring) -> None:
    """A session that moves to another folder has turns in both, and counts as one."""
    records = talk("One.", "Two.", "Three.")
    records[2]["cwd"] = "/srv/orchard"
    claude(home, records)
    assert bring().sessions == 1
    assert folders(home) == [("claude-code", "/srv/garden"), ("claude-code", "/srv/orchard")]


def test_linked_folders_of_projects(home: Path, bring: Bring) -> None:
    """A link to a folder in a host's own place is followed, once; a link to a file is not."""
    elsewhere = write(home / "shared" / "s.jsonl", talk("One."))
    projects = home / ".claude/projects"
    projects.mkdir(parents=True)
    for name in ("a", "b"):
        (projects / name).symlink_to(elsewhere.parent)
    (projects / "loop").symlink_to(projects)
    (projects / "c.jsonl").symlink_to(elsewhere)
    assert (bring().files, nodes(home)) == (1, [("user", "One.")])
