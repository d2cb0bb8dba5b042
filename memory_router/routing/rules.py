"""Match a question against ordered rules: the first signal that matches wins."""

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import regex

from memory_router.contract import JsonObject
from memory_router.routing.config import Config, Rule, Signal, Step
from memory_router.routing.patterns import compile_pattern

# How many characters of a question the signals look at: its beginning tells what is asked, what follows is pasted text.
SIGNAL_CHARACTERS = 4096


class RoutingRule(NamedTuple):
    """Name the rule beside the table that takes a question: one that a person wrote, or one that was learned.

    Args:
        id: its id.
        source: `manual` or `learned`.
        pattern: the text or the regular expression that it takes questions by.
        similarity: cosine between the question and the pattern; None for a regular expression.
        requires_approval: whether somebody has to approve each question.
        escalate: whether somebody above the operator has to.
        evidence: what it is based on: executions, success rate, confidence.
    """

    id: str
    source: str
    pattern: str
    similarity: float | None
    requires_approval: bool
    escalate: bool
    evidence: JsonObject


class Match(NamedTuple):
    """Say which rule takes a question, and because of what.

    Args:
        rule: the rule.
        signal: what matched; None for the default rule and for a caller's choice.
        span: first character and end of the matched text in the question.
        steps: what to ask, primary first.
        warnings: what the user should know about the matching itself.
        source: who decided: `choice` (the caller), `manual`, `learned`, `table` or `default`.
        routing_rule: the rule beside the table that decided, or None.
    """

    rule: Rule | None
    signal: Signal | None
    span: tuple[int, int] | None
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    source: str = "table"
    routing_rule: RoutingRule | None = None


class RuleSource(Protocol):
    """Give routes for questions: a caller's choice, a table, or rules from elsewhere."""

    def match(self, query: str) -> Match | None:
        """Return the route for `query`, or None to leave it to the next source."""


class CallersChoice:
    """Route every question as the caller said: by one rule, or to one step."""

    def __init__(self, steps: tuple[Step, ...], rule: Rule | None = None) -> None:
        self._match = Match(rule, None, None, steps, source="choice")

    def match(self, query: str) -> Match:  # noqa: ARG002 - a rule source is asked about the question
        """Return the caller's choice."""
        return self._match


class RuleTable:
    """Match questions against the rules of the configuration (seed 002, Routing Rules).

    Two passes, each in the table's order: the strong signals of all rules, then the weak ones. A user's pattern
    that runs out of its time counts as not matching, and the match carries a warning.
    """

    def __init__(self, config: Config) -> None:
        self._default = config.default_rule
        searcher = _bundled_search if config.bundled else functools.partial(_timed_search, config.signal_timeout_ms)
        self._signals = tuple(
            _LazySignal(rule, signal, searcher)
            for strong in (True, False)
            for rule in config.rules
            for signal in rule.signals
            if signal.strong is strong
        )

    def match(self, query: str) -> Match:
        """Return the first rule with a signal in `query`, else the default rule."""
        warnings: list[str] = []
        beginning = query[:SIGNAL_CHARACTERS]
        for entry in self._signals:
            try:
                found = (entry.search or entry.compile())(beginning)
            except TimeoutError:
                warnings.append(
                    f"The pattern of signal {entry.signal.name} (rule {entry.rule.id}) ran out of its time and was "
                    "passed over. `memory-router config check` says which text makes it slow."
                )
                continue
            if found:
                steps = entry.rule.steps(entry.signal)
                return Match(entry.rule, entry.signal, found.span(), steps, tuple(warnings))
        return Match(self._default, None, None, self._default.steps(None), tuple(warnings), "default")


_Search = Callable[[str], "re.Match[str] | regex.Match[str] | None"]


class _LazySignal:
    """Compile a signal's pattern when it is first tried: most questions are decided by the first few rules."""

    __slots__ = ("_searcher", "rule", "search", "signal")

    def __init__(self, rule: Rule, signal: Signal, searcher: Callable[[str], _Search]) -> None:
        self.rule = rule
        self.signal = signal
        self.search: _Search | None = None
        self._searcher = searcher

    def compile(self) -> _Search:
        self.search = self._searcher(self.signal.pattern)
        return self.search


def _timed_search(timeout_ms: int, pattern: str) -> _Search:
    """Return the search for a user's pattern, under a clock: no pattern can hang a query."""
    return functools.partial(compile_pattern(pattern, "a signal").search, timeout=timeout_ms / 1000)


def _bundled_search(pattern: str) -> _Search:
    """Return the search for a pattern of the bundled table.

    The test suite proves these patterns linear, so they need no clock, and the same in `re` as in `regex`, whose
    import and compilation would take a quarter of a cold query.
    """
    return re.compile(pattern, re.IGNORECASE).search
