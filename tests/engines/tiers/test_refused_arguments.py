"""What cannot be stored, asked or configured is refused, and nothing is changed."""

from collections.abc import Callable
from typing import Any

import pytest

from memory_router.engines.tiers import MemoryConfig, ScoringConfig, SessionPolicy
from memory_router.errors import ConfigError, QueryError, RefusedMemoryError
from tests.engines.tiers.conftest import Make, run


@pytest.mark.parametrize("importance", [-0.1, 1.1, float("nan"), float("inf"), True, "high"])
def test_what_is_no_importance_is_refused(make: Make, importance: Any) -> None:
    """Nothing is stored."""
    memories = make()
    with pytest.raises(RefusedMemoryError, match="importance"):
        run(memories.store("text", importance=importance))
    assert run(memories.memories()) == []


@pytest.mark.parametrize("text", ["", " \n", "x" * 1_000_000])
def test_what_is_no_text_is_refused(make: Make, text: str) -> None:
    """Empty texts and a megabyte are refused with a fix."""
    with pytest.raises(RefusedMemoryError):
        run(make().store(text))


def test_unknown_tiers_are_named(make: Make) -> None:
    """Storing, recalling, promoting, compacting, counting and configuring: each names the tiers there are."""
    memories = make()
    entry_id = run(memories.store("text", importance=0.5))
    calls: list[tuple[Callable[[], Any], type[Exception]]] = [
        (lambda: memories.store("other", tier="attic"), RefusedMemoryError),
        (lambda: memories.recall("text", tier="attic"), QueryError),
        (lambda: memories.promote(entry_id, "attic"), RefusedMemoryError),
        (lambda: memories.promote(entry_id, "ephemeral"), RefusedMemoryError),
        (lambda: memories.demote(entry_id, "persistent"), RefusedMemoryError),
        (lambda: memories.promote("nobody"), RefusedMemoryError),
        (lambda: memories.forget(tier="attic"), QueryError),
        (lambda: memories.compact("attic"), QueryError),
        (lambda: memories.compact("session", "magic"), QueryError),
        (lambda: memories.get_tier_stats("attic"), QueryError),
    ]
    for call, error in calls:
        with pytest.raises(error):
            run(call())
    with pytest.raises(ConfigError):
        MemoryConfig(session=SessionPolicy(), default_tier="persistent")
    for wrong in ({"ttl_seconds": 0}, {"max_entries": -1}, {"ttl_seconds": float("nan")}, {"compaction_strategy": "x"}):
        with pytest.raises(ConfigError):
            SessionPolicy(**wrong)
    with pytest.raises(ConfigError, match="sum"):
        ScoringConfig(promotion_importance_weight=0.9)


@pytest.mark.parametrize(
    "wrong",
    [{"colour": "red"}, {"since": "tomorrow"}, {"tags": 3}, {"tags": [1]}, {"min_importance": 2}, {"project": 1},
     {"since": float("nan")}, ["tags"]],
)  # fmt: skip
def test_a_filter_that_means_nothing_is_an_error(make: Make, wrong: Any) -> None:
    """It says what a filter takes."""
    with pytest.raises(QueryError):
        run(make().recall("text", filter=wrong))
