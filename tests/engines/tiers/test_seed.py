"""The examples that the tiers were designed by: each runs as it is written, with time that does not pass by itself."""

import math

import pytest

from memory_router.engines.tiers import (
    EphemeralPolicy,
    MemoryConfig,
    MemoryEntry,
    MemorySystem,
    PersistentPolicy,
    Router,
    ScoringConfig,
    ScoringEngine,
    SessionPolicy,
)
from memory_router.engines.tiers.admission import admit
from memory_router.errors import QueryError
from tests.engines.tiers.conftest import Clock, Make, run

HOUR = 3600.0


def tier_of(memories: MemorySystem, entry_id: str) -> str:
    """Return the tier that a memory is in."""
    (found,) = [one for one in run(memories.memories()) if one.id == entry_id]
    return found.tier


@pytest.mark.parametrize(
    ("text", "importance", "tier"),
    [
        ("User clicked button", 0.1, "ephemeral"),
        ("User viewed page", 0.5, "session"),
        ("User purchased item", 0.9, "persistent"),
        ("just below", 0.2999, "ephemeral"),
        ("the lower edge", 0.3, "session"),
        ("just below the upper edge", 0.6999, "session"),
        ("the upper edge", 0.7, "persistent"),
        ("nothing", 0.0, "ephemeral"),
        ("all", 1.0, "persistent"),
    ],
)
def test_importance_selects_the_tier(make: Make, text: str, importance: float, tier: str) -> None:
    """Importance-Based Routing, and its thresholds."""
    memories = make()
    assert tier_of(memories, run(memories.store(text, importance=importance))) == tier


def test_a_tier_hint_wins(make: Make) -> None:
    """Explicit Tier Hints."""
    memories = make()
    entry_id = run(memories.store("Temporary cache entry", importance=0.9, tier="ephemeral"))
    assert tier_of(memories, entry_id) == "ephemeral"


def test_a_missing_tier_falls_back(make: Make) -> None:
    """Fallback Logic: by importance and by hint."""
    memories = make(without=("ephemeral",), default_tier="session")
    assert tier_of(memories, run(memories.store("text", importance=0.1))) == "session"
    assert tier_of(memories, run(memories.store("other", tier="ephemeral"))) == "session"


@pytest.mark.parametrize(
    ("accesses", "recency", "score"),
    [(0, None, 0.30), (5, 0.9, 0.495), (15, 0.8, 0.505), (50, 0.7, 0.590), (100, 0.65, 0.73)],
)
def test_scores_evolve(accesses: int, recency: float | None, score: float) -> None:
    """Score Evolution Example: the formula gives the figures, and only the last one reaches the threshold."""
    now = 1_760_000_000.0
    times = () if recency is None else (now + 24 * HOUR * math.log(recency),)
    entry = admit("Important fact", importance=0.6).memory._replace(accesses=accesses, access_times=times)
    engine = ScoringEngine(clock=lambda: now)
    assert run(engine.calculate_score(entry)) == pytest.approx(score)
    assert (score >= engine.config.promotion_threshold) == (accesses == 100)


def test_frequent_access_promotes(make: Make) -> None:
    """Promotion Example and Pattern 1: twenty recalls in a row are more than ten in a short period."""
    memories = make()
    entry_id = run(memories.store("User likes dark mode", importance=0.5, tier="session"))
    for number in range(20):
        results = run(memories.recall("dark mode preferences", k=1))
        assert tier_of(memories, entry_id) == ("session" if number < 10 else "persistent")
        assert results[0].id == entry_id
    assert len(run(memories.recall("dark mode", tier="persistent"))) > 0
    assert run(memories.get_tier_stats("session"))["promotions"] == 1


def test_promotion_can_be_switched_off(make: Make) -> None:
    """`enable_promotion=False` keeps everything where it is."""
    memories = make(enable_promotion=False)
    entry_id = run(memories.store("User likes dark mode", importance=0.5))
    for _ in range(20):
        run(memories.recall("dark mode"))
    assert tier_of(memories, entry_id) == "session"


