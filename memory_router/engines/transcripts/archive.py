"""Read the archive of imported conversations."""

import json

import apsw

from memory_router.engines.transcripts.schema import FIELD_WEIGHTS, MIGRATIONS
from memory_router.engines.transcripts.turn import Edge, Match, Turn, Window
from memory_router.storage.sqlite import DatabaseReader

_BM25 = f"bm25({', '.join(map(str, FIELD_WEIGHTS.values()))})"
_NODE = "n.id, n.name, n.role, n.text, n.tools, n.files, n.time, s.name, s.project, s.host"
_ALLOWED = """
    (:since IS NULL OR n.time >= :since) AND (:until IS NULL OR n.time <= :until)
    AND (:session IS NULL OR n.session = :session)
    AND (:project IS NULL OR n.session IN (SELECT id FROM sessions WHERE project = :project))
"""
_MATCHING = """
    SELECT rowid, matched(node_text) FROM node_text
    WHERE node_text MATCH :expression AND rank MATCH :bm25 ORDER BY rank LIMIT :limit
"""
# The cross join keeps the full-text table outside: the other way round it would be asked anew for every node.
_MATCHING_IN_WINDOW = f"""
    SELECT node_text.rowid, matched(node_text) FROM node_text CROSS JOIN nodes n ON n.id = node_text.rowid
    WHERE node_text MATCH :expression AND rank MATCH :bm25 AND {_ALLOWED} ORDER BY rank LIMIT :limit
"""  # noqa: S608 - constants
_EDGES = """
    SELECT id, previous, role FROM nodes WHERE id IN (SELECT value FROM json_each(?1))
    UNION ALL SELECT id, previous, role FROM nodes WHERE previous IN (SELECT value FROM json_each(?1))
"""


class ImportedArchive(DatabaseReader):
    """Search the imported conversations; open it with `ImportedArchive.open`."""

    migrations = MIGRATIONS
    name = "transcripts"
    column_weights = tuple(FIELD_WEIGHTS.values())

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        super().__init__(connection, path)
        connection.register_fts5_function("matched", matched)

    def count(self) -> int:
        """Return how many nodes there are."""
        return int(self.connection.execute("SELECT max(id) FROM nodes").get or 0)

    def sessions(self) -> int:
        """Return how many sessions there are."""
        return int(self.connection.execute("SELECT count(*) FROM sessions").get)

    def frequency(self, stem: str) -> int:
        """Return how many nodes hold a stem."""
        return int(self.connection.execute("SELECT doc FROM node_words WHERE term = ?", (stem,)).get or 0)

    def matching(self, terms: list[str], required: list[str], window: Window, limit: int) -> list[Match]:
        """Return the best nodes that hold one of `required`, with where each of `terms` stands."""
        bindings = {"expression": expression(terms, required), "bm25": _BM25, "limit": limit, **window._asdict()}
        sql = _MATCHING_IN_WINDOW if any(part is not None for part in window) else _MATCHING
        rows = self.connection.execute(sql, bindings)
        return [as_match(key, places, len(terms)) for key, places in rows]

    def edges(self, keys: list[int]) -> list[Edge]:
        """Return the edges of nodes, and of all nodes directly below them."""
        return list(map(Edge._make, self.connection.execute(_EDGES, (json.dumps(keys),))))

    def turns(self, keys: list[int]) -> dict[int, Turn]:
        """Return nodes by key; those that are not there are left out."""
        sql = f"SELECT {_NODE} FROM json_each(?) w JOIN nodes n ON n.id = w.value JOIN sessions s ON s.id = n.session"  # noqa: S608 - constants
        rows = self.connection.execute(sql, (json.dumps(keys),))
        return {row[0]: Turn._make(row)._replace(files=tuple(json.loads(row[5]))) for row in rows}

    def newest(self, window: Window) -> Edge | None:
        """Return the newest turn in a window."""
        sql = f"""
            SELECT n.id, n.previous, n.role FROM nodes n
            WHERE n.role IN ('user', 'assistant') AND {_ALLOWED} ORDER BY n.time DESC, n.id DESC LIMIT 1
        """  # noqa: S608 - constants
        row = self.connection.execute(sql, window._asdict()).get
        return Edge._make(row) if row else None

    def latest(self) -> tuple[float, int] | None:
        """Return the time of the newest turn and the number of its session."""
        sql = "SELECT time, session FROM nodes WHERE role IN ('user', 'assistant') ORDER BY time DESC, id DESC LIMIT 1"
        row = self.connection.execute(sql).get
        return (row[0], row[1]) if row else None

    def key_of(self, name: str) -> int | None:
        """Return the key of the node with the host's id `name`, or None."""
        return self.connection.execute("SELECT node FROM names WHERE name = ?", (name,)).get  # type: ignore[no-any-return]

    def summaries_above(self, key: int) -> list[Turn]:
        """Return the summaries of the branch that a node is on, the nearest first."""
        sql = """
            WITH RECURSIVE below(id, depth) AS (
                SELECT ?1, 0
                UNION SELECT n.id, depth + 1 FROM below JOIN nodes n ON n.previous = below.id WHERE depth < 200
            )
            SELECT n.id FROM below JOIN nodes n ON n.previous = below.id
            WHERE n.role = 'summary' ORDER BY depth LIMIT 3
        """
        keys = [found for (found,) in self.connection.execute(sql, (key,))]
        held = self.turns(keys)
        return [held[one] for one in keys]


def expression(terms: list[str], required: list[str]) -> str:
    """Return what FTS5 is asked: nodes with one of `required`; its last phrases are the terms, in order."""
    anything = " OR ".join(map(_quoted, terms))
    if len(required) == len(terms):
        return anything
    return f"({' OR '.join(map(_quoted, required))}) AND ({anything})"


def matched(api: apsw.FTS5ExtensionApi, /, *_: "apsw.SQLiteValue") -> str:
    """Return the length of what was said, and by term and column the positions at which it stands, as JSON."""
    return json.dumps([api.column_size(0), [api.phrase_locations(term) for term in range(api.phrase_count)]])


def as_match(key: int, packed: str, terms: int) -> Match:
    """Return what `matched` packed; the last `terms` phrases are those that were searched for."""
    length, places = json.loads(packed)
    return Match(key, length, places[-terms:])


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
