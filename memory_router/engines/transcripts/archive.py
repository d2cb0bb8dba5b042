"""Read the archive of imported conversations."""

import json
from collections import Counter
from collections.abc import Callable, Collection
from itertools import starmap

import apsw

from memory_router.engines.transcripts import matching
from memory_router.engines.transcripts.cues import TurnCues, unpacked
from memory_router.engines.transcripts.schema import (
    EMBEDDED,
    FIELD_WEIGHTS,
    NOT_UNDERSTOOD,
    SCHEMA,
    count_sessions,
    fingerprint,
)
from memory_router.engines.transcripts.turn import ANY_TIME, Turn, TurnLink, TurnMatch, TurnTerms, Window
from memory_router.retrieval.likeness import NO_LIKENESS, Likeness, StoreVectors
from memory_router.storage.sqlite import DatabaseReader

_CACHE_KIB = 32_768
_BM25 = f"bm25({', '.join(map(str, FIELD_WEIGHTS.values()))})"
_NODE = "n.id, n.name, n.role, n.text, n.tools, n.files, n.time, s.name, s.project, s.host, s.scope"
_ALLOWED = """
    (:since IS NULL OR n.time >= :since) AND (:until IS NULL OR n.time <= :until)
    AND (:session IS NULL OR n.session IN (
        SELECT other.id FROM sessions this JOIN sessions other USING (host, name, agent) WHERE this.id = :session
    ))
    AND (:project IS NULL OR n.session IN (
        SELECT id FROM sessions WHERE scope = '' OR :project COLLATE NOCASE IN (project, scope)
        OR substr(project, -1 - length(:project)) = '/' || :project COLLATE NOCASE
    ))
"""
# The cross join keeps the full-text table outside: the other way round it would be asked anew for every node.
_WITHIN = f"CROSS JOIN nodes n ON n.id = node_text.rowid AND {_ALLOWED}"
_INSIDE = f"SELECT n.id FROM json_each(:keys) w CROSS JOIN nodes n ON n.id = w.value AND {_ALLOWED}"  # noqa: S608
# Three times what an answer shows: matches by words and their neighbours are compared, too.
_NEAREST = 30
_SECONDS = 2.0  # for a model elsewhere
_EDGES = """
    SELECT id, previous, role, cues FROM nodes WHERE id IN (SELECT value FROM json_each(?1))
    UNION ALL SELECT id, previous, role, cues FROM nodes WHERE previous IN (SELECT value FROM json_each(?1))
"""


# The index holds all columns, in the order of `previous`: one step to where a span begins, then a row after the other.
_SURROUNDINGS = """
    SELECT n.id, n.previous, n.role, n.cues
    FROM json_each(?) span JOIN nodes n INDEXED BY nodes_by_previous
    ON n.previous BETWEEN span.value ->> 0 AND span.value ->> 1
"""


