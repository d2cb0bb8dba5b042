"""Write records into the archive as nodes of the conversation graph; the caller holds the transaction."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import apsw

from memory_router.engines.transcripts import cues
from memory_router.engines.transcripts.indexed import INSERT, indexed
from memory_router.engines.transcripts.record import Record
from memory_router.engines.transcripts.schema import fingerprint
from memory_router.scope import project_of
from memory_router.text.redaction import redact

_SPOKEN = ("user", "assistant")


class FileState(NamedTuple):
    """How far a file was read.

    Args:
        id: its row.
        consumed: bytes read so far.
        head: digest of its beginning.
        last: the node that its last record belongs to, 0 for no node, `NOT_UNDERSTOOD` if it could not be read.
    """

    id: int
    consumed: int
    head: bytes
    last: int


class _Place(NamedTuple):
    """The place of a host's id in the graph: its node, the latest turn at or above it, and its time."""

    node: int | None
    turn: int | None
    time: float | None


_NOWHERE = _Place(None, None, None)


class Archivist:
    """Write records to one open archive, of which this process is the only writer.

    Rows are numbered here: `RETURNING` would open a savepoint, and at each of these FTS5 writes out what it gathered.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.added = 0
        self.repeated = 0
        self._connection = connection
        self._next, self._next_file, self._next_session = (
            1 + (connection.execute(sql).get or 0)
            for sql in ("SELECT max(id) FROM nodes", "SELECT max(id) FROM files", "SELECT max(id) FROM sessions")
        )
        self._sessions: dict[tuple[str, str, str, str], int] = {}
        self._forgotten: dict[str, float] = dict(connection.execute("SELECT session, forgotten FROM tombstones"))

    def state_of(self, path: str) -> FileState | None:
        """Return how far a file was read, or None if it was never seen."""
        row = self._connection.execute("SELECT id, consumed, head, last FROM files WHERE path = ?", (path,)).get
        return FileState(*row) if row else None

    def add_file(self, path: str) -> int:
        """Remember a file and return its row."""
        file, self._next_file = self._next_file, self._next_file + 1
        self._connection.execute(
            "INSERT INTO files(id, path, consumed, head, last) VALUES (?, ?, 0, x'', 0)", (file, path)
        )
        return file

    def note_state(self, state: FileState) -> None:
        """Note how far a file was read."""
        sql = "UPDATE files SET consumed = ?2, head = ?3, last = ?4 WHERE id = ?1"
        self._connection.execute(sql, state)

    def store(self, host: str, records: Iterable[Record], last: int, fallback: float) -> int:
        """Add the records that are new, and return the node of the last one.

        Args:
            host: the program that wrote them.
            records: in file order.
            last: the node of the record before the first one, or 0.
            fallback: the time of records that have none, nor one before them, in seconds since the epoch.
        """
        records = list(records)
        places = self._places(records)
        before = self._place_of(last)
        names: list[tuple[int, int | None]] = []
        nodes: list[tuple[object, ...]] = []
        texts: list[tuple[object, ...]] = []
        for record in records:
            if (record.time or fallback) <= self._forgotten.get(record.session, 0.0):
                continue
            if record.id in places:
                before = places[record.id]
                self.repeated += bool(record.role)
                continue
            # A parent that stands nowhere: the order in the file is the best guess for the conversation.
            above = places.get(record.parent, before) if record.parent or record.follows else _NOWHERE
            moment = record.time or above.time or before.time or fallback
            if record.role:
                parent = above.node if record.parent in places or record.follows else None
                place = self._node(host, record, parent, above.turn, moment, nodes, texts)
            else:
                place = above._replace(time=moment)
            for name in (record.id, *record.aliases):
                places[name] = place
                names.append((fingerprint(name), place.node))
            before = place
        many = self._connection.executemany
        many("INSERT OR IGNORE INTO names(fingerprint, node) VALUES (?, ?)", names)
        many(_INSERT_NODE, nodes)
        many(INSERT, texts)
        return before.node or 0

    def _node(
        self,
        host: str,
        record: Record,
        parent: int | None,
        turn: int | None,
        moment: float,
        nodes: list[tuple[object, ...]],
        texts: list[tuple[object, ...]],
    ) -> _Place:
        node, self._next = self._next, self._next + 1
        text, tools = redact(record.text).text, redact(record.tools).text if record.tools else ""
        session = self._session(host, record)
        listed = json.dumps(record.files) if record.files else "[]"
        shown = 0
        if record.role in _SPOKEN:
            shown = (cues.CHOSEN if record.decides else cues.read(text, record.role, acts=bool(tools))).packed()
        nodes.append((node, record.id, session, parent, turn, record.role, moment, text, tools, listed, shown))
        if record.role != "context":  # shown beside what was said, but never an answer
            texts.append(indexed(node, record.role, text, tools, moment))
        self.added += 1
        return _Place(node, node if record.role in _SPOKEN else turn, moment)

    def _places(self, records: Sequence[Record]) -> dict[str | None, _Place]:
        names = {fingerprint(name): name for record in records for name in (record.id, record.parent) if name}
        rows = self._connection.execute(_PLACES, (json.dumps(list(names)),))
        return {names[print_]: _Place(node, turn, moment) for print_, node, turn, moment in rows}

    def _place_of(self, node: int) -> _Place:
        row = self._connection.execute(_PLACE, (node,)).get
        return _Place(*row) if row else _NOWHERE

    def _session(self, host: str, record: Record) -> int:
        key = (host, record.session, record.agent, record.project)
        if key not in self._sessions:
            known = self._connection.execute(_SESSION, key).get
            self._sessions[key] = int(known) if known else self._new_session(key)
        return self._sessions[key]

    def _new_session(self, key: tuple[str, str, str, str]) -> int:
        session, self._next_session = self._next_session, self._next_session + 1
        sql = "INSERT INTO sessions(id, host, name, agent, project, scope) VALUES (?, ?, ?, ?, ?, ?)"
        self._connection.execute(sql, (session, *key, project_of(key[3]) or ""))
        return session


_TURN = "CASE WHEN n.role IN ('user', 'assistant') THEN n.id ELSE n.previous END, n.time"
_PLACES = f"""
    SELECT wanted.value, n.id, {_TURN} FROM json_each(?) wanted
    JOIN names ON names.fingerprint = wanted.value LEFT JOIN nodes n ON n.id = names.node
"""  # noqa: S608
_PLACE = f"SELECT n.id, {_TURN} FROM nodes n WHERE n.id = ?"  # noqa: S608
_INSERT_NODE = """
    INSERT INTO nodes(id, name, session, parent, previous, role, time, text, tools, files, cues)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SESSION = "SELECT id FROM sessions WHERE host = ? AND name = ? AND agent = ? AND project = ?"
