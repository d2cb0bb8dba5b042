"""Find phrases that a person can read in the words of a text, whatever its length in linear time.

A phrase is words with spaces between them: `why did we`. Case does not matter, nor does punctuation between words, but
no phrase goes beyond a sentence. In the place of a word may stand

    find|show       one of several words
    (the)           a word that may be missing
    decid*          any word that begins so
    ...             up to twelve words
    !name|row       no word of these; nothing is taken
    {unit}          an entry of a vocabulary, whose meaning is captured; one with `0` also takes any number
    ^who            a word that begins a sentence, or follows words such as "please show me"

Chinese and Japanese are matched character by character, an apostrophe parts two words (`what 's`), and a file name is
one word.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# Gaps are at most this many words: what stands farther apart does not belong together.
_GAP_WORDS = 12
# A word, a file name, or the end of a sentence.
_TOKEN = re.compile(r"\w+(?:\.\w+)*|[.!?](?=\s)|[\n\u3002\uff01\uff1f]")
_END = "."
_ENDS = frozenset(".!?\n\u3002\uff01\uff1f")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What may stand before the words that begin a request, in the languages of the phrases.
_COURTESY = _listed(
    """
    please kindly hey hi hello ok okay so and also now just well can could would you show tell give list find let me us
    i we want need like to know see do all the bitte zeig zeige mir sag kannst du ich will finde alle
    peux tu montre dis moi les s il te plait vous por favor puedes muestra muestrame dime busca todos los las
    """
)
# Maps a word in lower case to what it means.
Vocabulary = Mapping[str, Any]


class Token(NamedTuple):
    """A word of a text: in lower case, as it was written, and where it stands; the end of a sentence is `.`."""

    word: str
    text: str
    start: int
    end: int


class Phrase(NamedTuple):
    """A phrase found in a text.

    Args:
        number: the position of the phrase in its index.
        start: its first character.
        end: the character after it.
        captures: what its vocabularies say of the words in its braces, in order.
    """

    number: int
    start: int
    end: int
    captures: tuple[Any, ...] = ()


def tokens_of(text: str) -> list[Token]:
    """Return the words of a text and the ends of its sentences."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        word, start = match[0], match.start()
        if word.isascii():
            tokens.append(Token(_END if word in _ENDS else word.lower(), word, start, match.end()))
        elif word in _ENDS:
            tokens.append(Token(_END, word, start, match.end()))
        else:
            tokens += [Token(part.lower(), part, start + at, start + at + len(part)) for at, part in _parts(word)]
    return tokens


def _parts(word: str) -> Iterator[tuple[int, str]]:
    """Yield a word, or its Chinese and Japanese characters and what stands between them, with their places."""
    begin = 0
    for at, character in enumerate(word):
        if _is_unspaced(character):
            if begin < at:
                yield begin, word[begin:at]
            yield at, character
            begin = at + 1
    if begin < len(word):
        yield begin, word[begin:]


def _is_unspaced(character: str) -> bool:
    """Return whether a character is of Chinese or Japanese, which put no spaces between words."""
    return "\u3005" <= character <= "\u9fff"


def _words(text: str) -> tuple[str, ...]:
    return tuple(token.word for token in tokens_of(text))


class _Slot(NamedTuple):
    """One place of a phrase: words to choose from, a vocabulary to look into, or a gap (neither)."""

    words: tuple[tuple[str, ...], ...] = ()
    beginnings: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None
    is_optional: bool = False
    is_refused: bool = False


class _Slots(NamedTuple):
    """A phrase that is read: its places, and for some of them the words of which a text needs one."""

    places: tuple[_Slot, ...]
    needed: tuple[frozenset[str], ...]
    begins_request: bool


_GAP = _Slot()
_LONGEST_NUMBER = 4  # digits
_LONGEST_ENTRY = 4  # characters of Chinese or Japanese, or words


