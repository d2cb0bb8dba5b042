"""Define the tables of the knowledge graph.

Everything here is derived and may be deleted: `memory-router index` builds it again. A reference is what a text
says; an edge is what it was found to mean. A reference that is not `resolved` yet has no edges: work that an
interrupted run left, or that a new definition of its name has opened again.
"""

import apsw

from memory_router.retrieval.fulltext import TableLayout
from memory_router.storage.schema import Migration, Schema

LAYOUT = TableLayout(
    "node_text",
    {"name": 6.0, "summary": 2.0, "body": 1.0},
    own=("summary", "body"),
    named=("name",),
    count_sql="SELECT coalesce(max(id), 0) FROM nodes",
    ends_sql="SELECT min(id), max(id) FROM nodes",
)


def _first(connection: apsw.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE files(
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            root TEXT NOT NULL,
            language TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            modified REAL NOT NULL,
            problem TEXT NOT NULL
        ) STRICT;
        CREATE TABLE nodes(
            id INTEGER PRIMARY KEY,
            file INTEGER,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            qualified TEXT NOT NULL,
            key TEXT NOT NULL,
            line INTEGER NOT NULL,
            last_line INTEGER NOT NULL,
            summary TEXT NOT NULL,
            digest INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX nodes_by_file ON nodes(file);
        CREATE INDEX nodes_by_name ON nodes(name);
        CREATE INDEX nodes_by_qualified ON nodes(qualified);
        CREATE INDEX nodes_by_key ON nodes(key);
        CREATE TABLE bindings(
            file INTEGER NOT NULL,
            name TEXT NOT NULL,
            target TEXT NOT NULL,
            PRIMARY KEY(file, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE refs(
            id INTEGER PRIMARY KEY,
            file INTEGER NOT NULL,
            source INTEGER NOT NULL,
            kind TEXT NOT NULL,
            target TEXT NOT NULL,
            key TEXT NOT NULL,
            line INTEGER NOT NULL,
            times INTEGER NOT NULL,
            evidence TEXT NOT NULL,
            resolved INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX refs_by_file ON refs(file);
        CREATE INDEX refs_by_key ON refs(key);
        CREATE INDEX refs_settled ON refs(key) WHERE resolved = 1;
        CREATE INDEX refs_to_resolve ON refs(id) WHERE resolved = 0;
        CREATE TABLE edges(
            source INTEGER NOT NULL,
            target INTEGER NOT NULL,
            kind TEXT NOT NULL,
            weight REAL NOT NULL,
            ref INTEGER
        ) STRICT;
        CREATE INDEX edges_by_source ON edges(source, kind, target, weight);
        CREATE INDEX edges_by_target ON edges(target, kind, source, weight);
        CREATE INDEX edges_by_ref ON edges(ref) WHERE ref IS NOT NULL;
        CREATE VIRTUAL TABLE node_text USING fts5(
            name, summary, body,
            tokenize = 'porter unicode61 remove_diacritics 2'
        );
        CREATE VIRTUAL TABLE node_words USING fts5vocab(node_text, row);
        """
    )


def _second(connection: apsw.Connection) -> None:
    connection.execute(
        """
        CREATE INDEX refs_inheriting ON refs(source) WHERE kind = 'inherits';
        UPDATE files SET fingerprint = ''; -- more is read of every text than before
        """
    )


def _third(connection: apsw.Connection) -> None:
    connection.execute(
        """
        ALTER TABLE nodes ADD COLUMN type TEXT NOT NULL DEFAULT ''; -- what a variable holds, what a function returns
        CREATE TABLE aliases(
            key TEXT NOT NULL,
            node INTEGER NOT NULL,
            PRIMARY KEY(key, node)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX aliases_by_node ON aliases(node);
        CREATE TABLE followed(
            store TEXT PRIMARY KEY,
            revision INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        UPDATE files SET fingerprint = '';
        """
    )


def _terms(connection: apsw.Connection) -> None:
    connection.execute(
        """
        DROP TABLE node_words;
        CREATE TEMP TABLE texts AS SELECT rowid AS row, name, summary, body FROM node_text;
        DROP TABLE node_text;
        CREATE VIRTUAL TABLE node_text USING fts5(name, summary, body, tokenize = 'terms');
        INSERT INTO node_text(rowid, name, summary, body) SELECT row, name, summary, body FROM texts;
        DROP TABLE texts;
        CREATE VIRTUAL TABLE node_words USING fts5vocab(node_text, row);
        """
    )


def _receivers(connection: apsw.Connection) -> None:
    connection.execute("UPDATE files SET fingerprint = ''")  # more is read of every text than before


SCHEMA = Schema(
    "graph", tuple(map(Migration, (_first, _second, _third, _terms, _receivers))), precious=False, counted_by_file=True
)
