"""What must hold when memories are recalled."""

from pathlib import Path

import pytest

from memory_router.engines.tiers.admission import admit
from memory_router.engines.tiers.memory import Recollection
from memory_router.engines.tiers.recency import newest_relevance
from memory_router.engines.tiers.store import MemoryStore
from memory_router.text import embedding
from memory_router.text.embedding import load

NOW = 1_760_000_000.0
DAY = 86_400.0
GATE = 0.4


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """Return an empty store."""
    return MemoryStore.open(str(tmp_path / "memory.db"))


@pytest.fixture
def harbor(store: MemoryStore) -> MemoryStore:
    """Return a store of a team that runs a harbor, oldest memory first, ten days apart."""
    facts = [
        "We chose Postgres because of its row-level security.",
        "The tide offset at Kestrel was 0.25 m in the first chart.",
        "Crane three needs new cables before winter.",
        "parseAuthToken was moved to the gateway module.",
        "The tide offset at Kestrel is 0.35 m now.",
        "Ines prefers short stand-up meetings.",
    ]
    for number, fact in enumerate(facts):
        store.remember(fact, created=NOW - (len(facts) - number) * 10 * DAY)
    return store


def texts(found: list[Recollection]) -> list[str]:
    """Return the texts alone."""
    return [one.memory.text for one in found]


@pytest.mark.parametrize(
    "question",
    [
        "what was the last thing we changed",
        "what did we just discuss",
        "what did we just do?",
        "latest?",
        "recently",
        "last change",
        "anything new from today",
        "what did we talk about a few minutes ago",
        "what have we decided lately",
    ],
)
def test_a_recent_question_without_content_gives_the_newest(harbor: MemoryStore, question: str) -> None:
    """Newest first, and the first one passes the router's gate however old it is."""
    found = harbor.recall(question, 3, now=NOW)
    assert texts(found)[0] == "Ines prefers short stand-up meetings."
    assert [one.memory.created for one in found] == sorted((one.memory.created for one in found), reverse=True)
    assert harbor.recall(question, 1, now=NOW + 10_000 * DAY)[0].relevance >= GATE


def test_a_recent_question_with_content_gives_the_newest_that_fits(harbor: MemoryStore) -> None:
    """Words about time are not searched for, and of two that fit the newer one comes first."""
    found = harbor.recall("latest on the tide offset", now=NOW)
    assert texts(found)[0] == "The tide offset at Kestrel is 0.35 m now."
    assert texts(found)[1] == "The tide offset at Kestrel was 0.25 m in the first chart."
    assert found[0].relevance >= GATE


def test_an_old_memory_that_fits_beats_a_new_one_that_hardly_does(store: MemoryStore) -> None:
    """Time alone does not win a question about something."""
    for number in range(20):
        store.remember(f"The crane moved box {number}", created=NOW)
    store.remember("Crane hydraulics are serviced by Norrvik", created=NOW - 1000 * DAY)
    assert texts(store.recall("who services the crane hydraulics", now=NOW))[0].startswith("Crane hydraulics")


def test_a_decision_is_found_though_it_is_told_in_other_forms(harbor: MemoryStore) -> None:
    """Words of deciding in the question are no part of what it asks about."""
    (best, *_) = harbor.recall("why did we choose Postgres", now=NOW)
    assert best.memory.text.startswith("We chose Postgres")


def test_a_single_memory_can_answer(store: MemoryStore) -> None:
    """Relevance does not depend on how much else is stored."""
    store.remember("We chose Postgres because of row-level security.", created=NOW)
    assert store.recall("why did we choose postgres", now=NOW)[0].relevance >= GATE
    assert store.recall("which mail provider do we pay", now=NOW) == []


@pytest.mark.parametrize(
    "question", ["auth token parsing", "parseAuthToken", "parse_auth_token", "where is parseAuthToken"]
)
def test_an_identifier_is_found_whole_and_by_its_parts(harbor: MemoryStore, question: str) -> None:
    """A name of code is found in any spelling."""
    assert texts(harbor.recall(question, now=NOW))[0].startswith("parseAuthToken")


@pytest.mark.parametrize("question", ["zebra unicorns", "why did we do it that way", "", "?!", "\x00", '"" OR NEAR( *'])
def test_without_a_shared_word_nothing_is_returned(harbor: MemoryStore, question: str) -> None:
    """No overlap, no result, whatever the question looks like."""
    assert harbor.recall(question, now=NOW) == []


def test_a_question_that_covers_little_stays_below_the_gate(harbor: MemoryStore) -> None:
    """One shared word of many does not make an answer."""
    found = harbor.recall("which insurance covers damaged reefer boxes at Kestrel during storms", now=NOW)
    assert found
    assert found[0].relevance < GATE


def test_tags_are_found_but_say_less_than_the_text(store: MemoryStore) -> None:
    """A memory filed under a word is found by it, behind one that says it."""
    store.remember("Lucia checks amounts by hand", ["billing"], created=NOW)
    store.remember("The billing run starts at six", created=NOW)
    assert texts(store.recall("billing", now=NOW)) == ["The billing run starts at six", "Lucia checks amounts by hand"]


