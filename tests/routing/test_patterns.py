"""No text makes the bundled table slow."""

import json
import random
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.routing import config_file
from memory_router.routing.patterns import compile_pattern
from memory_router.routing.router import MAX_QUERY_CHARACTERS
from memory_router.routing.rules import SIGNAL_CHARACTERS, RuleTable

BUNDLED = config_file.load(str(Path(__file__).parents[2] / "router-config.json"))
TABLE = RuleTable(BUNDLED)
PATTERNS = {f"{rule.id}.{signal.name}": signal.pattern for rule in BUNDLED.rules for signal in rule.signals}
WORDS = sorted(
    {
        word
        for rule in json.loads(Path(BUNDLED.file).read_text())["rules"]
        for example in rule["examples"]
        for word in example.split()
    }
)
# A linear pattern reads 32 KB in milliseconds; a quadratic one takes as many seconds, an exponential one never ends.
SECONDS = 2.0


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


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_bundled_patterns_are_linear(pattern: str) -> None:
    """Every bundled pattern reads the longest question of each kind at once."""
    compiled = compile_pattern(pattern, "a signal")
    for text in [*LONG.values(), *(filled(f"{word} ", "!") for word in WORDS)]:
        compiled.search(text, timeout=SECONDS)


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
    """What is pasted behind the first 4,096 characters of a question does not route it."""
    pasted = "log " * (SIGNAL_CHARACTERS // 4)
    assert TABLE.match(f"why did we do it? {pasted}").rule == BUNDLED.rules[2]
    assert TABLE.match(f"{pasted}why did we do it?").rule == BUNDLED.default_rule
