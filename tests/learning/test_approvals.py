"""What needs approval runs only with it, for this very question, and only for a while."""

from typing import Any

import pytest

from memory_router.errors import ApprovalDeniedError, ApprovalMismatchError, ApprovalRequiredError
from memory_router.learning.approvals import ApprovalStore
from memory_router.storage.database import Database
from tests.learning.conftest import NOW

RULE = ("rule 20addd96",)
QUERY = "audit payroll compliance"


class Desk:
    """The approvals at a time that a test sets."""

    def __init__(self, database: Database) -> None:
        self.now = NOW
        self.store = ApprovalStore(database, 60, lambda: self.now)

    def check(self, query: str = QUERY, approval: str | None = None, **changes: Any) -> dict[str, Any]:
        """Check a question."""
        return self.store.use(query, RULE, **{"approval": approval, "account": "katie", **changes})

    def requested(self, query: str = QUERY) -> str:
        """Return the id of the approval that a question asks for."""
        with pytest.raises(ApprovalRequiredError) as caught:
            self.check(query)
        return caught.value.approval


@pytest.fixture
def desk(database: Database) -> Desk:
    """Return a desk without approvals."""
    return Desk(database)


def test_old_approvals_go(desk: Desk) -> None:
    """An approval is kept for the days of the retention, whatever became of it, and then deleted."""
    old = desk.requested()
    desk.now += 86_400
    kept = desk.requested("another question")
    assert desk.store.purge(2) == 0
    desk.now += 86_400 * 1.5
    assert desk.store.purge(2) == 1
    assert [one.id for one in desk.store.newest()] == [kept] != [old]


def test_more_approvals_than_anybody_decides_go(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more than the most that are kept, the oldest are deleted."""
    monkeypatch.setattr("memory_router.learning.approvals._MOST", 3)
    asked = []
    for number in range(5):
        desk.now += 1
        asked.append(desk.requested(f"question {number}"))
    assert desk.store.purge(365) == 2
    assert [one.id for one in desk.store.newest()] == asked[:1:-1]


def test_an_approved_question_runs(desk: Desk) -> None:
    """Once approved, the question runs, and the record says who approved it and when."""
    asked = desk.requested()
    assert desk.requested() == asked
    with pytest.raises(ApprovalRequiredError) as caught:
        desk.check()
    assert "memory-router" not in str(caught.value), "a program that reads it is not told how to approve"
    assert [one.state for one in desk.store.newest(pending=True)] == ["pending"]
    desk.store.decide(asked, "katie@example.com", approved=True, account="boss")
    check = desk.check()
    assert (check["approved_by"], check["approval_id"], check["needed_by"]) == ("katie@example.com", asked, list(RULE))
    assert check["approved_at"] == "2026-09-21T14:13:20Z"


def test_an_approval_is_used_once(desk: Desk) -> None:
    """One yes lets one question run; shown again it is refused, and the same question asks for another."""
    asked = desk.requested()
    desk.store.decide(asked, "katie", approved=True, account="boss")
    desk.check()
    with pytest.raises(ApprovalMismatchError, match="used already"):
        desk.check(approval=asked)
    assert desk.requested() != asked


def test_a_denied_question_does_not_run(desk: Desk) -> None:
    """A denial holds, and says who gave it."""
    asked = desk.requested()
    desk.store.decide(asked, "preston", approved=False, account="boss")
    with pytest.raises(ApprovalDeniedError, match="preston denied"):
        desk.check()


def test_an_approval_is_of_one_question(desk: Desk) -> None:
    """Shown for another question it is refused, and so is one that nobody knows."""
    asked = desk.requested()
    desk.store.decide(asked, "katie", approved=True, account="boss")
    with pytest.raises(ApprovalMismatchError, match="another question"):
        desk.check("audit everything", approval=asked)
    with pytest.raises(ApprovalMismatchError, match="no approval 'made-up'"):
        desk.check(approval="made-up")


def test_an_approval_of_one_rule_is_none_of_another(desk: Desk) -> None:
    """The same question routed by another rule needs an approval of its own."""
    desk.store.decide(desk.requested(), "katie", approved=True, account="boss")
    with pytest.raises(ApprovalRequiredError):
        desk.store.use(QUERY, ("backend cognee",), account="katie")


def test_approvals_expire(desk: Desk) -> None:
    """After its time an approval neither lets a question run nor can be given."""
    asked = desk.requested()
    desk.store.decide(asked, "katie", approved=True, account="boss")
    late = desk.requested("audit it again")
    desk.now += 3601
    with pytest.raises(ApprovalMismatchError, match="expired"):
        desk.check(approval=asked)
    assert desk.requested() != asked
    with pytest.raises(ApprovalMismatchError, match="it has expired"):
        desk.store.decide(late, "katie", approved=True, account="boss")


def test_a_decision_is_made_once(desk: Desk) -> None:
    """What was decided is not decided again, by whomever."""
    asked = desk.requested()
    desk.store.decide(asked, "katie", approved=False, account="boss")
    with pytest.raises(ApprovalMismatchError, match="katie denied it already"):
        desk.store.decide(asked, "mallory", approved=True, account="boss")


def test_escalation_needs_another_account(desk: Desk) -> None:
    """An escalated question is approved by neither the account that asks nor one that wrote its rule."""
    with pytest.raises(ApprovalRequiredError, match="another account") as caught:
        desk.check(escalate=True, authors=["preston"])
    for own in ("katie", "preston"):
        with pytest.raises(ApprovalMismatchError, match=f"by the account {own}"):
            desk.store.decide(caught.value.approval, "chief", approved=True, account=own)
    desk.store.decide(caught.value.approval, "chief", approved=True, account="boss")
    assert desk.check(escalate=True, authors=["preston"])["escalation_required"]


def test_secrets_stay_out_of_approvals(desk: Desk) -> None:
    """The question is kept without what looks like a secret, and still recognised with it."""
    query = "audit with AKIAIOSFODNN7EXAMPLE"
    asked = desk.requested(query)
    assert "AKIA" not in desk.store.newest()[0].user_request
    desk.store.decide(asked, "katie", approved=True, account="boss")
    assert desk.check(query)["approval_id"] == asked
