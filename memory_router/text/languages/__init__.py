"""The function words and the stemmers of the languages that ranking understands: one data file per language.

Sources: the stemmers are Snowball's (https://snowballstem.org); the lists of function words are our own.
"""

import functools
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from memory_router.text.spelling import spellings

if TYPE_CHECKING:
    from Stemmer import Stemmer

CODES = ("en", "de", "fr", "es", "it", "pt", "nl", "ru")
ENGLISH = "en"
# Bits of a count of function words.
_LANE = 16


class Language(NamedTuple):
    """A language.

    Args:
        name: its name in English.
        algorithm: Snowball's name of its stemmer.
        stop_words: its function words, lower case, in every usual spelling.
        requests: verbs that begin a request ("show", "find"), likewise.
        irregular: the infinitives of forms that the stemmer does not bring together with them: `choose` of `chose`.
    """

    name: str
    algorithm: str
    stop_words: frozenset[str]
    requests: frozenset[str]
    irregular: Mapping[str, str]


@functools.cache
def language(code: str) -> Language:
    """Return the language with an ISO 639-1 code of `CODES`."""
    with open(os.path.join(os.path.dirname(__file__), f"{code}.json"), encoding="utf-8") as file:
        data = json.load(file)
    verbs = (verb.split() for line in data.get("irregular", ()) for verb in line.split(","))
    irregular = {form: infinitive for infinitive, *forms in verbs for form in forms}
    return Language(data["name"], data["stemmer"], _listed(data["stop_words"]), _listed(data["requests"]), irregular)


@functools.cache
def stemmer(code: str) -> "Stemmer":
    """Return the stemmer of the language with a code of `CODES`; it expects lower case."""
    from Stemmer import Stemmer  # only what compares words needs it

    return Stemmer(language(code).algorithm)


def languages_of(words: Iterable[str]) -> tuple[str, ...]:
    """Guess the language of a text from its function words.

    Args:
        words: the words of the text, lower case.

    Returns:
        The codes of the languages with the most different function words in it; none if none occurs.
    """
    by_word = _languages_by_word()
    return _most_frequent(sum(map(by_word.__getitem__, by_word.keys() & words)))


@functools.lru_cache(maxsize=1000)
def _most_frequent(counted: int) -> tuple[str, ...]:
    counts = [counted >> _LANE * place & (1 << _LANE) - 1 for place in range(len(CODES))]
    return tuple(code for code, count in zip(CODES, counts, strict=True) if counted and count == max(counts))


@functools.cache
def _languages_by_word() -> dict[str, int]:
    """Return the languages of each function word as a number, a one in the lane of each, so that a sum counts all."""
    lanes = Counter[str]()
    for place, code in enumerate(CODES):
        lanes.update(dict.fromkeys(language(code).stop_words, 1 << _LANE * place))
    return dict(lanes)


def _listed(lines: Iterable[str]) -> frozenset[str]:
    return frozenset(spelling for line in lines for word in line.split() for spelling in spellings(word))
