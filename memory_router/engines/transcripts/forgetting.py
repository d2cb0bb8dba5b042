"""Forget turns and sessions of the archive, so that no later import brings them back.

What a host calls a record stays known without its text: an import passes over records it knows. A forgotten session
leaves a tombstone, which holds for everything that was said in it until then.
"""

import json
import os
import time
from collections.abc import Collection, Iterable
from contextlib import closing
from typing import NamedTuple

import apsw

from memory_router.engines.transcripts import vectors
from memory_router.engines.transcripts.schema import SCHEMA, fingerprint
from memory_router.storage.files import exclusive
from memory_router.storage.sqlite import erase_traces, named_errors, open_database, open_read_only, writing


class TurnSelection(NamedTuple):
    """Return which turns are meant: those that meet every condition; without a condition, no turn.

    Args:
        ids: ids of turns, as hosts have them.
        sessions: the hosts' ids of sessions.
        project: a project, or the folder of one, or the last part of that.
        since: said then or later, in seconds since the epoch.
        until: said then or earlier, in seconds since the epoch.
    """

    ids: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    project: str | None = None
    since: float | None = None
    until: float | None = None


class SpokenTurn(NamedTuple):
    """A turn, tool call or summary that is to be forgotten.

    Args:
        key: its number in the archive.
        id: the host's id.
        session: the host's id of its session.
        text: what was said, and what tools were given.
    """

    key: int
    id: str
    session: str
    text: str


def chosen(database: str, choice: TurnSelection) -> list[SpokenTurn]:
    """Return the turns that are meant, in the order in which they were said.

    Args:
        database: the archive.
        choice: which turns.

    Raises:
        StoreError: the archive cannot be read.
    """
    if choice == TurnSelection():
        return []
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return []
    with named_errors(database), closing(connection):
        ids = json.dumps(choice.ids) if choice.ids else None
        prints = json.dumps([fingerprint(identifier) for identifier in choice.ids])
        sessions = json.dumps(choice.sessions) if choice.sessions else None
        bound = {**choice._asdict(), "ids": ids, "prints": prints, "sessions": sessions}
        return [SpokenTurn(*row) for row in connection.execute(_CHOSEN, bound)]


def sessions_of_files(database: str, places: Collection[str]) -> set[str]:
    """Return the names of the files below `places` that were imported and are gone: hosts name them after sessions.

    Args:
        database: the archive.
        places: absolute paths of files or folders.

    Raises:
        StoreError: the archive cannot be read.
    """
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return set()
    with named_errors(database), closing(connection):
        known = [str(path) for (path,) in connection.execute("SELECT path FROM files")]
    below = [path for path in known if any(path == place or path.startswith(f"{place}{os.sep}") for place in places)]
    return {os.path.splitext(os.path.basename(path))[0] for path in below if not os.path.exists(path)}


def forget(database: str, turns: Collection[SpokenTurn], sessions: Collection[str] = ()) -> None:
    """Remove turns from the archive for good.

    Args:
        database: the archive.
        turns: what `chosen` returned.
        sessions: the sessions that are forgotten as a whole; of others single turns are.

    Raises:
        StoreError: the archive cannot be written; nothing was removed.
    """
    with exclusive(database), closing(open_database(database, SCHEMA)) as connection:
        keys = {turn.key for turn in turns}
        with named_errors(database):
            near = vectors.near(connection, keys)
            with writing(connection):
                _remove(connection, keys)
                connection.executemany(
                    "INSERT OR REPLACE INTO tombstones VALUES (?, ?)", [(session, time.time()) for session in sessions]
                )
                connection.execute("DELETE FROM sessions WHERE id NOT IN (SELECT session FROM nodes)")
            vectors.renew(connection, near)


def erase(database: str) -> None:
    """Leave no byte of forgotten turns in the files of the archive.

    Raises:
        StoreError: a file cannot be written, or another program still reads what was deleted.
    """
    if os.path.exists(database):
        with exclusive(database), closing(open_database(database, SCHEMA)) as connection:
            erase_traces(connection, database)


def words_of_others(database: str, words: Iterable[str], turns: Collection[SpokenTurn]) -> set[str]:
    """Return those of `words` that other turns hold, too.

    Args:
        database: the archive.
        words: single words, in lower case.
        turns: the turns that do not count.
    """
    connection = open_read_only(database, SCHEMA)
    if connection is None:
        return set()
    keys = {turn.key for turn in turns}
    with named_errors(database), closing(connection):
        sql = "SELECT rowid FROM node_text WHERE node_text MATCH ?"
        return {word for word in words if any(key not in keys for (key,) in connection.execute(sql, (f'"{word}"',)))}


def _remove(connection: apsw.Connection, keys: set[int]) -> None:
    """Remove nodes; what was said after them is tied to what was said before."""
    held = json.dumps(list(keys))
    above = {
        key: (parent, previous)
        for key, parent, previous in connection.execute(
            "SELECT id, parent, previous FROM nodes WHERE id IN (SELECT value FROM json_each(?))", (held,)
        )
    }

    def kept(key: int | None, edge: int) -> int | None:
        while key in above:
            key = above[key][edge]
        return key

    for edge, column in enumerate(("parent", "previous")):
        sql = f"SELECT id, {column} FROM nodes WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608
        tied = [(kept(target, edge), key) for key, target in connection.execute(sql, (held,)) if key not in above]
        connection.executemany(f"UPDATE nodes SET {column} = ? WHERE id = ?", tied)  # noqa: S608 - constants
    connection.executemany("UPDATE names SET node = ? WHERE node = ?", ((kept(key, 0), key) for key in keys))
    for table, column in (("node_text", "rowid"), ("nodes", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", ((key,) for key in keys))  # noqa: S608


_CHOSEN = """
    SELECT n.id, n.name, s.name, n.text || ' ' || n.tools FROM nodes n JOIN sessions s ON s.id = n.session
    WHERE (:ids IS NULL OR n.name IN (SELECT value FROM json_each(:ids)) AND n.id IN (
        SELECT node FROM names WHERE fingerprint IN (SELECT value FROM json_each(:prints))))
    AND (:sessions IS NULL OR s.name IN (SELECT value FROM json_each(:sessions)))
    AND (:project IS NULL OR s.scope = :project COLLATE NOCASE OR s.project = :project COLLATE NOCASE
         OR substr(s.project, -1 - length(:project)) = '/' || :project COLLATE NOCASE)
    AND (:since IS NULL OR n.time >= :since) AND (:until IS NULL OR n.time <= :until)
    ORDER BY n.id
"""
