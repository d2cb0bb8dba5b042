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

# Of more approvals, the oldest are deleted: an agent can ask for any number.
_MOST = 10_000


class Approval(NamedTuple):
    """One approval.

    Args:
        id: its id.
        user_request: the question, secrets redacted.
        needed_by: what needs it: `rule ID`, `backend NAME`.
        state: `pending`, `approved`, `denied`, `used` or `expired`.
        escalation_required: whether another account than the asker's and the rule's authors' has to decide.
        requested_at: seconds since the epoch.
        expires_at: until when it can be given and used.
        decided_by: who decided.
        decided_at: when.
        requested_by: the account that asked the question.
        authors: the accounts that wrote the rules which need the approval.
        used_at: when the question was asked with it; it is used once.
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
    requested_by: str | None = None
    authors: tuple[str, ...] = ()
    used_at: float | None = None


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

    def use(
        self,
        query: str,
        needed_by: Sequence[str],
        *,
        escalate: bool = False,
        approval: str | None = None,
        account: str,
        authors: Sequence[str] = (),
    ) -> JsonObject:
        """Use up an approval of `query`, and return who gave it and when, for the record.

        An approval lets one question run once: of several processes that ask at the same time, one gets it.

        Args:
            query: the question.
            needed_by: what needs the approval.
            escalate: whether another account than the asker's and the rule's authors' has to give it.
            approval: the id that the caller shows, or None to look for an approval of this very question.
            account: who asks.
            authors: the accounts that wrote the rules which need it.

        Raises:
            ApprovalRequiredError: nobody has decided yet; an approval was asked for.
            ApprovalDeniedError: somebody denied it.
            ApprovalMismatchError: the approval shown is unknown, expired, used, or of another question.
        """
        digest = _digest(query, needed_by)
        known = self._shown(approval, digest) if approval else self._latest(digest)
        if known is None:
            known = self._request(query, digest, needed_by, escalate, account, authors)
        if known.state == "denied":
            raise ApprovalDeniedError(
                f"{known.decided_by} denied this question ({', '.join(needed_by)}; approval {known.id}).",
                f"Ask {known.decided_by} why, or ask something else.",
                known.id,
            )
        if known.state == "pending":
            whom = "A person with another account must approve it" if escalate else "A person must approve it"
            raise ApprovalRequiredError(
                f"This question needs approval ({', '.join(needed_by)}; approval {known.id}). {whom}, at a terminal of "
                "their own; nothing was asked yet.",
                "Tell the user, and ask again once they have approved it.",
                known.id,
            )
        is_used_now = self._database.run(
            "UPDATE approvals SET used_at = :now WHERE id = :id AND state = 'approved' AND used_at IS NULL",
            {"id": known.id, "now": self._now()},
        )
        if not is_used_now:  # another process was quicker
            return self.use(query, needed_by, escalate=escalate, approval=approval, account=account, authors=authors)
        return {
            "requires_approval": True,
            "approval_id": known.id,
            "needed_by": list(needed_by),
            "escalation_required": known.escalation_required,
            "approved_by": known.decided_by,
            "approved_at": iso_time(known.decided_at) if known.decided_at else None,
        }

    def decide(self, approval: str, by: str, *, approved: bool, account: str) -> Approval:
        """Approve or deny what is pending.

        Args:
            approval: its id.
            by: who decides, as they call themselves; a label.
            approved: whether the question may be asked.
            account: the account of who decides, which the operating system vouches for.

        Raises:
            ApprovalMismatchError: it is unknown, expired, decided already, or not for this account to decide.
        """
        known = self._get(approval)
        if known.state != "pending":
            already = f"{known.decided_by} {known.state} it already" if known.decided_by else "it has expired"
            raise ApprovalMismatchError(
                f"Approval {approval} cannot be decided: {already}.", "Ask the question again.", approval
            )
        if approved and known.escalation_required and account in (known.requested_by, *known.authors):
            raise ApprovalMismatchError(
                f"Approval {approval} cannot be given by the account {account}: it asked the question, or wrote the "
                "rule.",
                "Somebody with another account has to decide, on the same database.",
                approval,
            )
        decided = self._database.run(
            "UPDATE approvals SET state = :state, decided_by = :by, decided_at = :at"
            " WHERE id = :id AND state = 'pending'",
            {"id": approval, "state": "approved" if approved else "denied", "by": by, "at": self._now()},
        )
        if not decided:  # another person was quicker: say who
            return self.decide(approval, by, approved=approved, account=account)
        return self._get(approval)

    def purge(self, days: float) -> int:
        """Delete the approvals that were requested more than `days` ago, and all but the newest 10,000.

        Returns:
            How many they were.
        """
        return self._database.run(
            "DELETE FROM approvals WHERE requested_at < :then OR requested_at <="
            " (SELECT requested_at FROM approvals ORDER BY requested_at DESC LIMIT 1 OFFSET :most)",
            {"then": self._now() - days * 86_400, "most": _MOST},
        )

    def newest(self, *, pending: bool = False) -> list[Approval]:
        """Return approvals, the newest first.

        Args:
            pending: only those that wait for a decision.
        """
        rows = self._database.rows(f"{_SELECT} ORDER BY requested_at DESC, id")
        approvals = [self._approval(row) for row in rows]
        return [approval for approval in approvals if approval.state == "pending"] if pending else approvals

    def _latest(self, digest: str) -> Approval | None:
        """Return the newest approval of this question that is still good for something."""
        rows = self._database.rows(
            f"{_SELECT} WHERE request_digest = :digest AND expires_at > :now AND used_at IS NULL"
            " ORDER BY requested_at DESC LIMIT 1",
            {"digest": digest, "now": self._now()},
        )
        return self._approval(rows[0]) if rows else None

    def _shown(self, approval: str, digest: str) -> Approval:
        stored = self._get(approval)
        is_same = self._database.rows(
            "SELECT 1 AS found FROM approvals WHERE id = :id AND request_digest = :digest",
            {"id": approval, "digest": digest},
        )
        if not is_same:
            raise ApprovalMismatchError(
                f"Approval {approval} is of another question: {stored.user_request!r}.",
                "Ask without --approval; the answer names the approval that this question needs.",
                approval,
            )
        if stored.state in ("expired", "used"):
            how = "was used already" if stored.state == "used" else f"has expired at {iso_time(stored.expires_at)}"
            raise ApprovalMismatchError(
                f"Approval {approval} {how}.", "Ask without --approval for a new one.", approval
            )
        return stored

    def _get(self, approval: str) -> Approval:
        rows = self._database.rows(f"{_SELECT} WHERE id = :id", {"id": approval})
        if not rows:
            raise ApprovalMismatchError(
                f"There is no approval {approval!r}.", "`memory-router rules approvals` lists them.", approval
            )
        return self._approval(rows[0])

    def _request(
        self,
        query: str,
        digest: str,
        needed_by: Sequence[str],
        escalate: bool,
        account: str,
        authors: Sequence[str],
    ) -> Approval:
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
            account,
            tuple(authors),
        )
        self._database.run(
            "INSERT INTO approvals(id, user_request, request_digest, needed_by, state, escalation_required,"
            " requested_at, expires_at, requested_by, authors) VALUES (:id, :user_request, :digest, :needed_by, :state,"
            " :escalation_required, :requested_at, :expires_at, :requested_by, :authors)",
            {
                **approval._asdict(),
                "digest": digest,
                "needed_by": encode_json(needed_by),
                "authors": encode_json(authors),
            },
        )
        return approval

    def _approval(self, row: Row) -> Approval:
        state = row["state"]
        if row["used_at"] is not None:
            state = "used"
        elif state != "denied" and row["expires_at"] <= self._now():
            state = "expired"
        return Approval(
            **{
                **row,
                "needed_by": tuple(decode_json(row["needed_by"])),
                "authors": tuple(decode_json(row["authors"]) or ()),
                "state": state,
                "escalation_required": bool(row["escalation_required"]),
            }
        )


_SELECT = f"SELECT {', '.join(Approval._fields)} FROM approvals"  # noqa: S608 - the names of our own columns


def _digest(query: str, needed_by: Sequence[str]) -> str:
    return hashlib.sha256("\0".join((query.strip(), *sorted(needed_by))).encode()).hexdigest()
