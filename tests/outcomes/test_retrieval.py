"""Outcomes are found by tags and by meaning, a user's only, and each layer keeps to its budget."""

import json
from array import array
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.errors import AdviceError
from memory_router.outcomes import retrieval
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.retrieval import Retrieval, read, tokens
from memory_router.outcomes.search import MISSING, OutcomeSelection, compares_meaning, renew
from memory_router.storage.database import Database
from memory_router.text import embedding
from tests.outcomes.conftest import NOW

DAYS_14 = "2026-01-14T10:30:00Z"


def fill(advice: OutcomeMemory) -> list[int]:
    """Record four decisions of ann and one of bob; return the ids of ann's."""
    decisions = (
        ("boost_source", "arstechnica", "accepted", "good science reporting"),
        ("reduce_source", "theverge", "rejected", "I like their gaming coverage"),
        ("add_topic", "kubernetes", "accepted", "we deploy with it"),
        ("remove_topic", "football", "rejected", None),
    )
    ids = [
        advice.record(
            "ann", *decision[:3], reason=decision[3], decided_at=f"2026-01-{14 + number}T10:30:00Z"
        ).outcome_id
        for number, decision in enumerate(decisions)
    ]
    advice.record("bob", "reduce_source", "theverge", "accepted", decided_at=DAYS_14)
    return ids


def found(
    advice: OutcomeMemory, text: str = "", types: tuple[str, ...] = (), outcomes: tuple[str, ...] = ()
) -> list[str]:
    """Return the snippets that a search of ann's finds."""
    return [
        hit["snippet"]
        for hit in read(advice.database, "search", OutcomeSelection("ann", types, outcomes), text=text, now=NOW).results
    ]


def test_the_seeds_example_comes_out(advice: OutcomeMemory) -> None:
    """The search gives the seed's hit, the timeline its changes and neighbours, the detail everything."""
    for number in range(41):
        advice.record("abc123", "add_topic", f"topic {number}", "accepted", decided_at="2025-12-01T00:00:00Z")
    advice.record("abc123", "boost_source", "arstechnica", "accepted", decided_at="2026-01-13T00:00:00Z")
    recorded = advice.record(
        "abc123",
        "reduce_source",
        "theverge",
        "rejected",
        reason="I like their gaming coverage",
        config_before={"theverge": 1.0, "wired": 0.5},
        evidence={"like_rate": 0.35, "sample_size": 12, "negative_tags": ["too much hype"]},
        created_at="2026-01-14T10:30:00Z",
        decided_at="2026-01-14T10:32:00Z",
    )
    number = recorded.outcome_id
    layers = Retrieval(advice.database, NOW)
    wanted = OutcomeSelection("abc123", ("boost_source", "reduce_source"), ("rejected",))
    assert layers.search(wanted).results == [
        {"id": number, "snippet": "reduce_source: theverge → rejected", "days_ago": 14, "score": 0.85}
    ]
    (entry,) = layers.timeline("abc123", [number])
    assert entry == {
        "id": number,
        "suggestion_type": "reduce_source",
        "suggestion_value": "theverge",
        "outcome": "rejected",
        "config_before": {"theverge": 1.0},
        "config_after": None,
        "days_ago": 14,
        "surrounding": ["accepted add_topic topic 40", "accepted boost_source arstechnica"],
    }
    (whole,) = layers.detail("abc123", [number])
    assert whole["user_reason"] == "I like their gaming coverage"
    assert whole["evidence_summary"]["negative_tags"] == ["too much hype"]
    assert whole["config_before"] == {"theverge": 1.0, "wired": 0.5}
    assert (whole["created_at"], whole["decided_at"]) == ("2026-01-14T10:30:00.000Z", "2026-01-14T10:32:00.000Z")


def test_twenty_outcomes_take_a_quarter_in_layers(advice: OutcomeMemory) -> None:
    """Search 20, look at 5, read 1: at most 2,500 tokens where everything takes 10,000 (seed 003, Token Savings)."""
    config = {f"source {number}": 1.0 for number in range(80)}
    for number in range(20):
        article = {
            "url": f"https://example.com/{number}",
            "title": "A long title of an article " * 2,
            "feedback": "like",
        }
        advice.record(
            "ann", "reduce_source", f"source {number}", "rejected", config_before=config, evidence=[article] * 3
        )
    layers = Retrieval(advice.database, NOW)
    hits = layers.search(OutcomeSelection("ann")).results
    ids = [hit["id"] for hit in hits]
    assert tokens(layers.detail("ann", ids)) >= 10_000
    spent = tokens(hits) + tokens(layers.timeline("ann", ids[:5])) + tokens(layers.detail("ann", ids[:1]))
    assert spent <= 2500


@given(
    value=st.text(min_size=1, max_size=300), kind=st.sampled_from(["add_topic", "x" * 100]), days=st.integers(0, 9999)
)
def test_a_hit_keeps_to_its_budget(value: str, kind: str, days: int) -> None:
    """Whatever a value holds, a result of a search takes at most 50 tokens and says what became of it."""
    row = {"suggestion_type": kind, "suggestion_value": value, "outcome": "superseded"}
    hit = retrieval._hit(123_456_789, row, days, 0.85)
    assert tokens(hit) <= 50
    assert hit["snippet"].endswith(" → superseded")


