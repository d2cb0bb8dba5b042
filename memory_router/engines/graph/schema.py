"""Define the tables of the knowledge graph.

Everything here is derived and may be deleted: `memory-router index` builds it again. A reference is what a text
says; an edge is what it was found to mean. A reference that is `pending` waits to be looked up, and a name that is
`touched` opens those to it again: work that an interrupted run left goes on from there. Texts are kept where they come
from: the full-text table is contentless and holds only its postings.
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


def _dropped(_connection: apsw.Connection) -> None:
    """A step whose tables a later one makes anew."""


def _tables(connection: apsw.Connection) -> None:
    connection.execute(
        """
        DROP TABLE IF EXISTS node_words;
        DROP TABLE IF EXISTS node_text;
        DROP TABLE IF EXISTS edges;
        DROP TABLE IF EXISTS refs;
        DROP TABLE IF EXISTS bindings;
        DROP TABLE IF EXISTS aliases;
        DROP TABLE IF EXISTS nodes;
        DROP TABLE IF EXISTS files;
        DROP TABLE IF EXISTS followed;
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
            digest INTEGER NOT NULL,
            type TEXT NOT NULL DEFAULT '' -- what a variable holds, what a function returns
        ) STRICT;
        CREATE INDEX nodes_by_file ON nodes(file);
        CREATE INDEX nodes_by_name ON nodes(name);
        CREATE INDEX nodes_by_qualified ON nodes(qualified);
        CREATE INDEX nodes_by_key ON nodes(key);
        CREATE TABLE aliases(
            key TEXT NOT NULL,
            node INTEGER NOT NULL,
            PRIMARY KEY(key, node)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX aliases_by_node ON aliases(node);
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
            evidence TEXT NOT NULL
        ) STRICT;
        CREATE INDEX refs_by_file ON refs(file);
        CREATE INDEX refs_by_key ON refs(key);
        CREATE INDEX refs_inheriting ON refs(source) WHERE kind = 'inherits';
        CREATE TABLE pending(ref INTEGER PRIMARY KEY) STRICT;
        CREATE TABLE touched(
            name TEXT PRIMARY KEY, -- references of this key are looked up again
            is_owner INTEGER NOT NULL -- and those that go through a thing of this name
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE steps(
            step TEXT NOT NULL, -- a name that references of a file go through
            file INTEGER NOT NULL,
            PRIMARY KEY(step, file)
        ) STRICT, WITHOUT ROWID;
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
        CREATE TABLE followed(
            store TEXT PRIMARY KEY,
            revision INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE VIRTUAL TABLE node_text USING fts5(
            name, summary, body, content = '', contentless_delete = 1, tokenize = 'terms'
        );
        CREATE VIRTUAL TABLE node_words USING fts5vocab(node_text, row);
        """
    )


SCHEMA = Schema("graph", tuple(map(Migration, (*[_dropped] * 5, _tables))), precious=False, counted_by_file=True)
