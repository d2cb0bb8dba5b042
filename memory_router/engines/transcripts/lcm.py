"""Read the database of OpenClaw's plugin lossless-claw (`lcm.db`) where it lies, while the plugin writes it.

It has no schema version, so what is needed is looked for by column (research on v0.9.4, 0.15.3 and 1.0.0-beta.4). In
`summary_parents` the `parent_summary_id` is the older, lower source; the `summary_id` is the newer node above it.
Only what is published is read: `pending_*` tables are not. Summaries have negative keys here.
"""

import json
import os
import time
from collections.abc import Callable, Collection
from itertools import starmap

import apsw

from memory_router import paths
from memory_router.engines.transcripts import matching
from memory_router.engines.transcripts.cues import TurnCues, read
from memory_router.engines.transcripts.record import moment
from memory_router.engines.transcripts.turn import ANY_TIME, SPEAKERS, Turn, TurnLink, TurnMatch, TurnTerms, Window
from memory_router.errors import StoreError
from memory_router.retrieval.likeness import NO_LIKENESS, Likeness
from memory_router.storage.sqlite import named_errors, open_foreign
from memory_router.text import json5

_NEEDED = {
    "conversations": {"conversation_id"},
    "messages": {"message_id", "conversation_id", "seq", "role", "content", "created_at"},
    "summaries": {"summary_id", "conversation_id", "kind", "depth", "content"},
    "summary_messages": {"summary_id", "message_id"},
    "summary_parents": {"summary_id", "parent_summary_id"},
}
_BUSY_MS = 2000
_LIKE_ROWS = 400
# Tool arguments have no full-text index in this database: only the newest are looked through.
_TOOL_ROWS = 20_000
_DEEPEST = 20
_IDEOGRAPHS = "\u2e80"

_STAMP = "replace(substr(m.created_at, 1, 19), 'T', ' ')"
_ALLOWED = f"""
    (:since IS NULL OR {_STAMP} >= :since) AND (:until IS NULL OR {_STAMP} <= :until)
    AND (:session IS NULL OR m.conversation_id = :session)
    AND (:project IS NULL
         OR m.conversation_id IN (
            SELECT conversation_id FROM conversations WHERE {{project}} = :project COLLATE NOCASE
         ))
"""  # noqa: S608
_PREVIOUS = """
    (SELECT p.message_id FROM messages p WHERE p.conversation_id = {0}.conversation_id AND p.seq < {0}.seq
     AND p.role IN ('user', 'assistant') ORDER BY p.seq DESC LIMIT 1)
"""
_EDGES = f"""
    SELECT m.message_id, {_PREVIOUS.format("m")}, m.role FROM messages m
    WHERE m.message_id IN (SELECT value FROM json_each(?1))
    UNION ALL
    SELECT n.message_id, {_PREVIOUS.format("n")}, n.role FROM messages m
    JOIN messages n ON n.conversation_id = m.conversation_id AND n.seq > m.seq AND n.seq <= m.seq + 4
    WHERE m.message_id IN (SELECT value FROM json_each(?1))
"""  # noqa: S608


def standard_path() -> str:
    """Return where lossless-claw keeps its database on this machine, by its own precedence."""
    if named := paths.lcm_database():
        return named
    folder = paths.openclaw_dir()
    try:
        with open(os.path.join(folder, "openclaw.json"), encoding="utf-8") as stream:
            entry = json5.decode(stream.read())["plugins"]["entries"]["lossless-claw"]["config"]
            chosen = entry.get("dbPath") or entry.get("databasePath")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        chosen = None
    return os.path.expanduser(chosen) if isinstance(chosen, str) else os.path.join(folder, "lcm.db")


