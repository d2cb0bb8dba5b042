"""Read a Markdown note: its front matter, its sections, and its text without code, comments, formulas.

Blocks are those of CommonMark 0.31; `%%` comments, `$` formulas, aliases and tags are Obsidian's
(https://help.obsidian.md/syntax).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from memory_router.sources.markdown import blocks

_FRONT_FIELD = re.compile(r"(aliases|alias|title|tags|tag):[ \t]*(.*)", re.IGNORECASE)
_VALUES = {"alias": re.compile(r"\"[^\"]*\"|'[^']*'|[^,]+"), "tag": re.compile(r"[^,\s]+")}  # of a list on one line
_LONGEST_FRONT = 200  # lines
# What stands aside of a text: escaped marks, spans of code, and what is hidden. Each part is bounded, or what opens it
# is closed by the next of its kind or by the end: the time is linear in the text.
_ASIDE = re.compile(
    r"""\\[\\`$%<]
    | (?<!`)(?P<ticks>`++)(?!`)[^\n]{1,1000}?(?<!`)(?P=ticks)(?!`)
    | (?P<hidden>
        <!--.*?(?:-->|\Z) | %%.*?%% | \$\$.*?\$\$ | (?<![\w$])\$(?=\S)[^$\n]{1,300}(?<=\S)\$(?![\d$])
        | <(?P<tag>pre|script|style)\b.*?(?:</(?P=tag)>|\Z) | <code>[^\n]{0,500}?</code>
    )""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_VISIBLE = re.compile(r"\S")


class Section(NamedTuple):
    """A heading, with the lines from there to the next one, counted from 0."""

    heading: str
    line: int
    end: int


class Note(NamedTuple):
    """What of a note is read.

    Args:
        front: how many lines its front matter takes.
        aliases: names that the front matter gives it.
        tags: those of the front matter, with their lines, counted from 1.
        plain: its lines without what is hidden: blocks of code, comments, formulas.
        bare: the same without spans of code, of the same lengths.
        sections: in order.
    """

    front: int
    aliases: tuple[str, ...]
    tags: tuple[tuple[str, int], ...]
    plain: Sequence[str]
    bare: Sequence[str]
    sections: Sequence[Section]


def note(lines: Sequence[str]) -> Note:
    """Return what of a note is read, by its lines."""
    front, aliases, tags = _front_matter(lines)
    tokens = blocks(lines, front)
    shown = list(lines)
    for token in tokens:
        if token.type in ("fence", "code_block") and token.map:
            shown[slice(*token.map)] = [""] * (token.map[1] - token.map[0])
    shown[:front] = [""] * front
    plain, bare = (text.split("\n") for text in _visible("\n".join(shown)))
    return Note(front, aliases, tags, plain, bare, list(_sections(tokens, plain)))


def _front_matter(lines: Sequence[str]) -> tuple[int, tuple[str, ...], tuple[tuple[str, int], ...]]:
    """Return how many lines the front matter takes, the aliases that it declares, and the tags with their lines."""
    if not lines or lines[0].strip() != "---":
        return 0, (), ()
    end = next((at for at, line in enumerate(lines[1:_LONGEST_FRONT], 1) if line.strip() in ("---", "...")), 0)
    listed: dict[str, list[tuple[str, int]]] = {"alias": [], "tag": []}
    field = ""
    for number, line in enumerate(lines[1:end], 2):
        named = _FRONT_FIELD.match(line)
        if named:
            field = "tag" if named[1].lower().startswith("tag") else "alias"
            values = [named[2]] if named[1].lower() == "title" else _VALUES[field].findall(named[2].strip("[] \t"))
        elif field and line.lstrip().startswith("- "):
            values = [line.lstrip()[2:]]
        else:
            field, values = "", []
        bare = (value.strip().strip("\"'").lstrip("#") for value in values)
        if field:
            listed[field] += [(value, number) for value in bare if value]
    return end + 1 if end else 0, tuple(alias for alias, _ in listed["alias"]), tuple(listed["tag"])


def _sections(tokens: Sequence[Any], plain: Sequence[str]) -> Iterator[Section]:
    """Yield the sections of headings that stand in no quotation, list or comment."""
    headings = [
        (" ".join(content.content.split()), opening.map[0])
        for opening, content in pairwise(tokens)
        if opening.type == "heading_open" and opening.level == 0 and opening.map and plain[opening.map[0]].strip()
    ]
    for (heading, line), (_, end) in pairwise([*headings, ("", len(plain))]):
        yield Section(heading, line, end)


def _visible(text: str) -> tuple[str, str]:
    """Return a text with blanks in place of comments and formulas; and one without spans of code, too."""
    plain = _ASIDE.sub(lambda aside: _blank(aside[0]) if aside["hidden"] else aside[0], text)
    return plain, _ASIDE.sub(lambda aside: _blank(aside[0]) if aside["ticks"] else aside[0], plain)


def _blank(text: str) -> str:
    return _VISIBLE.sub(" ", text)
