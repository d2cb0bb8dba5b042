"""Cut text by paragraphs; the line numbers are those of the file."""

from collections.abc import Iterable, Iterator, Sequence

from memory_router.sources.document import Chunk

# Long enough to hold a thought with its reasons, short enough that several fit into an agent's context.
TARGET = 900
LONGEST = 1800


def chunks(text: str) -> list[Chunk]:
    """Return the paragraphs of a text, short ones together."""
    lines = text.split("\n")
    return [chunk for span in spans(lines, 0, len(lines)) for chunk in section(lines, [span])]


def spans(lines: Sequence[str], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield `lines[start:end]` as spans of about `TARGET` characters that end at blank lines where possible.

    Args:
        lines: the whole text's lines.
        start: index of the first line.
        end: index after the last line.
    """
    first, size, blank = start, 0, start
    for index in range(start, end):
        line = lines[index]
        if not line.strip():
            blank = index + 1
            if size >= TARGET:
                yield first, blank
                first, size = blank, 0
            continue
        if size and size + len(line) > LONGEST:
            cut = blank if blank > first else index
            yield first, cut
            first, size = cut, sum(len(held) + 1 for held in lines[cut:index])
        size += len(line) + 1
    if first < end:
        yield first, end


def section(lines: Sequence[str], spans_of_it: Iterable[tuple[int, int]], heading: str = "") -> Iterator[Chunk]:
    """Yield the spans of one section as chunks without blank edges, each but the first as its continuation.

    A line beyond all limits comes in pieces, an empty span not at all.

    Args:
        lines: the whole text's lines.
        spans_of_it: index of the first line, and after the last one, of each span.
        heading: the headings above it.
    """
    continues = False
    for first, last in spans_of_it:
        start, end = _inked(lines, first, last)
        text = "\n".join(lines[start:end])
        for offset in range(0, len(text), 2 * LONGEST):
            piece = text[offset : offset + 2 * LONGEST]
            yield Chunk(piece, start + 1, end, heading, continues=continues)
            continues = True


def _inked(lines: Sequence[str], first: int, last: int) -> tuple[int, int]:
    while first < last and not lines[first].strip():
        first += 1
    while first < last and not lines[last - 1].strip():
        last -= 1
    return first, last