def test_a_memory_climbs_one_tier_at_a_time(make: Make) -> None:
    """Promotion Path: from ephemeral to persistent by way of session, automatically and on request."""
    memories = make()
    entry_id = run(memories.store("hot topic", importance=0.1))
    seen = []
    for _ in range(14):
        run(memories.recall("hot topic", k=1))
        seen.append(tier_of(memories, entry_id))
    assert list(dict.fromkeys(seen)) == ["ephemeral", "session", "persistent"]
    other = run(memories.store("another one", importance=0.1))
    assert run(memories.promote(other, target_tier="persistent")).tier == "persistent"
    moves = [event.detail for event in run(memories.audit()) if event.id == other and event.event == "promoted"]
    assert moves == ["to persistent: asked for", "to session: asked for"]


def test_manual_promotion(make: Make) -> None:
    """Manual Promotion: what a recall returned can be promoted by its id."""
    memories = make()
    run(memories.store("important fact", importance=0.5))
    entry = run(memories.recall("important fact", tier="session"))[0]
    run(memories.promote(entry.id, target_tier="persistent"))
    assert run(memories.recall("important fact", tier="session")) == []
    assert run(memories.recall("important fact", tier="persistent"))[0].id == entry.id


def test_steady_access_promotes_within_thirty_days(clock: Clock) -> None:
    """Pattern 2: once a day moves up within thirty days, and once a week does not."""
    for days, tier in ((1, "persistent"), (7, "session")):
        scoring = ScoringEngine(ScoringConfig(), clock)
        config = MemoryConfig(session=SessionPolicy(store="memory:"), persistent=PersistentPolicy(store="memory:"))
        memories = MemorySystem(config, scoring=scoring, clock=clock)
        entry_id = run(memories.store("regular topic", importance=0.5))
        for _ in range(30):
            run(memories.recall("regular topic", k=1))
            clock.pass_(days=days)
        assert tier_of(memories, entry_id) == tier


@pytest.mark.parametrize("enabled", [False, True])
def test_what_is_idle_is_demoted_if_that_is_on(make: Make, clock: Clock, enabled: bool) -> None:
    """Demotion Example: 60 days without access, one tier down; off by default."""
    memories = make(**({"enable_demotion": True} if enabled else {}))
    entry_id = run(memories.store("Old fact", importance=0.8, tier="persistent"))
    clock.pass_(days=60)
    run(memories.maintain())
    assert tier_of(memories, entry_id) == ("session" if enabled else "persistent")


def test_demotion_takes_idle_days_in_every_tier_and_deletes_nothing(make: Make, clock: Clock) -> None:
    """A move starts the clock anew, and what was meant to stay gets no date on which it goes."""
    memories = make(enable_demotion=True)
    entry_id = run(memories.store("Old fact", importance=0.59, tier="persistent"))
    tiers = []
    for days in (29, 2, 1, 28, 2, 400):
        clock.pass_(days=days)
        run(memories.maintain())
        tiers.append(tier_of(memories, entry_id))
    assert tiers == ["persistent", "session", "session", "session", "ephemeral", "ephemeral"]


def test_neutral_importance_belongs_to_the_default_tier(make: Make) -> None:
    """Routing Configuration: `default_tier` is the tier for neutral importance (0.5)."""
    memories = make(default_tier="persistent")
    assert [tier_of(memories, run(memories.store(text, value))) for text, value in (("a", None), ("b", 0.5))] == [
        "persistent",
        "persistent",
    ]
    assert tier_of(memories, run(memories.store("c", importance=0.4))) == "session"


def test_declining_access_may_demote(make: Make, clock: Clock) -> None:
    """Pattern 3: fifty recalls and then silence; a low score moves down as well."""
    memories = make(enable_demotion=True)
    entry_id = run(memories.store("fading topic", importance=0.8))
    low = run(memories.store("hardly a fact", importance=0.2, tier="session"))
    for _ in range(50):
        run(memories.recall("fading topic", k=1))
    clock.pass_(days=2)
    run(memories.maintain())
    assert tier_of(memories, entry_id) == "persistent"
    assert tier_of(memories, low) == "ephemeral"
    clock.pass_(days=60)
    run(memories.maintain())
    assert tier_of(memories, entry_id) == "session"


