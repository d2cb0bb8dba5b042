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
    beschlossen beschluss entscheiden entscheidung entscheidungen entschied entschieden geeinigt gewählt festgelegt
    choisi choisir décidé décidée décider décision décisions acordado acordamos decidido decidimos decisión elegido
    elegimos
    """
)
# What is left of "why did we do it that way" names nothing that could be found.
_VAGUE = _listed(
    """
    away change changed conversation conversations discuss discussed gone kind kinds leave left ones session sessions
    sort sorts stuff talk talked thing things way ways went
    """
)
# Where these and what says that a decision is wanted are all, the newest one is.
_NEWEST = _listed(
    """
    last lastly latest most newest recent recently letzte letzten letzter letztes neueste neuesten zuletzt kürzlich
    dernier dernière dernières dernièrement última último últimas últimos recientemente vez
    """
)
_DECISION = re.compile(
    r"\b(?:decid(?:e|ed|ing)|decisions?|cho[so]se?n?|pick(?:ed)?|agree\w*|settle[sd]?|conclu\w+|verdict|final word"
    r"|in the end|stance|policy|rule|we|our|us|vs|versus|\w+ or \w+)\b",
    re.IGNORECASE,
)


class TurnQuestion(NamedTuple):
    """A question as conversations are asked it.

    Args:
        question: what it is about; without words of time.
        dropped: words of it that are not searched for.
        is_decision: whether a decision is wanted.
        is_name: whether it only names something that stands in files or code.
        is_bare: whether nothing is left to search for.
        is_newest: whether what is newest is wanted, whatever it is about.
        time: what it says about time.
    """

    question: words.Question
    dropped: frozenset[str]
    is_decision: bool
    is_name: bool
    is_bare: bool
    is_newest: bool
    time: timewords.QuestionTime


def understand(text: str, now: float) -> TurnQuestion:
    """Split a question into subject, kind and time.

    Args:
        text: the question, with any characters.
        now: what "today" is counted from, in seconds since the epoch.
    """
    when = timewords.read(text, now)
    question = words.parse(when.rest)
    dropped = _DECIDING | _VAGUE
    about = [word for word in question.words if word not in dropped and not words.is_stop_word(word)]
    names = [*(identifier.text for identifier in question.identifiers), *question.paths]
    is_bare = not (names or question.phrases) and _NEWEST.issuperset(about)
    is_newest = is_bare and not _NEWEST.isdisjoint(question.words)
    is_decision = _DECISION.search(text) is not None or not _DECIDING.isdisjoint(question.words)
    parts = {part.lower() for name in names for part in words.split_name(name)}
    is_name = bool(names) and not is_decision and parts.issuperset(about)
    return TurnQuestion(question, dropped, is_decision, is_name, is_bare, is_newest, when)
