"""Suggest changes of the router's own configuration, except those that the user's profile speaks against (seed 003).

What is carried out is recorded afterwards. A process that dies between the two leaves a suggestion that waits although
it is carried out; the next run sees that, and records it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from memory_router.advisor.appliers import Targets, changes_of
from memory_router.advisor.proposal import Proposal, Silence, ValueChange, decoded, encoded, touched
from memory_router.errors import AdviceError
from memory_router.outcomes import validation
from memory_router.outcomes.memory import OutcomeMemory
from memory_router.outcomes.store import Profile
from memory_router.outcomes.suggestions import Suggestion

# More at once are not read.
_AT_ONCE = 5
_DAYS = 30
# A rejected suggestion returns once its evidence has grown by this factor.
_STRONGER = 2
# Who decides where `learning` is `on`.
_AUTO = "auto"


class Settled(NamedTuple):
    """How a suggestion ended without a decision."""

    suggestion_id: int
    outcome: str
    why: str


class Advisor:
    """Makes suggestions to one user, carries out accepted ones, and records their outcomes.

    Args:
        advice: where they are kept, with what became of them.
        targets: what they change.
        user_id: whose configuration it is.
        is_automatic: whether the router decides on its own; the user's profile then does not count the decision.
    """

    def __init__(self, advice: OutcomeMemory, targets: Targets, user_id: str, *, is_automatic: bool = False) -> None:
        self._advice = advice
        self._suggestions = advice.suggestions
        self._targets = targets
        self._users = (user_id, f"{_AUTO}:{user_id}")
        self._user = self._users[is_automatic]
        self._is_automatic = is_automatic

    def settle(self) -> list[Settled]:
        """Close suggestions that need no decision: carried out already, too old, or no longer applicable.

        Raises:
            ConfigError: the configuration cannot be read or is not JSON.
            StoreError: the database cannot be used.
        """
        old = set(self._suggestions.older_than(_DAYS))
        fates = [self._fate(suggestion, is_old=suggestion.suggestion_id in old) for suggestion in self._own()]
        settled = [fate for fate in fates if fate]
        for settlement in settled:
            self._record(self._suggestions.get(settlement.suggestion_id), settlement.outcome, settlement.why)
        return settled

    def advise(self, proposals: Sequence[Proposal]) -> tuple[list[Suggestion], list[Silence]]:
        """Suggest the strongest proposals, and return all waiting suggestions and those that were held back.

        A suggestion that waits gives way to a proposal of its type that changes the same to something else: the
        evidence is newer.

        Args:
            proposals: the changes that evidence supports.
        """
        for outdated in _outdated(self._own(), proposals):
            self._record(outdated, "superseded", "newer evidence speaks for another value")
        waiting = self._own()
        profile = self._advice.outcomes.profile(self._user)
        silent: list[Silence] = []
        taken = {
            name: suggestion.suggestion_id for suggestion in waiting for name in touched(decoded(suggestion.change))
        }
        known = {(suggestion.suggestion_type, suggestion.suggestion_value) for suggestion in waiting}
        for proposal in sorted(proposals, key=lambda proposed: (-proposed.strength, proposed.type, proposed.value)):
            if (proposal.type, validation.clean_value(proposal.value)) in known:
                continue
            why = self._objection(proposal, profile) or _crowded(proposal, taken, len(waiting))
            if why:
                silent.append(Silence(proposal.type, proposal.value, why))
                continue
            made = self._suggest(proposal)
            waiting.append(made)
            taken |= dict.fromkeys(proposal.touches(), made.suggestion_id)
        return sorted(waiting, key=_strongest_first), silent

    def withdraw(self, proposals: Sequence[Proposal]) -> None:
        """Close waiting suggestions that are no longer proposed, or that the user's profile speaks against.

        Args:
            proposals: the changes that evidence supports now.
        """
        profile = self._advice.outcomes.profile(self._user)
        proposed = {(proposal.type, validation.clean_value(proposal.value)): proposal for proposal in proposals}
        for suggestion in self._own():
            proposal = proposed.get((suggestion.suggestion_type, suggestion.suggestion_value))
            why = self._objection(proposal, profile) if proposal else "nothing speaks for it any more"
            if why:
                self._record(suggestion, "superseded", why)

    def get(self, suggestion_id: int, *, status: str = "pending") -> Suggestion:
        """Return one suggestion of this user.

        Args:
            suggestion_id: its id.
            status: what it must be.

        Raises:
            AdviceError: no suggestion has this id, it is somebody else's, or it is not `status`.
        """
        stored = self._suggestions.get(suggestion_id)
        if stored.user_id not in self._users:
            raise AdviceError(
                f"Suggestion {suggestion_id} was made to {stored.user_id}.",
                "See your own: memory-router suggestions list",
            )
        if stored.status != status:
            raise AdviceError(
                f"Suggestion {suggestion_id} is {stored.status}{'' if stored.status == 'pending' else ' already'}.",
                "See what waits: memory-router suggestions list",
            )
        return stored

    def last_accepted(self) -> Suggestion:
        """Return what this user accepted last.

        Raises:
            AdviceError: nothing that was accepted is left.
        """
        accepted = self._suggestions.accepted(self._user)
        if not accepted:
            raise AdviceError(
                "No accepted suggestion is left to be undone.", "See what waits: memory-router suggestions list"
            )
        return accepted[0]

    def check(self, suggestion: Suggestion, *, back: bool = False) -> None:
        """Check that the values a suggestion changes are as it expects them.

        Args:
            suggestion: what is to be carried out.
            back: whether it is to be taken back instead.

        Raises:
            AdviceError: something was changed since; the cause names then, now and after.
            ConfigError: the configuration cannot be read or is not JSON.
        """
        changes = changes_of(suggestion)
        is_there = self._targets.is_undone(changes) if back else self._targets.is_done(changes)
        differences = [] if is_there else self._targets.differences(changes, back=back)
        if differences:
            fix = "Nothing was changed. " + (
                "Change it yourself if you still want it."
                if back
                else "`memory-router suggestions list` looks at the present configuration."
            )
            raise AdviceError(" ".join(differences), fix)

    def accept(self, suggestion_id: int, reason: str | None = None) -> Suggestion:
        """Carry out a suggestion that waits, record that, and return it.

        Args:
            suggestion_id: its id.
            reason: why, in the user's words.

        Raises:
            AdviceError: it does not wait, or what it changes was changed since.
            AmendmentError: the configuration cannot be written; nothing was changed.
            ConfigError: the configuration cannot be used, or would not be valid.
        """
        suggestion = self.get(suggestion_id)
        self.check(suggestion)
        if not self._targets.is_done(changes_of(suggestion)):
            self._targets.apply(suggestion)
        self._record(suggestion, "accepted", reason)
        return self._suggestions.get(suggestion_id)

    def reject(self, suggestion_id: int, reason: str | None = None) -> Suggestion:
        """Record that a suggestion is not wanted, and return it.

        Raises:
            AdviceError: it does not wait.
        """
        self._advice.decide(self.get(suggestion_id).suggestion_id, "rejected", reason=reason)
        return self._suggestions.get(suggestion_id)

    def record(self, proposal: Proposal, outcome: str) -> None:
        """Record what somebody decided and carried out by another command, by its suggestion where one waits.

        Args:
            proposal: what was decided about.
            outcome: `accepted` or `rejected`.
        """
        about = (proposal.type, validation.clean_value(proposal.value))
        waiting = (
            suggestion
            for suggestion in self._own()
            if (suggestion.suggestion_type, suggestion.suggestion_value) == about
        )
        self._record(next(waiting, None) or self._suggest(proposal), outcome, None)

    def follow_revert(self, setting: str) -> None:
        """Mark dreams as undone whose change of a setting was reverted, once all that they changed is back."""
        for suggestion in (accepted for user in self._users for accepted in self._suggestions.accepted(user)):
            changes = decoded(suggestion.change)
            is_about = any((change.what, change.name) == ("amendment", setting) for change in changes)
            if is_about and self._targets.is_undone(changes):
                self._suggestions.undo(suggestion.suggestion_id)

    def undo(self, suggestion_id: int) -> Suggestion:
        """Put back what an accepted suggestion changed, and return it.

        Raises:
            AdviceError: it was not accepted, or what it changed was changed since.
            AmendmentError: the configuration cannot be written; nothing was changed.
            ConfigError: the configuration cannot be used, or would not be valid.
        """
        suggestion = self.get(suggestion_id, status="accepted")
        self.check(suggestion, back=True)
        if not self._targets.is_undone(changes_of(suggestion)):
            self._targets.revert(suggestion)
        self._suggestions.undo(suggestion_id)
        return self._suggestions.get(suggestion_id)

    def _own(self) -> list[Suggestion]:
        """Return the router's suggestions to this user and those that wait, without those of other applications."""
        return [suggestion for suggestion in self._suggestions.pending(self._user) if decoded(suggestion.change)]

    def _fate(self, suggestion: Suggestion, *, is_old: bool) -> Settled | None:
        changes = decoded(suggestion.change)
        number = suggestion.suggestion_id
        if self._targets.is_done(changes):
            return Settled(number, "accepted", "found carried out")
        if differences := self._targets.differences(changes):
            return Settled(number, "superseded", " ".join(differences))
        return Settled(number, "expired", f"nobody decided in {_DAYS} days") if is_old else None

    def _record(self, suggestion: Suggestion, outcome: str, reason: str | None) -> None:
        after = _values(decoded(suggestion.change), new=True) if outcome == "accepted" else None
        by = _AUTO if self._is_automatic else None
        self._advice.decide(suggestion.suggestion_id, outcome, reason=reason, config_after=after, decided_by=by)

    def _suggest(self, proposal: Proposal) -> Suggestion:
        return self._advice.suggest(
            self._user,
            proposal.type,
            proposal.value,
            reason=proposal.reason,
            change=encoded(proposal),
            config_before=_values(proposal.changes, new=False),
            evidence=proposal.evidence_summary(),
        )

    def _objection(self, proposal: Proposal, profile: Profile) -> str | None:
        """Return why this user would not want a proposal; None if nothing says so (seed 003, Pre-Suggestion Check)."""
        if profile.patterns.get(f"never_{proposal.type}s"):
            rejected = profile.acceptance_stats[proposal.type]["rejected"]
            return f"you rejected all {rejected} suggestions of this type"
        for past in (
            past for user in self._users for past in self._suggestions.past(user, proposal.type, proposal.value)
        ):
            if past.status not in ("rejected", "undone"):
                continue
            # What nobody counted then cannot be surpassed now.
            then = past.change["executions"] if decoded(past.change) else None
            if then is None or proposal.executions < _STRONGER * then:
                needed = f" until {_STRONGER * then} executions speak for it" if then else ""
                return f"it was {past.status} at {past.decided_at}, and is not repeated{needed}"
            return None
        return None


