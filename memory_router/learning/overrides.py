"""Route questions by the override rules, and find those among them that guard a question."""

from collections.abc import Callable, Iterator, Sequence

from memory_router.errors import ConfigError, GateClosedError
from memory_router.learning.rule import OverrideRule
from memory_router.learning.rule_cache import RuleCache, StoredRule, prefixes
from memory_router.routing.config import Learning, Step
from memory_router.routing.patterns import compile_pattern
from memory_router.routing.rules import LearnedPrior, MatchedOverride, RuleMatch
from memory_router.text.spelling import normal

_EVIDENCE = ("based_on_executions", "success_rate", "confidence_score", "avg_cost_usd", "avg_duration_ms", "created_by")


# Of one question, each is compared with a rule that guards; more would hold up the answer.
_MOST_PARTS = 4_000


class OverrideRules:
    """A source of routes that is silent while there are no override rules.

    Args:
        cache: the rules in force.
        settings: the thresholds, and which learned rules may be used.
        signal_timeout_ms: how long one regular expression may run on a question.
        warn: takes a sentence about a rule that could not be tried and guards nothing.
    """

    def __init__(
        self,
        cache: RuleCache,
        settings: Learning,
        signal_timeout_ms: int,
        warn: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self._cache = cache
        self._settings = settings
        self._timeout_ms = signal_timeout_ms
        self._warn = warn

    def match(self, query: str) -> RuleMatch | None:
        """Return the route of the first rule that takes `query`: people's patterns, then the most similar rule.

        Raises:
            GateClosedError: the rules cannot be read, or a guarding one cannot be tried on this question.
        """
        rules = self._usable()
        for rule, span in self._by_pattern(query, rules):
            return _match(rule, None, span)
        similar = sorted(self._by_meaning(query, rules), key=lambda pair: (pair[1].auto_generated, -pair[0]))
        return _match(similar[0][1], similar[0][0], None) if similar else None

    def guards(self, query: str) -> tuple[MatchedOverride, ...]:
        """Return every rule that takes `query` and needs somebody's approval, whatever routes the question.

        A rule is tried on the question as it is and as a person reads it: on one line, without invisible characters.
        One by meaning is also tried on every part of the question that is about as long as itself, so that nothing
        is asked among other words that may not be asked alone.

        Raises:
            GateClosedError: the rules cannot be read, or a guarding one cannot be tried on this question.
        """
        rules = [stored for stored in self._usable() if stored.rule.requires_approval]
        if not rules:
            return ()
        readings = dict.fromkeys((query, " ".join(normal(query).split())))
        guarding = {rule.id: rule for reading in readings for rule, _ in self._by_pattern(reading, rules)}
        by_pattern = [_routing_rule(rule, None) for rule in guarding.values()]
        by_meaning = self._by_meaning(" ".join(normal(query).split()), rules, in_parts=True)
        return (*by_pattern, *(_routing_rule(rule, similarity) for similarity, rule in by_meaning))

    def learned(self, rule_id: str) -> tuple[LearnedPrior, ...]:
        """Return what evidence adds to the priors of a rule of the table; nothing where learning is off.

        Raises:
            GateClosedError: the rules cannot be read.
        """
        if self._settings.mode == "off":
            return ()
        return tuple(prior for prior in self._cache.in_force().priors if prior.rule == rule_id)

    def _usable(self) -> list[StoredRule]:
        return [stored for stored in self._cache.in_force().rules if self._may_use(stored.rule)]

    def _may_use(self, rule: OverrideRule) -> bool:
        """Return whether a rule may route: a person's own always, a learned one as the mode allows."""
        if not rule.auto_generated:
            return True
        if self._settings.mode == "off":
            return False
        if rule.state == "approved":
            return True
        return self._settings.mode == "on" and rule.confidence_score >= self._settings.confidence_threshold

    def _by_pattern(self, query: str, rules: list[StoredRule]) -> Iterator[tuple[OverrideRule, tuple[int, int]]]:
        for stored in rules:
            rule = stored.rule
            if rule.pattern_kind != "regex":
                continue
            try:
                pattern = compile_pattern(rule.request_pattern, f"rule {rule.id}")
                match = pattern.search(query, timeout=self._timeout_ms / 1000)
            except TimeoutError:
                self._cannot_try(
                    rule,
                    f"its pattern ran out of its {self._timeout_ms} ms on these {len(query):,} characters",
                    "Ask a shorter question, or simplify the pattern.",
                )
            except ConfigError as error:
                self._cannot_try(rule, error.cause, "Correct the pattern.")
            else:
                if match:
                    yield rule, match.span()

    def _by_meaning(
        self, query: str, rules: list[StoredRule], *, in_parts: bool = False
    ) -> list[tuple[float, OverrideRule]]:
        """Return the rules that are more similar to a question, or to a part of it, than the threshold."""
        # Opening the model costs as much as the rest of the question; requests without a word in common are not alike.
        own = prefixes(query)
        near = [stored for stored in rules if own & stored.prefixes]
        if not near:
            return []
        from memory_router.text.request_vectors import cosine, model, telling_words

        embedder = model()
        words = telling_words(query).split() if in_parts else []
        similar = []
        for rule, other, made_by, known in near:
            if made_by != embedder.name:  # compared, vectors of two models say nothing
                self._cannot_try(
                    rule,
                    f"it was embedded by {made_by}, and this environment has {embedder.name}",
                    "Use the environment that wrote it, or write the rule anew in this one.",
                )
            elif other:
                parts = _parts(words, len(telling_words(rule.request_pattern).split()), known)
                if len(parts) > _MOST_PARTS:
                    self._cannot_try(
                        rule, f"it would have to be tried on {len(parts):,} parts", "Ask a shorter question."
                    )
                similarity = max(cosine(embedder.embed(text), other) for text in (query, *parts[:_MOST_PARTS]))
                if similarity > self._settings.similarity_threshold:
                    similar.append((similarity, rule))
        return similar

    def _cannot_try(self, rule: OverrideRule, why: str, fix: str) -> None:
        """Pass over a rule, unless it guards questions: then nobody knows whether this one needs approval.

        Raises:
            GateClosedError: it does.
        """
        if rule.requires_approval:
            raise GateClosedError(
                f"Rule {rule.id} guards questions, and cannot be tried on this one: {why}. So it is not asked.", fix
            )
        self._warn(f"rule {rule.id} was passed over: {why}.")


def _parts(words: Sequence[str], length: int, known: frozenset[str]) -> list[str]:
    """Return the parts of a question that are as long as a rule, or a word longer, and share a word with it."""
    hits = [bool(prefixes(word) & known) for word in words]
    parts = (
        " ".join(words[start : start + size])
        for size in (length, length + 1)
        for start in range(len(words) - size + 1)
        if size and any(hits[start : start + size])
    )
    return list(dict.fromkeys(parts))


def _match(rule: OverrideRule, similarity: float | None, span: tuple[int, int] | None) -> RuleMatch:
    steps = tuple(map(Step.parse, (rule.recommended_system_id, *rule.alternative_systems)))
    routing_rule = _routing_rule(rule, similarity)
    return RuleMatch(None, None, span, steps, source=routing_rule.source, routing_rule=routing_rule)


def _routing_rule(rule: OverrideRule, similarity: float | None) -> MatchedOverride:
    return MatchedOverride(
        rule.id,
        "learned" if rule.auto_generated else "manual",
        rule.request_pattern,
        None if similarity is None else round(similarity, 4),
        rule.requires_approval,
        bool((rule.governance_check or {}).get("escalation_required")),
        {**{name: getattr(rule, name) for name in _EVIDENCE}, "accounts": list(rule.evidence.get("accounts", ()))},
    )
