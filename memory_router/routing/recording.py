"""Describe how an answer came about: for the record of executions, and as the `trace` of the envelope."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from memory_router.contract import JsonObject
from memory_router.routing.attempts import Attempt
from memory_router.routing.config import Config
from memory_router.routing.envelope import Envelope
from memory_router.routing.merging import MergedResult
from memory_router.routing.plan import Plan
from memory_router.routing.registry import Registry


class RoutedQuestion(NamedTuple):
    """Everything about one question that was routed.

    Args:
        plan: what was to be asked.
        registry: the backends, with what they cost.
        attempts: what came of asking them, in the plan's order.
        envelope: the answer.
        project: the project it was asked for, or None.
        governance_check: who approved it, or what blocked it; None where nobody has to.
        merged: the results of a question that was asked of all backends at once, most probable first.
        parts: the questions that a compound request was divided into; empty for a question.
    """

    plan: Plan
    registry: Registry
    attempts: tuple[Attempt, ...]
    envelope: Envelope
    project: str | None
    governance_check: JsonObject | None
    merged: tuple[MergedResult, ...] = ()
    parts: tuple["RoutedQuestion", ...] = ()


class Recorder(Protocol):
    """Keep what was asked and how it ended, so that routing can learn from it."""

    def record(self, routed: RoutedQuestion) -> None:
        """Keep one execution.

        Raises:
            OSError: it cannot be written.
        """

    def fetched(self, ids: Sequence[str], executions: Collection[str] | None = None) -> None:
        """Keep that results were fetched by their ids, of `executions` alone where they are given.

        Raises:
            OSError: it cannot be written.
        """

    def close(self) -> None:
        """Finish what does not have to be done before the answer."""


def describe(plan: Plan, attempts: Sequence[Attempt], config: Config) -> JsonObject:
    """Return the decision, the rules that did not match, what was skipped and why, and every attempt.

    Args:
        plan: what was to be asked.
        attempts: what came of it.
        config: the rule table that decided.
    """
    decision = plan.to_dict()
    span = plan.match.span if plan.match else None
    return {
        "explanation": decision["explanation"],
        "rule": decision["rule"],
        "signal": decision["signal"],
        **({"routing_rule": decision["routing_rule"]} if "routing_rule" in decision else {}),
        "matched_text": plan.query[span[0] : span[1]] if span else None,
        "rules_not_matched": _not_matched(plan, config),
        "table": decision["table"],
        **({"learned_priors": decision["learned_priors"]} if "learned_priors" in decision else {}),
        "steps": decision["steps"],
        "skipped": decision["skipped"],
        "fallback_threshold": config.fallback_threshold,
        "attempts": [_attempt(attempt, config.fallback_threshold) for attempt in attempts],
        "config_file": config.file,
    }


def _not_matched(plan: Plan, config: Config) -> list[JsonObject]:
    """Return the rules that were tried without a match: those before the rule that took the question.

    A weak signal wins only after the strong signals of every rule were tried.
    """
    match = plan.match
    if match is None or match.rule is None or match.source == "choice":
        return []  # no rule of the table was tried
    others = [rule for rule in config.rules if rule.signals and rule is not match.rule]
    if match.signal and match.signal.strong:
        others = [rule for rule in others if config.rules.index(rule) < config.rules.index(match.rule)]
    return [{"id": rule.id, "number": rule.number} for rule in others]


def _attempt(attempt: Attempt, threshold: float) -> JsonObject:
    return {
        **attempt.step._asdict(),
        "status": attempt.status,
        "accepted": attempt.is_accepted(threshold),
        "normalized_relevance": attempt.relevance,
        "result_count": len(attempt.response["results"]) if attempt.response else 0,
        "started_ms": attempt.started_ms,
        "duration_ms": attempt.duration_ms,
        "deadline_ms": attempt.deadline_ms,
        "error_code": attempt.code,
        "error_message": attempt.message,
        "metadata": (attempt.response or {}).get("metadata"),
    }
