"""Define the tables of the document index.

Everything here is derived from files and may be deleted: `memory-router index` builds it again. A chunk's text is
stored once; the full-text table is contentless and keeps only its postings. Vectors, when they come, hang on
`chunks.id` in a table of their own.
"""

import apsw

from memory_router.storage.sqlite import Migration

# The columns of the full-text table in order, with their BM25 weights. Chosen on development questions
# (benchmarks/relevance.py): conversation turns for `context` and `date`, generated code questions for `symbols`.
FIELD_WEIGHTS = {
    "path": 2.0,
    "title": 2.0,
    "heading": 2.0,
    "symbols": 6.0,
    "identifiers": 0.5,
    "body": 1.0,
    "context": 0.3,
    "date": 1.0,
}


def _first(connection: apsw.Connection) -> None:
    connection.execute(
        """
        CREATE TABLE roots(
            id INTEGER PRIMARY KEY,
            path TEXT NOT NULL UNIQUE,
            finished REAL
        );
        CREATE TABLE files(
            id INTEGER PRIMARY KEY,
            root INTEGER NOT NULL REFERENCES roots(id),
            path TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL COLLATE NOCASE,
            title TEXT NOT NULL,
            language TEXT NOT NULL,
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            settled INTEGER NOT NULL,
            hash BLOB NOT NULL,
            unfit TEXT NOT NULL
        );
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
            text TEXT NOT NULL,
            UNIQUE(file, position)
        );
        CREATE VIRTUAL TABLE chunk_text USING fts5(
            path, title, heading, symbols, identifiers, body, context, date,
            content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
        );
        CREATE VIRTUAL TABLE chunk_words USING fts5vocab(chunk_text, col);
        """
    )


MIGRATIONS: tuple[Migration, ...] = (_first,)
