"""Read words of time in a question as a span of time: "this morning", "last 3 days", "seit Montag", "三天前".

The words and their order are data, one file per language in `times`: what units, weekdays, parts of the day and numbers
are called, and the forms that are made of them. The code only knows what a form means.
"""

import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from memory_router.text.phrases import Phrase, PhraseIndex, Token, tokens_of

LANGUAGES = ("en", "de", "fr", "es", "zh", "ja")
_FOLDER = os.path.join(os.path.dirname(__file__), "times")
_DAY = 86_400.0
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": _DAY, "week": 7 * _DAY, "month": 30.5 * _DAY, "year": 365 * _DAY}
# Hours of the local day, from and to.
_PARTS = {"morning": (0, 12), "afternoon": (12, 18), "evening": (17, 24), "night": (18, 29)}
# Marks a number that is said vaguely: "a few".
_VAGUE = "~"

Span = tuple[float | None, float | None]


class QuestionTime(NamedTuple):
    """What a question says about time.

    Args:
        rest: the question without it.
        words: the words of time, as written.
        since: the beginning of the span, in seconds since the epoch, or None.
        until: its end, or None.
        is_conversation: whether it asks for the conversation that is going on.
    """

    rest: str
    words: str = ""
    since: float | None = None
    until: float | None = None
    is_conversation: bool = False


def read(question: str, now: float) -> QuestionTime:
    """Split a question into what it says about time and the rest; days begin at the local midnight.

    Args:
        question: any text.
        now: what "today" is counted from, in seconds since the epoch.
    """
    phrase = find(tokens_of(question))
    if phrase is None:
        return QuestionTime(question)
    since, until = span_of(phrase, now)
    form = _forms().names[phrase.number]
    return narrowed(question, phrase.start, phrase.end, since, until)._replace(is_conversation=form == "conversation")


def find(tokens: Sequence[Token]) -> Phrase | None:
    """Return the words of time in a text, or None."""
    return _forms().phrases.first(tokens)


def narrowed(question: str, start: int, end: int, since: float | None, until: float | None) -> QuestionTime:
    """Return a question without the words of time between `start` and `end`, which mean that span."""
    rest = " ".join((question[:start] + " " + question[end:]).split())
    return QuestionTime(rest, question[start:end], since, until)


def span_of(found: Phrase, now: float) -> Span:
    """Return the beginning and the end of what words of time mean, in seconds since the epoch."""
    form = _forms().names[found.number]
    if form.startswith("since_"):
        return _meaning(form.removeprefix("since_"), found.captures, now)[0], now
    return _meaning(form, found.captures, now)


def moment_ago(text: str, now: float) -> float | None:
    """Return the moment that "3 days ago" names, to the second; None if the text is anything else."""
    phrase = find(tokens_of(text))
    if phrase is None or (phrase.start, phrase.end) != (0, len(text)) or _forms().names[phrase.number] != "ago":
        return None
    return now - _amount(*phrase.captures)


def midnight(year: int, month: int = 1, day: int = 1) -> float:
    """Return the local midnight in which a day begins, in seconds since the epoch; days past the month count on."""
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))


class _Forms(NamedTuple):
    """The forms of all languages, and by the number of each what it is called."""

    phrases: PhraseIndex
    names: tuple[str, ...]


@functools.cache
def _forms() -> _Forms:
    named: list[tuple[str, str]] = []
    vocabularies: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        with open(os.path.join(_FOLDER, f"{language}.json"), encoding="utf-8") as file:
            words = json.load(file)
        _add_vocabularies(vocabularies, language, words)
        for name, forms in _with_since(words["forms"], words["since"]):
            named += [(name, form.replace("}", f"_{language}}}")) for form in forms]
    # What contains another form comes before it, in every language: Japanese "the day before yesterday" ends in the
    # Chinese "yesterday".
    named.sort(key=lambda pair: (not pair[0].startswith("since_"), pair[0] != "day_before_yesterday"))
    return _Forms(PhraseIndex([form for _, form in named], vocabularies), tuple(name for name, _ in named))


