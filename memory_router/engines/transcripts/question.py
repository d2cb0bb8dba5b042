"""Read what kind of answer a question wants from conversations: a decision or anything said, and from when."""

import re
from typing import NamedTuple

from memory_router.text import timewords, words


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


# These say that a decision is wanted, not about what.
_DECIDING = _listed(
    """
    agree agreed agreement choice choices choose chose chosen concluded conclusion decide decided decides deciding
    decision decisions end final finally go keep kept outcome pick picked position reason reasons settle settled
    stance still verdict word vs versus
    """
)
# What is left of "why did we do it that way" names nothing that could be found.
_VAGUE = _listed(
    """
    away change changed conversation conversations discuss discussed gone kind kinds leave left ones session sessions
    sort sorts stuff talk talked thing things way ways went
    """
)
_DECISION = re.compile(
    r"\b(?:decid(?:e|ed|ing)|decisions?|cho[so]se?n?|pick(?:ed)?|agree\w*|settle[sd]?|conclu\w+|verdict|final word"
    r"|in the end|stance|policy|rule|we|our|us|vs|versus|\w+ or \w+)\b",
    re.IGNORECASE,
)


class Wanted(NamedTuple):
    """Hold a question as conversations are asked it.

    Args:
        question: what it is about; without words of time.
        dropped: words of it that are not searched for.
        is_decision: whether a decision is wanted.
        is_bare: whether nothing is left to search for.
        time: what it says about time.
    """

    question: words.Question
    dropped: frozenset[str]
    is_decision: bool
    is_bare: bool
    time: timewords.Asked


def understand(text: str, now: float) -> Wanted:
    """Split a question into subject, kind and time.

    Args:
        text: the question, with any characters.
        now: what "today" is counted from, in seconds since the epoch.
    """
    when = timewords.read(text, now)
    question = words.parse(when.rest)
    dropped = _DECIDING | _VAGUE
    about = [word for word in question.words if word not in dropped and not words.is_stop_word(word)]
    is_bare = not (about or question.identifiers or question.paths or question.phrases)
    return Wanted(question, dropped, _DECISION.search(text) is not None, is_bare, when)
