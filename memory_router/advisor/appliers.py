"""Carry out and undo suggestions: in the user's configuration, a learned rule, or the index."""

import difflib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from memory_router.advisor.folders import is_indexed
from memory_router.advisor.proposal import ValueChange, decoded
from memory_router.errors import AdviceError, RuleError
from memory_router.learning.amendments import AmendmentStore, copy_suffix
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.learning.priors import PriorStore
from memory_router.learning.rule_store import RuleStore
from memory_router.outcomes.suggestions import Suggestion
from memory_router.paths import shown
from memory_router.routing.rules import LearnedPrior

# What is changed, what it is now, and what it is to be.
Pair = tuple[str, Any, Any]


class Folders(NamedTuple):
    """Lists indexed folders, and indexes or forgets one.

    Args:
        roots: gives the indexed folders.
        add: indexes one.
        remove: forgets one; its files stay.
    """

    roots: Callable[[], Sequence[str]]
    add: Callable[[str], None]
    remove: Callable[[str], None]


class _Settings:
    """Change settings of the user's configuration, and keep the old file beside it."""

    def __init__(self, config: OwnConfig) -> None:
        self._config = config

    def present(self, name: str) -> Any:
        return self._config.value(name)

    def apply(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:
        values = [(change.name, change.new) for change in changes]
        self._config.write(values, self._copy_suffix(suggestion), [change.old for change in changes])

    def revert(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:
        values = [(change.name, self.before(change)) for change in changes]
        self._config.undo(values, [change.new for change in changes], self._copy_suffix(suggestion))

    def before(self, change: ValueChange) -> Any:
        return change.old

    def label(self, name: str) -> str:
        return f"`{name}`"

    def diff(self, suggestion: Suggestion, pairs: Sequence[Pair], *, back: bool) -> str:
        values = [(name, new) for name, _, new in pairs]
        if back:
            text = self._config.restored(values, [old for _, old, _ in pairs], self._copy_suffix(suggestion))
        else:
            text = self._config.amended(values)
        file = shown(self._config.own)
        lines = difflib.unified_diff(self._config.text().splitlines(), text.splitlines(), file, file, lineterm="", n=1)
        return "\n".join(lines)

    def _copy_suffix(self, suggestion: Suggestion) -> str:
        return f".before-suggestion-{suggestion.suggestion_id}"


class _DreamtSettings(_Settings):
    """Change settings that a dream tested; each is kept as an amendment."""

    def __init__(self, config: OwnConfig, amendments: AmendmentStore) -> None:
        super().__init__(config)
        self._amendments = amendments

    def apply(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:
        evidence = suggestion.evidence_summary
        values = {change.name: change.new for change in changes}
        self._amendments.promote(
            Cycle(evidence["cycle_id"], "", values, evidence["test_results"], promote=True, dreamt_at=0)
        )

    def revert(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        values = [(change.name, change.new) for change in changes]
        for amendment in self._amendments.all():
            if (amendment.setting, amendment.new_value) in values and self._amendments.is_in_force(amendment):
                self._amendments.revert(amendment.id)

    def _copy_suffix(self, suggestion: Suggestion) -> str:
        return copy_suffix(suggestion.evidence_summary["cycle_id"])


class _Rules:
    """Change the state of learned rules."""

    def __init__(self, rules: RuleStore, config: OwnConfig, by: str) -> None:
        self._rules = rules
        self._config = config
        self._by = by

    def present(self, name: str) -> Any:
        try:
            return self._rules.get(name).state
        except RuleError:
            return None

    def apply(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            self._rules.set_state(change.name, change.new, self._by)

    def revert(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            self._rules.set_state(change.name, self.before(change))

    def before(self, change: ValueChange) -> Any:
        # A rule that only waits is used anyway where learning is on.
        return "disabled" if change.old == "proposed" and self._config.value("learning") == "on" else change.old

    def label(self, name: str) -> str:
        return f"The state of rule {name}"

    def diff(self, suggestion: Suggestion, pairs: Sequence[Pair], *, back: bool) -> str:  # noqa: ARG002 - as the others
        return "\n".join(f"-rule {name}: {old}\n+rule {name}: {new}" for name, old, new in pairs)


class _IndexedFolders:
    """Index folders, or forget them."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def present(self, name: str) -> Any:
        indexed = is_indexed(name, self._folders.roots())
        return indexed if indexed or os.path.isdir(name) else None

    def apply(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            self._folders.add(change.name)

    def revert(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            self._folders.remove(change.name)

    def before(self, change: ValueChange) -> Any:
        return change.old

    def label(self, name: str) -> str:
        return f"Whether {shown(name)} is indexed"

    def diff(self, suggestion: Suggestion, pairs: Sequence[Pair], *, back: bool) -> str:  # noqa: ARG002 - as the others
        states = {True: "indexed", False: "not indexed"}
        lines = [(shown(name), states[bool(old)], states[bool(new)]) for name, old, new in pairs]
        return "\n".join(f"-{name}: {old}\n+{name}: {new}" for name, old, new in lines)


class _Priors:
    """Change what evidence adds to the priors of the rule table."""

    def __init__(self, priors: PriorStore) -> None:
        self._priors = priors

    def present(self, name: str) -> Any:
        prior = self._priors.get(*name.split("."))
        return prior and list(prior[2:])

    def apply(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            self._put(change.name, change.new)

    def revert(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            self._put(change.name, change.old)

    def before(self, change: ValueChange) -> Any:
        return change.old

    def label(self, name: str) -> str:
        return f"What was learned about {name}"

    def diff(self, suggestion: Suggestion, pairs: Sequence[Pair], *, back: bool) -> str:  # noqa: ARG002 - as the others
        def told(name: str, value: Any) -> str:
            return _learned_prior(name, value).sentence if value else f"{name}: nothing learned"

        return "\n".join(f"-{told(name, old)}\n+{told(name, new)}" for name, old, new in pairs)

    def _put(self, name: str, value: Any) -> None:
        rule, backend = name.split(".")
        self._priors.put(rule, backend, _learned_prior(name, value) if value else None)


class _Links:
    """Links files into folders that an agent reads."""

    def present(self, name: str) -> Any:
        return os.readlink(name) if os.path.islink(name) else "a file" if os.path.exists(name) else None

    def apply(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            try:
                os.makedirs(os.path.dirname(change.name), exist_ok=True)
                os.symlink(change.new, change.name)
            except OSError as error:
                raise AdviceError(
                    f"{shown(change.name)} cannot be made ({error.strerror}).", "Check the folder's permissions."
                ) from error

    def revert(self, suggestion: Suggestion, changes: Sequence[ValueChange]) -> None:  # noqa: ARG002 - as the others
        for change in changes:
            os.unlink(change.name)

    def before(self, change: ValueChange) -> Any:
        return change.old

    def label(self, name: str) -> str:
        return shown(name)

    def diff(self, suggestion: Suggestion, pairs: Sequence[Pair], *, back: bool) -> str:  # noqa: ARG002 - as the others
        lines = [(shown(name), old and shown(old), new and shown(new)) for name, old, new in pairs]
        return "\n".join(f"-{name}: {old}" if old else f"+{name}: {new}" for name, old, new in lines)


class Targets:
    """Reads and writes the values that suggestions change; all changes of one suggestion are of one kind.

    Args:
        config: the user's configuration.
        amendments: the settings that dreams changed in it.
        rules: the learned rules.
        priors: the learned priors.
        folders: the index.
        by: who carries it out.
    """

    def __init__(
        self,
        config: OwnConfig,
        amendments: AmendmentStore,
        rules: RuleStore,
        priors: PriorStore,
        folders: Folders,
        by: str,
    ) -> None:
        self._rules = rules
        self._kinds: Mapping[str, _Settings | _Rules | _Priors | _IndexedFolders | _Links] = {
            "setting": _Settings(config),
            "amendment": _DreamtSettings(config, amendments),
            "rule": _Rules(rules, config, by),
            "prior": _Priors(priors),
            "folder": _IndexedFolders(folders),
            "link": _Links(),
        }

    def apply(self, suggestion: Suggestion) -> None:
        """Make every change of a suggestion, all or none, and keep the old configuration beside the new one.

        Raises:
            AmendmentError: the configuration cannot be written; nothing was changed.
            ConfigError: it would not be valid.
        """
        changes = changes_of(suggestion)
        self._kinds[changes[0].what].apply(suggestion, changes)

    def revert(self, suggestion: Suggestion) -> None:
        """Put back what a suggestion changed.

        Raises:
            AmendmentError: the configuration cannot be written; nothing was changed.
            ConfigError: it would not be valid.
        """
        changes = changes_of(suggestion)
        self._kinds[changes[0].what].revert(suggestion, changes)

    def diff(self, suggestion: Suggestion, *, back: bool = False) -> str:
        """Return what carrying a suggestion out, or taking it back, would change, as a unified diff.

        Args:
            suggestion: what is to be carried out.
            back: whether it is to be taken back instead.

        Raises:
            ConfigError: the configuration cannot be used.
        """
        changes = changes_of(suggestion)
        kind = self._kinds[changes[0].what]
        if back:
            pairs = [(change.name, change.new, kind.before(change)) for change in changes]
        else:
            pairs = [(change.name, change.old, change.new) for change in changes]
        return kind.diff(suggestion, pairs, back=back)

    def differences(self, changes: Sequence[ValueChange], *, back: bool = False) -> list[str]:
        """Return a sentence for each change whose starting value is different now: old, present and new value.

        Args:
            changes: what is to be changed.
            back: whether the changes are to be taken back instead.

        Raises:
            ConfigError: the configuration cannot be read or is not JSON.
        """
        told = []
        for change in changes:
            kind = self._kinds[change.what]
            now = kind.present(change.name)
            if now == (change.new if back else change.old):
                continue
            accepting = "accepting it made it" if back else "accepting it would make it"
            told.append(
                f"{kind.label(change.name)} was {json.dumps(change.old)} when it was suggested, is {json.dumps(now)} "
                f"now, and {accepting} {json.dumps(change.new)}."
            )
        return told

    def is_done(self, changes: Sequence[ValueChange]) -> bool:
        """Return whether everything is as the changes would make it."""
        return all(self._kinds[change.what].present(change.name) == change.new for change in changes)

    def is_undone(self, changes: Sequence[ValueChange]) -> bool:
        """Return whether everything is as it was before the changes."""
        kinds = ((self._kinds[change.what], change) for change in changes)
        return all(kind.present(change.name) == kind.before(change) for kind, change in kinds)

    def guarding_rule(self, suggestion: Suggestion) -> str | None:
        """Return the id of the rule that a suggestion changes, if it guards questions."""
        changed = [change.name for change in decoded(suggestion.change) if change.what == "rule"]
        return next((rule.id for rule in self._rules.all() if rule.id in changed and rule.requires_approval), None)


def changes_of(suggestion: Suggestion) -> tuple[ValueChange, ...]:
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


def _learned_prior(name: str, value: Sequence[float]) -> LearnedPrior:
    rule, backend = name.split(".")
    return LearnedPrior(rule, backend, *value)
