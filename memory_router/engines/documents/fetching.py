"""Fetch a passage by its name, with as much around it as is wanted, and say honestly what has changed since."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from memory_router.engines.documents.freshness import file_state
from memory_router.engines.documents.identity import PassageName, identity, parse_identity
from memory_router.engines.documents.schema import SCHEMA
from memory_router.storage.sqlite import named_errors, open_read_only

_SNIPPET = 240  # Characters: about 50 tokens.
_OUTLINED = 100

_FILE = "SELECT id, path, title, language, project, mtime_ns, size FROM files WHERE key = ?"
_CHUNKS = "SELECT first_line, last_line, heading, symbols, continues, text FROM chunks WHERE file = ? ORDER BY position"


class FetchedPassage(NamedTuple):
    """What was fetched.

    Args:
        name: its present name.
        text: a snippet, the section with its neighbours, or the whole section.
        path: the absolute path of its file.
        modified: when the file was modified as it was indexed, in seconds since the epoch.
        first_line: the first line of `text`.
        last_line: its last line.
        heading: the headings above the section.
        details: title, language, project; `file` says whether the file is still the one that was indexed
            (`unchanged`, `changed`, `gone`), `passage` whether the text is the one that was named (`same`, `moved`,
            `changed`); `outline` lists the file's sections for the layer `detail`.
    """

    name: str
    text: str
    path: str
    modified: float
    first_line: int
    last_line: int
    heading: str
    details: dict[str, Any]


class Piece(Protocol):
    """A passage of a file, in its order there."""

    @property
    def text(self) -> str:
        """Return the passage."""

    @property
    def continues(self) -> bool | int:
        """Return whether it goes on with the section of the one before it."""


_Piece = TypeVar("_Piece", bound=Piece)


class _Chunk(NamedTuple):
    first_line: int
    last_line: int
    heading: str
    symbols: str
    continues: int
    text: str


def fetch(database: str, name: str, layer: str) -> FetchedPassage | None:
    """Return the passage that an answer named, or None if its file is not in the index any more.

    Args:
        database: the index.
        name: an identity as `identity` writes it.
        layer: `search` (a snippet), `timeline` (its section and the ones before and after) or `detail` (the whole
            section, and the outline of its file).

    Raises:
        StoreError: the index is damaged or locked.
    """
    target = parse_identity(name)
    connection = open_read_only(database, SCHEMA) if target else None
    if target is None or connection is None:
        return None
    with named_errors(database):
        for file, path, *about in connection.execute(_FILE, (target.key,)):
            chunks = [_Chunk._make(row) for row in connection.execute(_CHUNKS, (file,))]
            if chunks:
                return _passage(target, path, about, chunks, layer)
    return None


def layered(chunks: Sequence[_Piece], position: int, layer: str) -> tuple[Sequence[_Piece], str]:
    """Return what a layer shows of a passage: passages of its file, and their text.

    Args:
        chunks: all passages of the file.
        position: which of them is meant.
        layer: `search` (a snippet), `timeline` (its section and the ones before and after) or `detail` (its section).
    """
    if layer == "search":
        return chunks[position : position + 1], chunks[position].text[:_SNIPPET]
    start, end = _section(chunks, position)
    if layer == "timeline":
        start = _section(chunks, start - 1)[0] if start else start
        end = _section(chunks, end)[1] if end < len(chunks) else end
    shown = chunks[start:end]
    return shown, "\n\n".join(chunk.text for chunk in shown)


def _passage(wanted: PassageName, path: str, about: Sequence[Any], chunks: list[_Chunk], layer: str) -> FetchedPassage:
    title, language, project, mtime_ns, size = about
    position, state = _find(wanted, path, chunks)
    details: dict[str, Any] = {"title": title, "language": language, "project": project}
    details |= {"file": file_state(path, mtime_ns, size), "passage": state}
    here = chunks[position]
    if layer == "timeline":
        start, end = _section(chunks, position)
        details["section"] = [chunks[start].first_line, chunks[end - 1].last_line]
    elif layer == "detail":
        details["outline"] = _outline(chunks)
    shown, text = layered(chunks, position, layer)
    name = str(identity(path, here.first_line, here.text))
    return FetchedPassage(
        name, text, path, mtime_ns / 1e9, shown[0].first_line, shown[-1].last_line, here.heading, details
    )


def _find(wanted: PassageName, path: str, chunks: Sequence[_Chunk]) -> tuple[int, str]:
    """Return where the named text is now: at its place, elsewhere in the file, or what stands at its place instead."""
    moved = None
    for position, chunk in enumerate(chunks):
        present = identity(path, chunk.first_line, chunk.text)
        if present == wanted:
            return position, "same"
        if present.digest == wanted.digest and moved is None:
            moved = position
    if moved is not None:
        return moved, "moved"
    before = [position for position, chunk in enumerate(chunks) if chunk.first_line <= wanted.line]
    return before[-1] if before else 0, "changed"


def _section(chunks: Sequence[Piece], position: int) -> tuple[int, int]:
    """Return the first chunk of the section that a chunk belongs to, and the one after its last."""
    start = end = position
    while start and chunks[start].continues:
        start -= 1
    end += 1
    while end < len(chunks) and chunks[end].continues:
        end += 1
    return start, end


def _outline(chunks: Sequence[_Chunk]) -> list[dict[str, Any]]:
    starts = [chunk for chunk in chunks if not chunk.continues]
    return [
        {"line": chunk.first_line, "heading": " > ".join(filter(None, (chunk.heading, chunk.symbols)))}
        for chunk in starts[:_OUTLINED]
    ]