def _outdated(waiting: Sequence[Suggestion], proposals: Sequence[Proposal]) -> list[Suggestion]:
    """Return the suggestions that the proposals of today contradict."""
    proposed = {(proposal.type, validation.clean_value(proposal.value)) for proposal in proposals}
    touched_now = {(proposal.type, name) for proposal in proposals for name in proposal.touches()}
    return [
        suggestion
        for suggestion in waiting
        if (suggestion.suggestion_type, suggestion.suggestion_value) not in proposed
        and any((suggestion.suggestion_type, name) in touched_now for name in touched(decoded(suggestion.change)))
    ]


def _crowded(proposal: Proposal, taken: dict[tuple[str, str], int], waiting: int) -> str | None:
    """Return what has to be decided before a proposal is made, or None."""
    same = sorted({taken[name] for name in proposal.touches() if name in taken})
    if same:
        return f"suggestion {same[0]} changes the same and waits"
    return f"{waiting} suggestions wait, which is enough at once" if waiting >= _AT_ONCE else None


def _values(changes: Sequence[ValueChange], *, new: bool) -> dict[str, object]:
    return {change.name: change.new if new else change.old for change in changes}


def _strongest_first(suggestion: Suggestion) -> tuple[float, int]:
    return -float(suggestion.evidence_summary["strength"]), suggestion.suggestion_id
