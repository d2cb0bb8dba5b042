"""Recognise how a request begins: with a question, or with a verb of command and its object.

Grammar by word lists, read from the left, without a model: a doubtful case is not a beginning, so that a request is
rather asked whole than torn apart.
"""

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Verbs that are seldom nouns: any object may follow them.
_VERBS = _listed(
    """
    add advise analyse analyze announce apply approve ask assess assign attach calculate choose collect compare
    compute convert create decide delete describe disable enable ensure evaluate explain fetch find generate get
    give identify inform insert install invite let locate notify play prepare propose publish rebuild recall
    recommend reject remember remind remove rename replace restart retrieve rewrite say send show speak store
    suggest summarise summarize tell translate uninstall validate verify
    """
)
# Words that are verbs only before an object that cannot follow a noun: "test the parser", not "test reports".
_NOUN_LIKE = _listed(
    """
    archive back book build buy call cancel change check clean close commit copy count deploy design document
    download draft draw email estimate export extract file fill filter fix format forward go group highlight import
    index inspect keep link list load log look mail make map mark measure merge message migrate monitor move name note
    open order outline package pay pick plan plot post print process produce pull push put query rank read record
    release render report request reset review roll run save schedule search set share sort start stop submit
    switch sync tag take test trace track try turn undo update upgrade upload use watch write
    """
)
_OPENERS = _listed(
    """
    a all an another any both each every everything her him his it its me my our some that the their them these this
    those us what where which who whom whose your how if whether
    """
)
_PARTICLES = {
    "search": _listed("for in"),
    "look": _listed("for up at into"),
    **dict.fromkeys(("back", "check", "clean", "pull", "roll", "set", "turn", "write"), _listed("back off on out up")),
}
_ASKING = _listed("what which who whom whose when where why how what's where's who's how's why's when's")
_AUXILIARIES = _listed(
    """
    am is are was were do does did has have had can could should would will shall may might must isn't aren't wasn't
    weren't don't doesn't didn't hasn't haven't can't couldn't shouldn't wouldn't won't
    """
)
_PRONOUNS = _listed("i we you they these those")
_SUBJECTS = _PRONOUNS | _listed(
    """
    he she it there this that the a an any all our my your his her its their someone
    anyone anything something everyone nobody
    """
)
_AMOUNTS = _listed("many much long often far old")
_FRAME = re.compile(
    r"(?:(?:please|kindly|just|now|first|ok|okay|hey|hi|so|well|(?:can|could|would|will) you|you should|let's|let us"
    r"|(?:i|we) (?:want|need|have)(?: you)? to|(?:i|we)(?:'d| would) like(?: you)? to|help me(?: to)?|remember to"
    r"|don't forget to) )+"
)
_RELATIVE = _listed("that which who whom whose")


class Word(NamedTuple):
    """A word of a request.

    Args:
        start: its first character.
        end: where it ends, without punctuation.
        text: the word as written.
        after: the punctuation and the white space after it.
    """

    start: int
    end: int
    text: str
    after: str

    @property
    def lower(self) -> str:
        """Return the word in lower case, with a plain apostrophe."""
        return self.text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def verbs_of_command(sentence: list[str]) -> set[str]:
    """Return those of a sentence's lower-case words that say what to do and not what it is about."""
    words = _unframed(sentence)
    return {word for word in words if word in _VERBS} | ({words[0]} if _is_command(words, any_object=True) else set())


def is_question(sentence: Sequence[Word]) -> bool:
    """Return whether a sentence asks; "can you mend it" commands."""
    return _is_question(_unframed([word.lower for word in sentence]))


def is_question_or_command(sentence: Sequence[Word]) -> bool:
    """Return whether a sentence asks or commands; it is taken at its word, since a sentence begins there."""
    words = _unframed([word.lower for word in sentence])
    return _is_question(words) or _is_command(words, any_object=True)