def _add_vocabularies(vocabularies: dict[str, dict[str, Any]], language: str, words: Mapping[str, Any]) -> None:
    vocabularies[f"number_{language}"] = {"0": 0, **_inverted(words["numbers"])}
    vocabularies[f"unit_{language}"] = _inverted(words["units"])
    vocabularies[f"part_{language}"] = _inverted(words["parts"])
    vocabularies[f"weekday_{language}"] = {name: day for day, names in enumerate(words["weekdays"]) for name in names}


def _inverted(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {word: meaning for meaning, several in words.items() for word in several}


def _with_since(forms: Mapping[str, Sequence[str]], since: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield forms by name, and before them those that follow a word for "since": "since yesterday", "since Monday"."""
    for name, phrases in {**forms, "weekday": ["(last) {weekday}", *forms["weekday"]]}.items():
        if name not in ("conversation", "past") and not name.startswith("since_"):
            yield f"since_{name}", [f"{word} {phrase}" for word in since for phrase in phrases]
    yield from forms.items()


def _meaning(form: str, captures: Sequence[Any], now: float) -> Span:
    if form in _MEANINGS:
        return _MEANINGS[form](now, *captures)
    which, _, argument = form.partition(" ")
    return _MEANINGS[which if argument in _UNITS else f"{which}_part"](now, argument)


def _amount(number: str | int, unit: str) -> float:
    return float(str(number).removeprefix(_VAGUE)) * _UNITS[unit]


def _ago(now: float, number: str | int, unit: str) -> Span:
    # "Three days ago" is a day, "a few weeks ago" some weeks.
    amount = _amount(number, unit)
    slack = max(_UNITS[unit] / 2, amount / 2 if str(number).startswith(_VAGUE) else 0.0)
    return now - amount - slack, now - amount + slack


def _past(now: float, number: str | int, unit: str) -> Span:
    return now - _amount(number, unit), now


def _rolling(now: float, unit: str) -> Span:
    return now - _UNITS[unit], now


def _this(now: float, unit: str) -> Span:
    return (_beginning(now, unit, 0), now) if unit in _CALENDAR else _rolling(now, unit)


def _last(now: float, unit: str) -> Span:
    return (_beginning(now, unit, -1), _beginning(now, unit, 0)) if unit in _CALENDAR else _rolling(now, unit)


_CALENDAR = frozenset(("week", "month", "year"))


def _beginning(now: float, unit: str, back: int) -> float:
    """Return when this week, month or year began, or one before (`back` is negative)."""
    local = time.localtime(now)
    if unit == "week":
        return _midnight(now, 7 * back - local.tm_wday)
    return midnight(local.tm_year, local.tm_mon + back) if unit == "month" else midnight(local.tm_year + back)


def _midnight(now: float, days: int = 0) -> float:
    local = time.localtime(now)
    return midnight(local.tm_year, local.tm_mon, local.tm_mday + days)


def _day(now: float, back: int) -> Span:
    return _midnight(now, -back), _midnight(now, 1 - back)


def _part(now: float, part: str, back: int) -> Span:
    first, last = _PARTS[part]
    day = _midnight(now, -back)
    return day + first * 3600, day + last * 3600


def _days_since(now: float, weekday: int) -> int:
    return (time.localtime(now).tm_wday - weekday) % 7 or 7


_MEANINGS: dict[str, Callable[..., Span]] = {
    "conversation": lambda _now: (None, None),
    "ago": _ago,
    "past": _past,
    "rolling": _rolling,
    "this": _this,
    "last": _last,
    "today": lambda now: (_midnight(now), now),
    "yesterday": lambda now: _day(now, 1),
    "day_before_yesterday": lambda now: _day(now, 2),
    "today_part": lambda now, part: _part(now, part, 0),
    "yesterday_part": lambda now, part: _part(now, part, 1),
    "last_part": lambda now, part: _part(now, part, 1),
    "weekday": lambda now, weekday: _day(now, _days_since(now, weekday)),
    "weekday_part": lambda now, weekday, part: _part(now, part, _days_since(now, weekday)),
}
