"""What a turn shows of deciding, read from its words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.engines.transcripts import cues

_ALL = (*cues._COMMITMENTS, *cues._OPEN, *cues._REVERSALS, *cues._OPTIONS, *cues._ACKNOWLEDGED)
_SPOKEN = sorted({word for cue in _ALL for word in re.findall(r"[a-z']{2,}", cue.pattern)} | {"i", "we'll", "it's"})


@given(st.lists(st.sampled_from(_SPOKEN), max_size=14).map(" ".join), st.sampled_from(["", "s", "ed", ".", ", ok"]))
def test_hints_hide_no_cue(text: str, end: str) -> None:
    """A cue is found with its hints wherever it is found without them."""
    said = f"{text}{end}"
    hinted = cues._hinted(said)
    for cue in _ALL:
        if cues._compiled(cue.pattern).search(said):
            assert cue.pattern in hinted, cue.pattern


@given(st.text(max_size=200), st.sampled_from(["user", "assistant"]), st.booleans())
def test_a_number_holds_all_that_is_shown(text: str, role: str, acts: bool) -> None:
    """What a turn shows comes back from the number that is stored of it, whatever was said."""
    shown = cues.read(text, role, acts=acts)
    back = cues.unpacked(shown.packed())
    assert back[2:] == shown[2:]
    assert back[:2] == pytest.approx(shown[:2], abs=0.006)


@pytest.mark.parametrize(
    ("said", "at_least", "at_most"),
    [
        ("Let's go with the hose.", 0.8, 1.0),
        ("I like small steps. A header with the date.", 0.5, 0.8),
        ("Maybe we could go with the hose?", 0.0, 0.0),
        ("We might drop it, not sure.", 0.0, 0.3),
        ("The cute cat sat there.", 0.0, 0.0),
    ],
)
def test_commitments(said: str, at_least: float, at_most: float) -> None:
    """A statement that settles something commits; what asks or wavers does not; only a user commits."""
    assert at_least <= cues.read(said, "user").commitment <= at_most
    assert cues.read(said, "assistant").commitment == 0.0


def test_reversals() -> None:
    """Taking back and changing are told from words that only look like it."""
    assert cues.read("Scrap the hose.", "user").reversal == 1.0
    assert cues.read("Cut it to ten minutes.", "user").reversal == 0.7
    assert cues.read("A cute hose.", "user").reversal == 0.0