def ends_and_begins(left: Sequence[Word], right: Sequence[Word], *, joined: bool, in_sequence: bool) -> bool:
    """Return whether one request ends and another one begins between `left` and `right`.

    Args:
        left: the words before, since the request began.
        right: the words behind.
        joined: whether a word such as "and" stands between them, and not only a comma or a line break.
        in_sequence: whether that word is one of order: "then", "after that", "finally".
    """
    before, behind = [word.lower for word in left], [word.lower for word in right]
    if _is_name(right[0]) or before[-1] in _ASKING or _is_open(before) or _is_condition(left):
        return False
    request = _unframed(before)
    bare = _unframed(behind)
    if _is_direct_question(bare):
        return _is_question(request) or _is_command(request, any_object=True) or (joined and _is_topic(request))
    if _is_question(request):
        # "which services use it" asks; "what they may do" only names something.
        if joined and bare[0] in ("what", "which", "who", "whose") and len(bare) > 2:
            return bare[1] not in _SUBJECTS
        addressed = bare[:2] in (["tell", "me"], ["show", "me"], ["remind", "me"], ["give", "me"], ["let", "me"])
        to_do = request[0] in ("how", "how's")
        marked = in_sequence or len(bare) < len(behind) or (joined and "," in left[-1].after)
        return _is_command(bare, any_object=False) and (addressed or (marked and not to_do))
    if not _is_command(request, any_object=True) or not _is_command(bare, any_object=False):
        return False
    # "find all read and delete calls": a verb before the "and" may be what is joined.
    if _is_verb(before[-1]) and bare[1] not in _OPENERS:
        return False
    # "the script to read files and write logs", "jobs that read orders and send mail": still the same object.
    nested = any(word in _RELATIVE for word in request[2:]) or any(
        word == "to" and _is_verb(following) for word, following in itertools.pairwise(request)
    )
    return in_sequence or len(bare) < len(behind) or not nested


def _is_verb(word: str) -> bool:
    return word in _VERBS or word in _NOUN_LIKE


def _is_name(word: Word) -> bool:
    """Return whether a word is capitalised within a sentence: `Add and Remove Programs`."""
    return word.text[0].isupper() and not word.text.isupper() and word.text != "I"


def _is_open(before: Sequence[str]) -> bool:
    """Return whether "between", "both" or "either" still waits for its "and"."""
    for position in range(len(before) - 1, -1, -1):
        if before[position] in ("between", "both", "either"):
            return not {"and", "or"} & set(before[position:])
    return False


def _is_condition(left: Sequence[Word]) -> bool:
    """Return whether the last clause only leads to what follows: "and if they fail, ..."."""
    clause: list[str] = []
    for word in left[:-1]:
        clause = [] if "," in word.after else [*clause, word.lower]
    return bool({"if", "when", "once", "unless", "while"} & set(clause[:2])) and "," in left[-1].after


def _is_topic(found: Sequence[str]) -> bool:
    """Return whether words name something that can be asked for alone, rather than lead to a question."""
    leading = _listed("if when once unless while after before since because although given for in on at with by until")
    return len(found) > 1 and found[0] not in leading


def _is_question(found: Sequence[str]) -> bool:
    return len(found) > 2 and (found[0] in _ASKING or _is_direct_question(found))


def _is_direct_question(found: Sequence[str]) -> bool:
    """Return whether a question begins in the order of questions: "why did", "what's", "how many", "is there"."""
    if len(found) < 3:
        return False
    first, second = found[:2]
    if first in ("do", "have"):
        return second in _PRONOUNS
    if first in _AUXILIARIES:
        return second in _SUBJECTS
    if first not in _ASKING:
        return False
    return "'" in first or second in _AUXILIARIES or (first == "how" and second in _AMOUNTS) or second == "about"


def _is_command(found: Sequence[str], *, any_object: bool) -> bool:
    """Return whether a verb and its object begin; with `any_object` also a verb that could be a noun."""
    if len(found) < 2 or found[1] in _AUXILIARIES or found[1] in ("and", "or", "of"):
        return False
    verb, following = found[:2]
    if verb in _VERBS or (any_object and verb in _NOUN_LIKE):
        return True
    return verb in _NOUN_LIKE and (following in _OPENERS or following in _PARTICLES.get(verb, ()))


def _unframed(found: list[str]) -> list[str]:
    """Drop courtesies that stand before a request: "please", "could you", "i want to"."""
    frame = _FRAME.match(" ".join(found))
    return found[frame[0].count(" ") :] if frame else found
