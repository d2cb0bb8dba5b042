"""No text makes the bundled table slow."""

import json
import random
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.routing import config_file
from memory_router.routing.kinds import DETECTORS
from memory_router.routing.router import MAX_QUERY_CHARACTERS
from memory_router.routing.rules import SIGNAL_CHARACTERS, RuleTable
from memory_router.text.phrases import PhraseIndex, tokens_of

BUNDLED = config_file.load(str(Path(__file__).parents[2] / "router-config.json"))
TABLE = RuleTable(BUNDLED)
PHRASES = PhraseIndex([phrase for rule in BUNDLED.rules for signal in rule.signals for phrase in signal.phrases])
WORDS = sorted(
    {
        word
        for rule in json.loads(Path(BUNDLED.file).read_text())["rules"]
        for example in rule["examples"]
        for word in example.split()
    }
)
# What is linear reads 32 KB in milliseconds; what is quadratic takes minutes, what is exponential never ends.
SECONDS = 20


def filled(piece: str, end: str = "") -> str:
    """Return the longest question that repeats `piece` and ends in `end`."""
    return (piece * MAX_QUERY_CHARACTERS)[: MAX_QUERY_CHARACTERS - len(end)] + end


LONG = {
    "slash-joined": filled("a/b"),
    "words and slashes": filled("word/", "word"),
    "slashes and extension": filled("src/", "a.py"),
    "dotted": filled("a.b", "!"),
    "dotted words": filled("some.", "py"),
    "base64": b64encode(random.Random(1).randbytes(24_000)).decode(),
    "one letter": filled("a", "!"),
    "capitals": filled("A"),
    "humps": filled("aB", "!"),
    "underscores": filled("_", "!"),
    "snakes": filled("a_", "!"),
    "hyphens": filled("a-", "!"),
    "tildes": filled("~/"),
    "stars": filled("*", "!"),
    "backslashes": filled("a\\"),
    "spaces": filled(" ", "!"),
    "lines": filled("\n"),
    "digits": filled("1 "),
    "apostrophes": filled("what's "),
    "han": filled("\N{CJK UNIFIED IDEOGRAPH-6211}"),
    "commas": filled("a, "),
    "brackets": filled("f("),
}


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize("kind", DETECTORS)
def test_detectors_are_linear(kind: str, text: str) -> None:
    """Every detector reads the longest question of each kind at once."""
    DETECTORS[kind](text, tokens_of(text))


@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("text", [*LONG.values(), *(filled(f"{word} ", "!") for word in WORDS)])
def test_phrases_are_linear(text: str) -> None:
    """All phrases of the table read the longest question of each kind at once."""
    PHRASES.first(tokens_of(text))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([*WORDS, "/", ".", "_", "-", "~", "*", " ", "a", "B", "0"]), min_size=1, max_size=5),
    st.sampled_from(["", "!", "/", ".py"]),
)
@pytest.mark.timeout(60)
def test_any_repeated_text_is_routed(pieces: list[str], end: str) -> None:
    """The table routes any text that repeats itself up to the longest question."""
    assert TABLE.match(filled("".join(pieces), end)).steps


def test_signals_look_at_the_beginning() -> None:
    """What is pasted behind the first 2,048 characters of a question does not route it."""
    pasted = "log " * (SIGNAL_CHARACTERS // 4)
    assert TABLE.match(f"why did we do it? {pasted}").rule == BUNDLED.rules[2]
    assert TABLE.match(f"{pasted}why did we do it?").rule == BUNDLED.default_rule
