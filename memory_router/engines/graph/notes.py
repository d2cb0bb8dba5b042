"""Find out what notes mean: where their links lead, and which code they mention."""

import os
from collections.abc import Iterator

import apsw

from memory_router.engines.graph.denotation import Denotation, Ref

_HOMONYMS = 4  # things of one name that a mention in prose may mean
_TEXT = "('document', 'module', 'project')"
_BY_PATH = f"SELECT min(n.id) FROM nodes n JOIN files f ON f.id = n.file WHERE f.path = ? AND n.kind IN {_TEXT}"  # noqa: S608
_BY_ALIAS = """
    SELECT n.id, f.path FROM aliases a JOIN nodes n ON n.id = a.node AND n.kind = 'document'
    JOIN files f ON f.id = n.file WHERE a.key = ? LIMIT 200
"""
_BY_KEY = """
    SELECT min(n.id), f.path FROM nodes n JOIN files f ON f.id = n.file
    WHERE n.key = ? AND n.kind IN ('document', 'module') GROUP BY n.file LIMIT 200
"""
_SECTION = """
    SELECT n.id FROM nodes n LEFT JOIN aliases a ON a.node = n.id JOIN nodes d ON d.file = n.file AND d.id = ?
    WHERE n.kind = 'section' AND (n.key = ? OR a.key = ?) ORDER BY n.line LIMIT 1
"""


class Notes:
    """Look up what notes refer to in one open graph."""

    def __init__(self, connection: apsw.Connection, names: Denotation) -> None:
        self._connection = connection
        self._names = names

    def linked(self, ref: Ref) -> Iterator[int]:
        """Yield the note, or its section, to which a link leads.

        The target is a path, absolute or, of a wiki link, as much of its end as is written, without the ending; the
        key of a heading or of a block may follow after `#`. The reference's key is that of the file's name.
        """
        target, _, part = ref.target.partition("#")
        for note in self._notes(target, ref):
            section = self._connection.execute(_SECTION, (note, part, part)).get if part else None
            yield note if section is None else section

    def _notes(self, target: str, ref: Ref) -> list[int]:
        if os.path.isabs(target):
            paths = [target, f"{target}.md"]
            nodes = (self._connection.execute(_BY_PATH, (path,)).get for path in paths)
            return [node for node in nodes if node is not None][:1]
        rows = list(self._connection.execute(_BY_ALIAS, (ref.key,)))
        called = [row for row in rows if _ends(row[1], target)]
        if not called and "/" not in target:
            called = rows or list(self._connection.execute(_BY_KEY, (ref.key,)))
        return self._nearest(called, ref) if called else []

    def _nearest(self, rows: list[tuple[int, str]], ref: Ref) -> list[int]:
        """Return, of several notes of one name, that beside the one that refers; else all, if they are few."""
        folder = self._names.folder(ref.file)
        beside = [node for node, path in rows if os.path.dirname(path) == folder]
        nearest = beside[:1] or [node for node, _ in rows]
        return nearest if len(nearest) <= _HOMONYMS else []

    def mentioned(self, ref: Ref) -> Iterator[int]:
        """Yield what prose means by a name of code: the whole name, its end, or another spelling of it."""
        name = ref.target
        if "/" in name:
            yield from self._file_named(name, ref.key)
            return
        rows = self._connection.execute(
            "SELECT id, name, qualified FROM nodes WHERE key = ? AND file IS NOT NULL"
            " AND kind NOT IN ('section', 'memory', 'turn') AND file <> ? LIMIT 200",
            (ref.key, ref.file),
        )
        candidates = list(rows)
        last = name.rpartition(".")[2]
        for fits in (
            [node for node, own, full in candidates if f".{full}".endswith(f".{name}") and own == last],
            [] if "." in name else [node for node, _, _ in candidates],
        ):
            if fits:
                if len(fits) <= _HOMONYMS:
                    yield from fits
                return
        if "." in name:
            yield from self._file_named(name, ref.key)

    def _file_named(self, path: str, key: str) -> Iterator[int]:
        """Yield the texts whose path ends so."""
        end = "/" + path.lstrip("./")
        rows = self._connection.execute(
            "SELECT DISTINCT n.file, f.path FROM aliases a JOIN nodes n ON n.id = a.node JOIN files f ON f.id = n.file"
            " WHERE a.key = ? AND (f.path = ? OR substr(f.path, -length(?)) = ?) LIMIT ?",
            (key, path, end, end, _HOMONYMS + 1),
        )
        files = [file for file, _ in rows]
        if len(files) <= _HOMONYMS:
            for file in files:
                yield int(self._connection.execute("SELECT min(id) FROM nodes WHERE file = ?", (file,)).get)


def _ends(path: str, target: str) -> bool:
    """Return whether a path ends in a target, whatever their endings and case."""
    stem = os.path.splitext(path)[0]
    ending = "/" + target.strip("/").lower()
    return f"/{stem.lower()}".endswith(ending) or f"/{path.lower()}".endswith(ending)
