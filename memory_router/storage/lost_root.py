"""Put back the first page of a table, which leads to all others: without it a table of any size has no rows.

Such a page holds nothing but where the pages below it stand and up to which row number each reaches, and both can be
read from these pages. Formats: https://www.sqlite.org/fileformat2.html
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from mmap import ACCESS_READ, mmap

from memory_router.storage.schema_copy import HEADER, LEAF, page_size, varint

_INTERIOR = 5  # the first byte of a page that leads to further pages of a table
_KINDS = (_INTERIOR, LEAF, 2, 10)  # and of pages of indexes
# Where the header of a database names its first free page.
_FREE = 32


class _Pages(Sequence[bytes]):
    """The pages of a database, counted from 0, of which none is read before it is looked at."""

    def __init__(self, content: mmap) -> None:
        self.size = page_size(content[:HEADER])
        self._content = content

    def __len__(self) -> int:
        return len(self._content) // self.size

    def __getitem__(self, place: int) -> bytes:  # type: ignore[override]  # nobody asks for several
        if not 0 <= place < len(self):
            raise IndexError(place)
        return self._content[place * self.size : (place + 1) * self.size]


def is_lost(database: str, roots: Collection[int]) -> bool:
    """Return whether the first page of one table or index is lost; arguments as of `regrow`."""
    with open(database, "rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as content:
        return len(_lost(_Pages(content), roots)) == 1


def regrow(database: str, roots: Collection[int]) -> bool:
    """Write the first page of a table anew, in a file of which nobody needs the present state.

    Where more than one is lost, nobody can tell which pages were below which.

    Args:
        database: the file; what was committed is in it, not in a log beside it.
        roots: the numbers of the first pages of all tables and indexes.

    Returns:
        Whether a page was written.

    Raises:
        OSError: the file cannot be read or written.
    """
    with open(database, "r+b") as stream, mmap(stream.fileno(), 0) as content:
        pages = _Pages(content)
        lost = _lost(pages, roots)
        try:
            root = _leading_to(pages, _orphans(pages, {1, *roots})) if len(lost) == 1 else None
        except (IndexError, RecursionError):  # further pages are damaged
            return False
        if root is None:
            return False
        content[(lost[0] - 1) * pages.size : lost[0] * pages.size] = root
    return True


def _lost(pages: _Pages, roots: Collection[int]) -> list[int]:
    return [root for root in roots if 1 < root <= len(pages) and pages[root - 1][0] not in _KINDS]


def _orphans(pages: _Pages, known: Collection[int]) -> list[int]:
    """Return the numbers of the pages of tables to which no other page leads, and which are not free."""
    free = set(_free(pages))  # may still look as they did
    led_to = {*known, *free}
    for place, page in enumerate(pages):
        first = 0 if place else HEADER
        if page[first] == _INTERIOR and place + 1 not in free:
            led_to.update(_children(page, first))
    return [
        place + 1
        for place, page in enumerate(pages)
        if page[0] in (_INTERIOR, LEAF) and place + 1 not in led_to and int.from_bytes(page[3:5])
    ]


def _leading_to(pages: _Pages, children: Sequence[int]) -> bytes | None:
    """Return a page that leads to some pages; None if there are none, or they are not of one table."""
    last_rows = sorted((_last_row(pages, child), child) for child in children)
    if not last_rows or any(row == other for (row, _), (other, _) in pairwise(last_rows)):
        return None
    *before, (_, rightmost) = last_rows
    cells = [child.to_bytes(4) + _as_varint(row) for row, child in before]
    start = at = pages.size - sum(map(len, cells))
    places = b""
    for cell in cells:
        places += at.to_bytes(2)
        at += len(cell)
    begins = (start % 65536).to_bytes(2)
    head = bytes([_INTERIOR, 0, 0]) + len(cells).to_bytes(2) + begins + b"\0" + rightmost.to_bytes(4) + places
    return head + bytes(start - len(head)) + b"".join(cells) if len(head) <= start else None


def _last_row(pages: _Pages, number: int) -> int:
    """Return the largest row number below a page."""
    page = pages[number - 1]
    if page[0] == _INTERIOR:
        return _last_row(pages, int.from_bytes(page[8:12]))
    count = int.from_bytes(page[3:5])
    _, at = varint(page, int.from_bytes(page[6 + 2 * count : 8 + 2 * count]))
    row, _ = varint(page, at)
    return row - (row >> 63 << 64)


def _children(page: bytes, first: int) -> Iterator[int]:
    """Yield the numbers of the pages to which a page leads whose own header begins at `first`."""
    yield int.from_bytes(page[first + 8 : first + 12])
    for place in range(first + 12, first + 12 + 2 * int.from_bytes(page[first + 3 : first + 5]), 2):
        at = int.from_bytes(page[place : place + 2])
        yield int.from_bytes(page[at : at + 4])


def _free(pages: _Pages) -> Iterator[int]:
    """Yield the numbers of the pages that nothing stands on."""
    trunk = int.from_bytes(pages[0][_FREE : _FREE + 4])
    for _ in range(len(pages)):  # a damaged list may lead back
        if not 0 < trunk <= len(pages):
            return
        page = pages[trunk - 1]
        yield trunk
        for place in range(8, 8 + 4 * min(int.from_bytes(page[4:8]), len(page) // 4 - 2), 4):
            yield int.from_bytes(page[place : place + 4])
        trunk = int.from_bytes(page[:4])


def _as_varint(number: int) -> bytes:
    """Return a number in SQLite's variable length; the opposite of `varint`."""
    number %= 1 << 64
    if number >> 56:
        return bytes(0x80 | number >> shift & 0x7F for shift in range(57, 7, -7)) + bytes([number & 0xFF])
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(0x80 | number & 0x7F)
    return bytes(reversed(digits))
