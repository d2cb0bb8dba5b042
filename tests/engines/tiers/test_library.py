"""The library can be used from one import, with and without `async`, and with times of either kind."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

import memory_router
from memory_router import BlockingMemorySystem, MemoryConfig, MemorySystem, SessionPolicy
from memory_router.engines.tiers import PolicyEngine, ScoringEngine
from memory_router.engines.tiers.instant import Instant
from memory_router.errors import RefusedMemoryError

CONFIG = MemoryConfig(session=SessionPolicy(store="memory:"))


def test_every_public_name_is_there() -> None:
    """Each name that the package offers can be imported, and no other."""
    assert all(getattr(memory_router, name) for name in memory_router.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = memory_router.nonsense


def test_the_blocking_form_does_what_the_other_does() -> None:
    """Without `async`, a text is stored, found, replaced and forgotten, and its history told."""
    with BlockingMemorySystem(CONFIG) as memories:
        first = memories.store("The gateway port is 8443", tags="infra")
        second = memories.store("The gateway port is 9443", supersedes=first)
        assert [memory.id for memory in memories.history(first)] == [first, second]
        assert memories.recall("gateway port")[0].id == second
        memories.forget([first, second])
        assert memories.memories() == []


def test_a_misspelt_argument_is_refused() -> None:
    """What is no argument is an error at run time, too."""
    with BlockingMemorySystem(CONFIG) as memories, pytest.raises(TypeError, match="importnace"):
        memories.store("text", importnace=0.5)  # type: ignore[call-arg]


def test_an_identical_text_is_nearly_certain() -> None:
    """The similarity of a text with itself is near 1, and far above that of another one."""
    texts = ["The Redis cache TTL is 600 seconds", "User prefers dark mode", "We use Postgres for billing", "Ja."]

    async def similarities(text: str) -> list[float]:
        async with MemorySystem(CONFIG) as memories:
            for one in texts:
                await memories.store(one)
            return [found.similarity for found in await memories.recall(text)]

    for text in texts:
        first, *others = asyncio.run(similarities(text))
        assert first >= 0.99
        assert all(other < 0.9 for other in others)


def test_times_can_be_subtracted_with_and_without_a_zone() -> None:
    """A time is aware and in UTC; a naive local time and an aware one can be subtracted from it, and it from them."""
    at = Instant.fromtimestamp(1_700_000_000, UTC)
    naive, aware = datetime.fromtimestamp(1_700_003_600), datetime.fromtimestamp(1_700_003_600, UTC)
    assert at.utcoffset() == timedelta(0)
    assert naive - at == aware - at == timedelta(hours=1)
    assert at - naive == at - aware == timedelta(hours=-1)
    assert at - timedelta(hours=1) == datetime.fromtimestamp(1_699_996_400, UTC)


def test_a_tier_policy_is_validated() -> None:
    """A configured tier is valid, one that is left out is not, and one that does not exist is refused."""
    policies = PolicyEngine(CONFIG, ScoringEngine())
    assert policies.validate_tier_policy("session")
    assert not policies.validate_tier_policy("persistent")
    with pytest.raises(RefusedMemoryError):
        policies.validate_tier_policy("eternal")