class ImportedArchive(DatabaseReader):
    """Search the imported conversations; open it with `ImportedArchive.open`."""

    schema = SCHEMA
    name = "transcripts"
    column_weights = tuple(FIELD_WEIGHTS.values())

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        super().__init__(connection, path)
        matching.prepare(connection)
        connection.pragma("cache_size", -_CACHE_KIB)
        self._frequencies: dict[str, int] = {}
        self._version = -1
        self._count = 0
        self._vectors = StoreVectors(connection, EMBEDDED)

    def count(self) -> int:
        """Return how many nodes there are."""
        version = int(self.connection.pragma("data_version"))
        if version != self._version:
            self._version, self._frequencies = version, {}
            self._count = int(self.connection.execute("SELECT max(id) FROM nodes").get or 0)
            self._vectors = StoreVectors(self.connection, EMBEDDED)
        return self._count

    def sessions(self) -> int:
        """Return how many sessions there are."""
        return count_sessions(self.connection)

    def frequency(self, term: str) -> int:
        """Return how many nodes hold a term; an estimate if they are many."""
        if term not in self._frequencies:
            rows = self._count or self.count()
            self._frequencies[term] = matching.frequency(self.connection, "node_text", term, rows)
        return self._frequencies[term]

    def matching(self, wanted: TurnTerms, window: Window, limit: int) -> list[TurnMatch]:
        """Return the best nodes for what is wanted, with where each of its terms stands."""
        is_open = all(part is None for part in window)
        return matching.matches(
            self.connection,
            "node_text",
            wanted.terms,
            wanted.required,
            limit,
            rank=None if wanted.is_frequent else _BM25,
            within="" if is_open else _WITHIN,
            bindings=None if is_open else window._asdict(),
        )

    def likeness(self, text: str, weight: Callable[[str], float], keys: Collection[int], window: Window) -> Likeness:
        """Return how like a question nodes are, of those given and of the nearest; empty without vectors."""
        held = self._vectors.prepared(text, weight, _SECONDS)
        if held is None:
            return NO_LIKENESS
        nearest = held.nearest(_NEAREST)
        if window != ANY_TIME:
            inside = self.connection.execute(_INSIDE, {"keys": json.dumps(nearest), **window._asdict()})
            nearest = [key for (key,) in inside]
        return held.likeness({*keys, *nearest})

    def edges(self, keys: list[int]) -> list[TurnLink]:
        """Return the edges of nodes, and of all nodes directly below them."""
        return list(starmap(TurnLink, self.connection.execute(_EDGES, (json.dumps(keys),))))

    def surroundings(self, keys: list[int], reach: int) -> tuple[list[TurnLink], set[int]]:
        """Return the edges within `reach` places of nodes, and the nodes below which nothing is missing.

        Nodes of one session lie one after the other, except where branches and sessions are interleaved.
        """
        spans: list[list[int]] = []
        for key in sorted(keys):
            if spans and key - reach <= spans[-1][1]:
                spans[-1][1] = key + reach
            else:
                spans.append([key - reach, key + reach])
        edges = list(starmap(TurnLink, self.connection.execute(_SURROUNDINGS, (json.dumps(spans),))))
        return edges, {key for first, last in spans for key in range(first, last + 1)}

    def cues(self, keys: list[int]) -> dict[int, TurnCues]:
        """Return what turns show, by key."""
        sql = "SELECT n.id, n.cues FROM json_each(?) w JOIN nodes n ON n.id = w.value"
        return {key: unpacked(number) for key, number in self.connection.execute(sql, (json.dumps(keys),))}

    def turns(self, keys: list[int]) -> dict[int, Turn]:
        """Return nodes by key; those that are not there are left out."""
        sql = f"SELECT {_NODE} FROM json_each(?) w JOIN nodes n ON n.id = w.value JOIN sessions s ON s.id = n.session"  # noqa: S608 - constants
        rows = self.connection.execute(sql, (json.dumps(keys),))
        return {row[0]: Turn._make(row)._replace(files=tuple(json.loads(row[5]))) for row in rows}

    def newest(self, window: Window, limit: int) -> list[TurnLink]:
        """Return the newest turns in a window, the newest first."""
        sql = f"""
            SELECT n.id, n.previous, n.role FROM nodes n
            WHERE n.role IN ('user', 'assistant') AND {_ALLOWED} ORDER BY n.time DESC, n.id DESC LIMIT :limit
        """  # noqa: S608 - constants
        return list(starmap(TurnLink, self.connection.execute(sql, {**window._asdict(), "limit": limit})))

    def latest(self) -> tuple[float, int] | None:
        """Return the time of the newest turn and the number of its session."""
        sql = "SELECT time, session FROM nodes WHERE role IN ('user', 'assistant') ORDER BY time DESC, id DESC LIMIT 1"
        row = self.connection.execute(sql).get
        return (row[0], row[1]) if row else None

    def not_understood(self) -> str:
        """Return a sentence about files of sessions that no reader understands; empty if every file is understood."""
        from memory_router.engines.transcripts.files import host_of  # only who asks for the state needs the hosts

        paths = self.connection.execute("SELECT path FROM files WHERE last = ?", (NOT_UNDERSTOOD,))
        hosts = Counter(host.TITLE for (path,) in paths if (host := host_of(path)))
        told = [f"{count} file{'s' if count > 1 else ''} of {title}" for title, count in hosts.items()]
        return f"{' and '.join(told)} in a format newer than known" if told else ""

    def key_of(self, name: str) -> int | None:
        """Return the key of the node with the host's id `name`, or None.

        The id of a forgotten turn, or of a record that only links others, leads to another turn: it is nobody's here.
        """
        sql = "SELECT n.id FROM names JOIN nodes n ON n.id = names.node WHERE fingerprint = ? AND n.name = ?"
        return self.connection.execute(sql, (fingerprint(name), name)).get  # type: ignore[no-any-return]

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
        keys = [node for (node,) in self.connection.execute(sql, (key,))]
        held = self.turns(keys)
        return [held[node] for node in keys if node in held]
