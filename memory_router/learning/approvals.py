"""Ask for approvals, give or deny them, and know which question they are for (seed 000, ARM Mode Integration)."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from memory_router.contract import JsonObject, iso_time
from memory_router.errors import ApprovalDeniedError, ApprovalMismatchError, ApprovalRequiredError
from memory_router.storage.database import Database, Row, decode_json, encode_json
from memory_router.text.redaction import redact


class Approval(NamedTuple):
    """Hold one approval.

    Args:
        id: its id.
        user_request: the question, secrets redacted.
        needed_by: what needs it: `rule ID`, `backend NAME`.
        state: `pending`, `approved`, `denied` or `expired`.
        escalation_required: whether somebody above the operator has to decide.
        requested_at: seconds since the epoch.
        expires_at: until when it can be given and used.
        decided_by: who decided.
        decided_at: when.
    """

    id: str
    user_request: str
    needed_by: tuple[str, ...]
    state: str
    escalation_required: bool
    requested_at: float
    expires_at: float
    decided_by: str | None
    decided_at: float | None


class ApprovalStore:
    """Keep approvals in the database.

    Args:
        database: the learning tables.
        minutes: for how long an approval can be given and used.
        now: the time in seconds since the epoch.
    """

    def __init__(self, database: Database, minutes: int, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._minutes = minutes
        self._now = now

    def check(self, query: str, needed_by: Sequence[str], *, escalate: bool, approval: str | None) -> JsonObject:
        """Return who approved `query` and when, for the record.

        Args:
            query: the question.
            needed_by: what needs the approval.
            escalate: whether somebody above the operator has to approve.
            approval: the id that the caller shows, or None to look for an approval of this very question.

        Raises:
            ApprovalRequiredError: nobody has decided yet; an approval was asked for.
            ApprovalDeniedError: somebody denied it.
            ApprovalMismatchError: the approval shown is unknown, expired, or of another question.
        """
        digest = _digest(query, needed_by)
        found = self._shown(approval, digest) if approval else self._latest(digest)
        if found is None:
            found = self._request(query, digest, needed_by, escalate)
        if found.state == "denied":
            raise ApprovalDeniedError(
                f"{found.decided_by} denied this question ({', '.join(needed_by)}; approval {found.id}).",
                f"Ask {found.decided_by} why, or ask something else.",
                found.id,
            )
        if found.state == "pending":
            whom = "Somebody above the operator must approve it" if escalate else "It waits for approval"
            raise ApprovalRequiredError(
                f"This question needs approval ({', '.join(needed_by)}). {whom}; nothing was asked yet.",
                f"Run: memory-router approve {found.id} --by WHO (or deny), then ask again.",
                found.id,
            )
        return {
            "requires_approval": True,
            "approval_id": found.id,
            "needed_by": list(needed_by),
            "escalation_required": found.escalation_required,
            "approved_by": found.decided_by,
            "approved_at": iso_time(found.decided_at) if found.decided_at else None,
        }

    def decide(self, approval: str, by: str, *, approved: bool) -> Approval:
        """Approve or deny what is pending.

        Args:
            approval: its id.
            by: who decides.
            approved: whether the question may be asked.

        Raises:
            ApprovalMismatchError: it is unknown, expired, or decided already.
        """
        with self._database.transaction():
            found = self._get(approval)
            if found.state != "pending":
                already = f"{found.decided_by} {found.state} it already" if found.decided_by else "it has expired"
                raise ApprovalMismatchError(
                    f"Approval {approval} cannot be decided: {already}.", "Ask the question again.", approval
                )
            self._database.run(
                "UPDATE approvals SET state = :state, decided_by = :by, decided_at = :at WHERE id = :id",
                {"id": approval, "state": "approved" if approved else "denied", "by": by, "at": self._now()},
            )
        return self._get(approval)

    def newest(self, *, pending: bool = False) -> list[Approval]:
        """Return approvals, the newest first.

        Args:
            pending: only those that wait for a decision.
        """
        rows = self._database.rows(f"{_SELECT} ORDER BY requested_at DESC, id")
        found = [self._approval(row) for row in rows]
        return [approval for approval in found if approval.state == "pending"] if pending else found

    def _latest(self, digest: str) -> Approval | None:
        """Return the newest approval of this question that is still good for something."""
        rows = self._database.rows(
            f"{_SELECT} WHERE request_digest = :digest AND expires_at > :now ORDER BY requested_at DESC LIMIT 1",
            {"digest": digest, "now": self._now()},
        )
        return self._approval(rows[0]) if rows else None

    def _shown(self, approval: str, digest: str) -> Approval:
        found = self._get(approval)
        is_same = self._database.rows(
            "SELECT 1 AS found FROM approvals WHERE id = :id AND request_digest = :digest",
            {"id": approval, "digest": digest},
        )
        if not is_same:
            raise ApprovalMismatchError(
                f"Approval {approval} is of another question: {found.user_request!r}.",
                "Ask without --approval; the answer names the approval that this question needs.",
                approval,
            )
        if found.state == "expired":
            raise ApprovalMismatchError(
                f"Approval {approval} has expired at {iso_time(found.expires_at)}.",
                "Ask without --approval for a new one.",
                approval,
            )
        return found

    def _get(self, approval: str) -> Approval:
        rows = self._database.rows(f"{_SELECT} WHERE id = :id", {"id": approval})
        if not rows:
            raise ApprovalMismatchError(
                f"There is no approval {approval!r}.", "`memory-router approvals` lists them.", approval
            )
        return self._approval(rows[0])

    def _request(self, query: str, digest: str, needed_by: Sequence[str], escalate: bool) -> Approval:
        now = self._now()
        approval = Approval(
            os.urandom(4).hex(),
            redact(query).text,
            tuple(needed_by),
            "pending",
            escalate,
            now,
            now + self._minutes * 60,
            None,
            None,
        )
        self._database.run(
            "INSERT INTO approvals(id, user_request, request_digest, needed_by, state, escalation_required,"
            " requested_at, expires_at) VALUES (:id, :user_request, :digest, :needed_by, :state,"
            " :escalation_required, :requested_at, :expires_at)",
            {**approval._asdict(), "digest": digest, "needed_by": encode_json(needed_by)},
        )
        return approval

    def _approval(self, row: Row) -> Approval:
        state = row["state"]
        if state != "denied" and row["expires_at"] <= self._now():
            state = "expired"
        return Approval(
            **{
                **row,
                "needed_by": tuple(decode_json(row["needed_by"])),
                "state": state,
                "escalation_required": bool(row["escalation_required"]),
            }
        )


_SELECT = f"SELECT {', '.join(Approval._fields)} FROM approvals"  # noqa: S608 - the names of our own columns


def _digest(query: str, needed_by: Sequence[str]) -> str:
    return hashlib.sha256("\0".join((query.strip(), *sorted(needed_by))).encode()).hexdigest()
