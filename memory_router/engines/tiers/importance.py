"""Estimate how important a text is, when nobody says so: the same text gives the same estimate, and its reasons.

The cues are those by which the write gates of earlier memory systems sort: what changes future behaviour lasts
(decisions, preferences, rules, commitments), what happened is worth a while, chatter is not worth keeping.
"""

import re
from typing import NamedTuple

_NEUTRAL = 0.5


class Estimate(NamedTuple):
    """Hold an importance in [0, 1], and the cues that it was estimated from."""

    importance: float
    reasons: tuple[str, ...]


class _Cue(NamedTuple):
    reason: str
    importance: float
    pattern: re.Pattern[str]


def _cue(reason: str, importance: float, pattern: str) -> _Cue:
    return _Cue(reason, importance, re.compile(rf"(?i)\b(?:{pattern})\b"))


# The strongest cue that a text holds decides.
_CUES = (
    _cue("asks to be remembered", 0.9, r"remember (?:this|that)|important|do not forget|don't forget|note to self"),
    _cue(
        "a decision",
        0.8,
        r"decid\w+|decision|cho(?:se|sen|ice)|choos\w+|agreed|settled on|went with|instead of|switch(?:ed)? to"
        r"|replac\w+|supersed\w+|no longer|from now on|approved|rejected",
    ),
    _cue(
        "a preference",
        0.8,
        r"prefer\w*|likes?|loves?|hates?|dislikes?|wants?|favou?rite|rather (?:have|use|not)|insists?",
    ),
    _cue("a rule", 0.75, r"always|never|must(?: not)?|do not|don't|only use|policy|rule|convention|required?"),
    _cue(
        "a commitment", 0.75, r"remind\w*|deadline|due (?:on|by)|promis\w+|will be|todo|to-do|open:|until (?:\w+ )?\d+"
    ),
    _cue(
        "an error or incident",
        0.7,
        r"incident|outage|fail(?:s|ed|ure)?|broke\w*|crash\w*|error|bug|root cause|fix(?:ed)?|regression|data loss",
    ),
    _cue(
        "a fact about people or systems",
        0.6,
        r"is called|lives? (?:at|in)|listens? on|belongs? to|owns?|password|vault",
    ),
)
_CHATTER = re.compile(
    r"(?i)(?:\W*\b(?:ok(?:ay)?|thanks?|thank you|thx|hi|hello|hey|bye|lol|haha|great|nice|cool|sure|yes|no|yep|nope|"
    r"done|good (?:morning|night)|see you|got it|sounds good|perfect|please|you)\b)+\W*"
)
_PASSING = re.compile(
    r"(?i)\b(?:user (?:clicked|viewed|scrolled|opened)|typing|brb|one moment|temp(?:orary)?|scratch|cache)\b"
)


def estimate(text: str) -> Estimate:
    """Estimate the importance of a text in [0, 1].

    Args:
        text: what is to be remembered.
    """
    if _CHATTER.fullmatch(text) and len(text) <= 200:
        return Estimate(0.1, ("chatter",))
    found = [cue for cue in _CUES if cue.pattern.search(text)]
    if found:
        return Estimate(max(cue.importance for cue in found), tuple(cue.reason for cue in found))
    if _PASSING.search(text):
        return Estimate(0.2, ("of passing interest",))
    if text.rstrip().endswith("?"):
        return Estimate(0.3, ("a question",))
    return Estimate(_NEUTRAL, ("nothing speaks for or against it",))
