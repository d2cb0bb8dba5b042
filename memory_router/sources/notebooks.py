"""Read a Jupyter notebook as Markdown: its cells in order, code as fenced blocks, outputs left out.

Format: nbformat 4, https://nbformat.readthedocs.io/en/latest/format_description.html.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

_FENCE = "`" * 8  # longer than any in a cell


class Notebook(NamedTuple):
    """A notebook as Markdown.

    Args:
        text: the Markdown.
        lines: for each of its lines the line of the file where it stands, both counted from 1.
    """

    text: str
    lines: tuple[int, ...]


def as_markdown(text: str) -> Notebook | None:
    """Return a notebook as Markdown, or None if a file is not a notebook.

    Args:
        text: the content of the file.
    """
    try:
        notebook = json.loads(text)
        cells = [(str(cell["cell_type"]), _source(cell["source"])) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    written = list(_lines(cells, text))
    return Notebook("\n".join(line for line, _ in written), tuple(number for _, number in written))


def _source(source: Any) -> list[str]:
    return (source if isinstance(source, str) else "".join(source)).split("\n")


def _lines(cells: list[tuple[str, list[str]]], text: str) -> Iterator[tuple[str, int]]:
    """Yield each line of the Markdown with the line of the file where it stands."""
    place = 0
    number = 1
    for kind, source in cells:
        if kind == "code":
            yield _FENCE, number
        for line in source:
            # Programs differ in whether they write other letters than ASCII as they are.
            for written in (json.dumps(line, ensure_ascii=False)[1:-1], json.dumps(line)[1:-1]):
                position = text.find(written, place) if written else -1
                if position >= 0:
                    number += text.count("\n", place, position)
                    place = position
                    break
            yield line, number
        if kind == "code":
            yield _FENCE, number
        yield "", number
