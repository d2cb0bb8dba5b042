"""List indexed passages: those of the file that was changed last first, within a file from its beginning."""

import apsw

from memory_router.engines.documents.identity import identity
from memory_router.retrieval.listing import Entry, Filter, ListPosition, bindings

# The page is chosen by numbers alone, so that no text is sorted.
_SQL = """
    WITH page AS (
        SELECT c.id, f.mtime_ns / 1e9 AS modified FROM files f CROSS JOIN chunks c ON c.file = f.id
        WHERE (f.mtime_ns / 1e9 < :time OR (f.mtime_ns / 1e9 = :time AND -c.id < :row))
        AND (:text IS NULL OR c.id IN (SELECT rowid FROM chunk_text WHERE chunk_text MATCH :text))
        AND (:project IS NULL OR f.project = :project COLLATE NOCASE)
        AND (:origin IS NULL OR instr(lower(f.path), lower(:origin)))
        AND (:since IS NULL OR f.mtime_ns / 1e9 >= :since) AND (:until IS NULL OR f.mtime_ns / 1e9 <= :until)
        ORDER BY modified DESC, c.id LIMIT :limit
    )
    SELECT c.id, c.text, c.first_line, c.heading, page.modified, f.path, f.project
    FROM page JOIN chunks c ON c.id = page.id JOIN files f ON f.id = c.file ORDER BY page.modified DESC, c.id
"""


def entries(connection: apsw.Connection, chosen: Filter, after: ListPosition, limit: int) -> list[Entry]:
    """Return a page of the passages in an open index."""
    values = bindings(chosen, after, limit)
    rows = connection.execute(_SQL, values)
    return [
        Entry(
            str(identity(path, line, text)),
            "passage",
            text[: values["excerpt"]],
            heading,
            ListPosition(modified, -key),
            project,
            f"{path}:{line}",
        )
        for key, text, line, heading, modified, path, project in rows
    ]
