"""Build an index as QMD 2 lays it out, by hand, so that these laws hold where QMD cannot be installed."""

import hashlib
import os
import time
from pathlib import Path

import apsw
import pytest

_SCHEMA = """
    CREATE TABLE content (hash TEXT PRIMARY KEY, doc TEXT NOT NULL, created_at TEXT NOT NULL);
    CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL,
        hash TEXT NOT NULL, created_at TEXT NOT NULL, modified_at TEXT NOT NULL, active INTEGER NOT NULL DEFAULT 1,
        UNIQUE (collection, path)
    );
    CREATE TABLE store_collections (
        name TEXT PRIMARY KEY, path TEXT NOT NULL, pattern TEXT NOT NULL DEFAULT '**/*.md', ignore_patterns TEXT,
        include_by_default INTEGER DEFAULT 1, update_command TEXT, context TEXT
    );
    CREATE TABLE content_vectors (hash TEXT NOT NULL, seq INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (hash, seq));
    CREATE VIRTUAL TABLE documents_fts USING fts5(filepath, title, body, tokenize = 'porter unicode61');
    PRAGMA user_version = 1;
"""


class Indexed:
    """A folder of notes and QMD's index of it."""

    def __init__(self, folder: Path) -> None:
        self.notes = folder / "notes"
        self.notes.mkdir()
        self.path = str(folder / "index.sqlite")
        self.connection = apsw.Connection(self.path)
        self.connection.pragma("journal_mode", "wal")
        self.connection.execute(_SCHEMA)
        self.collection("notes", self.notes)

    def collection(self, name: str, folder: Path, *, included: bool = True) -> None:
        """Add a collection."""
        sql = "INSERT INTO store_collections(name, path, include_by_default) VALUES (?, ?, ?)"
        self.connection.execute(sql, (name, str(folder), int(included)))

    def add(self, name: str, text: str, collection: str = "notes") -> Path:
        """Write a note and index it as `qmd update` would."""
        folder = Path(self.connection.execute("SELECT path FROM store_collections WHERE name = ?", (collection,)).get)
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        modified = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1_700_000_000))
        digest = hashlib.sha256(text.encode()).hexdigest()
        title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), file.stem)
        with self.connection:
            self.connection.execute("INSERT OR IGNORE INTO content VALUES (?, ?, ?)", (digest, text, modified))
            self.connection.execute(
                "INSERT INTO documents(collection, path, title, hash, created_at, modified_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (collection, name, title, digest, modified, modified),
            )
            self.connection.execute(
                "INSERT INTO documents_fts(rowid, filepath, title, body) VALUES (?, ?, ?, ?)",
                (self.connection.last_insert_rowid(), f"{collection}/{name}", title, text),
            )
        return file

    def close(self) -> str:
        """End writing, so that nothing but the index itself is left; return its path."""
        self.connection.close()
        return self.path


@pytest.fixture
def indexed(tmp_path: Path) -> Indexed:
    """Return an index of no notes yet."""
    return Indexed(tmp_path)
