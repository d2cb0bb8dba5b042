"""Phrases are found in the words of a text as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text.phrases import PhraseIndex, tokens_of

UNITS: dict[str, dict[str, object]] = {
    "unit": {"day": "day", "days": "day", "\u5929": "day"},
    "number": {"0": 0, "a few": "few", "\u4e24": 2},
}


def found(phrase: str, text: str) -> str | None:
    """Return the part of a text that a phrase matches."""
    match = PhraseIndex([phrase], UNITS).first(tokens_of(text))
    return text[match.start : match.end] if match else None


@pytest.mark.parametrize(
    ("phrase", "text", "part"),
    [
        ("why did we", "and Why did we do it", "Why did we"),
        ("why did we", "why we did", None),
        ("why did we", "why. Did we", None),
        ("find|show (the) usages of", "please show usages of it", "show usages of"),
        ("find|show (the) usages of", "find the usages of it", "find the usages of"),
        ("(the) day", "every day", "day"),
        ("(the) day", "the day", "the day"),
        ("decid*", "it was decided", "decided"),
        ("decid*", "undecided", None),
        ("find ... function", "find the old function", "find the old function"),
        ("find ... function", "find it. A function", None),
        ("find ... function", "find function", "find function"),
        ("last !row|name", "the last change", "last"),
        ("last !row|name", "the last name", None),
        ("last !row|name", "at last", "last"),
        ("^who calls", "please show me who calls it", "who calls"),
        ("^who calls", "I forgot. Who calls it", "Who calls"),
        ("^who calls", "the man who calls", None),
        ("what 's the", "what's the link", "what's the"),
        ("decision", "open decision.md", None),
        ("{number} {unit}", "in 3 days", "3 days"),
        ("{number} {unit}", "a few days", "a few days"),
        ("{number} {unit}", "\u4e24\u5929\u524d", "\u4e24\u5929"),
        ("\u4e3a\u4ec0\u4e48 ... \u9009", "\u4e3a\u4ec0\u4e48\u8981\u9009", "\u4e3a\u4ec0\u4e48\u8981\u9009"),
    ],
)
def test_what_a_phrase_matches(phrase: str, text: str, part: str | None) -> None:
    """Each form of a phrase matches these words, and no others."""
    assert found(phrase, text) == part


def test_captures() -> None:
    """What stands in braces is captured with its meaning, in order."""
    match = PhraseIndex(["{number} {unit}"], UNITS).first(tokens_of("some 12 days"))
    assert match
    assert match.captures == (12, "day")


def test_rank() -> None:
    """The phrase that stands first in the index wins, wherever it stands in the text."""
    index = PhraseIndex(["decision", "recent"])
    tokens = tokens_of("recent decision")
    match = index.first(tokens)
    assert match
    assert match.number == 0
    assert index.first(tokens, below=0) is None
    assert [found.number for found in index.all(tokens)] == [1, 0]


@given(st.text(max_size=200))
def test_words_stand_where_they_say(text: str) -> None:
    """Any text has words, each in its place and none overlapping another."""
    end = 0
    for token in tokens_of(text):
        assert end <= token.start < token.end <= len(text)
        assert text[token.start : token.end] == token.text
        end = token.end