class LcmArchive:
    """Search an lcm.db; open it with `LcmArchive.open`. Nothing is ever written to it."""

    name = "lcm"
    column_weights = (1.0, 0.4)

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self.connection = connection
        self.path = path
        self._columns = _columns(connection)
        for table, needed in _NEEDED.items():
            if missing := needed - self._columns.get(table, set()):
                raise StoreError(
                    f"{paths.shown(path)} is not a database of lossless-claw that this version can read:"
                    f" {table} lacks {', '.join(sorted(missing))}.",
                    "Update memory-router, or let OpenClaw finish its own migration; nothing was changed.",
                )
        matching.prepare(connection)
        self._has_words = self._has("messages_fts", "content")
        self._has_summary_words = self._has("summaries_fts", "summary_id")
        connection.pragma("query_only", True)
        project = "session_key" if self._has("conversations", "session_key") else "conversation_id"
        self._allowed = _ALLOWED.format(project=project)

    @classmethod
    def open(cls, path: str) -> "LcmArchive | None":
        """Open the database at `path` for reading; return None when it is missing.

        Raises:
            CorruptStoreError: it is damaged, or no database.
            StoreError: it has other tables, or cannot be opened.
        """
        if not os.path.exists(path):
            return None
        with named_errors(path):
            return cls(open_foreign(path, _BUSY_MS), path)

    def not_understood(self) -> str:
        """Return nothing: a database that is not understood is not opened."""
        return ""

    def is_replaced(self) -> bool:
        """Return whether the file is gone by now."""
        return not os.path.exists(self.path)

    def count(self) -> int:
        """Return how many messages there are, or were: the highest number, which needs no look at the others."""
        return int(self.connection.execute("SELECT max(message_id) FROM messages").get or 0)

    def sessions(self) -> int:
        """Return how many conversations there are."""
        return int(self.connection.execute("SELECT count(*) FROM conversations").get)

    def frequency(self, term: str) -> int:
        """Return how many messages hold a term; an estimate if they are many."""
        if self._has_words and term < _IDEOGRAPHS:
            if known := matching.frequency(self.connection, "messages_fts", term, self.count()):
                return known
            if self._has_summary_words and (
                known := matching.frequency(self.connection, "summaries_fts", term, self.count())
            ):
                return known
            return len(self._by_tools([term], _window(ANY_TIME)))
        sql = "SELECT count(*) FROM (SELECT 1 FROM messages WHERE content LIKE ? ESCAPE '\\' LIMIT 1000)"
        return int(self.connection.execute(sql, (like(term),)).get)

    def matching(self, wanted: TurnTerms, window: Window, limit: int) -> list[TurnMatch]:
        """Return the best messages and summaries for what is wanted, and messages with such tool arguments."""
        terms, required = wanted.terms, wanted.required
        window_values = _window(window)
        if self._has_words and all(term < _IDEOGRAPHS for term in terms):
            matches = self._by_words(wanted, window_values, limit)
        else:
            matches = self._by_likeness(terms, required, window_values)
        by_key = {match.key: match for match in matches}
        for match in self._by_tools(terms, window_values):
            known = by_key.get(match.key)
            both = (
                [[held[0], other[1]] for held, other in zip(known.places, match.places, strict=True)] if known else None
            )
            by_key[match.key] = known._replace(places=both) if known and both else match
        return list(by_key.values())

    def likeness(
        self, _text: str, _weight: Callable[[str], float], _keys: Collection[int], _window: Window
    ) -> Likeness:
        """Return nothing: this database has no vectors of ours, and nothing is written to it."""
        return NO_LIKENESS

    def edges(self, keys: list[int]) -> list[TurnLink]:
        """Return the edges of messages, and of those that follow them; summaries stand alone."""
        rows = self.connection.execute(_EDGES, (json.dumps([key for key in keys if key > 0]),))
        return [*starmap(TurnLink, rows), *(TurnLink(key, None, "summary") for key in keys if key < 0)]

    def surroundings(self, keys: list[int], reach: int) -> tuple[list[TurnLink], set[int]]:
        """Return the edges within `reach` places of messages, and the messages below which nothing is missing."""
        sql = """
            SELECT DISTINCT n.conversation_id, n.seq, n.message_id, n.role FROM json_each(?1) w
            JOIN messages m ON m.message_id = w.value
            JOIN messages n ON n.conversation_id = m.conversation_id AND n.seq BETWEEN m.seq - ?2 AND m.seq + ?2
            ORDER BY n.conversation_id, n.seq
        """
        edges: list[TurnLink] = []
        whole: set[int] = set()
        place, spoken = (0, 0), None
        for conversation, seq, key, role in self.connection.execute(sql, (json.dumps(keys), reach)):
            if (conversation, seq - 1) != place:
                spoken = None  # what stands above lies outside
            place = conversation, seq
            if spoken is not None:
                edges.append(TurnLink(key, spoken, role))
            if role in SPEAKERS:
                whole |= {spoken} if spoken is not None else set()
                spoken = key
        return edges, whole

    def cues(self, keys: list[int]) -> dict[int, TurnCues]:
        """Return what messages show, by key."""
        listed = json.dumps(keys)
        acting = self._tools(listed).keys()
        sql = "SELECT m.message_id, m.role, m.content FROM json_each(?) w JOIN messages m ON m.message_id = w.value"
        rows = self.connection.execute(sql, (listed,))
        return {key: read(said, role, acts=key in acting) for key, role, said in rows if role in SPEAKERS}

    def turns(self, keys: list[int]) -> dict[int, Turn]:
        """Return messages and summaries by key; those that are not there are left out."""
        listed = json.dumps(keys)
        tools, session = self._tools(listed), self.session_columns()
        rows = self.connection.execute(
            f"""
            SELECT m.message_id, 'lcm:' || m.message_id, m.role, m.content, '', '', m.created_at, {session}
            FROM json_each(?1) w JOIN messages m ON m.message_id = w.value
            JOIN conversations c ON c.conversation_id = m.conversation_id
            UNION ALL
            SELECT w.value, 'lcm:' || m.summary_id, 'summary', m.content, '', '', {self._stamp()}, {session}
            FROM json_each(?1) w JOIN summaries m ON m.rowid = -w.value
            JOIN conversations c ON c.conversation_id = m.conversation_id
            """,  # noqa: S608
            (listed,),
        )
        return {row[0]: _turn(row, tools.get(row[0], "")) for row in rows}

    def newest(self, window: Window, limit: int) -> list[TurnLink]:
        """Return the newest messages in a window, the newest first."""
        sql = f"SELECT m.message_id, {_PREVIOUS.format('m')}, m.role FROM messages m"  # noqa: S608
        order = "ORDER BY m.created_at DESC, m.message_id DESC LIMIT :limit"
        spoken = "m.role IN ('user', 'assistant')"
        bound = {**_window(window), "limit": limit}
        return list(
            starmap(TurnLink, self.connection.execute(f"{sql} WHERE {spoken} AND {self._allowed} {order}", bound))
        )

    def latest(self) -> tuple[float, int] | None:
        """Return the time of the newest message and its conversation."""
        sql = "SELECT created_at, conversation_id FROM messages ORDER BY message_id DESC LIMIT 1"
        row = self.connection.execute(sql).get
        return (moment(row[0]) or 0.0, row[1]) if row else None

    def key_of(self, name: str) -> int | None:
        """Return the key of `lcm:NUMBER` or `lcm:sum_...`, or None."""
        own = name.removeprefix("lcm:")
        if own.isdecimal() and len(own) < 18:
            return self.connection.execute("SELECT message_id FROM messages WHERE message_id = ?", (int(own),)).get  # type: ignore[no-any-return]
        row = self.connection.execute("SELECT rowid FROM summaries WHERE summary_id = ?", (own,)).get
        return -row if row else None

    def summaries_above(self, key: int) -> list[Turn]:
        """Return the summaries that cover a message or a summary, the nearest first."""
        if key > 0:
            sql = "SELECT summary_id FROM summary_messages WHERE message_id = ?"
            names = [name for (name,) in self.connection.execute(sql, (key,))]
        else:
            own = self.connection.execute("SELECT summary_id FROM summaries WHERE rowid = ?", (-key,)).get
            names = self._higher([own])
        chain: list[str] = []
        while names and len(chain) < _DEEPEST:
            chain += names
            names = [name for name in self._higher(names) if name not in chain]
        keys = [node for name in chain if (node := self.key_of(name)) is not None]
        held = self.turns(keys)
        return [held[summary] for summary in keys if summary in held]

    def _higher(self, names: list[str]) -> list[str]:
        sql = """
            SELECT DISTINCT summary_id FROM summary_parents
            WHERE parent_summary_id IN (SELECT value FROM json_each(?)) ORDER BY summary_id
        """
        return [name for (name,) in self.connection.execute(sql, (json.dumps(names),))]

    def _by_words(self, wanted: TurnTerms, window: dict[str, object], limit: int) -> list[TurnMatch]:
        is_open = all(value is None for value in window.values())
        rank = None if wanted.is_frequent else "bm25()"
        within = "" if is_open else f"CROSS JOIN messages m ON m.message_id = messages_fts.rowid AND {self._allowed}"
        matches = matching.matches(
            self.connection,
            "messages_fts",
            wanted.terms,
            wanted.required,
            limit,
            rank=rank,
            within=within,
            bindings=None if is_open else window,
        )
        if is_open and self._has_summary_words:
            above = matching.matches(
                self.connection, "summaries_fts", wanted.terms, wanted.required, limit // 4, rank=rank
            )
            keys = self._summary_keys([match.key for match in above])
            matches += [match._replace(key=keys[match.key]) for match in above if match.key in keys]
        return [match._replace(places=[[columns[-1], []] for columns in match.places]) for match in matches]

    def _summary_keys(self, rows: list[int]) -> dict[int, int]:
        """Return the keys of summaries by their rows in the full-text table."""
        sql = """
            SELECT f.rowid, -s.rowid FROM json_each(?) w JOIN summaries_fts f ON f.rowid = w.value
            JOIN summaries s ON s.summary_id = f.summary_id
        """
        return dict(self.connection.execute(sql, (json.dumps(rows),)))

    def _by_likeness(self, terms: list[str], required: list[str], window: dict[str, object]) -> list[TurnMatch]:
        """Look for terms in the text itself: without an index, and for scripts that the index cannot cut into words."""
        sql = f"""
            SELECT m.message_id, m.content FROM messages m
            WHERE EXISTS (SELECT 1 FROM json_each(:terms) t WHERE m.content LIKE t.value ESCAPE '\\')
            AND {self._allowed}
            ORDER BY m.message_id DESC LIMIT {_LIKE_ROWS}
        """  # noqa: S608
        rows = self.connection.execute(sql, {"terms": json.dumps([like(term) for term in required]), **window})
        return [
            TurnMatch(key, len(content.split()), [[_places(term, content), []] for term in terms])
            for key, content in rows
        ]

    def _by_tools(self, terms: list[str], window: dict[str, object]) -> list[TurnMatch]:
        if not self._has("message_parts", "tool_input"):
            return []
        sql = f"""
            SELECT t.message_id, group_concat(lower(t.tool_input), ' ') FROM (
                SELECT message_id, tool_input FROM message_parts WHERE tool_input IS NOT NULL
                ORDER BY rowid DESC LIMIT {_TOOL_ROWS}
            ) t JOIN messages m ON m.message_id = t.message_id
            WHERE EXISTS (SELECT 1 FROM json_each(:terms) w WHERE instr(lower(t.tool_input), w.value))
            AND {self._allowed}
            GROUP BY t.message_id LIMIT {_LIKE_ROWS}
        """  # noqa: S608
        lowered = [term.lower() for term in terms if len(term) > 2]
        rows = self.connection.execute(sql, {"terms": json.dumps(lowered), **window})
        return [TurnMatch(key, 0, [[[], _places(term, given)] for term in terms]) for key, given in rows]

    def _tools(self, listed: str) -> dict[int, str]:
        if not self._has("message_parts", "tool_input") or not self._has("message_parts", "tool_name"):
            return {}
        sql = """
            SELECT message_id, group_concat(coalesce(tool_name, '') || ' ' || coalesce(tool_input, ''), char(10))
            FROM message_parts WHERE message_id IN (SELECT value FROM json_each(?)) AND tool_input IS NOT NULL
            GROUP BY message_id
        """
        return dict(self.connection.execute(sql, (listed,)))

    def session_columns(self) -> str:
        """Return SQL for the name of the session `c` and for its project."""
        name = "c.session_id" if self._has("conversations", "session_id") else "c.conversation_id"
        return f"{name}, {'c.session_key' if self._has('conversations', 'session_key') else 'NULL'}"

    def _stamp(self) -> str:
        known = [column for column in ("latest_at", "created_at") if self._has("summaries", column)]
        return f"coalesce({', '.join(f'm.{column}' for column in known)}, NULL)" if known else "NULL"

    def _has(self, table: str, column: str) -> bool:
        return column in self._columns.get(table, ())


def _columns(connection: apsw.Connection) -> dict[str, set[str]]:
    sql = "SELECT t.name, c.name FROM main.sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'"
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(sql):
        columns.setdefault(table, set()).add(column)
    return columns


def _turn(row: tuple[object, ...], tools: str) -> Turn:
    key, name, role, content, _, _, stamp, session, project = row
    return Turn(
        int(str(key)), str(name), str(role), str(content or ""), tools, (), moment(stamp), str(session or ""),
        str(project or ""), "openclaw",
    )  # fmt: skip


def _window(window: Window) -> dict[str, object]:
    stamps = {
        name: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(value)) if value is not None else None
        for name, value in (("since", window.since), ("until", window.until))
    }
    return {**stamps, "session": window.session, "project": window.project}


def _places(term: str, text: str) -> list[int]:
    position = text.lower().find(term.lower())
    return [text.count(" ", 0, position)] if position >= 0 else []


def like(term: str) -> str:
    """Return the pattern of LIKE, with the backslash as its escape, for texts that hold a term."""
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
