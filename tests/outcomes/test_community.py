"""What is told across users says nothing about any of them."""

import json

import pytest

from memory_router.outcomes.community import Community, across_users
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.profile import alerts


def decide(advice: OutcomeMemory, user: str, name: str, *, accepted: bool, count: int = 3) -> None:
    """Record decisions of one user about one type."""
    for number in range(count):
        value = f"secret value {user} {number}"
        advice.outcomes.record(user, name, value, "accepted" if accepted else "rejected", reason="a private reason")


def shared(advice: OutcomeMemory, users: int) -> Community:
    """Let so many users reject two types, and as many reject neither; return what is told."""
    for number in range(users):
        for name in ("reduce_source", "remove_topic"):
            decide(advice, f"rejecting {number}", name, accepted=False)
            decide(advice, f"accepting {number}", name, accepted=True)
    return across_users(advice.database)


def test_who_rejects_one_tends_to_reject_the_other(advice: OutcomeMemory) -> None:
    """What enough users do together is told with support and confidence, both rounded down."""
    found = shared(advice, 7)
    assert found.users == 10
    told = {str(one): (one.support, one.confidence) for one in found.associations}
    assert told == {
        "Users who reject reduce_source tend to reject remove_topic": (5, 0.95),
        "Users who reject remove_topic tend to reject reduce_source": (5, 0.95),
        "Users who accept reduce_source tend to accept remove_topic": (5, 0.95),
        "Users who accept remove_topic tend to accept reduce_source": (5, 0.95),
    }
    assert found.trends["engagement"] == {"new": 10}


@pytest.mark.parametrize("users", [1, 4])
def test_what_few_share_is_not_told(advice: OutcomeMemory, users: int) -> None:
    """Fewer than five users make no rule and no count."""
    found = shared(advice, users)
    assert found.associations == ()
    assert found.users in (0, 5)
    assert all(count >= 5 for counts in found.trends.values() for count in counts.values())


def test_no_text_and_no_id_is_told(advice: OutcomeMemory) -> None:
    """Neither values nor reasons nor ids of users are in the report."""
    told = json.dumps(shared(advice, 8))
    assert not any(text in told for text in ("secret", "private", "rejecting", "accepting"))


def test_one_user_more_does_not_show(advice: OutcomeMemory) -> None:
    """The report before and after one more user joins is the same, within a multiple of five."""
    before = shared(advice, 6)
    decide(advice, "newcomer", "reduce_source", accepted=False)
    decide(advice, "newcomer", "remove_topic", accepted=False)
    assert across_users(advice.database) == before


def test_what_holds_of_everybody_is_no_rule(advice: OutcomeMemory) -> None:
    """Where all users reject a type, rejecting another tells nothing about it."""
    for number in range(6):
        decide(advice, f"user {number}", "reduce_source", accepted=False)
        decide(advice, f"user {number}", "remove_topic", accepted=False)
    assert across_users(advice.database).associations == ()


def test_alerts_tell_of_change(advice: OutcomeMemory) -> None:
    """Fewer decisions than before, and other ones, are told; steady users are not bothered."""
    for week, outcome, count in ((1, "accepted", 9), (5, "rejected", 6)):
        for number in range(count):
            at = f"2025-1{0 if week == 1 else 1}-{6 + number:02}T00:00:00Z"
            advice.outcomes.record("ann", "add_topic", f"{number}", outcome, decided_at=at)

    def of(user: str) -> list[str]:
        found = advice.outcomes.profile(user)
        return alerts(found.trends, found.last_outcome_at, found.last_outcome_at or "2026-01-28")

    told = of("ann")
    assert [sentence.split(":")[0] for sentence in told] == ["Engagement is decreasing", "Preferences are changing"]
    decide(advice, "bob", "add_topic", accepted=True)
    assert of("bob") == []
    assert of("nobody") == []
