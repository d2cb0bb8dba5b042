"""Read a question about relations: what is asked of which things.

The forms of questions are data, one file a language (`forms/`), tried from the most to the least certain; whatever is
left asks for what surrounds the things that it names.
"""

import functools
import json
import os
import re
import unicodedata
from typing import Any, NamedTuple

DEPENDENTS = "dependents"
DEPENDENCIES = "dependencies"
CHAIN = "chain"
RELATION = "relation"
SURROUNDINGS = "surroundings"

_LANGUAGES = ("en", "de", "fr", "es", "zh", "ja")
_MAX_CHARACTERS = 400  # a question is a line
_NAMED = {"x": r"(?P<x>.{1,200}?)", "y": r"(?P<y>.{1,200}?)"}
_OF_CALLS = re.compile(
    r"\bcall (?:chain|path|route|way|trace|flow|graph|tree)s?\b|\b(?:aufruf|appel|llamada)|调用|呼び出し|コール", re.I
)
_SPELT = {"ä": "(?:ä|ae|a)", "ö": "(?:ö|oe|o)", "ü": "(?:ü|ue|u)", "ß": "(?:ß|ss)"}
_MARKS = "\"'“”„`´«»‹›「」『』《》"  # noqa: RUF001
_QUOTES = f" \t?!.,:;？。！¿¡、，{_MARKS}"  # noqa: RUF001


class GraphQuestion(NamedTuple):
    """What a question asks.

    Args:
        intent: `dependents` of the first thing, its `dependencies`, the `chain` from the first to the second, the
            `relation` of two, or the `surroundings` of one.
        things: the one or two phrases that name them.
        kinds: kinds of edges that count, or none for all: "who calls X".
        is_far: whether indirect ones are wanted, too.
    """

    intent: str
    things: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    is_far: bool = False


class _Language:
    """The forms of one language; a pattern that no question needs is never compiled."""

    def __init__(self, name: str) -> None:
        # Not by importlib.resources, which costs a question more than all else here.
        with open(os.path.join(os.path.dirname(__file__), "forms", f"{name}.json"), encoding="utf-8") as file:
            told: dict[str, Any] = json.load(file)
        self.kinds: dict[str, list[str]] = told["kinds"]
        self.things: dict[str, str] = told["things"]
        self.forms: list[tuple[str, list[str], str]] = [
            (intent, [_plain(hint) for hint in hints], form) for intent, hints, form in told["forms"]
        ]
        self._told = told
        self._compiled: dict[str, re.Pattern[str]] = {}

    def pattern(self, form: str) -> re.Pattern[str]:
        """Return the pattern of a form, to its end the question's."""
        if form not in self._compiled:
            spelt = form
            for _ in range(3):  # parts hold parts
                for part, held in self._told["parts"].items():
                    spelt = spelt.replace("{" + part + "}", held)
            for name, group in _NAMED.items():
                spelt = spelt.replace("{" + name + "}", group)
            tail = rf"(?:\s*(?:{self._told['tail']}))*\s*$"
            self._compiled[form] = re.compile(_tolerant(spelt + tail), re.IGNORECASE)
        return self._compiled[form]

    @functools.cached_property
    def far(self) -> re.Pattern[str]:
        """Return what says that indirect dependents are wanted, too."""
        return re.compile(_tolerant(f"{self._told['far']}|{self._told['indirectly']}"), re.IGNORECASE)

    @functools.cached_property
    def indirectly(self) -> re.Pattern[str]:
        """Return the words that say so and nothing else."""
        return re.compile(_tolerant(self._told["indirectly"]), re.IGNORECASE)

    def thing(self, phrase: str) -> str:
        """Return a phrase without quotes and articles."""
        bare = phrase.strip(_QUOTES)
        if phrase.strip(" ?!.")[:1] in _MARKS and phrase.strip(" ?!.")[-1:] in _MARKS:
            return bare  # what stands in quotation marks is a name with its article
        articles = self._told["articles"]
        if articles and not bare[:1].isupper():  # `The Road` is a name with its article
            bare = re.sub(rf"^(?:(?:{articles})(?:(?<=['’])| ))+(?=\S)", "", bare, flags=re.IGNORECASE)  # noqa: RUF001
        return bare.strip(_QUOTES) or phrase.strip()


@functools.cache
def _language(name: str) -> _Language:
    return _Language(name)


def kinds_of_things() -> dict[str, str]:
    """Return the words, of every language, that only say what sort of thing a name is of, each with that sort."""
    return {word: sort for name in _LANGUAGES for word, sort in _language(name).things.items()}


def read(question: str) -> GraphQuestion:
    """Return what a question asks.

    Args:
        question: any text.
    """
    flat = " ".join(question[:_MAX_CHARACTERS].split())
    for name in _LANGUAGES:
        if parsed := _understood(_language(name), flat):
            return parsed
    return GraphQuestion(SURROUNDINGS, (_language("en").thing(flat),))


def _understood(language: _Language, flat: str) -> GraphQuestion | None:
    plain = flat
    lowered = _plain(flat)
    lowered += " " + lowered.replace("ae", "a").replace("oe", "o").replace("ue", "u")  # umlauts that are spelt out
    for intent, hints, form in language.forms:
        if not any(hint in lowered for hint in hints):
            continue
        if plain is flat:
            plain = " ".join(language.indirectly.sub(" ", flat).split())
        match = language.pattern(form).search(plain)
        if match is None:
            continue
        named = match.groupdict()
        things = tuple(language.thing(named[name]) for name in ("x", "y") if named.get(name))
        if all(things):
            name, _, kind = intent.partition(":")
            kinds = (kind,) if kind else _kinds(language, name, named, plain)
            # What follows from a change goes on from one dependent to the next.
            is_far = "{changed}" in form or "{passive}" in form or bool(language.far.search(flat))
            return GraphQuestion(name, things, kinds, is_far)
    return None


def _kinds(language: _Language, intent: str, named: dict[str, str | None], plain: str) -> tuple[str, ...]:
    if intent in (CHAIN, SURROUNDINGS) and _OF_CALLS.search(plain):
        return ("calls",)
    verb = _plain(named.get("verb") or "")
    fitting = (kinds for stem, kinds in language.kinds.items() if verb and verb.startswith(_plain(stem)))
    return tuple(next(fitting, ()))


def _plain(text: str) -> str:
    """Return lower case without accents."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return unicodedata.normalize(
        "NFC", "".join(character for character in decomposed if not "\u0300" <= character <= "\u036f")
    )


def _tolerant(pattern: str) -> str:
    """Return a pattern that takes letters with and without their accents."""
    return "".join(
        _SPELT.get(character)
        or (character if _plain(character) == character.lower() else f"(?:{character}|{_plain(character)})")
        for character in pattern
    )