class PhraseIndex:
    """Find the first of many phrases in a text; what a phrase begins with leads to it, so that most are never read.

    Args:
        phrases: the phrases; their order is their rank. None begins with a gap or a refused word.
        vocabularies: the words for the names in braces.
    """

    def __init__(self, phrases: Iterable[str], vocabularies: Mapping[str, Vocabulary] | None = None) -> None:
        self._vocabularies = vocabularies or {}
        self._phrases = tuple(phrases)
        self._by_word: dict[str, list[int]] = {}
        self._by_beginning: dict[str, list[int]] = {}
        self._slots: dict[int, _Slots] = {}
        for number, phrase in enumerate(self._phrases):
            for place in phrase.removeprefix("^").split():
                for first in place.strip("()").split("|"):
                    self._add(first, number)
                if place[0] != "(":
                    break
        self._lengths = sorted({len(beginning) for beginning in self._by_beginning})

    def _add(self, first: str, number: int) -> None:
        if first[0] == "{":
            for word in {_first_word(word) for word in self._vocabularies[first[1:-1]]}:
                self._by_word.setdefault(word, []).append(number)
        elif first[-1] == "*":
            self._by_beginning.setdefault(first[:-1], []).append(number)
        else:
            self._by_word.setdefault(first if first.isalnum() and first.isascii() else _first_word(first), []).append(
                number
            )

    def first(self, tokens: Sequence[Token], below: int | None = None) -> Phrase | None:
        """Return the phrase of the highest rank that stands in a text, where it stands first; None if none does.

        Args:
            tokens: the words of the text.
            below: only phrases that stand before this one in the index count.
        """
        best: Phrase | None = None
        rank = len(self._phrases) if below is None else below
        words = {token.word for token in tokens}
        possible: dict[int, bool] = {}
        for position, token in enumerate(tokens):
            for number in self._beginning_at(token.word):
                if number >= rank:
                    continue
                if number not in possible:
                    possible[number] = not any(map(words.isdisjoint, self._slots_of(number).needed))
                if possible[number] and (phrase := self._match(number, tokens, position)):
                    best, rank = phrase, number
        return best

    def all(self, tokens: Sequence[Token]) -> Iterator[Phrase]:
        """Yield the phrases of a text in the order in which they begin; of those that begin together the first rank."""
        for position, token in enumerate(tokens):
            for number in sorted(self._beginning_at(token.word)):
                if phrase := self._match(number, tokens, position):
                    yield phrase
                    break

    def _beginning_at(self, word: str) -> Iterator[int]:
        yield from self._by_word.get("0" if word.isdecimal() else word, ())
        for length in self._lengths:
            yield from self._by_beginning.get(word[:length], ())

    def _slots_of(self, number: int) -> "_Slots":
        if number not in self._slots:
            phrase = self._phrases[number]
            slots = tuple(map(self._slot, phrase.removeprefix("^").split()))
            needed = tuple(
                frozenset(choice[0] for choice in slot.words)
                for slot in slots[1:]
                if slot.words and not (slot.is_optional or slot.is_refused or slot.beginnings)
            )
            self._slots[number] = _Slots(slots, needed, phrase[0] == "^")
        return self._slots[number]

    def _match(self, number: int, tokens: Sequence[Token], position: int) -> Phrase | None:
        slots = self._slots_of(number)
        if slots.begins_request and not _begins_request(tokens, position):
            return None
        end = _matched(slots.places, 0, tokens, position)
        return Phrase(number, tokens[position].start, tokens[end[0] - 1].end, end[1]) if end else None

    def _slot(self, place: str) -> _Slot:
        if place == "...":
            return _GAP
        if place[0] == "{":
            return _Slot(vocabulary=self._vocabularies[place[1:-1]])
        bare = place.strip("()!")
        choices = bare.split("|")
        return _Slot(
            tuple(_words(choice) for choice in choices if choice[-1] != "*"),
            tuple(choice[:-1] for choice in choices if choice[-1] == "*"),
            is_optional=place[0] == "(",
            is_refused=place[0] == "!",
        )


def _begins_request(tokens: Sequence[Token], position: int) -> bool:
    for token in reversed(tokens[max(position - _GAP_WORDS, 0) : position]):
        if token.word == _END:
            return True
        if token.word not in _COURTESY:
            return False
    return position <= _GAP_WORDS


def _first_word(text: str) -> str:
    return _words(text)[0]


def _matched(
    slots: Sequence[_Slot], number: int, tokens: Sequence[Token], position: int
) -> tuple[int, tuple[Any, ...]] | None:
    """Return where the rest of a phrase ends among the tokens and what it captures, or None."""
    if number == len(slots):
        return position, ()
    slot = slots[number]
    if slot is _GAP:
        for start in range(position, min(position + _GAP_WORDS, len(tokens)) + 1):
            if rest := _matched(slots, number + 1, tokens, start):
                return rest
            if start < len(tokens) and tokens[start].word == _END:
                return None
        return None
    if slot.is_refused:
        refused = any(_ways(slot, tokens, position))
        return None if refused else _matched(slots, number + 1, tokens, position)
    for length, captured in _ways(slot, tokens, position):
        if rest := _matched(slots, number + 1, tokens, position + length):
            return rest[0], captured + rest[1]
    return _matched(slots, number + 1, tokens, position) if slot.is_optional else None


def _ways(slot: _Slot, tokens: Sequence[Token], position: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Yield how many tokens a slot can take at a position, and what it captures of them."""
    if position >= len(tokens):
        return
    word = tokens[position].word
    if slot.vocabulary is not None:
        for length in range(min(_LONGEST_ENTRY, len(tokens) - position), 0, -1):
            # Words of a vocabulary are joined as they were written: without spaces in Chinese, with one in English.
            joined = _joined(tokens[position : position + length])
            if joined in slot.vocabulary:
                yield length, (slot.vocabulary[joined],)
        if word.isdecimal() and len(word) <= _LONGEST_NUMBER and "0" in slot.vocabulary:
            yield 1, (int(word),)
        return
    for choice in slot.words:
        if choice[0] == word and (
            len(choice) == 1 or choice == tuple(token.word for token in tokens[position : position + len(choice)])
        ):
            yield len(choice), ()
    if slot.beginnings and word.startswith(slot.beginnings):
        yield 1, ()


def _joined(tokens: Sequence[Token]) -> str:
    if len(tokens) == 1:
        return tokens[0].word
    between = "" if tokens[0].end == tokens[1].start else " "
    return between.join(token.word for token in tokens)
