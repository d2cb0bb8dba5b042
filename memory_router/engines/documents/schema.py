"""Define the tables of the document index.

Everything here is derived from files and may be deleted: `memory-router index` builds it again. A chunk's text is
stored once; the full-text table is contentless and keeps only its postings. Vectors hang on `chunks.id` in a table of
their own. `totals` is kept by triggers, because counting a million rows costs more than a search.
"""

import apsw

from memory_router.retrieval import vectors
from memory_router.retrieval.fulltext import TableLayout
from memory_router.storage.schema import Migration, Schema

LAYOUT = TableLayout(
    table="chunk_text",
    columns={
        "path": 2.0,
        "title": 2.0,
        "heading": 2.0,
        "symbols": 6.0,
        "identifiers": 0.5,
        "body": 1.0,
        "context": 0.3,
        "date": 1.0,
    },
    own=("body", "identifiers", "symbols"),
    named=("path", "title", "heading", "symbols"),
    defining=("symbols", "heading"),
    title="title",
    count_sql="SELECT chunks FROM totals",
    ends_sql="SELECT min(id), max(id) FROM chunks",
)

# The passages behind a row number that are given vectors.
EMBEDDED = "chunks WHERE id > ?"


def _roots(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE roots(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, finished REAL)")


def _dropped(_connection: apsw.Connection) -> None:
    """A step whose tables a later one makes anew."""


def _documents(connection: apsw.Connection) -> None:
    # What an earlier version derived from the files is derived again by the next run; the roots are remembered.
    connection.execute(
        """
        DROP TABLE IF EXISTS chunk_words;
        DROP TABLE IF EXISTS chunk_text;
        DROP TABLE IF EXISTS chunks;
        DROP TABLE IF EXISTS files;
        DROP TABLE IF EXISTS chunk_vectors;
        DROP TABLE IF EXISTS vector_model;
        DROP TABLE IF EXISTS vectors;
        DROP TABLE IF EXISTS vector_bits;
        DROP TABLE IF EXISTS vector_models;
        DROP TABLE IF EXISTS totals;
        UPDATE roots SET finished = NULL;
        CREATE TABLE files(
            id INTEGER PRIMARY KEY,
            root INTEGER NOT NULL REFERENCES roots(id),
            path TEXT NOT NULL UNIQUE,
            key TEXT NOT NULL,
            name TEXT NOT NULL COLLATE NOCASE,
            title TEXT NOT NULL,
            language TEXT NOT NULL,
            project TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            settled INTEGER NOT NULL,
            hash BLOB NOT NULL,
            cutter TEXT NOT NULL,
            unfit TEXT NOT NULL
        );
        CREATE INDEX files_by_key ON files(key);
        CREATE INDEX files_by_name ON files(name);
        CREATE INDEX files_by_root ON files(root);
        CREATE TABLE chunks(
            id INTEGER PRIMARY KEY,
            file INTEGER NOT NULL REFERENCES files(id),
            position INTEGER NOT NULL,
            first_line INTEGER NOT NULL,
            last_line INTEGER NOT NULL,
            heading TEXT NOT NULL,
            symbols TEXT NOT NULL,
            date TEXT NOT NULL,
            day TEXT NOT NULL,
            continues INTEGER NOT NULL,
            text TEXT NOT NULL,
            UNIQUE(file, position)
        );
        CREATE TABLE totals(chunks INTEGER NOT NULL);
        INSERT INTO totals VALUES (0);
        CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN UPDATE totals SET chunks = chunks + 1; END;
        CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN UPDATE totals SET chunks = chunks - 1; END;
        CREATE VIRTUAL TABLE chunk_text USING fts5(
            path, title, heading, symbols, identifiers, body, context, date,
            content = '', contentless_delete = 1, tokenize = 'terms'
        );
        CREATE VIRTUAL TABLE chunk_words USING fts5vocab(chunk_text, col);
        """
    )


def _vectors(connection: apsw.Connection) -> None:
    # The trigger needs no extension, so whoever removes a chunk need not know of vectors.
    connection.execute(vectors.SCHEMA.format(rows="chunks", key="id"))


SCHEMA = Schema(
    "documents",
    tuple(map(Migration, (_roots, _dropped, _dropped, _dropped, _dropped, _documents, _vectors))),
    precious=False,
    counted_by_file=True,
)
