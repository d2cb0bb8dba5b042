"""Which decision is in force, what is no decision, and how a question reaches what was said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory_router.engines.transcripts.archive import ImportedArchive
from memory_router.engines.transcripts.importing import import_transcripts
from memory_router.engines.transcripts.recall import RecalledTurn, recall
from memory_router.engines.transcripts.turn import ANY_TIME
from tests.engines.transcripts.speech import record, talk, write

Ask = Callable[..., list[RecalledTurn]]
NOW = 1_792_000_000.0


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Return a function that asks about sessions."""

    def ask(question: str, *sessions: list[dict[str, Any]], limit: int = 5) -> list[RecalledTurn]:
        for number, records in enumerate(sessions):
            write(tmp_path / "in" / f"{number}.jsonl", records)
        database = str(tmp_path / "talk.db")
        import_transcripts([str(tmp_path / "in")], database=database)
        archive = ImportedArchive.open(database)
        assert archive
        return recall([archive], question, limit, ANY_TIME, NOW)

    return ask


HOSE = ("Let's use the hose for the orchard.", "Okay, the hose it is.")


@pytest.mark.parametrize(
    "later",
    [
        ("Actually no, let's use the pump instead of the hose for the orchard.", "Okay, the pump it is."),
        ("How long is it?", "Forty feet.", "Does it freeze?", "At minus two.",
         "That is bad. Drop the hose, we go with the pump for the orchard.", "Okay, the pump it is."),
    ],
)  # fmt: skip
def test_a_change_of_mind_in_one_session(ask: Ask, later: tuple[str, ...]) -> None:
    """A decision that the same session takes back, one turn later or several, is superseded and stands behind."""
    found = [one for one in ask("what did we decide for the orchard", talk(*HOSE, *later)) if one.chain]
    assert "pump" in found[0].turn.text
    assert not found[0].superseded_by
    assert all(one.superseded_by for one in found if one.turn.text == HOSE[0])


@pytest.mark.parametrize(
    "changed",
    [
        "Not the hose. The pump for the orchard.",
        "The hose is too short. Pump for the orchard.",
        "Swap the hose for the pump in the orchard.",
        "No, the pump.",
        "New plan: the orchard gets the pump.",
        "The orchard runs on the pump, without the hose.",
    ],
)
def test_a_change_that_the_agent_takes_up(ask: Ask, changed: str) -> None:
    """Who turns down what was chosen, or interrupts, changes it once the agent repeats the new choice."""
    found = ask("what did we decide for the orchard", talk(*HOSE, changed, "Okay, the pump."))
    assert [one.superseded_by is None for one in found if one.turn.text in (HOSE[0], changed)] == [True, False]
    assert found[0].turn.text == changed


@pytest.mark.parametrize(
    "later",
    [
        ("Wait, how long is the hose in the orchard?", "Forty feet."),
        ("No, wait, the tap in the orchard drips. Mend it first.", "Mended."),
        ("Put up a fence around the orchard, too.", "Done."),
        ("Maybe a pump would be better for the orchard.", "Perhaps."),
    ],
)
def test_what_follows_a_decision_leaves_it_in_force(ask: Ask, later: tuple[str, str]) -> None:
    """Questions, interruptions, tasks and doubts after a decision replace nothing."""
    found = ask("what did we decide for the orchard", talk(*HOSE, *later))
    assert [one.superseded_by for one in found if one.turn.text == HOSE[0]] == [None]


@pytest.mark.parametrize("said", ["The hose, please.", "I prefer the hose.", "Der Schlauch, also hose."])
def test_a_pick_of_what_was_on_offer_is_a_decision(ask: Ask, said: str) -> None:
    """A plain statement settles a question for one of several once the agent takes it on."""
    found = ask("hose or pump for the orchard", talk("Hose or pump for the orchard?", "The hose is cheap.", said,
                "Okay, I will lay the hose."))  # fmt: skip
    assert found[0].turn.text == said
    assert found[0].chain


