"""A change of the router's own settings, with its evidence."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from memory_router.contract import JsonObject


class ValueChange(NamedTuple):
    """A value to be replaced by another.

    Args:
        what: `setting` (of `router-config.json`), `amendment` (a setting that a dream tested), `rule` (the state of a
            learned rule), `prior` (what evidence adds to one: shift, useful, votes), `folder` (whether it is indexed)
            or `link` (what a path leads to).
        name: the setting, the rule's id, `rule.backend`, or the path.
        old: what it is.
        new: what it is to be.
    """

    what: str
    name: str
    old: Any
    new: Any


class Proposal(NamedTuple):
    """A change for which there is evidence.

    Args:
        type: what kind of change it is, such as `reduce_source`.
        value: what it is about; the same value is the same proposal.
        reason: one sentence for people.
        changes: what would become of what, all or none.
        strength: the lower bound of the share of executions that speak for it, from 0 to 1.
        executions: on how many executions it rests.
        evidence: the figures behind it.
    """

    type: str
    value: str
    reason: str
    changes: tuple[ValueChange, ...]
    strength: float
    executions: int
    evidence: JsonObject

    def evidence_summary(self) -> JsonObject:
        """Return the evidence as it is kept with the suggestion."""
        return {"strength": round(self.strength, 4), "executions": self.executions, **self.evidence}

    def touches(self) -> frozenset[tuple[str, str]]:
        """Return the settings that it touches; two proposals that touch the same one exclude each other."""
        return touched(self.changes)


class Silence(NamedTuple):
    """A change that is not suggested in spite of its evidence, and why."""

    type: str
    value: str
    why: str


def touched(changes: Sequence[ValueChange]) -> frozenset[tuple[str, str]]:
    """Return the settings that changes touch; the chains of one rule count as one."""
    return frozenset((_KINDS.get(change.what, change.what), _scope(change.name)) for change in changes)


def encoded(proposal: Proposal) -> JsonObject:
    """Return what the column `change` holds: the changes, and the number that a later proposal is measured by.

    Evidence is compacted in time, and what somebody rejected must stay known.
    """
    return {"changes": [change._asdict() for change in proposal.changes], "executions": proposal.executions}


def decoded(column: Any) -> tuple[ValueChange, ...]:
    """Return the changes in the column `change`; none where another application wrote it."""
    listed = column.get("changes") if isinstance(column, dict) else None
    if not isinstance(listed, list) or not all(
        isinstance(change, dict) and set(change) == _MEMBERS for change in listed
    ):
        return ()
    return tuple(ValueChange(**change) for change in listed)


_MEMBERS = set(ValueChange._fields)
# What a dream tested is a setting, too.
_KINDS = {"amendment": "setting"}


def _scope(name: str) -> str:
    return ".".join(name.split(".")[:2]) if name.startswith("rules.") else name
