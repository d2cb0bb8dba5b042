"""Define the tables of conversations, one migration after the other; a released one is never changed.

A node is a turn, a tool call, a tool result, a summary, or context that a host wrote in the user's name, which is
shown but not indexed. A row of `sessions` is a session in one working folder (`project`). `parent` is the edge of the
graph as the host wrote it, `previous` the nearest turn above in which somebody spoke: the conversation without its
machinery. `names` maps every id of the host, as a fingerprint, to its node, also ids of records that only link others.
`cues` is what a turn shows of deciding (`cues.read`), so that no text is read again for it. Vectors have tables of
their own, because they are made after the import and compared without the rest.
"""

from functools import lru_cache
from hashlib import blake2b

import apsw

from memory_router.engines.transcripts import cues
from memory_router.engines.transcripts.indexed import INSERT, indexed
from memory_router.retrieval import vectors
from memory_router.scope import project_of
from memory_router.storage.schema import Migration, Schema

# The `last` of a file that no reader understood.
NOT_UNDERSTOOD = -1
# The columns of the full-text index, with their weights in BM25.
FIELD_WEIGHTS = {"said": 1.0, "names": 0.5, "tools": 0.4, "date": 0.5}

# The turns behind a row number that are given vectors.
EMBEDDED = "nodes WHERE id > ? AND role IN ('user', 'assistant', 'summary')"


def _first(connection: apsw.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE files(
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            consumed INTEGER NOT NULL,
            head BLOB NOT NULL,
            last INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE sessions(
            id INTEGER PRIMARY KEY,
            host TEXT NOT NULL,
            name TEXT NOT NULL,
            agent TEXT NOT NULL,
            project TEXT NOT NULL,
            UNIQUE(host, name, agent)
        ) STRICT;
        CREATE TABLE nodes(
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            session INTEGER NOT NULL REFERENCES sessions(id),
            parent INTEGER,
            previous INTEGER,
            role TEXT NOT NULL,
            time REAL,
            text TEXT NOT NULL,
            tools TEXT NOT NULL,
            files TEXT NOT NULL,
            cues INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX nodes_by_previous ON nodes(previous, role, cues);
        CREATE INDEX nodes_by_session ON nodes(session);
        CREATE INDEX nodes_by_time ON nodes(time);
        CREATE TABLE names(
            fingerprint INTEGER PRIMARY KEY,
            node INTEGER
        ) STRICT;
        CREATE VIRTUAL TABLE node_text USING fts5(
            said, names, tools, date,
            content = '', tokenize = 'porter unicode61 remove_diacritics 2'
        );
        INSERT INTO node_text(node_text, rank) VALUES ('hashsize', 16777216);
        """
    )


def count_sessions(connection: apsw.Connection) -> int:
    """Return how many sessions there are."""
    return int(connection.execute("SELECT count(*) FROM (SELECT DISTINCT host, name, agent FROM sessions)").get)


@lru_cache(maxsize=10_000)  # a record names the one before it
def fingerprint(name: str) -> int:
    """Return 64 bits for an id of a host: a quarter of its length, and ids are all that is inserted in random order.

    Two of a million ids coincide in one of 37 million archives (birthday bound, n**2 / 2**65).
    """
    return int.from_bytes(blake2b(name.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def _terms(connection: apsw.Connection) -> None:
    # Texts are cut into terms of every script and language from here on; what was imported is searched so, too.
    connection.execute(
        """
        DROP TABLE node_text;
        CREATE VIRTUAL TABLE node_text USING fts5(
            said, names, tools, date, content = '', contentless_delete = 1, tokenize = 'terms'
        );
        INSERT INTO node_text(node_text, rank) VALUES ('hashsize', 16777216);
        """
    )
    nodes = connection.execute("SELECT id, role, text, tools, ifnull(time, 0) FROM nodes ORDER BY id")
    connection.executemany(INSERT, (indexed(*node) for node in nodes))


def _folders(connection: apsw.Connection) -> None:
    # A session that moves has a row for each folder; `scope` is the project of a folder, empty for everywhere.
    connection.execute(
        """
        CREATE TABLE sessions_by_folder(
            id INTEGER PRIMARY KEY,
            host TEXT NOT NULL,
            name TEXT NOT NULL,
            agent TEXT NOT NULL,
            project TEXT NOT NULL,
            scope TEXT NOT NULL,
            UNIQUE(host, name, agent, project)
        ) STRICT;
        INSERT INTO sessions_by_folder SELECT id, host, name, agent, project, '' FROM sessions;
        DROP TABLE sessions;
        ALTER TABLE sessions_by_folder RENAME TO sessions;
        """
    )
    for key, folder in list(connection.execute("SELECT id, project FROM sessions")):
        connection.execute("UPDATE sessions SET scope = ?2 WHERE id = ?1", (key, project_of(folder) or ""))


def _cues(connection: apsw.Connection) -> None:
    # What a turn shows of deciding is read by other rules from here on; what was chosen in a dialog stays chosen.
    turns = connection.execute(
        "SELECT id, text, role, tools FROM nodes WHERE role IN ('user', 'assistant') AND cues <> ?",
        (cues.CHOSEN.packed(),),
    )
    shown = [(key, cues.read(text, role, acts=bool(tools)).packed()) for key, text, role, tools in turns]
    connection.executemany("UPDATE nodes SET cues = ?2 WHERE id = ?1", shown)


# Where a later migration reads anew what turns show, an earlier one need not.
_READ_LATER = ""

# A session that was forgotten, and when: nothing that was said in it until then comes back.
_TOMBSTONES = "CREATE TABLE tombstones(session TEXT PRIMARY KEY, forgotten REAL NOT NULL) STRICT"


def _vectors(connection: apsw.Connection) -> None:
    # What an earlier version compared is made anew by the next import.
    connection.execute(
        """
        DROP TABLE IF EXISTS vector_model;
        DROP TABLE IF EXISTS node_vectors;
        DROP TABLE IF EXISTS node_bits;
        """
    )
    connection.execute(vectors.SCHEMA.format(rows="nodes", key="id"))


SCHEMA = Schema(
    "conversations",
    (
        Migration(_first),
        Migration(_terms),
        Migration(_folders),
        Migration(_TOMBSTONES),
        Migration(_READ_LATER),
        Migration(_vectors),
        Migration(_READ_LATER),
        Migration(_READ_LATER),
        Migration(_READ_LATER),
        Migration(_cues),
    ),
    counted_by_file=True,
)
