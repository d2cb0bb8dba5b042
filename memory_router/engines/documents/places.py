"""Find indexed files by what a question calls them: a path, its end, a folder, a glob, a bare name."""

import os
import re

import apsw


def files_named(connection: apsw.Connection, asked: str) -> list[int]:
    """Return the ids of the files that a path of a question means, the closest first; letter case does not matter.

    Args:
        connection: an open index.
        asked: an absolute or partial path, a folder, a glob with `*`, `**`, `?` and `{a,b}`, or a file name.
    """
    asked = os.path.expanduser(asked).removeprefix("./")
    if len(_WILDCARD.findall(asked)) > _MAX_WILDCARDS:
        return []
    pattern = _pattern(asked)
    rows = connection.execute(
        "SELECT f.id, f.path, r.path FROM files f JOIN roots r ON r.id = f.root WHERE f.unfit = ''"
    )
    if os.path.isabs(asked):
        found = [(path, file) for file, path, _ in rows if pattern.fullmatch(path)]
    else:
        shown = ((shown_path(path, root), file) for file, path, root in rows)
        found = [(path, file) for path, file in shown if pattern.fullmatch(path)]
    return [file for _, file in sorted(found, key=lambda one: (one[0].count("/"), one[0]))]


def shown_path(path: str, root: str) -> str:
    """Return `path` as seen from the folder that holds its root: the root's own name is part of it."""
    above = os.path.dirname(root).rstrip(os.sep) + os.sep
    return path[len(above) :] if path.startswith(above) else path


def _pattern(asked: str) -> re.Pattern[str]:
    before = "" if os.path.isabs(asked) else "(?:.*/)?"
    # A folder means what lies below it; without a slash at the end the name may be a file's or a folder's.
    after = "/.+" if asked.endswith("/") else "(?:/.+)?"
    return re.compile(before + _GLOB.sub(_translated, asked.rstrip("/")) + after, re.IGNORECASE | re.DOTALL)


def _translated(match: re.Match[str]) -> str:
    piece = match[0]
    if piece.startswith("{"):
        return "(?:" + "|".join(re.escape(choice) for choice in piece[1:-1].split(",")) + ")"
    if piece.startswith("*"):
        # Runs of stars mean one: nothing for the pattern engine to try in many ways.
        return _ANY_FOLDERS if piece.endswith("/") else ".*" if len(piece) > 1 else "[^/]*"
    return "[^/]" if piece == "?" else re.escape(piece)


_ANY_FOLDERS = "(?:.*/)?"
_GLOB = re.compile(r"(?:\*\*/)+|\*+|\?|\{[^{}/]*\}|[^*?{]+|\{")
_WILDCARD = re.compile(r"\*+|\{")
# Each one multiplies the ways to match a name; a glob that a person writes has two or three.
_MAX_WILDCARDS = 6
