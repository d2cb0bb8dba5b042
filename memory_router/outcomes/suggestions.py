"""Keep suggestions from when they are made until somebody decides, or nobody does (seed 003, config_suggestions)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from memory_router.errors import AdviceError
from memory_router.outcomes import validation
from memory_router.outcomes.store import OutcomeStore, Recorded, new_key
from memory_router.storage.database import Database, Row, decode_json

_JSON = ("change", "config_before", "evidence_summary")


class Suggestion(NamedTuple):
    """One suggestion; times are ISO 8601.

    Args:
        suggestion_id: its number.
        user_id: whom it is made to.
        suggestion_type: what kind of change it is, such as `add_topic`.
        suggestion_value: what the change is about, such as a topic.
        reason: why it is made.
        change: what accepting it would change, as the application reads it, or None.
        config_before: the configuration when it was made.
        evidence_summary: what speaks for it.
        status: `pending`, `accepted`, `rejected`, `expired`, `superseded` or `undone`.
        created_at: when it was made.
        decided_at: when that was decided, or None.
    """

    suggestion_id: int
    user_id: str
    suggestion_type: str
    suggestion_value: str
    reason: str
    change: Any
    config_before: Any
    evidence_summary: Any
    status: str
    created_at: str
    decided_at: str | None


class SuggestionStore:
    """Keep suggestions in the advice tables of a database.

    Args:
        database: the advice tables.
        outcomes: where what becomes of them is recorded.
        now: the time, ISO 8601 in UTC.
    """

    def __init__(self, database: Database, outcomes: OutcomeStore, now: Callable[[], str] = validation.now) -> None:
        self._database = database
        self._outcomes = outcomes
        self._now = now

    def suggest(
        self,
        user_id: str,
        suggestion_type: str,
        suggestion_value: str,
        *,
        reason: str = "",
        change: Any = None,
        config_before: Any = None,
        evidence: Any = None,
    ) -> Suggestion:
        """Store a suggestion that waits for a decision.

        Args:
            user_id: whom it is made to.
            suggestion_type: what kind of change it is: any lower-case name.
            suggestion_value: what the change is about.
            reason: why it is made; secrets are redacted, here as in the rest.
            change: what accepting it would change.
            config_before: the configuration as it is.
            evidence: what speaks for it.

        Raises:
            AdviceError: the type is invalid, or JSON cannot hold the evidence.
            StoreError: the database cannot be used.
        """
        row = {
            "suggestion_key": new_key(),
            "user_id": validation.clean_user(user_id),
            "suggestion_type": validation.clean_type(suggestion_type),
            "suggestion_value": validation.clean_value(suggestion_value),
            "reason": validation.clean_reason(reason) or "",
            "change": validation.clean_json("change", change),
            "config_before": validation.clean_json("configuration before", config_before),
            "evidence_summary": validation.clean_json("evidence", evidence),
            "status": "pending",
            "created_at": self._now(),
        }
        with self._database.transaction():
            rows = self._database.rows(
                f"INSERT INTO config_suggestions({', '.join(row)})"  # noqa: S608 - our own columns
                f" VALUES ({', '.join(f':{name}' for name in row)}) RETURNING suggestion_id",
                row,
            )
        return self.get(int(rows[0]["suggestion_id"]))

    def get(self, suggestion_id: int) -> Suggestion:
        """Return one suggestion.

        Raises:
            AdviceError: no suggestion has this id.
        """
        rows = self._database.rows(f"{_SELECT} WHERE suggestion_id = :id", {"id": suggestion_id})
        if not rows:
            raise AdviceError(f"There is no suggestion {suggestion_id}.", "Use the id of one that waits.")
        return _suggestion(rows[0])

    def pending(self, user_id: str) -> list[Suggestion]:
        """Return what waits for a user's decision, the oldest first."""
        rows = self._database.rows(
            f"{_SELECT} WHERE user_id = :user AND status = 'pending' ORDER BY suggestion_id", {"user": user_id}
        )
        return [_suggestion(row) for row in rows]

    def past(self, user_id: str, suggestion_type: str, suggestion_value: str) -> list[Suggestion]:
        """Return what a user was suggested of this type and value before, the newest first."""
        rows = self._database.rows(
            f"{_SELECT} WHERE user_id = :user AND suggestion_type = :type AND suggestion_value = :value"
            " AND status <> 'pending' ORDER BY decided_at DESC, suggestion_id DESC",
            {"user": user_id, "type": suggestion_type, "value": validation.clean_value(suggestion_value)},
        )
        return [_suggestion(row) for row in rows]

    def accepted(self, user_id: str) -> list[Suggestion]:
        """Return what a user accepted, of what says how to carry it out, the latest first."""
        rows = self._database.rows(
            f"{_SELECT} WHERE user_id = :user AND status = 'accepted' AND change IS NOT NULL"
            " ORDER BY decided_at DESC, suggestion_id DESC",
            {"user": user_id},
        )
        return [_suggestion(row) for row in rows]

    def undo(self, suggestion_id: int) -> None:
        """Mark an accepted suggestion as undone; that it was accepted stays recorded.

        Raises:
            AdviceError: it is not accepted, or somebody else undid it at this moment.
        """
        self._move(suggestion_id, "accepted", "undone")

    def decide(
        self,
        suggestion_id: int,
        outcome: str,
        *,
        reason: str | None = None,
        config_after: Any = None,
        decided_by: str | None = None,
    ) -> Recorded:
        """Close a suggestion that waits, and record what became of it, in one transaction.

        Args:
            suggestion_id: its id.
            outcome: `accepted`, `rejected`, `expired` or `superseded`.
            reason: why, in the user's words.
            config_after: the configuration afterwards.
            decided_by: who decided, where it was not the user; kept with the evidence.

        Raises:
            AdviceError: it is unknown or was decided otherwise, also by somebody else at this moment; the same decision
                again changes nothing.
        """
        with self._database.transaction():
            suggestion = self.get(suggestion_id)
            if suggestion.status not in ("pending", outcome):
                raise AdviceError(
                    f"Suggestion {suggestion_id} is {suggestion.status} already.",
                    "Make a new one if it is wanted.",
                )
            # Outcomes are recorded before the status changes, so that a wrong one changes nothing.
            recorded = self._outcomes.record_within(
                suggestion.user_id,
                suggestion.suggestion_type,
                suggestion.suggestion_value,
                outcome,
                reason=reason,
                suggestion_id=suggestion_id,
                config_before=suggestion.config_before,
                config_after=config_after,
                evidence={**(suggestion.evidence_summary or {}), "decided_by": decided_by}
                if decided_by
                else suggestion.evidence_summary,
                created_at=suggestion.created_at,
            )
            if suggestion.status == "pending":
                self._move(suggestion_id, "pending", outcome)
        return recorded

    def _move(self, suggestion_id: int, seen: str, status: str) -> None:
        """Change a suggestion's status (compare and set): it only ever moves on, and so is its own revision."""
        is_moved = self._database.run(
            "UPDATE config_suggestions SET status = :status, decided_at = :at"
            " WHERE suggestion_id = :id AND status = :seen",
            {"status": status, "seen": seen, "at": self._now(), "id": suggestion_id},
        )
        if not is_moved:
            raise AdviceError(
                f"Suggestion {suggestion_id} is not {seen} any more: somebody else decided about it.",
                f"Look at it again: memory-router suggestions show {suggestion_id}",
            )

    def older_than(self, days: int) -> list[int]:
        """Return the ids of suggestions that have waited for at least `days` days.

        Args:
            days: how long, at least.
        """
        before = validation.iso(datetime.fromisoformat(self._now()).astimezone(UTC) - timedelta(days=days))
        rows = self._database.rows(
            "SELECT suggestion_id FROM config_suggestions WHERE status = 'pending' AND created_at <= :before"
            " ORDER BY suggestion_id",
            {"before": before},
        )
        return [int(row["suggestion_id"]) for row in rows]


def _suggestion(row: Row) -> Suggestion:
    return Suggestion(**{**row, **{name: decode_json(row[name]) for name in _JSON}})


_SELECT = f"SELECT {', '.join(Suggestion._fields)} FROM config_suggestions"  # noqa: S608 - our own columns
