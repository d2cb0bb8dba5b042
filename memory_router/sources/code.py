"""Cut source code by its definitions, found by grammars where they are installed and else by their look."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from memory_router.sources import grammars, looks, prose
from memory_router.sources.document import Chunk, SourceDefinition

_TOGETHER = 700  # Definitions shorter than this share a chunk with their neighbours.
_DEEPEST = 10  # People stop at three or four; data that looks like code does not.


def chunks(text: str, path: str = "") -> list[Chunk]:
    """Return a source file's definitions with their comments; symbols are the names defined in each chunk.

    A definition that is too long for one chunk is cut at those inside it, else at blank lines.

    Args:
        text: the content with line feeds as line ends.
        path: the file's path, which tells the grammar.
    """
    return list(_Source(text, path).chunks())


class _Source:
    """A file's lines and definitions, ready to be asked what surrounds a line."""

    def __init__(self, text: str, path: str) -> None:
        self._lines = text.split("\n")
        self._offsets = [0, *accumulate(len(line) + 1 for line in self._lines)]
        definitions = grammars.definitions(text, path)
        # Outer ones before inner ones that begin on the same line.
        self._found = sorted(
            definitions or looks.definitions(self._lines), key=lambda definition: (definition.start, -definition.end)
        )
        self._starts = [definition.start for definition in self._found]
        self._named = sorted((definition.line, definition.name) for definition in self._found)
        self._outer = _outer(self._found)

    def chunks(self) -> Iterator[Chunk]:
        for start, end in self._cut(self._found, 0, len(self._lines)):
            is_short = self._size(start, end) <= prose.LONGEST
            spans = [(start, end)] if is_short else prose.spans(self._lines, start, end)
            for chunk in prose.section(self._lines, spans):
                first = chunk.first_line - 1
                yield chunk._replace(heading=self._enclosing(first), symbols=self._symbols(first, chunk.last_line))

    def _cut(
        self, found: Sequence[SourceDefinition], start: int, end: int, depth: int = 0
    ) -> Iterator[tuple[int, int]]:
        """Yield `start` to `end` in blocks: outermost definitions and what is between them, short neighbours joined."""
        bounds = {start, end}
        edge = start
        for definition in found:
            if definition.start >= edge:
                bounds |= {definition.start, definition.end}
                edge = definition.end
        held: tuple[int, int] | None = None
        for first, last in pairwise(sorted(bounds)):
            is_long = self._size(first, last) > prose.LONGEST and depth < _DEEPEST
            if is_long and (inner := _within(found, first, last)):
                if held:
                    yield held
                held = None
                yield from self._cut(inner, first, last, depth + 1)
            elif held and self._size(held[0], last) <= _TOGETHER:
                held = (held[0], last)
            else:
                if held:
                    yield held
                held = (first, last)
        if held:
            yield held

    def _size(self, start: int, end: int) -> int:
        return self._offsets[end] - self._offsets[start]

    def _symbols(self, start: int, end: int) -> str:
        names = self._named[bisect_left(self._named, (start, "")) : bisect_left(self._named, (end, ""))]
        return " ".join(dict.fromkeys(name for _, name in names))

    def _enclosing(self, line: int) -> str:
        """Return the names of the definitions that began above a line and go on there, outermost first."""
        names: list[str] = []
        index: int | None = bisect_left(self._starts, line) - 1
        while index is not None and index >= 0:
            if self._found[index].end > line:
                names.append(self._found[index].name)
            index = self._outer[index]
        return " > ".join(dict.fromkeys(reversed(names)))


def _within(found: Sequence[SourceDefinition], start: int, end: int) -> list[SourceDefinition]:
    """Return the definitions inside the one that fills `start` to `end`."""
    inside = [definition for definition in found if start <= definition.start and definition.end <= end]
    return [definition for definition in inside if (definition.start, definition.end) != (start, end)]


def _outer(found: Sequence[SourceDefinition]) -> list[int | None]:
    """Return, for each definition in order, the place of the one right around it."""
    around: list[int | None] = []
    above: list[int] = []
    for index, definition in enumerate(found):
        while above and found[above[-1]].end <= definition.start:
            above.pop()
        around.append(above[-1] if above else None)
        above.append(index)
    return around
