"""Memories, and which of them are meant."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from memory_router.engines.tiers.author import UNKNOWN, Author
from memory_router.retrieval.relevance import Features
from memory_router.scope import admits

if TYPE_CHECKING:
    from datetime import datetime

# From the least lasting to the lasting one; a memory moves one step at a time (seed 001, Promotion Path).
TIERS = ("ephemeral", "session", "persistent")
# How memories are listed: the newest, the least or the most important first.
Order = Literal["newest", "least", "most"]
# The two ends of a link between a memory and the one that replaced it.
LinkEnd = Literal["supersedes", "superseded_by"]
# How many of the latest accesses are kept with their times: more than any trigger counts.
MOST_ACCESS_TIMES = 100


class Provenance(TypedDict, total=False):
    """What `MemorySystem.remember` takes about the origin of a text and its treatment."""

    project: str | None
    source: str | None
    session: str | None
    created: float | None
    allow_sensitive: bool
    supersedes: str | None
    author: Author | None


class Metadata(NamedTuple):
    """Show what is known about a memory, named as in seed 001 (Access Pattern Tracking).

    Args:
        importance: in [0, 1].
        tags: words that it is filed under.
        access_count: how often it was recalled.
        last_accessed: when it was recalled last, in UTC, or None.
        access_timestamps: when it was recalled, oldest first; the last 100.
        created_at: when it was remembered, in UTC.
        extra: what the caller gave as metadata.
    """

    importance: float
    tags: tuple[str, ...]
    access_count: int
    last_accessed: "datetime | None"
    access_timestamps: "tuple[datetime, ...]"
    created_at: "datetime"
    extra: Mapping[str, Any]


class Memory(NamedTuple):
    """One remembered text.

    Args:
        id: derived from project and text: the same text in the same project is the same memory.
        text: without secrets and control characters.
        created: when it was remembered, in seconds since the epoch.
        tags: in the order given, each once.
        project: what it belongs to, or None.
        tier: where it lives; `persistent` is for good.
        importance: in [0, 1].
        source: what wrote it, or None.
        session: the conversation that it comes from, or None; memories of one session are context to each other.
        extra: anything else, as a JSON object.
        accesses: how often it was recalled.
        access_times: when it was recalled, oldest first, in seconds since the epoch; the last 100.
        expires: from when on it is gone, in seconds since the epoch, or None.
        moved_from: the tier that it is being moved from; None once it is gone from there.
        moved: when it came to its tier, in seconds since the epoch; None if it has been there from the start.
        supersedes: the id of the memory that it replaced, or None.
        superseded_by: the id of the memory that replaced it, or None.
        author: who wrote it.
    """

    id: str
    text: str
    created: float
    tags: tuple[str, ...] = ()
    project: str | None = None
    tier: str = "persistent"
    importance: float = 0.7
    source: str | None = None
    session: str | None = None
    extra: Mapping[str, Any] = {}
    accesses: int = 0
    access_times: tuple[float, ...] = ()
    expires: float | None = None
    moved_from: str | None = None
    moved: float | None = None
    supersedes: str | None = None
    superseded_by: str | None = None
    author: Author = UNKNOWN

    @property
    def accessed(self) -> float | None:
        """Return when it was recalled last, in seconds since the epoch, or None."""
        return self.access_times[-1] if self.access_times else None

    @property
    def metadata(self) -> Metadata:
        """Return what is known about it, with times as `datetime`."""
        from datetime import UTC  # not on the ask path

        from memory_router.engines.tiers.instant import Instant

        times = tuple(Instant.fromtimestamp(seconds, UTC) for seconds in self.access_times)
        created = Instant.fromtimestamp(self.created, UTC)
        last = times[-1] if times else None
        return Metadata(self.importance, self.tags, self.accesses, last, times, created, self.extra)

    def is_alive(self, now: float) -> bool:
        """Return whether it has not expired at `now`, in seconds since the epoch."""
        return self.expires is None or self.expires > now

    def linked(self, end: LinkEnd, other: str | None) -> "Memory":
        """Return it with one end of a link between revisions set."""
        return self._replace(supersedes=other) if end == "supersedes" else self._replace(superseded_by=other)

    def touched(self, now: float) -> "Memory":
        """Return it with one access more; a clock that goes backwards does not reorder the accesses."""
        times = (*self.access_times, max(now, self.accessed or now))[-MOST_ACCESS_TIMES:]
        return self._replace(accesses=self.accesses + 1, access_times=times)


class Remembered(NamedTuple):
    """The result of remembering a text.

    Args:
        memory: as it is stored now.
        is_new: False if it was there before; then the new tags are added to its own, and it has the higher importance
            and tier of the two.
        redacted: the kinds of secrets and personal data that were taken out of the text.
        replaced: the memory that was in force before it, if it replaced one.
    """

    memory: Memory
    is_new: bool
    redacted: tuple[str, ...]
    replaced: Memory | None = None


class Receipt(NamedTuple):
    """What was forgotten, or would be.

    Args:
        forgotten: the memories that went, as they were.
        is_dry_run: whether they are all still there.
        at: seconds since the epoch.
    """

    forgotten: tuple[Memory, ...]
    is_dry_run: bool
    at: float


class Recollection(NamedTuple):
    """One memory found.

    Args:
        memory: the memory.
        relevance: the probability in [0, 1] that it answers the question.
        features: what that was estimated from; None where nothing but the newest was asked for.
        is_same: whether the question is this very text.
    """

    memory: Memory
    relevance: float
    features: Features | None = None
    is_same: bool = False

    @property
    def id(self) -> str:
        """Return the memory's id."""
        return self.memory.id

    @property
    def text(self) -> str:
        """Return the memory's text."""
        return self.memory.text

    @property
    def tier(self) -> str:
        """Return the memory's tier."""
        return self.memory.tier

    @property
    def metadata(self) -> Metadata:
        """Return what is known about the memory."""
        return self.memory.metadata

    @property
    def similarity(self) -> float:
        """Return what results are sorted by, in [0, 1]: the relevance, and 1 for the very text."""
        return 1.0 if self.is_same else self.relevance


