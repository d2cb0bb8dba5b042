"""List what stores hold, the newest first, a page at a time (keyset paging): what one store's list takes and gives."""

from typing import Any, NamedTuple

from memory_router.retrieval.fulltext import quoted

# How much of a text a list shows, in characters.
EXCERPT = 400


class ListPosition(NamedTuple):
    """The position of an entry in a list: entries are in descending order of it.

    Args:
        time: seconds since the epoch.
        row: orders entries of the same time.
    """

    time: float
    row: int


TOP = ListPosition(float("inf"), 0)


class Entry(NamedTuple):
    """One entry of a list.

    Args:
        id: as the store's own adapter takes it.
        kind: `memory`, `passage`, the role of who spoke, or the kind of a thing in the graph.
        excerpt: the beginning of the text.
        title: its heading, session or name; may be empty.
        place: its place in the list.
        project: what it belongs to, or empty.
        origin: who wrote it, or the file that it is from; may be empty.
        tier: the tier of a memory, else empty.
        tags: what a memory is filed under.
        superseded_by: the id of what replaced it, or None.
    """

    id: str
    kind: str
    excerpt: str
    title: str
    place: ListPosition
    project: str = ""
    origin: str = ""
    tier: str = ""
    tags: tuple[str, ...] = ()
    superseded_by: str | None = None


class Filter(NamedTuple):
    """Conditions on entries; an entry is selected if it fulfils every one given.

    Args:
        text: words that all stand in it.
        project: what it belongs to.
        origin: a part of its origin.
        tier: the tier of a memory.
        tag: what a memory is filed under.
        since: not older, in seconds since the epoch.
        until: not newer, in seconds since the epoch.
        replaced: whether something took its place.
    """

    text: str = ""
    project: str = ""
    origin: str = ""
    tier: str = ""
    tag: str = ""
    since: float | None = None
    until: float | None = None
    replaced: bool | None = None

    @property
    def is_about_memories(self) -> bool:
        """Return whether it names what only remembered facts have."""
        return bool(self.tier or self.tag or self.replaced)


def bindings(chosen: Filter, after: ListPosition, limit: int) -> dict[str, Any]:
    """Return the values for the SQL of one store's list.

    Args:
        chosen: which entries are meant.
        after: the place after which the page begins.
        limit: the largest number of entries.
    """
    words = [quoted(word) for word in chosen.text.split()]
    values = {**chosen._asdict(), "text": " AND ".join(words)}
    return {name: None if value == "" else value for name, value in values.items()} | {
        **after._asdict(),
        "limit": limit,
        "excerpt": EXCERPT,
    }
