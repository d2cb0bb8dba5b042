"""What a turn shows of deciding, read from its words."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router.engines.transcripts import cues, statements
from memory_router.engines.transcripts.hints import Hints

_CUES = (*cues._COMMITMENTS, *cues._OPEN, *cues._REVERSALS, *cues._INTERRUPTIONS, *cues._OFFERS, *cues._ACKNOWLEDGED)
_HINTED = [(cues._HINTS, cue.pattern) for cue in _CUES]
_HINTED += [(statements._HINTS, pattern) for _, pattern in statements._LEFT_OUT]


@pytest.mark.parametrize(("hints", "pattern"), _HINTED, ids=[pattern[:30] for _, pattern in _HINTED])
@settings(derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_hints_hide_no_pattern(hints: Hints, pattern: str, data: st.DataObject) -> None:
    """Whatever a pattern of cues or of what is left out of statements matches holds one of its hints."""
    text = data.draw(st.from_regex(re.compile(pattern, re.MULTILINE | re.ASCII), fullmatch=True)).lower()
    if re.search(pattern, text, re.MULTILINE):
        assert pattern in hints.patterns_for(text)


@given(st.text(max_size=200), st.sampled_from(["user", "assistant"]), st.booleans())
def test_a_number_holds_all_that_is_shown(text: str, role: str, acts: bool) -> None:
    """What a turn shows comes back from the number that is stored of it, whatever was said."""
    shown = cues.read(text, role, acts=acts)
    back = cues.unpacked(shown.packed())
    assert back[2:] == shown[2:]
    assert back[:2] == pytest.approx(shown[:2], abs=0.006)


DECIDED = (
    "Let's go with the hose.",
    "We decided not to dig this year.",
    "ok, north it is",
    "From now on we water in the evening.",
    "Then go with the small pump, swap it if it leaks.",
    "Wir haben uns für den Schlauch entschieden.",
    "ab jetzt gießen wir abends",
    "Dann nehmen wir die kleine Pumpe.",
    "on abandonne la pompe, désormais c'est le tuyau",
    "vamos con la manguera",
    "I choose the second one, the pump by the well.",
    "It's been decided: the gate stays shut at night.",
    "So be it, two barrels and no more.",
    "Small pots from the next sowing on.",
    "then the red hose, end of discussion",
    "dann eben der Schlauch, fertig",
    "pas de pompe, un arrosoir et c'est tout",
    "There won't be a second well.",
    "I'm convinced: we dig by hand.",
    "We won't use the old well any more.",
)
NOT_DECIDED = (
    "We decided.",
    "Ich hab mich jetzt entschieden.",
    "We never checked the second well.",
    "do we even use the hose from now on",
    "wie oft nehmen wir den Schlauch",
    "how much would it be if from now on we pump",
    "Maybe we could go with the hose?",
    "We might drop it, not sure.",
    "We have not decided to adopt the hose yet.",
    "I don't think we agreed on the hose.",
    "Before we decide on the hose, measure it.",
    "If we decided to go with the hose, what would it cost?",
    'The catalogue says: "We decided to drop the hose". Summarise it.',
    "Here is the mail of the shop, sum it up:\n> we decided to drop the hose and from now on we sell pumps",
    "Translate to German: We decided to use the hose.",
    "My neighbour said we agreed on the hose.",
    "Wir haben uns noch nicht entschieden.",
    "Wenn wir die Pumpe nehmen, wird es teuer.",
    "Vielleicht nehmen wir den Schlauch.",
    "The cute cat sat there.",
    "Imagine we had decided to use the hose.",
    "I wish we had decided to use the hose.",
    "We almost agreed on the hose.",
    "For example: let's use the hose for the orchard.",
    "Ann said let's use the hose, but I want to wait.",
    "Der Nachbar meint, wir nehmen den Schlauch.",
    "The shop wrote:\n\nHello all,\nfrom now on we sell pumps, we decided to drop the hose.\nBest regards\nTim",
    "Yes, please.",
    "In my last job we decided to use the hose.",
    "Suppose we go with the hose.",
    "Angenommen, wir nehmen den Schlauch.",
    "Explain what 'we decided to use the hose' means.",
    "It isn't true that we decided to use the hose.",
    "I doubt we'll use the hose.",
    "2026-11-20 10:00 INFO we decided to drop the hose\nWhat does this line mean?",
    "Next door they decided to drop the hose.",
    "The shop has finally decided to drop the hose and agreed on pumps.",
    "Nebenan, sie haben sich für den Schlauch entschieden.",
    "The hose leaks. Move it to the shed.",
    "Draft a note saying we decided to use the hose.",
    "The shop wrote: let's use the hose.",
    "Wir haben uns nicht für den Schlauch entschieden.",
)
TAKEN_BACK = (
    "Scrap the hose.",
    "No wait, we go with the pump instead of the hose.",
    "That is too much. Drop the hose, we go with the pump.",
    "Actually no, let's use the pump.",
    "We switch to the pump.",
    "Kommando zurück, doch lieber die Pumpe.",
    "Der Schlauch fliegt raus, Pumpe statt Schlauch.",
    "Let's go back to the pump.",
    "Go back to the pump for the orchard.",
    "I'd rather have the pump.",
    "After all that the hose was a mistake.",
    "Rip the hose out of the orchard.",
    "Wir steigen im Obstgarten vom Schlauch auf die Pumpe um.",
    "Sorry, I meant the pump.",
    "No, use the pump.",
    "Nein, doch die Pumpe.",
    "Hmm, wait. The pump is lighter. Use the pump.",
    "We should go with the pump after all.",
    "Correction: it has to be the pump.",
    "Forget the hose. We take the pump.",
    "Wir nehmen jetzt doch die Pumpe.",
    "Scratch the hose, the pump for the orchard.",
    "Okay, the hose goes to the bin and we carry water.",
    "I eat my words about the pump.",
)


@pytest.mark.parametrize("said", DECIDED)
def test_what_settles_a_matter_commits(said: str) -> None:
    """A statement that settles something commits its user, in several languages; an assistant never commits."""
    assert cues.read(said, "user").commitment >= 0.5
    assert cues.read(said, "assistant").commitment == 0.0


@pytest.mark.parametrize("said", NOT_DECIDED)
def test_what_leaves_it_open_does_not_commit(said: str) -> None:
    """What is asked, doubted, denied, supposed, quoted, pasted, translated or said by others decides nothing."""
    assert cues.read(said, "user").commitment < 0.5


@pytest.mark.parametrize("said", TAKEN_BACK)
def test_what_takes_back_is_told(said: str) -> None:
    """Who takes something back both changes what was decided and says what holds instead."""
    shown = cues.read(said, "user")
    assert shown.reversal >= 0.8
    assert shown.commitment >= 0.45


@pytest.mark.parametrize("said", ["No, wait, the gate squeaks. Oil it first.", "Wait, show me the well.", "Nein."])
def test_an_interruption_alone_takes_nothing_back(said: str) -> None:
    """Who only interrupts has neither decided nor taken something back."""
    shown = cues.read(said, "user")
    assert shown.reversal <= cues.INTERRUPTS
    assert shown.commitment < 0.45


@pytest.mark.parametrize(
    "said", ["A cute hose.", "I dropped by yesterday.", "My friend switched schools.", "I forgot to call."]
)
def test_what_only_looks_like_taking_back(said: str) -> None:
    """The same words about other things change nothing."""
    assert cues.read(said, "user").reversal == 0.0
