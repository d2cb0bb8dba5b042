"""Cut Markdown by its headings and keep them as a breadcrumb (CommonMark 0.31, sections 4.2, 4.3, 4.5)."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memory_router.engines.documents import prose
from memory_router.engines.documents.document import Chunk

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_TITLE = re.compile(r"title\s*:\s*(.+?)\s*$", re.IGNORECASE)


class _Heading(NamedTuple):
    line: int
    level: int
    text: str


def chunks(text: str) -> tuple[str, list[Chunk]]:
    """Return a text's title (empty if it has none) and its sections, long ones cut at paragraphs."""
    lines = text.split("\n")
    body, title = _front_matter(lines)
    headings = list(_headings(lines, body))
    if not title:
        title = next((heading.text for heading in headings if heading.level == 1), "")
    found = list(_section(lines, 0, headings[0].line if headings else len(lines), ""))
    above: list[_Heading] = []
    for number, heading in enumerate(headings):
        end = headings[number + 1].line if number + 1 < len(headings) else len(lines)
        above = [*(upper for upper in above if upper.level < heading.level), heading]
        found.extend(_section(lines, heading.line, end, " > ".join(upper.text for upper in above)))
    return title, found


def _section(lines: Sequence[str], start: int, end: int, heading: str) -> Iterator[Chunk]:
    return prose.section(lines, prose.spans(lines, start, end), heading)


def _front_matter(lines: Sequence[str]) -> tuple[int, str]:
    """Return the line after the front matter and the title that it gives."""
    if not lines or lines[0].rstrip() != "---":
        return 0, ""
    for number, line in enumerate(lines[1:200], 1):
        if line.rstrip() in {"---", "..."}:
            titles = (_TITLE.match(held) for held in lines[1:number])
            return number + 1, next((found[1].strip("\"'") for found in titles if found), "")
    return 0, ""


def _headings(lines: Sequence[str], start: int) -> Iterator[_Heading]:
    fence = ""
    for number in range(start, len(lines)):
        line = lines[number]
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        elif heading := _HEADING.match(line):
            yield _Heading(number, len(heading[1]), (heading[2] or "").strip())
        elif _is_underlined(lines, number, start):
            yield _Heading(number, 1 if lines[number + 1].lstrip()[0] == "=" else 2, line.strip())


def _is_underlined(lines: Sequence[str], number: int, start: int) -> bool:
    """Say whether a line is a heading by the line of `=` or `-` below it; only one-line paragraphs count."""
    if number + 1 >= len(lines) or not _UNDERLINE.match(lines[number + 1]):
        return False
    before = lines[number - 1].strip() if number > start else ""
    return not before and bool(re.match(r" {0,3}[^\s>|*+-]", lines[number]))
