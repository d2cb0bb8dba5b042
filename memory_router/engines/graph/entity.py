"""What is found in the graph: things, the steps between them, and answers."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

CODE = ("package", "module", "class", "function", "variable")


class Entity(NamedTuple):
    """One thing of the graph.

    Args:
        id: its number in the graph.
        kind: `package`, `module`, `class`, `function`, `variable`, `library`, `document`, `section`, `memory`, `turn`,
            `person`, `term`, `tag` or `project`.
        name: what it is called.
        qualified: its full name.
        path: the text that defines it; None if none does.
        line: its first line there.
        last_line: its last line there.
        summary: its documentation's first sentence.
        modified: when its text was written, in seconds since the epoch.
    """

    id: int
    kind: str
    name: str
    qualified: str
    path: str | None
    line: int
    last_line: int
    summary: str
    modified: float

    @property
    def shown(self) -> str:
        """Return its name with its kind, as an answer calls it."""
        name = self.qualified if self.kind in CODE else self.name
        return f"{self.kind} {name}"


class LinkedEntities(NamedTuple):
    """What a phrase of a question means.

    Args:
        phrase: as it stood in the question.
        entities: the likeliest first.
        scores: in [0, 1]: how well each fits the phrase; 1 is a name of it.
        homonyms: how many things bear the same name as the first.
    """

    phrase: str
    entities: Sequence[Entity] = ()
    scores: Sequence[float] = ()
    homonyms: int = 0

    @property
    def score(self) -> float:
        """Return how well the likeliest one fits."""
        return self.scores[0] if self.scores else 0.0

    @property
    def is_name(self) -> bool:
        """Return whether the phrase is a name of what was found."""
        return self.score >= 0.99


class Edge(NamedTuple):
    """One relation with its proof.

    Args:
        source: the thing that refers.
        target: the thing that is meant.
        kind: how: `imports`, `calls`, ..., or `defines`.
        weight: in (0, 1]: how certain it is.
        path: the text that proves it, or None.
        line: where.
        evidence: the line or sentence that says so.
    """

    source: int
    target: int
    kind: str
    weight: float
    path: str | None
    line: int
    evidence: str


class Finding(NamedTuple):
    """One answer.

    Args:
        content: the answer with its evidence, readable as it stands.
        relevance: calibrated estimate in [0, 1] that this answers the question.
        title: the thing that it is about.
        path: where to look.
        line: and at which line.
        modified: when that text was written, in seconds since the epoch.
        id: the thing's number in the graph.
        metadata: anything else; `path` holds the steps of a chain.
    """

    content: str
    relevance: float
    title: str
    path: str | None = None
    line: int | None = None
    modified: float | None = None
    id: int | None = None
    metadata: Mapping[str, Any] = {}


class GraphAnswer(NamedTuple):
    """What a question found.

    Args:
        findings: best first.
        intent: how the question was understood.
        note: what the reader should know: what is ambiguous, or why nothing was found.
        code: the machine-readable reason when nothing was found, else empty.
    """

    findings: Sequence[Finding]
    intent: str
    note: str = ""
    code: str = ""