def test_all_tiers_are_searched_merged_and_sorted(make: Make) -> None:
    """Multi-Tier Recall: every tier, no entry twice, by similarity, at most k; or one tier alone."""
    memories = make()
    for number, importance in enumerate((0.1, 0.5, 0.9)):
        run(memories.store(f"user preferences {'of colour ' * number}", importance=importance))
    results = run(memories.recall("user preferences", k=10))
    assert {result.tier for result in results} == {"ephemeral", "session", "persistent"}
    assert [f"{result.text} (similarity: {result.similarity:.2f})" for result in results]
    assert [one.similarity for one in results] == sorted((one.similarity for one in results), reverse=True)
    assert len({one.id for one in results}) == 3
    assert len(run(memories.recall("user preferences", k=2))) == 2
    assert [one.tier for one in run(memories.recall("user preferences", tier="persistent", k=5))] == ["persistent"]


def test_access_patterns_are_tracked(make: Make, clock: Clock) -> None:
    """Metadata Updates and Access Velocity."""
    memories = make()
    run(memories.store("Document title", importance=0.5, tags=["t"], metadata={"page": 3}))
    for _ in range(6):
        (result,) = run(memories.recall("document"))
        clock.pass_(hours=1)
    metadata = result.metadata
    assert (metadata.access_count, len(metadata.access_timestamps), metadata.importance) == (6, 6, 0.5)
    assert metadata.last_accessed == metadata.access_timestamps[-1]
    assert (metadata.tags, metadata.extra) == (("t",), {"page": 3})
    assert ScoringEngine().velocity(result.memory, clock.now) == pytest.approx(6 / 24)
    assert ScoringEngine().velocity(result.memory, clock.now + 24 * HOUR) == 0


def test_custom_scoring_weights(clock: Clock) -> None:
    """Custom Scoring Weights: easier promotion, harder demotion."""
    config = ScoringConfig(
        promotion_frequency_weight=0.40,
        promotion_importance_weight=0.30,
        promotion_recency_weight=0.20,
        promotion_velocity_weight=0.10,
        promotion_threshold=0.65,
        demotion_threshold=0.40,
    )
    entry = admit("fact", importance=0.5).memory._replace(accesses=100, access_times=(clock.now,) * 10)
    assert ScoringEngine(config).score(entry, clock.now) == pytest.approx(0.4 + 0.15 + 0.2 + 0.1)


def test_routing_metrics(make: Make, clock: Clock) -> None:
    """Monitor Routing Metrics."""
    memories = make()
    entry_id = run(memories.store("a fact", importance=0.5))
    run(memories.store("another fact", importance=0.5))
    run(memories.store("a passing fact", importance=0.1))
    run(memories.promote(entry_id))
    run(memories.demote(entry_id))
    clock.pass_(days=2)
    run(memories.maintain())
    stats = run(memories.get_tier_stats("session"))
    assert (stats["entry_count"], stats["stores"], stats["promotions"], stats["demotions"]) == (2, 2, 1, 0)
    assert stats["promotions"] / stats["entry_count"] == 0.5
    assert run(memories.get_tier_stats("persistent"))["demotions"] == 1
    assert run(memories.get_tier_stats("ephemeral"))["expirations"] == 1


def test_conditional_routing(make: Make) -> None:
    """Conditional Routing: a caller chooses by tags."""
    memories = make()

    async def smart_store(text: str, tags: list[str]) -> str:
        tier, importance = (
            ("persistent", 0.9) if "critical" in tags else ("ephemeral", 0.1) if "temp" in tags else (None, 0.5)
        )
        return await memories.store(text, importance=importance, tier=tier, tags=tags)

    chosen = [tier_of(memories, run(smart_store(f"text {tag}", [tag]))) for tag in ("critical", "temp", "other")]
    assert chosen == ["persistent", "ephemeral", "session"]


def test_a_router_of_ones_own(make: Make) -> None:
    """Routing Policies: the example's custom router."""

    class CustomRouter(Router):
        async def select_tier(self, entry: MemoryEntry) -> str:
            if "user_id" in entry.metadata.tags:
                return "persistent"
            if entry.metadata.importance > 0.8:
                return "persistent"
            return "session" if entry.metadata.importance > 0.4 else "ephemeral"

    memories = make(router=CustomRouter())
    for text, importance, tags, tier in [
        ("a", 0.1, ["user_id"], "persistent"),
        ("b", 0.85, [], "persistent"),
        ("c", 0.75, [], "session"),
        ("d", 0.4, [], "ephemeral"),
    ]:
        assert tier_of(memories, run(memories.store(text, importance=importance, tags=tags))) == tier


