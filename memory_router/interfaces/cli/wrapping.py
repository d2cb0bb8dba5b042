"""Break sentences between words for a terminal, and no command, so that it can be copied."""

import re
import shutil
import textwrap
from collections.abc import Iterator

# A sentence that is a command has a line of its own, and a command within a sentence is not broken.
_COMMAND = re.compile(r"(?:^|(?<=[.?!]) )(Run: .*?)(?:\. |\.?$)")
_IN_SENTENCE = re.compile(r"`[^`]+`|memory-router [a-z].*?(?=[.,;:] |\.?$)")
_SENTENCE = re.compile(r"[\w\"'`]")
_UNBROKEN = "\x1f"
# Lines of a note that stay lines of their own: headings, entries of lists, rows of tables, quotations, code; and those
# that an editor would have filled further.
_FENCE = re.compile(r"\s*(?:```|~~~)")
_OWN_LINE = re.compile(r"\s*(?:[#>|+*=-]|\d+[.)]\s|[-=]{3})|\s{4}|\s*$|\.\. |.*(?:  |\\)$")
_FILLED = 50


def columns() -> int:
    """Return how many columns the terminal has, at least 20."""
    return max(shutil.get_terminal_size().columns, 20)


def wrapped(text: str, indent: str = "") -> str:
    """Return sentences in lines of the terminal.

    Args:
        text: the sentences, without control characters. Lines that do not begin with a word stay as they are: those of
            a difference do not.
        indent: what stands before each line.
    """
    return "\n".join(_lines(text, indent))


def _lines(text: str, indent: str) -> Iterator[str]:
    for line in (part for whole in text.split("\n") for part in _COMMAND.split(whole) if part or not whole):
        if line.startswith("Run: ") or not _SENTENCE.match(line):
            yield indent + line
            continue
        unbroken = _IN_SENTENCE.sub(lambda match: match[0].replace(" ", _UNBROKEN), line)
        for broken in textwrap.wrap(
            *(unbroken, columns()),
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield broken.replace(_UNBROKEN, " ")


def unbroken(text: str) -> str:
    """Return a note with each paragraph in one line, where its author broke it at the width of an editor.

    Args:
        text: Markdown or plain text.
    """
    lines: list[str] = []
    is_code = can_go_on = False
    for line in text.splitlines():
        is_fence = _FENCE.match(line) is not None
        is_own = is_code or is_fence or _OWN_LINE.match(line) is not None
        if can_go_on and not is_own:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
        is_code ^= is_fence
        is_entry = re.match(r"\s*(?:[-+*]|\d+[.)])\s", line) is not None
        can_go_on = len(line) >= _FILLED and not is_code and (is_entry or not is_own)
    return "\n".join(lines)
