"""What both kinds of archives give: turns, matches, and the part of the graph around them."""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

import apsw

from memory_router.engines.transcripts.cues import TurnCues
from memory_router.retrieval.likeness import Likeness

SPEAKERS = ("user", "assistant")


class Turn(NamedTuple):
    """One node of a conversation.

    Args:
        key: its number in the archive.
        id: the host's own id.
        role: `user`, `assistant`, `tool`, `summary`, `system` or `context`.
        text: what was said.
        tools: what tools were given.
        files: the files that tools touched.
        time: seconds since the epoch, or None.
        session: the host's name of the session.
        project: the working folder or session key, or empty.
        host: the program that wrote it.
        scope: the name of the project that the folder belongs to, or empty.
    """

    key: int
    id: str
    role: str
    text: str
    tools: str
    files: tuple[str, ...]
    time: float | None
    session: str
    project: str
    host: str
    scope: str = ""


class TurnMatch(NamedTuple):
    """A node that matches: its key, its length in words, and where each term stands, by column."""

    key: int
    length: int
    places: list[list[list[int]]]


class TurnLink(NamedTuple):
    """A node with the turn above it (None at the top), its role, and what it shows (`Cues.packed`) if known."""

    key: int
    previous: int | None
    role: str
    cues: int | None = None


class Window(NamedTuple):
    """The turns that may be found.

    Args:
        since: none older, in seconds since the epoch.
        until: none newer, in seconds since the epoch.
        session: only those of the session with this number in the archive.
        project: only those of this project: a working folder, the last part of its path, or a session key.
    """

    since: float | None = None
    until: float | None = None
    session: int | None = None
    project: str | None = None


ANY_TIME = Window()


class TurnTerms(NamedTuple):
    """What is searched for.

    Args:
        terms: all of it.
        required: those terms of which a node must hold one.
        is_frequent: whether even the rarest stands in too many nodes to look at them all.
    """

    terms: list[str]
    required: list[str]
    is_frequent: bool = False


class Archive(Protocol):
    """A store of conversations that can be searched."""

    name: str
    path: str
    connection: apsw.Connection

    @property
    def column_weights(self) -> tuple[float, ...]:
        """Return what a word counts in each column of a match; the first column is what was said."""

    def count(self) -> int:
        """Return how many nodes can be searched; what is new since the last call is seen from now on."""

    def frequency(self, term: str) -> int:
        """Return how many nodes held a term when they were last counted; an estimate if they are many."""

    def matching(self, wanted: TurnTerms, window: Window, limit: int) -> list[TurnMatch]:
        """Return the best nodes for what is wanted, with where each of its terms stands."""

    def likeness(self, text: str, weight: Callable[[str], float], keys: Collection[int], window: Window) -> Likeness:
        """Return how like a question nodes are, of those given and of the nearest; empty without vectors."""

    def edges(self, keys: list[int]) -> list[TurnLink]:
        """Return the edges of nodes, and of all nodes directly below them."""

    def surroundings(self, keys: list[int], reach: int) -> tuple[list[TurnLink], set[int]]:
        """Return the edges within `reach` places of nodes, and the nodes below which nothing is missing."""

    def cues(self, keys: list[int]) -> dict[int, TurnCues]:
        """Return what turns show, by key; tool calls and summaries may be left out."""

    def turns(self, keys: list[int]) -> dict[int, Turn]:
        """Return nodes by key; those that are not there are left out."""

    def newest(self, window: Window, limit: int) -> list[TurnLink]:
        """Return the newest turns in a window, the newest first."""

    def latest(self) -> tuple[float, int] | None:
        """Return the time of the newest turn and the number of its session."""

    def sessions(self) -> int:
        """Return how many sessions there are."""

    def key_of(self, name: str) -> int | None:
        """Return the key of the node with the host's id `name`, or None."""

    def summaries_above(self, key: int) -> list[Turn]:
        """Return the summaries that cover a node, the nearest first."""

    def not_understood(self) -> str:
        """Return a sentence about files of sessions that no reader understands; empty if every file is understood."""

    def is_replaced(self) -> bool:
        """Return whether another file stands at the path by now, or none."""
