"""What one text states: what it defines, and what it refers to."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LONGEST_EVIDENCE = 240  # characters of the line that proves an edge


class Source(NamedTuple):
    """A text that may be in the graph.

    Args:
        path: the absolute path of a file, or any other unique name of a text that is not a file.
        root: the folder that it was indexed with.
        language: `python`, `markdown`, ..., `memory` or `turn`.
        fingerprint: changes when the text does.
        modified: when it was written, in seconds since the epoch.
        text: the text itself, or None for a file that has yet to be read.
    """

    path: str
    root: str
    language: str
    fingerprint: str
    modified: float
    text: str | None = None


class Definition(NamedTuple):
    """Something that a text defines.

    Args:
        kind: `module`, `class`, `function`, `variable`, `document`, `section`, `memory`, `turn` or `project`.
        name: what it is called.
        qualified: its unique name: dotted from the module on, or the path and heading of a passage.
        parent: the qualified name of what encloses it, or empty.
        line: its first line, counted from 1.
        last_line: its last line, inclusive.
        summary: its documentation's first sentence, or a passage's heading.
        body: the words by which it may be found besides; empty for code.
        type: the qualified name of the class that a variable holds or a function returns; empty if it is not known.
        aliases: other names by which notes link to it.
    """

    kind: str
    name: str
    qualified: str
    parent: str
    line: int
    last_line: int
    summary: str = ""
    body: str = ""
    type: str = ""
    aliases: tuple[str, ...] = ()


class Reference(NamedTuple):
    """One thing that a definition says of another.

    Args:
        source: the qualified name of the definition that refers.
        kind: `imports`, `calls`, `inherits`, `uses`, `links`, `mentions`, `tagged`, `names`, `within` (a package that
            only its members make), `requires` (a library) or `contains` (a folder).
        target: the qualified name of what is meant; `.name` where only the last step is known.
        line: where, counted from 1.
        times: how often it is said.
        evidence: the line or sentence that says so.
    """

    source: str
    kind: str
    target: str
    line: int
    times: int
    evidence: str

    @property
    def key(self) -> str:
        """Return the last step of the target: whatever defines that name may be meant."""
        return last_step(self.target)


class Facts(NamedTuple):
    """Everything that one text states.

    Args:
        definitions: the text itself first, then what it encloses.
        references: each pair of source and target once a kind.
        bindings: names that the text makes available as others: what an import is called here.
        problem: why nothing more could be read of it, else empty.
    """

    definitions: Sequence[Definition]
    references: Sequence[Reference] = ()
    bindings: Mapping[str, str] = {}
    problem: str = ""


class References:
    """Collect references, each pair of source and target once a kind, with the first line that proves it."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._found: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, source: str, kind: str, target: str, line: int, evidence: str = "") -> None:
        """Note a reference at a line counted from 1; without evidence the line is it."""
        self._found.setdefault((source, kind, target), (line, evidence))
        self._counts[source, kind, target] += 1

    def collected(self) -> list[Reference]:
        """Return what was noted."""
        return [
            Reference(*named, line, self._counts[named], evidence or self._evidence(line))
            for named, (line, evidence) in self._found.items()
        ]

    def _evidence(self, line: int) -> str:
        return self._lines[line - 1].strip()[:LONGEST_EVIDENCE] if 0 < line <= len(self._lines) else ""


def last_step(target: str) -> str:
    """Return the last step of a qualified name, a path or a word."""
    return target.rpartition(".")[2].rpartition("/")[2]


def shown(path: str, root: str) -> str:
    """Return `path` as seen from its root."""
    return os.path.relpath(path, root) if path.startswith(root.rstrip(os.sep) + os.sep) else path


def first_sentence(text: str) -> str:
    """Return the beginning of a documentation comment, on one line."""
    flat = " ".join(text.strip().split("\n\n")[0].split())[:LONGEST_EVIDENCE]
    # An escape may spell half a surrogate pair, which no database takes.
    return flat if flat.isascii() else flat.encode("utf-8", "replace").decode()
