"""Carry a suggestion out on what it changes: the user's configuration, a learned rule, the index; and take it back."""

import difflib
import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from memory_router.advisor.folders import is_indexed
from memory_router.advisor.proposal import Change, decoded
from memory_router.errors import AdviceError, RuleError
from memory_router.learning.amendments import AmendmentStore
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.rule_store import RuleStore
from memory_router.outcomes.suggestions import Suggestion
from memory_router.paths import shown


class Folders(NamedTuple):
    """Say what is indexed, and index or forget a folder.

    Args:
        roots: gives the indexed folders.
        add: indexes one.
        remove: forgets one; its files stay.
    """

    roots: Callable[[], Sequence[str]]
    add: Callable[[str], None]
    remove: Callable[[str], None]


class Targets:
    """Read and write what suggestions change.

    Args:
        config: the user's configuration.
        amendments: the settings that dreams changed in it.
        rules: the learned rules.
        folders: the index.
        by: who carries it out.
    """

    def __init__(
        self, config: OwnConfig, amendments: AmendmentStore, rules: RuleStore, folders: Folders, by: str
    ) -> None:
        self._config = config
        self._amendments = amendments
        self._rules = rules
        self._folders = folders
        self._by = by

    def present(self, change: Change) -> Any:
        """Return what is there now; None for nothing.

        Raises:
            ConfigError: the configuration cannot be read or is not JSON.
        """
        if change.what == "rule":
            return self._state_of(change.name)
        if change.what == "folder":
            indexed = is_indexed(change.name, self._folders.roots())
            return indexed if indexed or os.path.isdir(change.name) else None
        return self._config.value(change.name)

    def apply(self, suggestion: Suggestion) -> None:
        """Make every change of a suggestion, all or none; the configuration as it was stays beside it.

        Raises:
            AmendmentError: the configuration cannot be written; nothing was changed.
            ConfigError: it would not be valid.
        """
        changes = decoded(suggestion.change)
        kind = changes[0].what
        if kind == "amendment":
            self._amendments.promote(_cycle(suggestion, changes))
        elif kind == "rule":
            self._rules.set_state(changes[0].name, changes[0].new, self._by)
        elif kind == "folder":
            self._folders.add(changes[0].name)
        else:
            self._config.write(
                [(one.name, one.new) for one in changes],
                f".before-suggestion-{suggestion.suggestion_id}",
                [one.old for one in changes],
            )

    def take_back(self, suggestion: Suggestion) -> None:
        """Put back what a suggestion changed.

        Raises:
            AmendmentError: the configuration cannot be written; nothing was changed.
            ConfigError: it would not be valid.
        """
        changes = decoded(suggestion.change)
        kind = changes[0].what
        if kind == "amendment":
            values = {one.name: one.new for one in changes}
            for one in self._amendments.all():
                if one.setting in values and one.new_value == values[one.setting] and self._amendments.is_in_force(one):
                    self._amendments.revert(one.id)
        elif kind == "rule":
            self._rules.set_state(changes[0].name, self._state_before(changes[0]))
        elif kind == "folder":
            self._folders.remove(changes[0].name)
        else:
            self._config.write(
                [(one.name, one.old) for one in changes],
                f".before-undo-{suggestion.suggestion_id}",
                [one.new for one in changes],
            )

    def diff(self, suggestion: Suggestion, *, back: bool = False) -> str:
        """Return what carrying a suggestion out, or taking it back, would change, as a unified diff.

        Args:
            suggestion: what is to be carried out.
            back: whether it is to be taken back instead.

        Raises:
            ConfigError: the configuration cannot be used.
        """
        pairs = [
            (one, one.new if back else one.old, one.old if back else one.new) for one in decoded(suggestion.change)
        ]
        if pairs[0][0].what in ("rule", "folder"):
            told = [(_told(one, old), _told(one, new)) for one, old, new in pairs]
            return "\n".join(f"-{old}\n+{new}" for old, new in told)
        amended = self._config.amended([(one.name, new) for one, _, new in pairs])
        file = shown(self._config.in_force)
        lines = difflib.unified_diff(
            self._config.text().splitlines(), amended.splitlines(), file, shown(self._config.own), lineterm="", n=1
        )
        return "\n".join(lines)

    def differences(self, changes: Sequence[Change], *, back: bool = False) -> list[str]:
        """Return a sentence for each change that does not find what it starts from: then, now, and what it would be.

        Args:
            changes: what is to be changed.
            back: whether the changes are to be taken back instead.
        """
        told = []
        for one in changes:
            now = self.present(one)
            if now == (one.new if back else one.old):
                continue
            then = f"{_named(one)} was {json.dumps(one.old)} when it was suggested, is {json.dumps(now)} now, and "
            after = (
                f"accepting it made it {json.dumps(one.new)}."
                if back
                else (f"accepting it would make it {json.dumps(one.new)}.")
            )
            told.append(then + after)
        return told

    def is_done(self, changes: Sequence[Change]) -> bool:
        """Say whether everything is as the changes would make it."""
        return all(self.present(one) == one.new for one in changes)

    def is_undone(self, changes: Sequence[Change]) -> bool:
        """Say whether everything is as it was before the changes."""
        return all(self.present(one) == (self._state_before(one) if one.what == "rule" else one.old) for one in changes)

    def _state_before(self, change: Change) -> Any:
        """Return what a rule is to be again; one that only waits is used all the same where learning is on."""
        return "disabled" if self._config.value("learning") == "on" else change.old

    def _state_of(self, rule: str) -> str | None:
        try:
            return self._rules.get(rule).state
        except RuleError:
            return None

    def guarding_rule(self, suggestion: Suggestion) -> str | None:
        """Return the id of the rule that a suggestion changes, if it guards questions."""
        changed = [one.name for one in decoded(suggestion.change) if one.what == "rule"]
        return next((rule.id for rule in self._rules.all() if rule.id in changed and rule.requires_approval), None)


def changes_of(suggestion: Suggestion) -> tuple[Change, ...]:
    """Return what a suggestion of the router's would change.

    Raises:
        AdviceError: it is another application's, which alone knows how to carry it out.
    """
    changes = decoded(suggestion.change)
    if not changes:
        raise AdviceError(
            f"Suggestion {suggestion.suggestion_id} ({suggestion.suggestion_type}) is not about the router.",
            "The application that made it carries it out; then record its outcome there.",
        )
    return changes


def _cycle(suggestion: Suggestion, changes: Sequence[Change]) -> Cycle:
    evidence = suggestion.evidence_summary
    mutations = {one.name: one.new for one in changes}
    return Cycle(evidence["cycle_id"], "", mutations, evidence["test_results"], promote=True, dreamt_at=0)


def _told(change: Change, value: Any) -> str:
    if change.what == "rule":
        return f"rule {change.name}: {value}"
    return f"{shown(change.name)}: {'indexed' if value else 'not indexed'}"


def _named(change: Change) -> str:
    if change.what == "folder":
        return f"Whether {shown(change.name)} is indexed"
    return f"The state of rule {change.name}" if change.what == "rule" else f"`{change.name}`"
