"""Match a question against ordered rules: the first signal that matches wins."""

from typing import NamedTuple, Protocol

import regex

from memory_router.errors import ConfigError
from memory_router.routing.config import Config, Rule, Signal, Step


class Match(NamedTuple):
    """Say which rule takes a question, and because of what.

    Args:
        rule: the rule.
        signal: what matched; None for the default rule and for a caller's choice.
        span: first character and end of the matched text in the question.
        steps: what to ask, primary first.
        warnings: what the user should know about the matching itself.
    """

    rule: Rule | None
    signal: Signal | None
    span: tuple[int, int] | None
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()


class RuleSource(Protocol):
    """Give routes for questions: a caller's choice, a table, or rules from elsewhere."""

    def match(self, query: str) -> Match | None:
        """Return the route for `query`, or None to leave it to the next source."""


class CallersChoice:
    """Route every question as the caller said: by one rule, or to one step."""

    def __init__(self, steps: tuple[Step, ...], rule: Rule | None = None) -> None:
        self._match = Match(rule, None, None, steps)

    def match(self, query: str) -> Match:  # noqa: ARG002 - a rule source is asked about the question
        """Return the caller's choice."""
        return self._match


class RuleTable:
    """Match questions against the rules of the configuration (seed 002, Routing Rules).

    Two passes, each in the table's order: the strong signals of all rules, then the weak ones. A user's pattern
    that runs out of its time counts as not matching, and the match carries a warning; the bundled patterns are
    proved quick by the test suite and run without a clock, which costs four times what they do.
    """

    def __init__(self, config: Config) -> None:
        self._default = config.default_rule
        self._timeout = None if config.bundled else config.signal_timeout_ms / 1000
        self._signals = tuple(
            _LazySignal(rule, signal)
            for strong in (True, False)
            for rule in config.rules
            for signal in rule.signals
            if signal.strong is strong
        )

    def match(self, query: str) -> Match:
        """Return the first rule with a signal in `query`, else the default rule."""
        warnings: list[str] = []
        for entry in self._signals:
            try:
                found = (entry.pattern or entry.compile()).search(query, timeout=self._timeout)
            except TimeoutError:
                warnings.append(
                    f"The pattern of signal {entry.signal.name} (rule {entry.rule.id}) ran out of its time and was "
                    "passed over. `memory-router config check` says which text makes it slow."
                )
                continue
            if found:
                steps = entry.rule.steps(entry.signal)
                return Match(entry.rule, entry.signal, found.span(), steps, tuple(warnings))
        return Match(self._default, None, None, self._default.steps(None), tuple(warnings))


class _LazySignal:
    """Compile a signal's pattern when it is first tried: most questions are decided by the first few rules."""

    __slots__ = ("pattern", "rule", "signal")

    def __init__(self, rule: Rule, signal: Signal) -> None:
        self.rule = rule
        self.signal = signal
        self.pattern: regex.Pattern[str] | None = None

    def compile(self) -> "regex.Pattern[str]":
        self.pattern = compile_pattern(self.signal.pattern, f"rule {self.rule.id}, signal {self.signal.name}")
        return self.pattern


def compile_pattern(pattern: str, place: str) -> "regex.Pattern[str]":
    """Compile a signal's pattern.

    Raises:
        ConfigError: it does not compile; the cause names `place`.
    """
    try:
        return regex.compile(pattern, regex.IGNORECASE)
    except regex.error as error:
        raise ConfigError(
            f"The pattern of {place} does not compile: {error} ({pattern!r}).",
            "Correct it as a `regex` expression.",
        ) from error
