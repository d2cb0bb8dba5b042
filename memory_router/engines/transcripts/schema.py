"""Define the tables of conversations, one migration after the other; a released one is never changed.

A node is a turn, a tool call, a tool result or a summary. `parent` is the edge of the graph as the host wrote it,
`previous` the nearest turn above in which somebody spoke: the conversation without its machinery. `names` maps
every id of the host to its node, also ids of records that only link others.
"""

import apsw

from memory_router.storage.sqlite import Migration

# The columns of the full-text index, with their weights in BM25.
FIELD_WEIGHTS = {"said": 1.0, "names": 0.5, "tools": 0.4, "date": 0.5}


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
            files TEXT NOT NULL
        ) STRICT;
        CREATE INDEX nodes_by_previous ON nodes(previous);
        CREATE INDEX nodes_by_session ON nodes(session);
        CREATE INDEX nodes_by_time ON nodes(time);
        CREATE TABLE names(
            name TEXT PRIMARY KEY,
            node INTEGER
        ) STRICT, WITHOUT ROWID;
        CREATE VIRTUAL TABLE node_text USING fts5(
            said, names, tools, date,
            content = '', tokenize = 'porter unicode61 remove_diacritics 2'
        );
        INSERT INTO node_text(node_text, rank) VALUES ('hashsize', 16777216);
        CREATE VIRTUAL TABLE node_words USING fts5vocab(node_text, row);
        """
    )


MIGRATIONS: tuple[Migration, ...] = (_first,)
