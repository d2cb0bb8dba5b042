"""Notice what a question looks for in addition to its words, and what a passage shows of it.

Who spoke, when something happened, whether the passage itself only asks: these turn the order of passages that share
the same words. Each cue is a number in [0, 1]; each engine weighs them itself.
"""

import math
import re
from typing import NamedTuple

# A label in front of speech: `Caroline: ...`, `**Caroline:** ...`, `> Caroline (10:32): ...`.
_SPEAKER = re.compile(r"[>*_\-\s]*([^\W\d_][\w.'-]{1,30}(?: [^\W\d_][\w.'-]{1,30})?)[*_ ]*(?:\([^()\n]{1,30}\))?:")
_WHEN = re.compile(
    r"\s*(?:when|since when|how long|how recently|"
    r"(?:in |on |at |by )?(?:what|which) (?:year|month|week|day|date|time))\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last|next|ago|since|recently|weeks?|weekends?|months?|years?|days?|"
    r"morning|evening|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|"
    r"july|august|september|october|november|december|(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
# Very short passages rarely hold an answer; beyond a few lines more text says nothing more.
_SHORT = 30
_LONG = 300


class Sought(NamedTuple):
    """What a question looks for: its words, lower case, and whether it asks for a time."""

    words: frozenset[str]
    time: bool


class PassageCues(NamedTuple):
    """What a passage shows; each in [0, 1].

    Args:
        speaker: 1 if somebody speaks whom the question names.
        time: 1 if the question asks for a time and the passage tells one.
        asks: 1 if the passage ends in a question.
        length: 0 for a few words, 1 for several lines.
    """

    speaker: float
    time: float
    asks: float
    length: float


def sought(question: str) -> Sought:
    """Return what a question looks for."""
    return Sought(frozenset(word.lower() for word in _WORD.findall(question)), bool(_WHEN.match(question)))


def cues(wanted: Sought, text: str) -> PassageCues:
    """Return what a passage shows of what a question looks for."""
    label = _SPEAKER.match(text)
    return PassageCues(
        float(bool(label) and not wanted.words.isdisjoint(_WORD.findall(label[1].lower()))) if label else 0.0,
        float(wanted.time and bool(_TIME.search(text))),
        float(text.rstrip().endswith("?")),
        min(1.0, max(0.0, math.log(max(len(text), 1) / _SHORT) / math.log(_LONG / _SHORT))),
    )