def test_a_full_session_overflows_into_persistent(make: Make) -> None:
    """Tier Overflow and Capacity Pressure: the best move up from nine tenths on; nothing is lost."""
    memories = make(session=SessionPolicy(store="memory:", max_entries=10))
    for number in range(15):
        run(memories.store(f"fact {number}", importance=0.3 + number / 100))
    assert run(memories.get_tier_stats("session"))["entry_count"] == 9
    assert run(memories.get_tier_stats("persistent"))["entry_count"] == 6
    assert tier_of(memories, admit("fact 14").memory.id) == "persistent"


def test_a_full_ephemeral_tier_evicts_its_least(make: Make) -> None:
    """Without overflow the least important go."""
    memories = make(ephemeral=EphemeralPolicy(store="memory:", max_entries=3))
    for number in range(5):
        run(memories.store(f"fact {number}", importance=0.1 + number / 100))
    assert {one.text for one in run(memories.memories())} == {"fact 2", "fact 3", "fact 4"}
    assert run(memories.get_tier_stats("ephemeral"))["evictions"] == 2


@pytest.mark.parametrize("strategy", ["count", "importance", "semantic", "time"])
def test_compaction_keeps_what_matters_in_summaries(make: Make, clock: Clock, strategy: str) -> None:
    """Each strategy puts fewer memories in the place of many; a dry run changes nothing; projects never mix."""
    memories = make()
    for number in range(12):
        run(memories.store(f"The tide gauge said {number} m today.", importance=0.3, project="ab"[number % 2]))
    clock.pass_(days=10)
    planned = run(memories.compact("session", strategy, dry_run=True))
    assert run(memories.get_tier_stats("session"))["entry_count"] == 12
    done = run(memories.compact("session", strategy))
    assert (done.before, done.after) == (planned.before, planned.after)
    held = run(memories.memories(tier="session"))
    assert len(held) == done.after < 12
    assert {one.project for one in held} == {"a", "b"}
    assert run(memories.recall("tide gauge"))


def test_compaction_takes_a_summariser(clock: Clock) -> None:
    """The text of a summary is what the caller's function returns."""
    config = MemoryConfig(session=SessionPolicy(store="memory:"))
    memories = MemorySystem(config, clock=clock, summarise=lambda group: f"{len(group)} facts")
    for number in range(3):
        run(memories.store(f"fact {number}", importance=0.4))
    run(memories.compact("session", "count", keep=1))
    texts = {one.text for one in run(memories.memories())}
    assert len(texts) == 2
    assert "2 facts" in texts


def test_forgetting_gives_a_receipt(make: Make) -> None:
    """By id, by filter, by tier; a dry run forgets nothing; without any choice nothing is forgotten."""
    memories = make()
    entry_id = run(memories.store("one", importance=0.9))
    run(memories.store("two", importance=0.9, tags=["t"]))
    run(memories.store("three", importance=0.1))
    assert [one.id for one in run(memories.forget(entry_id, dry_run=True)).forgotten] == [entry_id]
    assert [one.id for one in run(memories.forget(entry_id)).forgotten] == [entry_id]
    assert [one.text for one in run(memories.forget(filter={"tags": ["t"]})).forgotten] == ["two"]
    assert [one.tier for one in run(memories.forget(tier="ephemeral")).forgotten] == ["ephemeral"]
    assert run(memories.memories()) == []
    with pytest.raises(QueryError, match="Nothing is chosen"):
        run(memories.forget())


def test_a_clock_that_goes_backwards_loses_nothing(make: Make, clock: Clock) -> None:
    """Neither scores nor recalls nor expiry break, and the memory is still there."""
    memories = make()
    run(memories.store("tide table", importance=0.2))
    run(memories.recall("tide"))
    clock.pass_(days=-400)
    assert run(memories.recall("tide"))[0].similarity <= 1
    assert run(memories.recall("latest"))[0].text == "tide table"
    run(memories.store("tide table two", importance=0.5))
    run(memories.maintain())
    assert len(run(memories.memories())) == 2
