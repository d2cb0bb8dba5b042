"""Describe the options of a command once, and read plain command lines by that description.

`parse` understands only what is certain: known options, each with its value, and one TEXT. For anything else it
returns None, and the command framework, fed from the same description, parses, helps or complains.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

Values = dict[str, Any]


class Option(NamedTuple):
    """An option of a command.

    Args:
        flag: its name on the command line, such as `--limit`.
        kind: bool for a switch, else the type of its value: int or str.
        help: one sentence for `--help`.
        default: its value when it is not given.
        low: the least that a number may be.
        high: the most that a number may be.
        choices: the texts that it may be; empty for any.
    """

    flag: str
    kind: type
    help: str
    default: bool | int | str | None = None
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name under which the value is passed on."""
        return self.flag.removeprefix("--").replace("-", "_")

    def read(self, text: str) -> int | str | None:
        """Return `text` as this option's value, or None if it cannot be one."""
        if self.kind is str:
            return text if not self.choices or text in self.choices else None
        if not (text.isascii() and text.isdigit()):
            return None
        number = int(text)
        return number if (self.low or 0) <= number <= (self.high or number) else None


def parse(arguments: Sequence[str], options: Sequence[Option], *, several: bool = False) -> Values | None:
    """Return the values of `options` and of `text`, or None if the command line is not plain.

    Args:
        arguments: the command line behind the command's name.
        options: what it may hold.
        several: whether the command takes several texts, which are the value of `texts`.
    """
    known = {option.flag: option for option in options}
    values: Values = {option.name: option.default for option in options}
    texts: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            texts.extend(words)
        elif word == "-" or not word.startswith("-"):
            texts.append(word)
        else:
            flag, equals, attached = word.partition("=")
            option = known.get(flag)
            if option is None or (equals and option.kind is bool):
                return None
            value = True if option.kind is bool else option.read(attached if equals else next(words, ""))
            if value is None or value == "":
                return None
            values[option.name] = value
    if several:
        return {**values, "texts": texts} if texts else None
    return {**values, "text": texts[0]} if len(texts) == 1 else None
