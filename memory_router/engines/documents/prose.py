"""Cut text by paragraphs; the line numbers are those of the file."""

from collections.abc import Iterator, Sequence

from memory_router.engines.documents.document import Chunk

# Long enough to hold a thought with its reasons, short enough that several fit into an agent's context.
TARGET = 900
LONGEST = 1800


def chunks(text: str) -> list[Chunk]:
    """Return the paragraphs of a text, short ones together."""
    lines = text.split("\n")
    return [chunk for first, last in spans(lines, 0, len(lines)) for chunk in pieces(lines, first, last)]


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


def pieces(lines: Sequence[str], first: int, last: int, heading: str = "", symbols: str = "") -> Iterator[Chunk]:
    """Yield one span as a chunk without blank edges; a line beyond all limits comes in pieces, an empty span not.

    Args:
        lines: the whole text's lines.
        first: index of the span's first line.
        last: index after its last line.
        heading: the headings above it.
        symbols: the names that it defines.
    """
    while first < last and not lines[first].strip():
        first += 1
    while first < last and not lines[last - 1].strip():
        last -= 1
    if first == last:
        return
    text = "\n".join(lines[first:last])
    for start in range(0, len(text), 2 * LONGEST):
        yield Chunk(text[start : start + 2 * LONGEST], first + 1, last, heading, symbols)
