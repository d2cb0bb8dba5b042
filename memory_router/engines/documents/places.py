"""Find indexed files by what a question calls them: a path, its end, a folder, a glob, a bare name."""

import os
import re
from collections.abc import Iterator

import apsw

from memory_router.text.spelling import normal

# `{a,b}{c,d}` means four names; a glob with more than this was not written by a person, and is taken literally.
_MOST_CHOICES = 64

_NAMED = "SELECT f.id, f.path, r.path FROM files f JOIN roots r ON r.id = f.root WHERE f.unfit = '' AND {}"
_BY_NAME = _NAMED.format("f.name = ?")
_BY_ENDING = _NAMED.format("f.name LIKE ? ESCAPE '\\'")
_BY_PART = _NAMED.format("f.path LIKE ? ESCAPE '\\'")


def files_named(connection: apsw.Connection, asked: str, question: str = "") -> list[int]:
    """Return the ids of the files that a path of a question means, the closest first; letter case does not matter.

    Args:
        connection: an open index.
        question: the whole question, in which the name may have words before it: `Meeting notes.md`.
        asked: an absolute or partial path, a folder, a glob with `*`, `**`, `?` and `{a,b}`, or a file name. The time
            grows with its length, however many wildcards it has.
    """
    if asked.startswith("~/"):
        asked = os.path.expanduser("~") + asked[1:]
    asked = asked.removeprefix("./")
    choices = [re.compile(_pattern(choice), re.IGNORECASE | re.DOTALL) for choice in _choices(asked)]
    paths: dict[int, str] = {}
    for file, path, root in _candidates(connection, asked):
        shown = normal(path if os.path.isabs(asked) else shown_path(path, root))
        if any(pattern.fullmatch(shown) for pattern in choices):
            paths[file] = shown
    if question and not paths:
        paths = _spaced(connection, asked, normal(question).lower())
    return sorted(paths, key=lambda file: (paths[file].count("/"), paths[file]))


def shown_path(path: str, root: str) -> str:
    """Return `path` as seen from the folder that holds its root: the root's own name is part of it."""
    above = os.path.dirname(root).rstrip(os.sep) + os.sep
    return path[len(above) :] if path.startswith(above) else path


def _spaced(connection: apsw.Connection, asked: str, question: str) -> dict[int, str]:
    """Return the files whose name ends with the last word asked for and stands in the question as a whole.

    Where the question holds the whole path of one, the others of that name are not meant.
    """
    ending = _literal_in_like(os.path.basename(asked))
    rows = list(connection.execute(_BY_ENDING, (f"% {ending}",)))
    named = {file: path for file, path, _ in rows if normal(os.path.basename(path)).lower() in question}
    exact = {file: path for file, path in named.items() if normal(path).lower() in question}
    return exact or named


def _literal_in_like(text: str) -> str:
    return re.sub(r"([%_\\])", r"\\\1", text)


def _candidates(connection: apsw.Connection, asked: str) -> Iterator[tuple[int, str, str]]:
    """Yield the files that may be meant, without a look at each where their names are known."""
    name = os.path.basename(asked)
    if "." in name and not re.search(_WILD, name):
        rows = list(connection.execute(_BY_NAME, (name,)))
        if rows:
            yield from rows
            return
    # SQLite finds the longest literal part quicker than Python; beyond ASCII it does not know small from capital.
    literal = max((part for part in re.split(_NOT_LITERAL, asked) if part.isascii()), key=len, default="")
    yield from connection.execute(_BY_PART, (f"%{_literal_in_like(literal.strip('/'))}%",))


def _choices(asked: str) -> list[str]:
    """Expand the braces of a glob."""
    choices = [""]
    for literal, braced in re.findall(_BRACES, asked):
        pieces = braced.split(",") if braced else [literal]
        choices = [before + piece for before in choices for piece in pieces]
        if len(choices) > _MOST_CHOICES:
            return [asked]
    return choices


def _pattern(asked: str) -> str:
    before = "" if os.path.isabs(asked) else "(?:.*/)?"
    # A folder means what lies below it; without a slash at the end the name may be a file's or a folder's.
    after = "/.+" if asked.endswith("/") else "(?:/.+)?"
    # `**` matches any folders: of what is between two of them the first place is as good as any later one, so that
    # the pattern need not try the others (`(?>`); what follows the last one has to be tried everywhere.
    start, *runs = map(_run, re.split(_FOLDERS, asked.rstrip("/")))
    if not runs:
        return before + start + after
    *middle, last = runs
    return before + start + "".join(f"(?>{_ANY_FOLDERS}{run})" for run in middle) + _ANY_FOLDERS + last + after


def _run(text: str) -> str:
    """Translate a glob without `**/`: after each star the first place where the next piece fits will do."""
    return "/".join(map(_step, text.split("/")))


def _step(step: str) -> str:
    if step == "**":
        return ".*"
    first, *others = (_literal(piece) for piece in re.split(r"\*+", step))
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle) + "[^/]*" + last


def _literal(text: str) -> str:
    return "".join("[^/]" if char == "?" else re.escape(char) for char in text)


# Compiled when first met: most questions name no file.
_BRACES = r"([^{]+|\{(?![^{}/]*\}))|\{([^{}/]*)\}"
_FOLDERS = r"(?:\*\*+/)+"
_ANY_FOLDERS = "(?:[^/]*/)*?"
_WILD = r"[*?{}]"
_NOT_LITERAL = r"\{[^{}/]*\}|[*?]+"
