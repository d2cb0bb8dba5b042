"""The page Decide: suggestions with their evidence, and approvals, by the same calls as on the command line."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from memory_router import app
from memory_router.errors import ApprovalRequiredError, MemoryRouterError
from memory_router.interfaces.window.desk import Desk, go_back
from memory_router.learning.account import account
from memory_router.learning.stores import open_stores
from memory_router.outcomes.suggestions import Suggestion
from memory_router.wilson import wilson_interval

# 95 %, as the router judges suggestions.
_Z = 1.96
_APPROVALS = 30
_FIX = "Decide at a terminal, or start the window at one: memory-router window"


class Interval(NamedTuple):
    """A share that was counted, with the interval that its true value lies in (Wilson, 95 %)."""

    name: str
    successes: int
    trials: int
    what: str

    @property
    def share(self) -> float:
        """Return the share as counted."""
        return self.successes / self.trials if self.trials else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Return the lower and the upper bound."""
        return wilson_interval(self.successes, self.trials, _Z)


class Waiting(NamedTuple):
    """A suggestion with what it would change and what speaks for it.

    Args:
        suggestion: the suggestion.
        diff: what accepting or undoing it would change, as a unified diff.
        intervals: its evidence, to be drawn.
        objection: why it cannot be decided here, or empty.
    """

    suggestion: Suggestion
    diff: str
    intervals: list[Interval]
    objection: str


def decide(desk: Desk, request: Request) -> Response:
    """Show what waits for a yes, what is not suggested and why, and what was decided last."""
    advice = app.improving.suggest(_wait)
    with app.improving.opened() as improving:
        waiting = [_waiting(desk, improving, suggestion) for suggestion in advice.suggestions]
        last = improving.outcomes.suggestions.accepted(account())[:1]
        undoable = [_waiting(desk, improving, suggestion, back=True) for suggestion in last]
        approvals = improving.stores.approvals.newest()[:_APPROVALS]
    return desk.page(
        request,
        "decide.html",
        waiting=waiting,
        undoable=undoable,
        notes=advice.notes,
        settled=advice.settled,
        silent=advice.silent,
        approvals=sorted(approvals, key=lambda approval: approval.state != "pending"),
        fix=_FIX,
    )


def accept(desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Carry out a suggestion."""
    number = request.path_params["number"]
    with app.improving.deciding(_wait), app.improving.opened() as improving:
        suggestion = improving.advisor.get(number)
        improving.advisor.check(suggestion)
        _let_a_person_change(desk, improving, suggestion)
        improving.advisor.accept(number, fields.get("reason") or None)
    return go_back(fields, "/decide", "accepted")


def reject(_desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Refuse a suggestion."""
    with app.improving.deciding(_wait), app.improving.opened() as improving:
        improving.advisor.reject(request.path_params["number"], fields.get("reason") or None)
    return go_back(fields, "/decide", "rejected")


def undo(desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Put back what an accepted suggestion changed."""
    number = request.path_params["number"]
    with app.improving.deciding(_wait), app.improving.opened() as improving:
        suggestion = improving.advisor.get(number, status="accepted")
        improving.advisor.check(suggestion, back=True)
        _let_a_person_change(desk, improving, suggestion)
        improving.advisor.undo(number)
    return go_back(fields, "/decide", "undone")


def approve(desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Approve a question for one use."""
    return _decided(desk, request, fields, approved=True)


def deny(desk: Desk, request: Request, fields: Mapping[str, str]) -> Response:
    """Refuse a question."""
    return _decided(desk, request, fields, approved=False)


def _decided(desk: Desk, request: Request, fields: Mapping[str, str], *, approved: bool) -> Response:
    _require_person(desk, "An approval is given" if approved else "A question is denied")
    with open_stores() as stores:
        stores.approvals.decide(request.path_params["identifier"], account(), approved=approved, account=account())
    return go_back(fields, "/decide", "approved" if approved else "denied")


def _waiting(desk: Desk, improving: "app.improving.Improving", one: Suggestion, *, back: bool = False) -> Waiting:
    objection = ""
    try:
        diff = improving.targets.diff(one, back=back)
        improving.advisor.check(one, back=back)
        _let_a_person_change(desk, improving, one)
    except MemoryRouterError as error:
        diff, objection = "", str(error)
    return Waiting(one, diff, list(intervals(one.evidence_summary or {})), objection)


def intervals(evidence: Mapping[str, Any]) -> Iterator[Interval]:
    """Yield the shares that a suggestion rests on, as far as its evidence counts trials."""
    for prior in evidence.get("priors", ()):
        yield Interval(str(prior["backend"]), round(prior["useful"]), round(prior["votes"]), "found useful")
    steps = evidence.get("steps")
    if isinstance(steps, Mapping):
        for name, trials in steps.items():
            yield Interval(name, int(trials["accepted"]), int(trials["asked"]), "answered")
            if trials["failed"]:
                yield Interval(name, int(trials["failed"]), int(trials["asked"]), "failed")
    elif isinstance(evidence.get("success_rate"), float):
        trials = int(evidence["executions"])
        yield Interval(str((steps or ["rule"])[0]), round(evidence["success_rate"] * trials), trials, "answered")


def _let_a_person_change(desk: Desk, improving: "app.improving.Improving", one: Suggestion) -> None:
    """Refuse decisions about a rule that guards questions, except by a person who started the window at a terminal."""
    if rule := improving.targets.guarding_rule(one):
        _require_person(desk, f"Rule {rule} guards questions. Suggestion {one.suggestion_id} is decided")


def _require_person(desk: Desk, what: str) -> None:
    if not desk.is_attended:
        raise ApprovalRequiredError(f"{what} by a person only, and a program started this window.", _FIX, "")


def _wait() -> None:
    """Wait silently: the page appears once the other process has decided."""
