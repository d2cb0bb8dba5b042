"""Cut Markdown by its headings and keep them as a breadcrumb."""

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from memory_router.sources import prose
from memory_router.sources.document import Chunk

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TITLE = re.compile(r"title\s*:\s*(.+?)\s*$", re.IGNORECASE)


class _Heading(NamedTuple):
    line: int
    end: int
    level: int
    text: str


def chunks(text: str) -> tuple[str, list[Chunk]]:
    """Return a text's title (empty if it has none) and its sections, long ones cut at paragraphs."""
    lines = text.split("\n")
    body, title = _front_matter(lines)
    headings = list(_headings(lines, body))
    if not title:
        title = next((heading.text for heading in headings if heading.level == 1), "")
    sections = list(_section(lines, 0, headings[0].line if headings else len(lines), ""))
    above: list[_Heading] = []
    start: int | None = None  # where headings without a text began, of which the next one is a part
    for heading, following in zip(headings, [*headings[1:], None], strict=False):
        end = following.line if following else len(lines)
        above = [*(upper for upper in above if upper.level < heading.level), heading]
        start = heading.line if start is None else start
        is_bare = not any(line.strip() for line in lines[heading.end : end])
        if following and is_bare and following.level > heading.level:
            continue
        sections.extend(_section(lines, start, end, " > ".join(upper.text for upper in above)))
        start = None
    return title, sections


def _section(lines: Sequence[str], start: int, end: int, heading: str) -> Iterator[Chunk]:
    return prose.section(lines, prose.spans(lines, start, end), heading)


def _front_matter(lines: Sequence[str]) -> tuple[int, str]:
    """Return the line after the front matter and the title that it gives."""
    if not lines or lines[0].rstrip() != "---":
        return 0, ""
    for number, line in enumerate(lines[1:200], 1):
        if line.rstrip() in {"---", "..."}:
            titles = (_TITLE.match(held) for held in lines[1:number])
            return number + 1, next((match[1].strip("\"'") for match in titles if match), "")
    return 0, ""


def _headings(lines: Sequence[str], start: int) -> Iterator[_Heading]:
    """Yield the headings that stand in no quotation or list."""
    for opening, content in pairwise(blocks(lines, start)):
        if opening.type == "heading_open" and opening.level == 0 and opening.map:
            first, end = opening.map
            yield _Heading(first, end, int(opening.tag[1:]), " ".join(content.content.split()))


def blocks(lines: Sequence[str], start: int) -> "list[Token]":
    """Return the blocks of a text (CommonMark 0.31) from a line on; what stands inside of a line is not parsed.

    Args:
        lines: all lines of the text.
        start: the first one that is read, counted from 0; the blocks have the numbers of lines of the whole text.
    """
    return _parser().parse("\n" * start + "\n".join(lines[start:]))


@functools.cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # a question to a graph that has just read a memory does not wait for it

    return MarkdownIt("commonmark").disable(["inline", "text_join"])
