"""Tell how an answer came about: the `trace` of the envelope, built only when somebody asks for it."""

from collections.abc import Sequence

from memory_router.contract import JsonObject
from memory_router.routing.attempts import Attempt
from memory_router.routing.config import Config
from memory_router.routing.plan import Plan


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
    """Return the rules that were tried in vain: those before the one that took the question.

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
