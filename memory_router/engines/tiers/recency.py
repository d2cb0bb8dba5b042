"""Say what time does to a memory, and which questions ask for time."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from memory_router.text import words


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


# One of these makes a question ask for what is recent ("just discussed", "last change": seed 002, rule 5).
_MARKERS = _listed("ago current currently earlier just last lately latest newest now recent recently today yesterday")
# What names its time itself asks for that time, not for the newest: "last week before 23 January 2025".
_DATED = re.compile(r"\b(?:(?:19|20)\d\d|(?:years|decades) ago)\b", re.IGNORECASE)
# Beside a marker, these say when it was ...
_TIMES = _MARKERS | _listed(
    """
    afternoon before day days evening few hour hours minute minutes moment month months morning new night past previous
    previously session sessions time times tonight week weeks year
    """
)
# ... and these, in any question, only that something was said, done or decided.
_DEEDS = _listed(
    """
    add added ask asked change changed changes changing chat chatted choice choose chose chosen conversation
    deal decide decided decision decisions did discuss discussed discussing discussion happen happened happening
    learn learned leave left look looked made make making memories memory mention mentioned news note noted notes
    point remembered said saved says speak spoke spoken stored stuff talk talked talking tell told topic topics
    touched update updated updates went work worked working works write written wrote
    """
)
# What is left of "why did we do it that way" names nothing that could be found.
_VAGUE = _listed("way ways")

# A question of these asks for what is not done yet, and a memory of those tells it.
_ASKS_UNFINISHED = re.compile(
    r"\b(?:(?:left|leave|leaving) off|still (?:open|to do)|open (?:points?|questions?|items?|loops?|tasks?|ends?)|"
    r"loose ends?|unfinished|outstanding|pending|to-?dos?|reminders?|next steps?)\b",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"^\W*(?:open|to-?do|to do|remind\w*|next|pending|unfinished|blocked|waiting)\b|"
    r"\b(?:not yet|still (?:open|to)|to be (?:asked|done|decided|checked)|expected to fail)\b",
    re.IGNORECASE,
)
_UNFINISHED_TAGS = _listed("blocked loop next open open-loop pending reminder todo unfinished waiting")
# Moves what is unfinished before what is up to about a week newer.
UNFINISHED = 0.1

_DAY = 86_400.0
# An old memory that fits still beats a new one that hardly does; in a question about the recent age counts for more.
_HALF_LIFE, _LASTING = 60 * _DAY, 0.7
_RECENT_HALF_LIFE, _RECENT_LASTING = 30 * _DAY, 0.5
_NEWEST, _NEWEST_FLOOR = 0.9, 0.4


class Wanted(NamedTuple):
    """Hold a question as memories are asked it.

    Args:
        terms: words to look for, lower case; empty if there is none.
        is_recent: whether it asks for what is recent; without terms it asks for the newest memories as such.
        is_unfinished: whether it asks for what is not done yet.
    """

    terms: tuple[str, ...]
    is_recent: bool
    is_unfinished: bool = False


def understand(query: str) -> Wanted:
    """Split a question into what it asks about and whether it asks for the newest.

    Args:
        query: the question, with any characters.
    """
    question = words.parse(query)
    named = [part for name in question.identifiers for part in (name.joined, *name.parts)]
    named += [part for path in question.paths for part in re.findall(r"\w+", path.lower())]
    is_recent = any(word in _MARKERS for word in re.findall(r"[a-z]+", query.lower())) and not _DATED.search(query)
    content = [word for word in question.words if word not in _VAGUE and not words.is_stop_word(word)]
    about = [word for word in content if not (word in _DEEDS or (is_recent and word in _TIMES))]
    # A deed alone is worth looking for, unless the question asks for the newest of all.
    terms = about if about or named or is_recent else content
    return Wanted(tuple(dict.fromkeys(terms + named)), is_recent, bool(_ASKS_UNFINISHED.search(query)))


def is_unfinished(text: str, tags: Sequence[str]) -> bool:
    """Say whether a memory tells of something that is not done yet."""
    return bool(_UNFINISHED.search(text)) or any(tag.lower() in _UNFINISHED_TAGS for tag in tags)


def decay(age: float, *, is_recent: bool) -> float:
    """Return the factor in [0, 1] by which age moves a memory back in the ranking.

    Half of what can decay is gone after 60 days, and 0.7 never goes; for a question that asks for what is recent, half
    is gone after 30 days, and 0.5 never goes.

    Args:
        age: in seconds; a memory from the future is as good as new.
        is_recent: whether the question asks for what is recent.
    """
    half_life, lasting = (_RECENT_HALF_LIFE, _RECENT_LASTING) if is_recent else (_HALF_LIFE, _LASTING)
    return lasting + (1 - lasting) * _left(age, half_life)


def newness(age: float) -> float:
    """Return in [0, 1] how new a memory is: half of it is gone after 30 days (seed 002, rule 5: time-decay relevance).

    Args:
        age: in seconds, counted back from the newest memory that there is.
    """
    return _left(age, _RECENT_HALF_LIFE)


def newest_relevance(age: float) -> float:
    """Return the relevance of a memory to "what was the last thing": 0.9, falling to 0.4 with age.

    The newest memory is the last thing by definition, however old, so that it always passes the router's gate.

    Args:
        age: in seconds.
    """
    return _NEWEST_FLOOR + (_NEWEST - _NEWEST_FLOOR) * _left(age, _RECENT_HALF_LIFE)


def _left(age: float, half_life: float) -> float:
    # The bound keeps the power a float for any age.
    return float(2.0 ** -min(max(age, 0.0) / half_life, 1000.0))