class Selection(NamedTuple):
    """Conditions on memories; a memory is selected if it fulfils every one given.

    Args:
        project: of this project.
        since: made then or later, in seconds since the epoch.
        until: made then or earlier, in seconds since the epoch.
        tiers: in one of these.
        tags: filed under each of these.
        session: of this conversation.
        least: at least as important, in [0, 1].
        most: at most as important, in [0, 1].
        scope: of this project or of everywhere.
        by: written by this kind of author, this person or agent, with this tool, or on this machine.
    """

    project: str | None = None
    since: float | None = None
    until: float | None = None
    tiers: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    session: str | None = None
    least: float | None = None
    most: float | None = None
    scope: str | None = None
    by: str | None = None

    def holds(self, memory: Memory) -> bool:
        """Return whether a memory is meant."""
        return (
            self.project in (None, memory.project)
            and admits(memory.project, self.scope)
            and (self.since is None or memory.created >= self.since)
            and (self.until is None or memory.created <= self.until)
            and (self.tiers is None or memory.tier in self.tiers)
            and (self.tags is None or set(self.tags) <= set(memory.tags))
            and self.session in (None, memory.session)
            and (self.least is None or memory.importance >= self.least)
            and (self.most is None or memory.importance <= self.most)
            and (self.by is None or memory.author.is_by(self.by))
        )


# How many events an audit trail keeps: the latest.
MOST_EVENTS = 10_000


class Event(NamedTuple):
    """One line of the audit trail; it never holds a text.

    Args:
        at: seconds since the epoch.
        event: `stored`, `arrived` (from another store), `promoted`, `demoted`, `forgotten`, `expired`, `evicted` or
            `compacted`.
        id: the memory.
        tier: the tier that it is in, or that it left.
        detail: the reason, or what asked for it.
    """

    at: float
    event: str
    id: str
    tier: str
    detail: str
