"""Read from plain English who decides, who weighs, who takes back: deterministic cues, no model.

Each cue is a way of speaking that people use about any subject; its weight says how often it means what it seems to.
"""

import re
from functools import cache
from typing import NamedTuple


class _Cue(NamedTuple):
    weight: float
    pattern: str


# What settles a matter.
_COMMITMENTS = (
    _Cue(
        0.9, r"\b(?:we|i|they|team) (?:have |has |had |'ve |finally |all )?(?:decided|agreed|settled|chose|concluded)\b"
    ),
    _Cue(0.9, r"\bdecid(?:ed|e)\b(?! (?:later|tomorrow|whether|if))|\bfinal decision\b|\bdecision:"),
    _Cue(0.8, r"\blet'?s (?:not |just )?(?:go|use|keep|take|stick|stay|do|make|drop|move|switch|have|say|try|leave)\b"),
    _Cue(0.8, r"\b(?:we'll|we will|i'll|we shall|going to) (?:go (?:with|for)|use|keep|stick|adopt|take|stay)\b"),
    _Cue(0.8, r"\bwe (?:go with|go for|opt for|use|stay|stick|keep|take|drop|never|always|build|buy|pick|choose)\b"),
    _Cue(0.8, r"\b(?:go|going|went) (?:with|for)\b|\bopt(?:ed)? for\b|\bsettle[sd]? (?:on|for)\b"),
    _Cue(0.8, r"\b[\w-]+ it is(?=[.,;!]|$)|\bfrom now on\b|\bas of (?:today|now)\b|\bno exceptions?\b"),
    _Cue(0.7, r"\bagreed\b|\bapproved\b|\bsold\b|\bit'?s a deal\b|\bfinal\b"),
    _Cue(0.7, r"\b(?:instead of|rather than|in favou?r of)\b|\binstead\b|\b(?:i|we)'d rather\b"),
    _Cue(
        0.6,
        r"^(?:ok|okay|yes|fine|right|good|so|then|exactly|no)\b[^?]{0,160}\b(?:then|it is|with|for|instead|only|we)\b",
    ),
    _Cue(0.6, r"\bthen\b[.,!]|,? then$|^then\b"),
    _Cue(
        0.6, r"^(?:take|use|pick|choose|keep|cap|cut|set|make|raise|only|everything|no|not|never|always|do it|drop)\b"
    ),
    _Cue(0.5, r"\beverywhere\b|\bfor (?:everybody|everyone|all)\b|\bonly\b|\bmust\b|\bat (?:most|least)\b"),
)
# What leaves it open.
_OPEN = re.compile(
    r"\b(?:maybe|perhaps|not sure|undecided|still open|think about|whether|topic for|someday|i wonder)\b"
    r"|\b(?:could|might|would|should) (?:we|i|you)\b|\bwhat (?:about|if)\b",
    re.IGNORECASE,
)
# What takes an earlier decision back, or changes it.
_REVERSALS = (
    _Cue(
        1.0,
        r"\b(?:scrap|revert|undo|reverse|overturn|abandon|discard|supersede|withdraw|revok|retir|deprecat|replac)\w*",
    ),
    _Cue(
        1.0,
        r"\btak(?:e|es|ing) (?:it |that )?back\b|\b(?:back|return) to\b|\bchang(?:e|ed|ing) (?:my|our|your) minds?\b",
    ),
    _Cue(1.0, r"\b(?:no longer|not any ?more|any ?more|is dead|is history|goes away|is gone|are gone|is withdrawn)\b"),
    _Cue(
        1.0,
        r"\b(?:throw|pull|rip|take|tear|kick)\w*\b[^.?!]{0,30}\b(?:away|out)\b|\bout with\b|\bget rid of\b|\bout\b$",
    ),
    _Cue(0.9, r"\b(?:drop|ditch|remove|kill|stop|lift|end|leave)(?:s|ped|ped|d|ed|ting|ping)?\b|\bgoes( too)?\b"),
    _Cue(0.9, r"\b(?:switch|mov|migrat|swap)\w*\b[^.?!]{0,40}\b(?:to|from|over)\b"),
    _Cue(0.8, r"\b(?:let'?s )?not (?:keep|use)\b|\bno more\b|\binstead\b|\brather than\b"),
    _Cue(
        0.7, r"\b(?:cut|rais|lower|increas|reduc|shorten|extend|tighten|relax)\w*\b|\bbecomes?\b|\bup to\b|\bdown to\b"
    ),
    _Cue(0.5, r"\b(?:after all|in the end|now|new|chang\w+|then)\b"),
)
_OPTIONS = re.compile(
    r"\b(?:options?|alternatives?|candidates?|either|versus|vs|trade-?offs?|on the other hand|compared|pros|cons)\b"
    r"|\bor\b|\bprice of\b|\bdownside\b|;|\bwhile\b|\bcosts?\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:because|since|so that|as it|due to|otherwise|the reason|given that|which is why|in order to|therefore)\b"
    r"|\b(?:don't|do not|didn't) (?:want|need|like)\b|\bneeds?\b|\btoo (?:\w+)\b|\b(?:tired|hate|costs?|risk\w*"
    r"|price|slow|fast"
    r"|simple\w*|easy|easier|cheap\w*|safe\w*|broke|fail\w*|hurts?)\b",
    re.IGNORECASE,
)
_ACKNOWLEDGED = re.compile(
    r"^(?:ok|okay|understood|noted|agreed|done|right|good)\b|\b(?:then|it is)\b[.,]|\bi'll\b|\bi will\b|\bi've\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.?!\n]+(?:[.?!](?!\s)[^.?!\n]*)*[.?!]*")
# How much of a turn is read for cues: who decides says so at once.
_READ = 1200


def commitment(text: str) -> float:
    """Return how much a text sounds like a decision, in [0, 1]; what it asks is left out."""
    said = _statements(text)
    strength = max(_strongest(_COMMITMENTS, said), 0.7 * reversal(said))
    return max(0.0, strength - (0.5 if _OPEN.search(said) else 0.0))


def reversal(text: str) -> float:
    """Return how much a text sounds like it changes what was decided before, in [0, 1]."""
    return _strongest(_REVERSALS, text[:_READ])


def is_question(text: str) -> bool:
    """Say whether a text asks something."""
    return "?" in text


def is_open(text: str) -> bool:
    """Say whether a text only asks, or leaves the matter open."""
    said = _statements(text)
    return len(said) < len(text.strip()) / 2 or _OPEN.search(said) is not None


def offers_options(text: str) -> bool:
    """Say whether a text weighs one thing against another."""
    return _OPTIONS.search(text[:_READ]) is not None


def acknowledges(text: str) -> bool:
    """Say whether a text takes on what was said before it."""
    return _ACKNOWLEDGED.search(text[:_READ]) is not None


def reason_in(text: str) -> str | None:
    """Return the first sentence of a text that gives a reason."""
    return next((one.strip() for one in _SENTENCE.findall(text[:_READ]) if _REASON.search(one)), None)


def _statements(text: str) -> str:
    return " ".join(one.strip() for one in _SENTENCE.findall(text[:_READ]) if not one.rstrip().endswith("?"))


def _strongest(cues: tuple[_Cue, ...], text: str) -> float:
    return next((cue.weight for cue in cues if _compiled(cue.pattern).search(text)), 0.0)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)
