"""Read from plain English who decides, who weighs, who takes back: deterministic cues, no model.

Each cue is a way of speaking that people use about any subject; its weight says how often it means what it seems to.
What a turn shows is read once, when it is imported, and kept as one number.
"""

import re
from functools import cache
from typing import NamedTuple


class Cues(NamedTuple):
    """Hold what a turn shows.

    Args:
        commitment: how much it sounds like a decision, in [0, 1]; what it asks is left out.
        reversal: how much it sounds like it changes what was decided before, in [0, 1].
        asks: whether it asks something.
        is_open: whether it only asks, or leaves the matter open.
        offers: whether it weighs one thing against another.
        acknowledges: whether it takes on what was said before it.
        acts: whether a tool was used with it.
    """

    commitment: float
    reversal: float
    asks: bool
    is_open: bool
    offers: bool
    acknowledges: bool
    acts: bool

    def packed(self) -> int:
        """Return all of it as one number, shares in hundredths."""
        flags = sum(flag << place for place, flag in enumerate(self[2:]))
        return round(self.commitment * 100) | round(self.reversal * 100) << 7 | flags << 14


SILENT = Cues(0.0, 0.0, False, False, False, False, False)
# What the user chose in a dialog of the host.
CHOSEN = Cues(1.0, 0.0, False, False, False, False, False)


@cache
def unpacked(number: int) -> Cues:
    """Return what `packed` made one number of."""
    flags = (bool(number >> place & 1) for place in range(14, 19))
    return Cues((number & 127) / 100, (number >> 7 & 127) / 100, *flags)


class _Cue(NamedTuple):
    weight: float
    # The beginnings, four letters, of words of which a text with this cue holds one: a set costs less than a pattern.
    hints: str
    pattern: str


# What settles a matter.
_COMMITMENTS = (
    _Cue(
        0.9,
        "deci agre sett chos conc",
        r"\b(?:we|i|they|team) (?:have |has |had |'ve |finally |all )?(?:decided|agreed|settled|chose|concluded)\b",
    ),
    _Cue(0.9, "deci", r"\bdecid(?:ed|e)\b(?! (?:later|tomorrow|whether|if))|\bfinal decision\b|\bdecision:"),
    _Cue(
        0.8,
        "let",
        r"\blet'?s (?:not |just )?(?:go|use|keep|take|stick|stay|do|make|drop|move|switch|have|say|try|leave)\b",
    ),
    _Cue(
        0.8,
        "we i goin",
        r"\b(?:we'll|we will|i'll|we shall|going to) (?:go (?:with|for)|use|keep|stick|adopt|take|stay)\b",
    ),
    _Cue(
        0.8,
        "we",
        r"\bwe (?:go with|go for|opt for|use|stay|stick|keep|take|drop|never|always|build|buy|pick|choose)\b",
    ),
    _Cue(
        0.8,
        "go goin went opt opte sett",
        r"\b(?:go|going|went) (?:with|for)\b|\bopt(?:ed)? for\b|\bsettle[sd]? (?:on|for)\b",
    ),
    _Cue(
        0.8,
        "it from as no",
        r"\b[\w-]+ it is(?=[.,;!]|$)|\bfrom now on\b|\bas of (?:today|now)\b|\bno exceptions?\b",
    ),
    _Cue(0.7, "agre appr sold deal fina", r"\bagreed\b|\bapproved\b|\bsold\b|\bit'?s a deal\b|\bfinal\b"),
    _Cue(0.7, "inst rath favo", r"\b(?:instead of|rather than|in favou?r of)\b|\binstead\b|\b(?:i|we)'d rather\b"),
    _Cue(
        0.6,
        "ok okay yes fine righ good so then exac no",
        r"^(?:ok|okay|yes|fine|right|good|so|then|exactly|no)\b[^?]{0,160}\b(?:then|it is|with|for|instead|only|we)\b",
    ),
    _Cue(0.6, "then", r"\bthen\b[.,!]|,? then$|^then\b"),
    _Cue(
        0.6,
        "take use pick choo keep cap cut set make rais only ever no not neve alwa do drop",
        r"^(?:take|use|pick|choose|keep|cap|cut|set|make|raise|only|everything|no|not|never|always|do it|drop)\b",
    ),
    _Cue(
        0.5,
        "i soun fine work",
        r"^(?:[^.?!]{0,20}, )?i(?:'d)? (?:also |really )?(?:like|prefer|want|choose|pick|vote for)\b"
        r"|\b(?:sounds good|fine with me|works for me)\b",
    ),
    _Cue(
        0.5,
        "ever for only must at",
        r"\beverywhere\b|\bfor (?:everybody|everyone|all)\b|\bonly\b|\bmust\b|\bat (?:most|least)\b",
    ),
)
# What leaves it open.
_OPEN = (
    _Cue(
        1.0,
        "mayb perh not unde stil thin whet topi some i coul migh woul shou what",
        r"\b(?:maybe|perhaps|not sure|undecided|still open|think about|whether|topic for|someday|i wonder)\b"
        r"|\b(?:could|might|would|should) (?:we|i|you)\b|\bwhat (?:about|if)\b",
    ),
)
# What takes an earlier decision back, or changes it.
_REVERSALS = (
    _Cue(
        1.0,
        "scra reve revo undo over aban disc supe with reti depr repl",
        r"\b(?:scrap|revert|undo|reverse|overturn|abandon|discard|supersede|withdraw|revok|retir|deprecat|replac)\w*",
    ),
    _Cue(
        1.0,
        "take taki back retu chan",
        r"\btak(?:e|es|ing) (?:it |that )?back\b|\b(?:back|return) to\b|\bchang(?:e|ed|ing) (?:my|our|your) minds?\b",
    ),
    _Cue(
        1.0,
        "no not any anym dead hist goes gone with",
        r"\b(?:no longer|not any ?more|any ?more|is dead|is history|goes away|is gone|are gone|is withdrawn)\b",
    ),
    _Cue(
        1.0,
        "thro pull rip rips ripp take taki tear kick out get",
        r"\b(?:throw|pull|rip|take|tear|kick)\w*\b[^.?!]{0,30}\b(?:away|out)\b|\bout with\b|\bget rid of\b|\bout\b$",
    ),
    _Cue(
        0.9,
        "drop ditc remo kill stop lift end ends ende endi leav goes",
        r"\b(?:drop|ditch|remove|kill|stop|lift|end|leave)(?:s|ped|ped|d|ed|ting|ping)?\b|\bgoes( too)?\b",
    ),
    _Cue(0.9, "swit mov move movi migr swap", r"\b(?:switch|mov|migrat|swap)\w*\b[^.?!]{0,40}\b(?:to|from|over)\b"),
    _Cue(0.8, "not no inst rath", r"\b(?:let'?s )?not (?:keep|use)\b|\bno more\b|\binstead\b|\brather than\b"),
    _Cue(
        0.7,
        "cut cuts cutt rais lowe incr redu shor exte tigh rela beco up down",
        r"\b(?:cut(?:s|ting)?\b|(?:rais|lower|increas|reduc|shorten|extend|tighten|relax)\w*|becomes?\b"
        r"|(?:up|down) to\b)",
    ),
    _Cue(0.5, "afte in now new chan then", r"\b(?:after all|in the end|now|new|chang\w+|then)\b"),
)
_OPTIONS = (
    _Cue(
        1.0,
        "opti alte cand eith vers vs trad on comp pros cons or pric down whil cost but",
        r"\b(?:options?|alternatives?|candidates?|either|versus|vs|trade-?offs?|on the other hand|compared|pros|cons)\b"
        r"|\bor\b|\bbut\b|\bprice of\b|\bdownside\b|\bwhile\b|\bcosts?\b",
    ),
)
_REASON = re.compile(
    r"\b(?:because|since|so that|as it|due to|otherwise|the reason|given that|which is why|in order to|therefore)\b"
    r"|\b(?:don't|do not|didn't) (?:want|need|like)\b|\bneeds?\b|\btoo (?:\w+)\b|\b(?:tired|hate|costs?|risk\w*"
    r"|price|slow|fast"
    r"|simple\w*|easy|easier|cheap\w*|safe\w*|broke|fail\w*|hurts?)\b",
    re.IGNORECASE,
)
_ACKNOWLEDGED = (
    _Cue(
        1.0,
        "ok okay unde note agre done righ good then it i",
        r"\A(?:ok|okay|understood|noted|agreed|done|right|good)\b|\b(?:then|it is)\b[.,]|\bi'll\b|\bi will\b|\bi've\b",
    ),
)
_BEGINNING = re.compile(r"\b[a-z]{1,4}")
_SENTENCE = re.compile(r"[^.?!\n]+(?:[.?!](?!\s)[^.?!\n]*)*[.?!]*")
# How much of a turn is read for cues: who decides says so at once.
_READ = 1200


