"""JSON with comments and JSON5 are read as their specification says, and changed without losing a word."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.learning.config_text import changed as with_member
from memory_router.learning.config_text import removed
from memory_router.text import json5

COMMENTED = '{\n  // my gateway\n  "gateway": {"port": 18789}, /* the rest */\n}\n'
LOOSE = "{ plugins: { 'lossless-claw': { dbPath: '~/data/\"lcm\".db', on: true, size: .5, mask: 0xFF, } }, }\n"

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_json_is_json5(value: object) -> None:
    """Whatever JSON spells is read as JSON reads it."""
    assert json5.decode(json.dumps(value, indent=1)) == value
    assert json5.decode(f"// first\n{json.dumps(value)} /* last */") == value


def test_what_json5_adds_is_read() -> None:
    """Comments, trailing commas, bare keys, single quotation marks and loose numbers are read."""
    assert json5.decode(COMMENTED) == {"gateway": {"port": 18789}}
    claw = {"dbPath": '~/data/"lcm".db', "on": True, "size": 0.5, "mask": 255}
    assert json5.decode(LOOSE) == {"plugins": {"lossless-claw": claw}}


@pytest.mark.parametrize("text", [COMMENTED, LOOSE])
def test_a_change_keeps_what_stands_around_it(text: str) -> None:
    """A member is added and taken out again; comments and spelling stay as they were."""
    place = ("mcp", "servers", "memory-router")
    added = json5.changed(text, lambda strict: with_member(strict, place, {"command": "mr"}))
    assert json5.decode(added) == {**json5.decode(text), "mcp": {"servers": {"memory-router": {"command": "mr"}}}}
    for word in ("// my gateway", "/* the rest */", "plugins: {", "0xFF"):
        assert (word in added) == (word in text)
    taken = json5.changed(added, lambda strict: removed(strict, place))
    assert json5.decode(taken)["mcp"] == {"servers": {}}


@pytest.mark.parametrize("text", ["{", "{a}", "{a: }", "nope nope", "{'a: 1}", "{a: 1} }"])
def test_what_is_neither_is_refused(text: str) -> None:
    """A text that is no JSON5 raises, and is never guessed at."""
    with pytest.raises(ValueError, match=r"."):
        json5.decode(text)
