"""List what was said and summed up in imported conversations, the newest first; what has no time stands last."""

import json

import apsw

from memory_router.engines.transcripts.lcm import LcmArchive, like
from memory_router.retrieval.listing import Entry, Filter, ListPosition, bindings

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


def entries(connection: apsw.Connection, chosen: Filter, after: ListPosition, limit: int) -> list[Entry]:
    """Return a page of the turns in an open archive."""
    rows = list(connection.execute(_TIMED, bindings(chosen, after, limit)))
    rows += connection.execute(_TIMELESS, bindings(chosen, after, limit - len(rows)))
    return [
        Entry(name, role, text, session, ListPosition(time, key), scope, host)
        for name, role, text, session, time, key, scope, host in rows
    ]


# What lossless-claw keeps; not every version of it has words in an index.
_OF_LCM = """
    WITH listed AS (
        SELECT m.message_id AS row, m.role, m.content, coalesce(unixepoch(m.created_at), 0) AS at, {session}
        FROM messages m JOIN conversations c ON c.conversation_id = m.conversation_id
        WHERE m.role IN ('user', 'assistant') AND m.content <> ''
    )
    SELECT row, role, substr(content, 1, :excerpt), session, at, coalesce(project, '') FROM listed
    WHERE (at < :time OR (at = :time AND row < :row))
    AND NOT EXISTS (SELECT 1 FROM json_each(:words) w WHERE content NOT LIKE w.value ESCAPE '\\')
    AND (:project IS NULL OR project = :project COLLATE NOCASE)
    AND (:origin IS NULL OR instr(lower('openclaw ' || session || ' ' || coalesce(project, '')), lower(:origin)))
    AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at <= :until)
    ORDER BY at DESC, row DESC LIMIT :limit
"""


def entries_of_lcm(archive: LcmArchive, chosen: Filter, after: ListPosition, limit: int) -> list[Entry]:
    """Return a page of the messages in a database of lossless-claw."""
    name, project = archive.session_columns().split(", ")
    values = bindings(chosen, after, limit) | {"words": json.dumps([like(word) for word in chosen.text.split()])}
    rows = archive.connection.execute(_OF_LCM.format(session=f"{name} AS session, {project} AS project"), values)
    return [
        Entry(f"lcm:{row}", role, text, str(session), ListPosition(at, row), str(project), "openclaw")
        for row, role, text, session, at, project in rows
    ]


def projects(connection: apsw.Connection) -> set[str]:
    """Return the projects that sessions belong to."""
    return {scope for (scope,) in connection.execute("SELECT DISTINCT scope FROM sessions") if scope}
