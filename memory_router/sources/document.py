"""A document as the index takes it: its chunks, and what stands around each of them."""

from collections.abc import Sequence
from typing import NamedTuple

# Neighbours a chunk is indexed with, each side, and how much of each. On worlds A, B, E and F recall@10 by vectors is
# within .01 for none to three; long chunks say enough themselves, so only their near ends are taken.
_NEIGHBOURS = 2
_NEIGHBOUR_CHARACTERS = 300


class Chunk(NamedTuple):
    """One passage, the unit that is found.

    Args:
        text: the passage as it stands in the file.
        first_line: its first line, counted from 1.
        last_line: its last line, inclusive.
        heading: the headings above it, outermost first, joined with ` > `.
        symbols: the names that it defines, separated by spaces.
        date: when it was said or written, in words that a question may use.
        continues: whether it goes on with the section that the chunk before it began or continued.
    """

    text: str
    first_line: int = 1
    last_line: int = 1
    heading: str = ""
    symbols: str = ""
    date: str = ""
    continues: bool = False


class SourceDefinition(NamedTuple):
    """Where a source file defines a name; lines are counted from 0.

    Args:
        start: its first line, with the comments and decorators above it.
        end: the line after its last one.
        line: where the name stands.
        name: the name, without what qualifies it.
    """

    start: int
    end: int
    line: int
    name: str


class Document(NamedTuple):
    """One text cut into chunks.

    Args:
        path: the absolute path, or any other unique name of a text that is not a file.
        title: what a person would call it.
        language: `markdown`, `python`, ... or `text`.
        chunks: in reading order.
        mtime_ns: when it was modified, in nanoseconds since the epoch.
        project: the name of the project that it belongs to; empty for everywhere.
    """

    path: str
    title: str
    language: str
    chunks: Sequence[Chunk]
    mtime_ns: int = 0
    project: str = ""


def surroundings(texts: Sequence[str], position: int) -> str:
    """Return what stands around the chunk at `position`: the near ends of up to two chunks each side.

    Args:
        texts: the texts of consecutive chunks of one document.
        position: which of them is in the middle.
    """
    before = texts[max(0, position - _NEIGHBOURS) : position]
    after = texts[position + 1 : position + 1 + _NEIGHBOURS]
    return "\n".join(
        [text[-_NEIGHBOUR_CHARACTERS:] for text in before] + [text[:_NEIGHBOUR_CHARACTERS] for text in after]
    )