def test_a_later_session_supersedes_in_german(ask: Ask) -> None:
    """The same holds for German, and for a question that does not speak of deciding."""
    old = talk("Womit gießen wir den Obstgarten?", "Schlauch oder Pumpe.", "Wir nehmen den Schlauch dafür.",
               "Gut, der Schlauch.")  # fmt: skip
    new = talk("Der Schlauch im Obstgarten ist undicht. Pumpe statt Schlauch, ab jetzt.", "Verstanden.",
               session="session-2", day="2026-10-06", prefix="u")  # fmt: skip
    found = [one for one in ask("Womit gießen wir den Obstgarten", old, new) if one.chain]
    assert "Pumpe statt" in found[0].turn.text


@pytest.mark.parametrize("answer", ["Yes, do that.", "Sounds good.", "ja, mach das"])
def test_a_proposal_is_decided_by_who_takes_it(ask: Ask, answer: str) -> None:
    """What an agent proposes is a decision once the user takes it."""
    asked, proposal = "Which pump for the well?", "I propose the small pump for the well."
    found = ask("which pump did we choose for the well", talk(asked, proposal, answer, "Ordered."))
    assert [one.turn.text for one in found if one.chain] == [answer]


@pytest.mark.parametrize("answer", ["Hm, I don't like it.", "No.", "Tell me more about it first.", "Not yet."])
def test_a_proposal_that_is_not_taken_is_no_decision(ask: Ask, answer: str) -> None:
    """Who refuses a proposal, or wants to know more, has decided nothing."""
    asked, proposal = "Which pump for the well?", "I propose the small pump for the well."
    found = ask("which pump did we choose for the well", talk(asked, proposal, answer, "Okay."))
    assert not any(one.chain for one in found)


@pytest.mark.parametrize("question", ["what did we decide last", "last decision", "Was haben wir zuletzt entschieden?"])
def test_the_newest_decision_of_all(ask: Ask, question: str) -> None:
    """Who asks for the last decision gets the newest one, wherever it was taken."""
    older = talk("Which bed?", "North or south.", "Let's go with the north bed.", "Okay, north.")
    newer = talk("Which fence?", "Wood or wire.", "Let's go with wire.", "Okay, wire.", session="s2", day="2026-10-07",
                 prefix="n")  # fmt: skip
    assert "wire" in ask(question, older, newer)[0].turn.text


def test_a_question_is_answered_by_its_reply(ask: Ask) -> None:
    """A question that was asked before is answered by what was replied, not by itself."""
    sessions = [talk("Where does the pump stand?", "In the shed behind the oak.", session=f"s{day}", prefix=f"p{day}-",
                     day=f"2026-10-0{day}") for day in (2, 3, 4)]  # fmt: skip
    found = ask("where does the pump stand", *sessions, limit=3)
    assert {one.turn.text for one in found} == {"In the shed behind the oak."}
    assert {one.asked.text for one in found if one.asked} == {"Where does the pump stand?"}


def test_an_option_that_was_chosen_is_a_decision(ask: Ask) -> None:
    """What the user chose in a dialog decides, though it is one word."""
    asked = {"questions": [{"question": "Which mulch?", "options": [{"label": "Bark"}, {"label": "Straw"}]}]}
    dialog = [{"type": "tool_use", "id": "x", "name": "AskUserQuestion", "input": asked}]
    result = [{"type": "tool_result", "tool_use_id": "x", "content": ""}]
    records = [*talk("Plan the mulch.", "Yes."), record("d", "t1", "assistant", dialog, 2)]
    records.append(record("a", "d", "user", result, 3, toolUseResult={"answers": {"Which mulch?": "Straw"}}))
    found = ask("which mulch did we choose", records)
    assert found[0].chain
    assert "Straw" in found[0].turn.text


def test_what_a_host_wrote_is_never_an_answer(ask: Ask) -> None:
    """Context stands beside what was said and is not found by its words."""
    reminder = "<system-reminder>We always prune the quince in March.</system-reminder>\nWhat is in the shed?"
    assert not any("quince" in one.turn.text for one in ask("when do we prune the quince", talk(reminder, "A spade.")))