def read(text: str, role: str, *, acts: bool = False) -> Cues:
    """Read what a turn shows.

    Args:
        text: what was said; only its beginning is read, since who decides says so at once.
        role: who said it: only a user commits, only an assistant acknowledges.
        acts: whether a tool was used with it.
    """
    is_user = role == "user"
    asks = "?" in text
    text = text[:_READ]
    said = _statements(text) if asks else text
    hinted = _hinted(text)
    reverses = _strongest(_REVERSALS, text, hinted)
    takes_back = _strongest(_REVERSALS, said, hinted) if asks and is_user else reverses
    wavers = _strongest(_OPEN, said, hinted) > 0
    commits = max(_strongest(_COMMITMENTS, said, hinted), 0.7 * takes_back) if is_user else 0.0
    return Cues(
        max(0.0, commits - (0.5 if wavers else 0.0)),
        reverses,
        asks,
        wavers or (asks and len(said) < len(text.strip()) / 2),
        ";" in text or _strongest(_OPTIONS, text, hinted) > 0,
        not is_user and _strongest(_ACKNOWLEDGED, text, hinted) > 0,
        acts,
    )


def reason_in(text: str) -> str | None:
    """Return the first sentence of a text that gives a reason."""
    return next((one.strip() for one in _SENTENCE.findall(text[:_READ]) if _REASON.search(one)), None)


def _statements(text: str) -> str:
    return " ".join(one.strip() for one in _SENTENCE.findall(text) if not one.rstrip().endswith("?"))


def _hinted(text: str) -> set[str]:
    """Return the patterns that may be found in a text, by the beginnings of its words."""
    return {pattern for beginning in _HINTS.keys() & _BEGINNING.findall(text.lower()) for pattern in _HINTS[beginning]}


def _strongest(cues: tuple[_Cue, ...], text: str, hinted: set[str]) -> float:
    return next((cue.weight for cue in cues if cue.pattern in hinted and _compiled(cue.pattern).search(text)), 0.0)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


def _patterns_by_beginning() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for cue in (*_COMMITMENTS, *_OPEN, *_REVERSALS, *_OPTIONS, *_ACKNOWLEDGED):
        for beginning in cue.hints.split():
            found.setdefault(beginning, []).append(cue.pattern)
    return found


_HINTS = _patterns_by_beginning()
