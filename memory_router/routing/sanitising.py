"""Take out of recalled text what a terminal or a reader would obey without seeing it; newlines and tabs stay.

What goes: escape sequences and control characters (ECMA-48), marks that reverse the order of what is shown
(CVE-2021-42574), letters that nobody sees (Unicode tags, used to hide instructions), and halves of characters.
"""

import functools
import re
from typing import Any

# Deeper than any metadata; what lies below it is left out.
_DEEPEST = 32


def sanitised(value: Any, depth: int = _DEEPEST) -> Any:
    """Return a JSON value with all of its texts clean."""
    if isinstance(value, str):
        return value if value.isprintable() else clean(value)
    if not isinstance(value, list | dict):
        return value
    if not depth:
        return None
    if isinstance(value, list):
        return [sanitised(entry, depth - 1) for entry in value]
    return {clean(name): sanitised(member, depth - 1) for name, member in value.items()}


def clean(text: str) -> str:
    """Return `text` without escape sequences, control characters and invisible marks, its line ends as newlines."""
    # Nearly every text is plain: asking so costs a hundredth of the patterns, which a cold query need not compile.
    if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
        return text
    escapes, line_ends, unseen = _patterns()
    return unseen.sub("", line_ends.sub("\n", escapes.sub("", text)))


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of escape sequences, of line ends, and of single characters to drop."""
    # Strings for the terminal (titles, links, the clipboard) up to their end, control sequences, and two-letter ones.
    # Where the end of a string is missing, only its beginning goes: the text after it may be a text.
    escapes = re.compile(
        r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]*+(?:\x07|\x1b\\|\x9c)"
        r"|(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
        r"|\x1b[ -/]*+[0-~]?"
    )
    line_ends = re.compile(r"\r\n|[\r\x85\u2028\u2029]")
    unseen = re.compile(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
        r"\ud800-\udfff\U000e0000-\U000e0fff]"
    )
    return escapes, line_ends, unseen
