"""Cut texts and questions into the terms by which indexes find them: one function for all stores, languages, scripts.

A position of a text holds alternatives: the word without accents, stemmed as English; the same with umlauts as `ae`;
and its stem in the text's own language, as `de:haus`, so that stems of different languages never meet by accident. A
question does not say which language its words are of, so that each of them has its stems in all. German and
Dutch compounds are found by what they begin and end with, as `de:daten-` and `de:-sicher`.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from itertools import chain

from memory_router.text.languages import CODES, ENGLISH, language, languages_of, stemmer
from memory_router.text.spelling import UNUSUAL, fold, normal, spellings
from memory_router.text.unspaced import RUN, characters, pairs
from memory_router.text.word_cache import WordCache

Alternatives = tuple[str, ...]

_CYRILLIC = ("ru",)
_LATIN = tuple(code for code in CODES if code not in {ENGLISH, *_CYRILLIC})
# C++, C#, R&D: signs that belong to a name of one or two letters.
_SIGNED = r"(?<![^\W_])(?:[A-Za-z](?:\+\+|\#)(?![^\W_]|[+\#])|[A-Za-z]{1,2}&[A-Za-z]{1,2}(?![^\W_]|[&;]))"
# Letters and digits with the marks that belong to them: accents; vowel points; signs of Indic and related scripts.
_LETTER = (
    "[^\\W_\u0300-\u036f]|[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06ed\u0900-\u0963\u0966-\u0df3\u0f18-\u0fbc]"
)
_EMOJI = "[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f3fa\U0001f400-\U0001faff]"
_ASCII = re.compile(rf"{_SIGNED}|[A-Za-z0-9]+")
# To split a translated text costs a quarter of a pattern.
_SPACED = bytes(byte if chr(byte).isalnum() else 32 for byte in range(128)) + bytes([32] * 128)
# Compiled when first met: most questions are ASCII.
_ANY = rf"(?P<run>{RUN})|{_EMOJI}|{_SIGNED}|(?:(?!{RUN})(?:{_LETTER}))+"
# A shorter text says too little to guess its language by.
_SHORT = 8
# Languages that write compounds as one word, and the least length of a part of one.
_GERMAN = "de"
_COMPOUNDING = frozenset([_GERMAN, "nl"])
_PART = 4
# German participles, and infinitives with `zu`: gekauft, abgefüllt, abzufüllen, verkauft.
_PARTICIPLE = (
    "(?P<before>(?:ab|an|auf|aus|bei|ein|fest|her|hin|los|mit|nach|um|vor|weg|weiter|wieder|zu|zurück|zusammen)?)"
    "(?:ge|(?<=.)zu)(?P<stem>.{2,}?)(?:e?t|en)|(?P<whole>(?:be|emp|ent|er|ver|zer).{2,}?)e?t"
)
# Words below it have no endings; what is longer is not a word of a language, and the cost of its
# endings grows with its square.
_SHORTEST, _LONGEST = 3, 80
_LAST_LATIN = 0x24F


def words_in(text: str) -> list[str]:
    """Return the words of a normal text; scripts without spaces between them give pairs of characters."""
    has_signs = "+" in text or "#" in text or "&" in text
    if text.isascii():
        return _ASCII.findall(text) if has_signs else text.encode().translate(_SPACED).decode().split()
    if not has_signs and re.search(UNUSUAL, text) is None:
        return re.findall(r"[^\W_]+", text)
    runs = ((match["run"], match[0]) for match in re.finditer(_ANY, text))
    return list(chain.from_iterable(pairs(run) if run else (word,) for run, word in runs))


def terms(text: str) -> list[Alternatives]:
    """Return the terms of a text for an index: for each position its alternatives, the English stem first."""
    text = normal(text).lower()
    words = words_in(text)
    codes = _languages(words)
    return list(map(_indexed_in(codes).__getitem__, words))


def question_terms(text: str) -> list[Alternatives]:
    """Return the terms of a word or a phrase of a question: for each position all that an index may hold of it."""
    words = words_in(normal(text).lower())
    return [_alternatives(_stem(word), _asked_forms(word, _LATIN)) for word in words]


def stems(text: str) -> list[str]:
    """Return the first alternative of each position of a text, by which texts are compared outside of an index."""
    return [alternatives[0] for alternatives in map(_indexed_in(()).__getitem__, words_in(normal(text).lower()))]


@functools.lru_cache(maxsize=8)
def _indexed_in(codes: tuple[str, ...]) -> WordCache[Alternatives]:
    """Return the alternatives of words in texts of some languages; English, which every word may be, goes without."""
    return WordCache(lambda word: _alternatives(_stem(word), _forms(word, codes)))


def _stem(word: str) -> str:
    plain = fold(word)
    plain = language(ENGLISH).irregular.get(plain, plain)
    return stemmer(ENGLISH).stemWord(plain) if len(plain) <= _LONGEST else plain


def _languages(words: Sequence[str]) -> tuple[str, ...]:
    """Return the languages with Latin letters, but English, that a text may be written in."""
    codes = languages_of(words)
    if not codes and len(words) < _SHORT:
        return _LATIN
    return () if ENGLISH in codes else tuple(code for code in codes if code in _LATIN)


def _alternatives(stem: str, forms: Alternatives) -> Alternatives:
    return (stem, *(form for form in forms if form != stem))


def _forms(word: str, codes: tuple[str, ...]) -> Alternatives:
    """Return the forms, besides the English stem, under which a word of a text is indexed."""
    if not word.isascii() and re.match(RUN, word):
        return tuple(characters(word)[:1])
    return (*_inflected(word, codes), *_parts(word, codes))


def _parts(word: str, codes: tuple[str, ...]) -> Iterator[str]:
    """Yield what a compound may begin and end with: every beginning and every ending of a long word."""
    if not 2 * _PART <= len(word) <= _LONGEST or not word.isalpha():
        return
    for code in _COMPOUNDING.intersection(codes):
        whole = fold(stemmer(code).stemWord(word))
        for place in range(_PART, len(whole) - _PART + 1):
            yield f"{code}:{whole[:place]}-"
            yield f"{code}:-{whole[place:]}"


def _asked_forms(word: str, codes: tuple[str, ...]) -> Alternatives:
    """Return the forms, besides the English stem, under which a word of a question is looked up."""
    own = _inflected(word, codes)
    parts = (form for form in own if form[:2] in _COMPOUNDING and form[2:3] == ":" and len(form) >= _PART + 3)
    return (*own, *(spelt for form in parts for spelt in (f"{form}-", f"{form[:3]}-{form[3:]}")))


def _inflected(word: str, codes: tuple[str, ...]) -> Alternatives:
    if not codes and word.isascii():
        return ()
    if not _SHORTEST <= len(word) <= _LONGEST or not word.isalpha():
        return ()
    if "\u0400" <= word[0] <= "\u04ff":
        codes = _CYRILLIC
    elif ord(word[0]) > _LAST_LATIN:
        return ()
    written = spellings(word)
    own = {
        f"{code}:{fold(stemmer(code).stemWord(form))}"
        for code in codes
        for spelling in written[:2]
        if spelling not in language(code).stop_words
        for form in (spelling, *(_infinitive(spelling) if code == _GERMAN else ()))
    }
    return (*map(_stem, written[2:]), *sorted(own))


def _infinitive(word: str) -> Alternatives:
    """Return the infinitive of a German word that may be a past form: `abfüllen` of `abgefüllt`, `ziehen` of `zog`."""
    irregular = language(_GERMAN).irregular
    match = re.fullmatch(_PARTICIPLE, word)
    before = match["before"] or "" if match else ""
    if verb := irregular.get(word[len(before) :]):
        return (before + verb,)
    return (f"{match['whole'] or before + match['stem']}en",) if match else ()
