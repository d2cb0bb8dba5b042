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
