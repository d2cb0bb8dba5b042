"""List what was said and summed up in imported conversations, the newest first; what has no time stands last."""

import apsw

from memory_router.retrieval.listing import Entry, Filter, Place, bindings

_SQL = """
    SELECT n.name, n.role, substr(n.text, 1, :excerpt), s.name, coalesce(n.time, 0), n.id, s.scope,
        s.host || CASE s.agent WHEN '' THEN '' ELSE ' ' || s.agent END
    FROM nodes n JOIN sessions s ON s.id = n.session
    WHERE {place} AND n.role IN ('user', 'assistant', 'summary') AND n.text <> ''
    AND (:text IS NULL OR n.id IN (SELECT rowid FROM node_text WHERE node_text MATCH :text))
    AND (:project IS NULL OR s.scope = :project COLLATE NOCASE)
    AND (:origin IS NULL OR instr(lower(s.host || ' ' || s.name || ' ' || s.project), lower(:origin)))
    AND (:since IS NULL OR n.time >= :since) AND (:until IS NULL OR n.time <= :until)
    ORDER BY n.time DESC, n.id DESC LIMIT :limit
"""
_TIMED = _SQL.format(place="(n.time < :time OR (n.time = :time AND n.id < :row))")
_TIMELESS = _SQL.format(place="n.time IS NULL AND (:time > 0 OR n.id < :row)")


def entries(connection: apsw.Connection, chosen: Filter, after: Place, limit: int) -> list[Entry]:
    """Return a page of the turns in an open archive."""
    rows = list(connection.execute(_TIMED, bindings(chosen, after, limit)))
    rows += connection.execute(_TIMELESS, bindings(chosen, after, limit - len(rows)))
    return [
        Entry(name, role, text, session, Place(time, key), scope, host)
        for name, role, text, session, time, key, scope, host in rows
    ]


def projects(connection: apsw.Connection) -> set[str]:
    """Return the projects that sessions belong to."""
    return {scope for (scope,) in connection.execute("SELECT DISTINCT scope FROM sessions") if scope}