def test_what_only_touches_a_question_stays_far_below_an_answer(harbor: MemoryStore) -> None:
    """What shares a word of many with a question never outbids another backend's cautious answer."""
    for question in ("who repairs the gateway lamp", "how does the gateway bill a port for moorings"):
        assert all(one.relevance < GATE for one in harbor.recall(question, now=NOW))


def test_a_neighbour_without_a_word_of_the_question_says_less_than_the_match(store: MemoryStore) -> None:
    """In a conversation what stands beside a match may be found, but is less likely the answer."""
    said = ("Good morning.", "The reefer plugs on berth four are broken.", "All right then.")
    for second, text in enumerate(said):
        store.add(admit(text, created=NOW + second, session="monday").memory, NOW)
    found = {one.text: one.relevance for one in store.recall("reefer plugs berth", now=NOW)}
    assert all(found[said[1]] > found.get(beside, 0.0) for beside in (said[0], said[2]))


@pytest.mark.parametrize("question", ["tide", "latest"])
def test_project_and_time_limit_what_is_found(store: MemoryStore, question: str) -> None:
    """Only memories of the project, and of the span with both its ends, come back."""
    for day in range(5):
        for project in ("a", "b"):
            store.remember(f"tide {day}", project=project, created=NOW + day * DAY)
    found = store.recall(question, project="a", since=NOW + DAY, until=NOW + 3 * DAY, now=NOW + 9 * DAY)
    assert sorted((one.memory.text, one.memory.project) for one in found) == [(f"tide {day}", "a") for day in (1, 2, 3)]


def test_the_newest_of_many_alike_is_found(store: MemoryStore) -> None:
    """The newest memory is a candidate even where hundreds fit the words better."""
    for number in range(300):
        store.remember(f"hold {number}", created=NOW - DAY * (300 - number))
    store.remember("From now on a hold runs for twenty minutes and the reminder follows at fifteen", created=NOW)
    found = store.recall("what was last said about the reminder of a hold", 3, now=NOW)
    assert texts(found)[0].startswith("From now on")


def test_a_pasted_text_is_a_question_too(harbor: MemoryStore) -> None:
    """A megabyte of question is answered by its first words."""
    assert harbor.recall("crane cables " + "filler9 words8 " * 70_000, now=NOW)[0].memory.text.startswith("Crane three")


def test_a_memory_from_the_future_is_as_good_as_new() -> None:
    """A clock that was wrong neither hides nor favours a memory."""
    assert newest_relevance(-DAY) == newest_relevance(0) == 0.7


def test_a_memory_is_found_by_its_meaning(harbor: MemoryStore) -> None:
    """What shares no word with the question, but means the same, is found where vectors are installed."""
    if load() is None:
        pytest.skip("needs the extra `vectors`")
    harbor.remember("The physician recommended vaccination.", created=NOW)
    assert texts(harbor.recall("doctor suggests a vaccine", now=NOW))[0] == "The physician recommended vaccination."


def test_words_find_what_they_find_without_vectors(harbor: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, memories are stored and found by their words; with it later, they get their vectors."""
    with monkeypatch.context() as without:
        without.setattr(embedding, "load", lambda: None)
        harbor.remember("The quay wall is inspected by divers.", created=NOW)
        assert texts(harbor.recall("who inspects the quay wall", now=NOW))[0].startswith("The quay wall")
    missing = "SELECT count(*) FROM memories WHERE row NOT IN (SELECT id FROM vectors)"
    assert harbor._connection.execute(missing).get == 1
    if load() is None:
        pytest.skip("needs the extra `vectors`")
    assert MemoryStore.open(harbor.path)._connection.execute(missing).get == 0


def test_what_was_stored_within_minutes_tells_what_a_memory_is_about(store: MemoryStore) -> None:
    """Outside of a conversation a neighbour lifts what matches."""
    for place, minutes in (("Kestrel", 0), ("Norrvik", 60)):
        store.remember(f"Visit to {place}", created=NOW + minutes * 60)
        store.remember(f"The pilot was late, number {minutes}", created=NOW + minutes * 60 + 30)
        store.remember(f"Lunch with Ines, number {minutes}", created=NOW + minutes * 60 + 60)
    found = texts(store.recall("pilot at Kestrel", now=NOW + DAY))
    assert set(found[:2]) == {"Visit to Kestrel", "The pilot was late, number 0"}


def test_a_memory_is_found_by_its_date(store: MemoryStore) -> None:
    """The month and the year in which a memory was made count as words of it."""
    for month in range(5):
        store.remember(
            f"Crane inspection number {month}", created=1_735_732_800 + month * 30 * DAY
        )  # from January 2025
    assert texts(store.recall("crane inspection in April 2025", now=NOW))[0] == "Crane inspection number 3"