def test_a_timeline_keeps_to_its_budget(advice: OutcomeMemory) -> None:
    """Long values, large configurations and long neighbours are cut until an entry takes 200 tokens."""
    for number in range(5):
        value = f"{number} 東京" + "\x1b 長い" * 200
        advice.record("ann", "x" * 100, value, "rejected", config_before={value: [value] * 9}, config_after=[value] * 9)
    entries = Retrieval(advice.database, NOW).timeline("ann", range(1, 6))
    assert len(entries) == 5
    assert max(map(tokens, entries)) <= 200


def test_conditions_hold(advice: OutcomeMemory) -> None:
    """Types, outcomes and limit narrow a search, with a text and without; the newest come first without."""
    fill(advice)
    assert found(advice)[0] == "remove_topic: football → rejected"
    assert found(advice, types=("reduce_source", "boost_source"), outcomes=("rejected",)) == [
        "reduce_source: theverge → rejected"
    ]
    assert found(advice, "gaming coverage kubernetes", outcomes=("accepted",), types=("add_topic",)) == [
        "add_topic: kubernetes → accepted"
    ]
    assert found(advice, types=("no_such_type",)) == found(advice, "gaming", types=("no_such_type",)) == []
    assert len(read(advice.database, "search", OutcomeSelection("ann", limit=2)).results) == 2


def test_words_in_another_form_are_found(advice: OutcomeMemory) -> None:
    """A question finds the outcome that it means first, by type, value or reason."""
    fill(advice)
    assert found(advice, "what happened when we suggested reducing sources?")[0].startswith("reduce_source: theverge")
    assert found(advice, "games")[0].startswith("reduce_source: theverge")
    assert found(advice, "football")[0].startswith("remove_topic: football")
    assert found(advice, "'); DROP TABLE x; -- \"* OR") == [] or advice.outcomes.all("ann")


@pytest.mark.skipif(embedding.load() is None, reason="word vectors are not installed")
def test_meaning_is_found(advice: OutcomeMemory) -> None:
    """A question that shares no word with an outcome finds it by meaning."""
    fill(advice)
    assert found(advice, "soccer matches")[0].startswith("remove_topic: football")


def test_without_vectors_tags_are_enough(advice: OutcomeMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where vectors cannot be compared, tags find, and the answer says so."""
    fill(advice)
    monkeypatch.setattr(type(advice.database), "compares_vectors", lambda _self: False)
    answer = read(advice.database, "search", OutcomeSelection("ann"), text="gaming coverage", now=NOW)
    assert answer.results[0]["snippet"] == "reduce_source: theverge → rejected"
    assert answer.results[0]["score"] > 0.5
    assert answer.note.startswith(MISSING.partition("{")[0])
    assert read(advice.database, "search", OutcomeSelection("ann"), text="soccer matches", now=NOW).results == []


def test_vectors_of_other_models_are_never_compared(advice: OutcomeMemory) -> None:
    """What another model embedded, even in another length, is found by its tags, and by meaning once made anew."""
    fill(advice)
    advice.database.run(
        "UPDATE suggestion_outcomes SET embedding = :vector, embedding_model = 'other'",
        {"vector": array("f", [1, 0, 0])},
    )
    assert found(advice, "gaming")[0].startswith("reduce_source: theverge")
    assert found(advice, "soccer matches") == []
    assert [renew(advice.database, "ann", 3) for _ in range(3)] == [3, 1, 0]
    assert not compares_meaning(advice.database) or found(advice, "soccer matches")[0].startswith(
        "remove_topic: football"
    )
    models = advice.database.rows("SELECT embedding_model FROM suggestion_outcomes WHERE user_id = 'bob'")
    assert models == [{"embedding_model": "other"}]


def test_nobody_reads_what_others_decided(advice: OutcomeMemory) -> None:
    """No layer shows an outcome of another user, whatever ids are asked for; unknown ids are left out."""
    ids = fill(advice)
    for layer in retrieval.LAYERS:
        assert read(advice.database, layer, OutcomeSelection("bob"), ids=ids).results == []
    told = json.dumps(
        read(advice.database, "search", OutcomeSelection("bob"), text="kubernetes football gaming").results
    )
    assert "accepted" in told
    assert "kubernetes" not in told
    with pytest.raises(AdviceError, match="not a layer"):
        read(advice.database, "everything", OutcomeSelection("ann"))


def test_given_ids_keep_their_order(advice: OutcomeMemory) -> None:
    """Results come in the order of the ids, each once."""
    ids = fill(advice)
    wanted = [ids[2], ids[0], ids[2], 9999]
    for layer in ("timeline", "detail"):
        answer = read(advice.database, layer, OutcomeSelection("ann"), ids=wanted)
        assert [one["id"] for one in answer.results] == [ids[2], ids[0]]


@pytest.fixture
def crowded(advice: OutcomeMemory) -> Database:
    """Return outcomes of which only the oldest holds a rare word."""
    start = datetime.fromisoformat("2025-01-01T00:00:00+00:00")
    for number in range(120):
        value = "zymurgy" if not number else f"topic {number}"
        at = (start + timedelta(hours=number)).isoformat()
        advice.record("ann", "add_topic", value, "accepted", decided_at=at)
    return advice.database


def test_a_rare_word_is_found_among_many(crowded: Database) -> None:
    """An outcome that is older than all that a common word finds is found by its own."""
    hits = read(crowded, "search", OutcomeSelection("ann"), text="add topic zymurgy", now=NOW).results
    assert hits[0]["snippet"] == "add_topic: zymurgy → accepted"
