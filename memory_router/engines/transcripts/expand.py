"""Fetch one turn by its id with as much around it as is wanted."""

from typing import NamedTuple

from memory_router.engines.transcripts.ranking import NOTHING, Field
from memory_router.engines.transcripts.turn import Archive, Turn
from memory_router.storage.sqlite import named_errors

LAYERS = ("search", "timeline", "detail")
# How many turns each way: none, what surrounds it, the whole branch.
_REACH = {"search": 0, "timeline": 3, "detail": 500}


# What an agent can be shown at once, in characters; the turns that are farthest away are left out first.
_MOST_CHARACTERS = 60_000
_HEAD = 30  # characters of who speaks and when


class Expanded(NamedTuple):
    """A turn, the turns of its branch around it (oldest first, with tools), and the summaries above it."""

    turn: Turn
    around: tuple[Turn, ...]
    summaries: tuple[Turn, ...]
    left_out: int = 0


def expand(archive: Archive, name: str, layer: str) -> Expanded | None:
    """Return the turn with the host's id `name`, or None if the archive does not hold it.

    Args:
        archive: where to look.
        name: the id that a result gave.
        layer: `search`, `timeline` or `detail`.

    Raises:
        StoreError: the archive is damaged, locked or unreadable.
    """
    with named_errors(archive.path):
        key = archive.key_of(name)
        if key is None:
            return None
        field = Field(archive, NOTHING)
        reach = _REACH[layer]
        line = [*reversed(field.above(key, reach)), key, *field.below(key, reach)]
        field.expand(line)
        with_tools = [node for spoken in line for node in (spoken, *(field.attached.get(spoken, ()) if reach else ()))]
        held = archive.turns(with_tools)
        if key not in held:
            return None
        around = tuple(held[node] for node in dict.fromkeys(with_tools) if node in held)
        near = _nearest(around, next(place for place, turn in enumerate(around) if turn.key == key))
        summaries = tuple(archive.summaries_above(key)) if reach else ()
        return Expanded(held[key], near, summaries, len(around) - len(near))


def _nearest(around: tuple[Turn, ...], place: int) -> tuple[Turn, ...]:
    """Return the turns around one as far as there is room, as many before it as after it where both are there."""
    first = last = place
    room = _MOST_CHARACTERS - len(around[place].text)
    while first > 0 or last < len(around) - 1:
        goes_back = first > 0 and (place - first <= last - place or last == len(around) - 1)
        step = around[first - 1] if goes_back else around[last + 1]
        room -= len(step.text) + len(step.tools) + _HEAD
        if room < 0:
            break
        first, last = (first - 1, last) if goes_back else (first, last + 1)
    return around[first : last + 1]
