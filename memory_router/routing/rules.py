"""Match a question against ordered rules: the first signal that matches wins."""

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from memory_router.contract import JsonObject
from memory_router.routing.config import Config, Signal, Step, TableRule
from memory_router.routing.kinds import DETECTORS, Detector, Span
from memory_router.routing.patterns import compile_pattern
from memory_router.text.intents import intents
from memory_router.text.phrases import PhraseIndex, Token, tokens_of

# How many characters of a question the signals look at: its beginning tells what is asked, what follows is pasted text.
SIGNAL_CHARACTERS = 2048


class MatchedOverride(NamedTuple):
    """The override rule that takes a question: one that a person wrote, or one that was learned.

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


class LearnedPrior(NamedTuple):
    """What evidence adds to the prior of a backend, for questions of one rule of the table.

    Args:
        rule: the rule's id.
        backend: the backend's name.
        shift: log-odds.
        useful: how many votes found a result of it useful, newer votes counting more.
        votes: how many votes there are on answers with a result of it.
    """

    rule: str
    backend: str
    shift: float
    useful: float
    votes: float

    @property
    def sentence(self) -> str:
        """Return the evidence in one line."""
        told = f"{self.backend} for {self.rule}: {self.useful:.0f} of {self.votes:.0f} useful"
        return f"{told} (prior {self.shift:+.2f})"


class RuleMatch(NamedTuple):
    """The rule that takes a question, and why.

    Args:
        rule: the rule.
        signal: what matched; None for the default rule and for a caller's choice.
        span: first character and end of the matched text in the question.
        steps: what to ask, primary first.
        warnings: what the user should know about the matching itself.
        source: who decided: `choice` (the caller), `manual`, `learned`, `table` or `default`.
        routing_rule: the override rule that decided, or None.
        learned: what evidence adds to the rule's priors.
    """

    rule: TableRule | None
    signal: Signal | None
    span: tuple[int, int] | None
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    source: str = "table"
    routing_rule: MatchedOverride | None = None
    learned: tuple[LearnedPrior, ...] = ()

    @property
    def priors(self) -> dict[str, float]:
        """Return the log-odds that strategy `all` adds for each backend: the rule's own, and what was learned."""
        own = dict(self.rule.priors) if self.rule else {}
        return own | {prior.backend: own.get(prior.backend, 0.0) + prior.shift for prior in self.learned}


class RuleSource(Protocol):
    """A source of routes for questions: a caller's choice, a table, or other rules."""

    def match(self, query: str) -> RuleMatch | None:
        """Return the route for `query`, or None to leave it to the next source."""


class CallersChoice:
    """Route every question as the caller said: by one rule, or to one step."""

    def __init__(self, steps: tuple[Step, ...], rule: TableRule | None = None) -> None:
        self._match = RuleMatch(rule, None, None, steps, source="choice")

    def match(self, query: str) -> RuleMatch:  # noqa: ARG002 - a rule source is asked about the question
        """Return the caller's choice."""
        return self._match


class RuleTable:
    """Match questions against the rules of the configuration (seed 002, Routing Rules).

    Two passes, each in the table's order: the strong signals of all rules, then the weak ones. Behind the signals of a
    rule stand its words of intent in other languages, which are read where no strong phrase of the table's own speaks.
    A user's pattern that runs out of its time counts as not matching, and the match carries a warning.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        own = _ranked((rule, rule.signals) for rule in config.rules)
        self._phrases = _Phrases(own)
        compiled = _bundled_search if config.bundled else functools.partial(_timed_search, config.signal_timeout_ms)
        # Phrases are found all at once; the other signals are asked in turn.
        self._others = tuple((entry, _detector(entry.signal, compiled)) for entry in own if not entry.signal.phrases)

    @functools.cached_property
    def _intents(self) -> "_Phrases":
        rules, languages = self._config.rules, self._config.languages
        return _Phrases(_ranked(((rule, _words_of_intent(rule, languages)) for rule in rules), last=True))

    def match(self, query: str) -> RuleMatch:
        """Return the first rule with a signal in `query`, else the default rule."""
        beginning = query[:SIGNAL_CHARACTERS]
        tokens = tokens_of(beginning)
        best = self._phrases.first(tokens)
        if best is None or not best[0].signal.strong:
            best = min(filter(None, (best, self._intents.first(tokens))), default=None)
        warnings: list[str] = []
        for entry, detect in self._others:
            if best and best[0] < entry:
                break
            try:
                span = detect(beginning, tokens)
            except TimeoutError:
                warnings.append(
                    f"The pattern of signal {entry.signal.name} (rule {entry.rule.id}) ran out of its time and was "
                    "passed over. `memory-router backends config check` says which text makes it slow."
                )
                continue
            if span:
                best = entry, span
                break
        if best is None:
            default = self._config.default_rule
            return RuleMatch(default, None, None, default.steps(None), tuple(warnings), "default")
        (_, rule, signal), span = best
        return RuleMatch(rule, signal, span, rule.steps(signal), tuple(warnings))


class _Ranked(NamedTuple):
    """A signal with its rank, the lowest first: pass, position of its rule, whether last there, own position."""

    rank: tuple[bool, int, bool, int]
    rule: TableRule
    signal: Signal


def _ranked(rules: Iterable[tuple[TableRule, Sequence[Signal]]], *, last: bool = False) -> list[_Ranked]:
    return sorted(
        _Ranked((not signal.strong, place, last, number), rule, signal)
        for place, (rule, signals) in enumerate(rules)
        for number, signal in enumerate(signals)
    )


class _Phrases:
    """Find the first signal, of several in their order, that has a phrase in a question."""

    def __init__(self, signals: Iterable[_Ranked]) -> None:
        phrases = [(entry, phrase) for entry in signals for phrase in entry.signal.phrases]
        self._index = PhraseIndex([phrase for _, phrase in phrases])
        self._signals = [entry for entry, _ in phrases]

    def first(self, tokens: Sequence[Token]) -> tuple[_Ranked, Span] | None:
        phrase = self._index.first(tokens)
        return (self._signals[phrase.number], (phrase.start, phrase.end)) if phrase else None


def _words_of_intent(rule: TableRule, languages: Iterable[str]) -> list[Signal]:
    return [
        Signal(f"words_{language}", strength == "strong", tuple(phrases))
        for language in languages
        for strength, phrases in intents(language).get(rule.id, {}).items()
    ]


def _detector(signal: Signal, compiled: Callable[[str], Detector]) -> Detector:
    return DETECTORS[signal.kind] if signal.kind else compiled(signal.pattern or "")


def _timed_search(timeout_ms: int, pattern: str) -> Detector:
    """Return the search for a user's pattern, under a clock: no pattern can hang a query."""
    search = functools.partial(compile_pattern(pattern, "a signal").search, timeout=timeout_ms / 1000)

    def detect(question: str, _tokens: Sequence[Token]) -> Span | None:
        match = search(question)
        return match.span() if match else None

    return detect


def _bundled_search(pattern: str) -> Detector:
    """Return the search for a pattern of the bundled table.

    The test suite proves these patterns linear, so they need no clock, and the same in `re` as in `regex`, whose
    import and compilation would take a quarter of a cold query.
    """

    def detect(question: str, _tokens: Sequence[Token]) -> Span | None:
        match = re.search(pattern, question, re.IGNORECASE)
        return match.span() if match else None

    return detect
