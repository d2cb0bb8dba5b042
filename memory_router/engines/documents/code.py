"""Cut source code by definitions, by their look in any language; names, not grammars."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memory_router.engines.documents import prose
from memory_router.engines.documents.document import Chunk

_TOGETHER = 700  # Definitions shorter than this share a chunk with their neighbours.

_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|async|override|virtual|"
    r"inline|constexpr|extern|unsafe|open|sealed|data|partial|readonly|native|synchronized|mut|local|"
    r"pub(?:\([\w: ]+\))?|extern \"C\")\s+)*"
)
_KEYWORDS = (
    r"(?:def|defp|defmodule|class|struct|enum(?:\s+class)?|union|interface|trait|protocol|extension|record|object|mixin|module|namespace"
    r"|package|type|typedef|func(?:\s*\([^)]*\))?|fn|fun|sub|function\*?|macro_rules!|impl(?:<[^>]*>)?|message|service|rpc)"
)
_DEFINITIONS = [
    re.compile(rf"(?P<indent>[ \t]*){_MODIFIERS}{_KEYWORDS}\s+(?P<name>[$\w][\w$]*(?:[.:]+\w+)*[?!]?)(?=\W|$)"),
    re.compile(
        r"(?P<indent>[ \t]*)create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+|virtual\s+)*"
        r"(?:table|view|index|function|procedure|trigger|type|policy|schema|role)\s+(?:if\s+not\s+exists\s+)?"
        r"[\"`\[]?(?P<name>[\w.]+)",
        re.IGNORECASE,
    ),
    # const handle = async (..) =>, and constants: only where nothing encloses them.
    re.compile(rf"(?P<indent>){_MODIFIERS}(?:const|let|var|val|static)\s+(?P<name>[$\w]+)\s*(?::[^=]+)?="),
    re.compile(r"(?P<indent>)(?P<name>[A-Za-z_]\w*)\s*(?::\s*[^=]+)?=(?!=)"),
    re.compile(r"(?P<indent>)#\s*define\s+(?P<name>\w+)"),
    re.compile(r"(?P<indent>)(?P<name>\w+)\s*\(\)\s*\{"),
    # type name(...) { of C, Java, C# and the like; name(...) { of methods.
    re.compile(
        rf"(?P<indent>[ \t]*){_MODIFIERS}(?!(?:return|else|new|await|throw|case|yield)\b)"
        r"(?:[\w:<>\[\],.*&?]+[ \t]+[*&]*)?(?P<name>~?[A-Za-z_$][\w$]*)\s*(?:<[^>()]*>)?"
        r"\((?:(?!=>)[^;{}])*\)?[^;{}()=]*\{?\s*$"
    ),
]
_LAST_NEEDS_BRACE = len(_DEFINITIONS) - 1
_NO_NAMES = frozenset(
    [
        "if", "for", "while", "switch", "catch", "return", "else", "do", "try", "with", "match", "case", "when",
        "until", "unless", "elif", "except", "assert", "await", "yield", "new", "delete", "throw", "raise", "print",
        "not", "and", "or", "in", "is", "lambda", "function", "super", "this", "self", "sizeof", "using", "defer",
        "go", "select",
    ]
)  # fmt: skip
_LEADING = re.compile(r"\s*(?:@|#|//|/\*|\*|--|\[[A-Z]|template\s*<)")


_Block = tuple[int, int]  # index of the first line, index after the last


class _Definition(NamedTuple):
    line: int
    indent: int
    name: str


def chunks(text: str) -> list[Chunk]:
    """Return a source file's definitions with their comments; symbols are the names defined in each chunk."""
    lines = text.split("\n")
    found = list(_definitions(lines))
    outermost = min((definition.indent for definition in found), default=0)
    starts = sorted({0, *(_with_comments(lines, one.line) for one in found if one.indent == outermost)})
    return [
        chunk
        for group in _groups(lines, starts, found)
        for start, end in _packed(lines, group)
        for chunk in prose.pieces(lines, start, end, _enclosing(found, start), _symbols(found, start, end))
    ]


def _definitions(lines: Sequence[str]) -> Iterator[_Definition]:
    for number, line in enumerate(lines):
        if len(line) > 400 or not line.strip():
            continue
        for kind, pattern in enumerate(_DEFINITIONS):
            match = pattern.match(line)
            if not match or match["name"] in _NO_NAMES:
                continue
            opens = line.rstrip().endswith("{") or (number + 1 < len(lines) and lines[number + 1].strip() == "{")
            if kind == _LAST_NEEDS_BRACE and not opens:
                continue
            yield _Definition(number, len(match["indent"].expandtabs(4)), match["name"])
            break


def _with_comments(lines: Sequence[str], line: int) -> int:
    """Return where a definition begins when the comments and decorators right above it belong to it."""
    while line > 0 and _LEADING.match(lines[line - 1]):
        line -= 1
    return line


def _pairs(starts: Sequence[int], end: int) -> Iterator[_Block]:
    return zip(starts, [*starts[1:], end], strict=True)


def _groups(lines: Sequence[str], starts: Sequence[int], found: Sequence[_Definition]) -> Iterator[list[_Block]]:
    """Yield blocks that may share a chunk: short neighbours, or the parts of one definition that is too long."""
    held: list[_Block] = []
    for start, end in _pairs(starts, len(lines)):
        if _size(lines, start, end) <= prose.LONGEST:
            held.append((start, end))
            continue
        yield held
        held = []
        inner = {_with_comments(lines, one.line) for one in found if start < one.line < end}
        parts = _pairs(sorted({start, *(line for line in inner if line > start)}), end)
        yield [span for first, last in parts for span in prose.spans(lines, first, last)]
    yield held


def _packed(lines: Sequence[str], blocks: Sequence[_Block]) -> Iterator[_Block]:
    """Join neighbouring blocks as long as they stay short together."""
    held: _Block | None = None
    for block in blocks:
        if held and _size(lines, held[0], block[1]) <= _TOGETHER:
            held = (held[0], block[1])
            continue
        if held:
            yield held
        held = block
    if held:
        yield held


def _size(lines: Sequence[str], start: int, end: int) -> int:
    return sum(len(line) + 1 for line in lines[start:end])


def _symbols(found: Sequence[_Definition], start: int, end: int) -> str:
    return " ".join(dict.fromkeys(one.name for one in found if start <= one.line < end))


def _enclosing(found: Sequence[_Definition], line: int) -> str:
    """Return the names of the definitions around a line that none of them begins at, outermost first."""
    here = next((one.indent for one in found if one.line >= line), 0)
    above: list[_Definition] = []
    for one in found:
        if one.line >= line:
            break
        above = [*(upper for upper in above if upper.indent < one.indent), one]
    return " > ".join(one.name for one in above if one.indent < here)
