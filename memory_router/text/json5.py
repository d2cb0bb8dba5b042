"""Read JSON with comments (JSONC) and JSON5 (spec.json5.org), and change it without losing what its author wrote.

The text is spelt as strict JSON first, and for every character of that it is known where it came from, so that a change
to the one can be made to the other.
"""

import json
import re
from collections.abc import Callable
from typing import Any

_TOKEN = re.compile(
    r"""
    (?P<space>[\s\ufeff]+) | (?P<comment>//[^\n]*|/\*.*?\*/) | (?P<double>"(?:[^"\\\n]|\\.)*")
    | (?P<single>'(?:[^'\\\n]|\\.)*') | (?P<mark>[{}\[\]:,])
    | (?P<word>[\w$+.-]+)
    """,
    re.DOTALL | re.VERBOSE,
)
_LITERALS = frozenset({"true", "false", "null", "NaN", "Infinity", "-Infinity"})
_BARE_MARK = re.compile(r'(?<!\\)"')
_ESCAPE = re.compile(r"\\(\r\n|.)", re.DOTALL)


class _Spelling:
    """Gather strict JSON with the place in the original of each of its characters."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.origins: list[int] = []

    def add(self, text: str, start: int, *, is_copied: bool = True) -> None:
        self.text.extend(text)
        self.origins.extend(range(start, start + len(text)) if is_copied else [start] * len(text))

    def drop_comma(self) -> None:
        """Take out a comma that only blanks follow."""
        place = len(self.text) - 1
        while place >= 0 and self.text[place].isspace():
            place -= 1
        if place >= 0 and self.text[place] == ",":
            del self.text[place], self.origins[place]


def decode(text: str) -> Any:
    """Return the value that a text spells.

    Args:
        text: JSON, JSONC or JSON5.

    Raises:
        ValueError: it is neither.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return json.loads(_strict(text)[0])


def changed(text: str, change: Callable[[str], str]) -> str:
    """Return a text with a change that was made to it as strict JSON; comments and spelling stay.

    Args:
        text: JSON, JSONC or JSON5.
        change: takes the same as strict JSON and returns it changed at one place.

    Raises:
        ValueError: it is neither.
    """
    before, origins = _strict(text)
    after = change(before)
    first = next((place for place, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), None)
    if first is None:
        first = min(len(before), len(after))
    # What was spelt anew is changed as a whole.
    while first and origins[first] == origins[first - 1]:
        first -= 1
    same = 0
    while same < min(len(before), len(after)) - first and before[-1 - same] == after[-1 - same]:
        same += 1
    while same and origins[len(before) - same] == origins[len(before) - same - 1]:
        same -= 1
    return text[: origins[first]] + after[first : len(after) - same] + text[origins[len(before) - same] :]


def _strict(text: str) -> tuple[str, list[int]]:
    spelling = _Spelling()
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"character {place + 1} ({text[place]!r}) begins nothing that JSON5 knows")
        spelt = match[0]
        if match["double"]:
            plain = _unescaped(spelt)
            spelling.add(plain, place, is_copied=plain == spelt)
        elif match["single"]:
            spelling.add(_double_quoted(spelt), place, is_copied=False)
        elif match["word"]:
            spelling.add(_word(text, spelt, match.end()), place, is_copied=False)
        elif not match["comment"]:
            if spelt in "}]":
                spelling.drop_comma()
            spelling.add(spelt, place)
        place = match.end()
    return "".join(spelling.text), [*spelling.origins, len(text)]


def _double_quoted(spelt: str) -> str:
    """Return a string in single quotation marks as strict JSON spells it."""
    return '"' + _BARE_MARK.sub(r'\\"', _unescaped(spelt[1:-1])) + '"'


def _unescaped(spelt: str) -> str:
    """Return a string without the escapes that only JSON5 has."""
    return _ESCAPE.sub(lambda match: {"'": "'", "\n": "", "\r\n": ""}.get(match[1], match[0]), spelt)


def _word(text: str, spelt: str, end: int) -> str:
    """Return a key in quotation marks, or a literal or number as strict JSON spells it."""
    if re.match(r"\s*(?:/\*.*?\*/\s*)*:", text[end:], re.DOTALL):
        return json.dumps(spelt, ensure_ascii=False)
    if spelt in _LITERALS:
        return spelt
    number = spelt.removeprefix("+")
    if re.match(r"-?0[xX]", number):
        return str(int(number, 16))
    number = re.sub(r"^(-?)\.", r"\g<1>0.", number)
    return re.sub(r"\.(?=$|[eE])", ".0", number)
