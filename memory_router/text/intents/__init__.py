"""The words by which people show what kind of memory they ask for, in languages other than English.

One file per language: for each rule of the bundled table the phrases (see `text.phrases`) that speak for it strongly,
and those that do so weakly.
"""

import functools
import json
import os
from collections.abc import Mapping, Sequence

LANGUAGES = ("de", "es", "fr", "ja", "zh")

# By rule, then by `strong` or `weak`.
Intents = Mapping[str, Mapping[str, Sequence[str]]]


@functools.cache
def intents(language: str) -> Intents:
    """Return the words of intent of one of `LANGUAGES`."""
    with open(os.path.join(os.path.dirname(__file__), f"{language}.json"), encoding="utf-8") as file:
        words: Intents = json.load(file)
    return words
