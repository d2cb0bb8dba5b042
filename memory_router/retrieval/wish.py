"""Read what a question says about time: the present, or a day, a month, some days ago."""

import json
import os
import re
import time
from functools import lru_cache

from memory_router.retrieval.search import NO_WISH, Wish
from memory_router.text import words

# What a question about some time holds; the words themselves are read only where one of these is.
_HINT = re.compile(
    r"\b(?:19|20)\d\d|\b(?:yesterday|today|tonight|ago|recent(?:ly)?|lately|these days|morning|afternoon|evening"
    r"|(?:last|past|previous|this|on|in|during|since|from) "
    r"(?:week|month|year|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))",
    re.IGNORECASE,
)
_BETWEEN_WORDS = re.compile(r"\W+")


def wish(question: str, now: float | None = None) -> Wish:
    """Return what a question says about time.

    Args:
        question: any text.
        now: what "today" is counted from, in seconds since the epoch; the present moment if None.
    """
    now = time.time() if now is None else now
    asks_present = float(bool(_present(question)))
    if not _HINT.search(question):
        return Wish(asks_present, now=now) if asks_present else NO_WISH._replace(now=now)
    from memory_router.text import moments, timewords

    parsed = timewords.read(question, now)
    if parsed.since is None and parsed.until is None:
        parsed = moments.read_dates(question, now)
    until = None if parsed.until is None else parsed.until - 1
    return Wish(asks_present, parsed.since, until, now)


def asks_only_for_the_newest(question: str) -> bool:
    """Return whether a question names nothing but the present: "what did we just discuss", "latest?"."""
    present = _present(question)
    if not present:
        return False
    longest_first = sorted(present, key=len, reverse=True)
    named = "|".join(phrase if _is_unspaced(phrase) else rf"\b{re.escape(phrase)}\b" for phrase in longest_first)
    rest = words.parse(re.sub(named, " ", question, flags=re.IGNORECASE))
    doings = {word for listed in _listed()["doings"].values() for word in listed}
    is_named = rest.identifiers or rest.paths or rest.phrases
    return not is_named and all(word in doings or words.is_stop_word(word) for word in rest.words)


@lru_cache(maxsize=1)
def _listed() -> dict[str, dict[str, list[str]]]:
    with open(os.path.join(os.path.dirname(__file__), "present.json"), encoding="utf-8") as file:
        listed: dict[str, dict[str, list[str]]] = json.load(file)
    return listed


def _present(question: str) -> list[str]:
    """Return the adverbs and adjectives in a question that mean the present, in all languages."""
    spoken = _spaced(question.lower())
    return [phrase for form, phrase in _present_phrases().items() if form in spoken]


@lru_cache(maxsize=1)
def _present_phrases() -> dict[str, str]:
    phrases = [phrase for listed in _listed()["present"].values() for phrase in listed]
    return {phrase if _is_unspaced(phrase) else _spaced(phrase): phrase for phrase in phrases}


def _spaced(text: str) -> str:
    return f" {_BETWEEN_WORDS.sub(' ', text).strip()} "


def _is_unspaced(phrase: str) -> bool:
    return phrase[0] >= "\u3000"
