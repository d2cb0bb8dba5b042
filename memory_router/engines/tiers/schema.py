"""Define the tables of memories, one migration after the other; a released one is never changed.

The texts are stored once: the full-text table reads them from `memories` and triggers keep it in step. `names` holds
the identifiers of a text split and joined, so that "auth token" finds `parseAuthToken`.
"""

from collections.abc import Callable

import apsw

from memory_router.retrieval import vectors
from memory_router.retrieval.fulltext import TableLayout
from memory_router.storage.schema import Migration, Schema
from memory_router.text.terms import stems

LAYOUT = TableLayout(
    table="memory_text",
    columns={"text": 1.0, "names": 0.5, "tags": 1.0},
    own=("text", "names"),
    named=("tags",),
    # The highest row is close enough to their number, and counts nothing.
    count_sql="SELECT max(row) FROM memories",
    ends_sql="SELECT min(row), max(row) FROM memories",
)

# The memories behind a row number that are given vectors.
EMBEDDED = "memories WHERE row > ?"


def _first(connection: apsw.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE memories(
            row INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            text TEXT NOT NULL,
            names TEXT NOT NULL,
            created REAL NOT NULL,
            tags TEXT NOT NULL,
            project TEXT,
            tier TEXT NOT NULL
        ) STRICT;
        CREATE INDEX memories_by_time ON memories(created, row);
        CREATE VIRTUAL TABLE memory_text USING fts5(
            text, names, tags,
            content = 'memories', content_rowid = 'row', tokenize = 'porter unicode61 remove_diacritics 2'
        );
        CREATE VIRTUAL TABLE memory_words USING fts5vocab(memory_text, row);
        CREATE TRIGGER memory_added AFTER INSERT ON memories BEGIN
            INSERT INTO memory_text(rowid, text, names, tags) VALUES (new.row, new.text, new.names, new.tags);
        END;
        CREATE TRIGGER memory_removed AFTER DELETE ON memories BEGIN
            INSERT INTO memory_text(memory_text, rowid, text, names, tags)
            VALUES ('delete', old.row, old.text, old.names, old.tags);
        END;
        CREATE TRIGGER memory_changed AFTER UPDATE OF row, text, names, tags ON memories BEGIN
            INSERT INTO memory_text(memory_text, rowid, text, names, tags)
            VALUES ('delete', old.row, old.text, old.names, old.tags);
            INSERT INTO memory_text(rowid, text, names, tags) VALUES (new.row, new.text, new.names, new.tags);
        END;
        """
    )


def _tiers(connection: apsw.Connection) -> None:
    # What was remembered before there were tiers was meant to last: 0.7 is the least importance that does.
    connection.execute(
        """
        ALTER TABLE memories ADD COLUMN importance REAL NOT NULL DEFAULT 0.7;
        ALTER TABLE memories ADD COLUMN source TEXT;
        ALTER TABLE memories ADD COLUMN session TEXT;
        ALTER TABLE memories ADD COLUMN extra TEXT NOT NULL DEFAULT '{}';
        ALTER TABLE memories ADD COLUMN accesses INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE memories ADD COLUMN access_times TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE memories ADD COLUMN expires REAL;
        ALTER TABLE memories ADD COLUMN moved_from TEXT;
        CREATE INDEX memories_by_session ON memories(session, created, row) WHERE session IS NOT NULL;
        CREATE INDEX memories_by_tier ON memories(tier, importance, created);
        CREATE INDEX memories_by_expiry ON memories(expires) WHERE expires IS NOT NULL;
        CREATE INDEX memories_on_the_move ON memories(moved_from) WHERE moved_from IS NOT NULL;
        CREATE TABLE counters(
            tier TEXT NOT NULL, event TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (tier, event)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE audit(
            number INTEGER PRIMARY KEY, at REAL NOT NULL, event TEXT NOT NULL, id TEXT NOT NULL, tier TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT;
        """
    )


def _ranking(connection: apsw.Connection) -> None:
    # What a question is compared with, so that no text is cut or embedded while somebody waits for the answer. Vectors
    # that are missing are made when the store is opened for writing the next time.
    connection.execute(
        """
        ALTER TABLE memories ADD COLUMN stems TEXT NOT NULL DEFAULT '';
        ALTER TABLE memories ADD COLUMN vector BLOB;
        CREATE INDEX memories_without_vector ON memories(row) WHERE vector IS NULL;
        CREATE INDEX memories_by_project ON memories(project, created, row) WHERE session IS NULL;
        """
    )


def _terms(connection: apsw.Connection) -> None:
    # Texts are cut into terms of every script and language from here on.
    connection.execute(
        """
        DROP TABLE memory_words;
        DROP TABLE memory_text;
        CREATE VIRTUAL TABLE memory_text USING fts5(
            text, names, tags, content = 'memories', content_rowid = 'row', tokenize = 'terms'
        );
        CREATE VIRTUAL TABLE memory_words USING fts5vocab(memory_text, row);
        INSERT INTO memory_text(memory_text) VALUES ('rebuild');
        """
    )
    texts = connection.execute("SELECT row, text || ' ' || names FROM memories").fetchall()
    connection.executemany(
        "UPDATE memories SET stems = ? WHERE row = ?", ((" ".join(stems(str(text))), row) for row, text in texts)
    )


_MOVED = "ALTER TABLE memories ADD COLUMN moved REAL"
_REVISIONS = "ALTER TABLE memories ADD COLUMN supersedes TEXT; ALTER TABLE memories ADD COLUMN superseded_by TEXT"
_AUTHORS = """ALTER TABLE memories ADD COLUMN author TEXT NOT NULL DEFAULT '{"kind": "unknown"}'"""
_REPLACED = "CREATE INDEX memories_replaced ON memories(superseded_by) WHERE superseded_by IS NOT NULL"

# The graph follows what is remembered: it compares this number instead of times of files, which two writes may share.
_CHANGES_COUNTED = """
    CREATE TABLE revision(number INTEGER NOT NULL) STRICT;
    INSERT INTO revision(number) VALUES (1);
    CREATE TRIGGER revised_by_adding AFTER INSERT ON memories BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER revised_by_removing AFTER DELETE ON memories BEGIN UPDATE revision SET number = number + 1; END;
    CREATE TRIGGER revised_by_changing AFTER UPDATE OF text, project ON memories BEGIN
        UPDATE revision SET number = number + 1;
    END
"""


def _retrieval(connection: apsw.Connection) -> None:
    # Vectors are made again when the store is opened for writing the next time.
    connection.execute(
        """
        DROP INDEX memories_without_vector;
        ALTER TABLE memories DROP COLUMN vector;
        ALTER TABLE memories DROP COLUMN stems;
        """
    )
    connection.execute(vectors.SCHEMA.format(rows="memories", key="row"))


_STEPS: "tuple[str | Callable[[apsw.Connection], None], ...]" = (
    _first, _tiers, _ranking, _terms, _MOVED, _REVISIONS, _CHANGES_COUNTED, _retrieval,
    _AUTHORS, _REPLACED,
)  # fmt: skip
SCHEMA = Schema("memories", tuple(Migration(step) for step in _STEPS), counted_by_file=True)
