"""Recognise definitions in any language by their look: for languages, and installations, without a grammar."""

import re
from collections.abc import Iterator, Sequence

from memory_router.sources.document import SourceDefinition

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


def definitions(lines: Sequence[str]) -> list[SourceDefinition]:
    """Return the definitions of a source file; one ends where the next begins that is indented no deeper.

    Args:
        lines: the lines of the file.
    """
    closed: list[SourceDefinition] = []
    open_ones: list[tuple[int, SourceDefinition]] = []
    for indent, line, name in _lines_that_define(lines):
        start = _with_comments(lines, line)
        while open_ones and open_ones[-1][0] >= indent:
            closed.append(open_ones.pop()[1]._replace(end=start))
        open_ones.append((indent, SourceDefinition(start, len(lines), line, name)))
    return sorted(closed + [definition for _, definition in open_ones])


def _lines_that_define(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
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
            yield len(match["indent"].expandtabs(4)), number, match["name"]
            break


def _with_comments(lines: Sequence[str], line: int) -> int:
    """Return where a definition begins when the comments and decorators right above it belong to it."""
    while line > 0 and _LEADING.match(lines[line - 1]):
        line -= 1
    return line
