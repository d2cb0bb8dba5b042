"""Decide between the override rules and the rule table."""

from typing import Protocol

from memory_router.routing.rules import LearnedPrior, RuleMatch, RuleSource, RuleTable


class Overrides(RuleSource, Protocol):
    """The override rules, and what evidence adds to the priors of the table's rules."""

    def learned(self, rule_id: str) -> tuple[LearnedPrior, ...]:
        """Return what was learned about the priors of a rule of the table."""


class Routes:
    """A source of routes that has one for every question.

    An override rule comes first. But one that takes questions by their meaning does not take a question which
    holds a strong signal of another rule: similar words say what a question is about, the signal says which memory is
    asked ("what did we decide about the run time" is not "run time").

    Args:
        overrides: the override rules.
        table: the table.
    """

    def __init__(self, overrides: Overrides, table: RuleTable) -> None:
        self._overrides = overrides
        self._table = table

    def match(self, query: str) -> RuleMatch:
        """Return the route for `query`, with what was learned about the priors of its rule."""
        match = self._match(query)
        return match._replace(learned=self._overrides.learned(match.rule.id)) if match.rule else match

    def _match(self, query: str) -> RuleMatch:
        override = self._overrides.match(query)
        if override is None:
            return self._table.match(query)
        by = override.routing_rule
        if by is None or by.similarity is None:
            return override
        match = self._table.match(query)
        is_strong = match.signal is not None and match.signal.strong
        return match if is_strong and self._table.match(by.pattern).rule is not match.rule else override
