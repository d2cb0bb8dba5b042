"""Write transcripts and databases of conversations as their programs do, for tests."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw

START = "2026-10-05T09:{minute:02d}:00.000Z"


def record(name: str, parent: str | None, role: str, content: Any, minute: int = 0, **more: Any) -> dict[str, Any]:
    """Return a record of Claude Code."""
    return {
        "type": role,
        "uuid": name,
        "parentUuid": parent,
        "sessionId": "session-1",
        "timestamp": START.format(minute=minute),
        "cwd": "/srv/garden",
        "isSidechain": False,
        "message": {"role": role, "content": content},
        **more,
    }


def talk(*said: str, session: str = "session-1", day: str = "2026-10-05", prefix: str = "t") -> list[dict[str, Any]]:
    """Return records of a conversation in which user and assistant take turns."""
    records = []
    for number, text in enumerate(said):
        role = ("user", "assistant")[number % 2]
        parent = f"{prefix}{number - 1}" if number else None
        stamp = f"{day}T09:{number:02d}:00.000Z"
        records.append(record(f"{prefix}{number}", parent, role, text, sessionId=session, timestamp=stamp))
    return records


def write(path: Path, records: Sequence[Any], end: bytes = b"\n") -> Path:
    """Write records, or raw lines, as JSON lines."""
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + end)
    return path


CORE = """
    CREATE TABLE conversations(conversation_id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
        session_key TEXT, active INTEGER NOT NULL DEFAULT 1, title TEXT,
        created_at TEXT NOT NULL DEFAULT (datetime('now')));
    CREATE TABLE messages(message_id INTEGER PRIMARY KEY AUTOINCREMENT, conversation_id INTEGER NOT NULL,
        seq INTEGER NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, token_count INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL, UNIQUE(conversation_id, seq));
    CREATE TABLE summaries(summary_id TEXT PRIMARY KEY, conversation_id INTEGER NOT NULL, kind TEXT NOT NULL,
        depth INTEGER NOT NULL DEFAULT 0, content TEXT NOT NULL, created_at TEXT NOT NULL DEFAULT (datetime('now')));
    CREATE TABLE summary_messages(summary_id TEXT NOT NULL, message_id INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        PRIMARY KEY(summary_id, message_id));
    CREATE TABLE summary_parents(summary_id TEXT NOT NULL, parent_summary_id TEXT NOT NULL, ordinal INTEGER NOT NULL,
        PRIMARY KEY(summary_id, parent_summary_id));
"""
PARTS = """
    CREATE TABLE message_parts(part_id TEXT PRIMARY KEY, message_id INTEGER NOT NULL, part_type TEXT NOT NULL,
        ordinal INTEGER NOT NULL, text_content TEXT, tool_name TEXT, tool_input TEXT, tool_output TEXT);
"""
WORDS = """
    CREATE VIRTUAL TABLE messages_fts USING fts5(content, tokenize = 'porter unicode61');
    CREATE VIRTUAL TABLE summaries_fts USING fts5(summary_id UNINDEXED, content, tokenize = 'porter unicode61');
"""
# What versions have beyond the core: 0.9 no parts and no full text (a Node without FTS5), 0.15 all, 1.0 pending tables.
VERSIONS = {
    "0.9": CORE,
    "0.15": CORE + PARTS + WORDS + "CREATE TABLE lcm_migration_state(step_name TEXT, algorithm_version INTEGER);",
    "1.0": CORE + PARTS + WORDS + "CREATE TABLE pending_summary_nodes(summary_id TEXT, content TEXT);",
}


def lcm(path: Path, version: str, said: Sequence[str]) -> apsw.Connection:
    """Write an lcm.db in WAL mode with one conversation, and return the connection that wrote it."""
    connection = apsw.Connection(str(path))
    connection.pragma("journal_mode", "wal")
    connection.execute(VERSIONS[version])
    connection.execute("INSERT INTO conversations(session_id, session_key) VALUES ('s-1', 'agent:main:main')")
    for text in said:
        add(connection, text)
    return connection


def add(connection: apsw.Connection, text: str, role: str | None = None) -> int:
    """Append a message to the conversation, as the plugin does, and return its id."""
    seq = int(connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM messages").get)
    role = role or ("assistant", "user")[seq % 2]
    sql = "INSERT INTO messages(conversation_id, seq, role, content, created_at) VALUES (1, ?, ?, ?, ?)"
    connection.execute(sql, (seq, role, text, f"2026-10-05 10:{seq % 60:02d}:00"))
    identity = connection.last_insert_rowid()
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'messages_fts'").get:
        connection.execute("INSERT INTO messages_fts(rowid, content) VALUES (?, ?)", (identity, text))
    return identity
