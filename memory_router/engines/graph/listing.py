"""List the things of a graph: code, people and terms, those of the file that was changed last first."""

import apsw

from memory_router.retrieval.listing import Entry, Filter, ListPosition, bindings

# Memories, turns, documents and their sections are listed where they are kept.
_SQL = """
    WITH page AS (
        SELECT n.id, coalesce(f.modified, 0) AS modified FROM nodes n LEFT JOIN files f ON f.id = n.file
        WHERE n.kind NOT IN ('memory', 'turn', 'document', 'section')
        AND (coalesce(f.modified, 0) < :time OR (coalesce(f.modified, 0) = :time AND n.id < :row))
        AND (:text IS NULL OR n.id IN (SELECT rowid FROM node_text WHERE node_text MATCH :text))
        AND (:project IS NULL OR f.root = :project OR f.root LIKE '%/' || :project)
        AND (:origin IS NULL OR instr(lower(f.path), lower(:origin)))
        AND (:since IS NULL OR f.modified >= :since) AND (:until IS NULL OR f.modified <= :until)
        ORDER BY modified DESC, n.id DESC LIMIT :limit
    )
    SELECT n.id, n.kind, n.qualified, substr(n.summary, 1, :excerpt), page.modified, coalesce(f.path, ''), n.line
    FROM page JOIN nodes n ON n.id = page.id LEFT JOIN files f ON f.id = n.file
    ORDER BY page.modified DESC, n.id DESC
"""


def entries(connection: apsw.Connection, chosen: Filter, after: ListPosition, limit: int) -> list[Entry]:
    """Return a page of the things in an open graph."""
    rows = connection.execute(_SQL, bindings(chosen, after, limit))
    return [
        Entry(str(key), kind, summary, name, ListPosition(modified, key), "", f"{path}:{line}" if path else "")
        for key, kind, name, summary, modified, path, line in rows
    ]
