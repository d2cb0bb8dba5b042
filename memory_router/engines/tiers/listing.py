"""List remembered facts, the newest first."""

import json
import time

import apsw

from memory_router.retrieval.listing import Entry, Filter, ListPosition, bindings

_SQL = """
    SELECT m.id, substr(m.text, 1, :excerpt), m.created, m.row, coalesce(m.project, ''), coalesce(m.source, ''),
        m.tier, m.tags, m.superseded_by
    FROM memories m
    WHERE (m.created < :time OR (m.created = :time AND m.row < :row))
    AND (:text IS NULL OR m.row IN (SELECT rowid FROM memory_text WHERE memory_text MATCH :text))
    AND (:project IS NULL OR m.project = :project COLLATE NOCASE)
    AND (:origin IS NULL OR instr(lower(m.source), lower(:origin)))
    AND (:tier IS NULL OR m.tier = :tier)
    AND (:tag IS NULL OR :tag IN (SELECT value FROM json_each(m.tags)))
    AND (:since IS NULL OR m.created >= :since) AND (:until IS NULL OR m.created <= :until)
    AND (:replaced IS NULL OR (m.superseded_by IS NOT NULL) = :replaced)
    AND (m.expires IS NULL OR m.expires > :now)
    ORDER BY m.created DESC, m.row DESC LIMIT :limit
"""


def entries(connection: apsw.Connection, chosen: Filter, after: ListPosition, limit: int) -> list[Entry]:
    """Return a page of the memories in an open store."""
    rows = connection.execute(_SQL, {**bindings(chosen, after, limit), "now": time.time()})
    return [
        Entry(
            name,
            "memory",
            text,
            "",
            ListPosition(created, row),
            project,
            source,
            tier,
            tuple(json.loads(tags)),
            superseded_by,
        )
        for name, text, created, row, project, source, tier, tags, superseded_by in rows
    ]


def projects(connection: apsw.Connection) -> set[str]:
    """Return the projects that memories belong to."""
    return {project for (project,) in connection.execute("SELECT DISTINCT project FROM memories") if project}
