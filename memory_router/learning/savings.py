"""Count what routing without an LLM saves, and watch how routing gets on (seed 000, Monitoring Queries).

A question that was not answered saved nothing: an LLM would have failed, too, or would have done better.
"""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from memory_router.learning.evidence import DISSATISFIED, SATISFIED, judged
from memory_router.learning.execution import Execution
from memory_router.routing.config import Learning
from memory_router.storage.database import Database, Moment

_DAY = 86_400
_WEEK = 7 * _DAY
# The epoch began on a Thursday, three days after a Monday.
_MONDAY = 3 * _DAY
# What the seed counts as a cache hit: a route as sure as a rule's similarity must be.
_SURE = 0.85
_PATTERNS = 10
_WEEKS_DAYS = 90
_HITS_DAYS = 30


class PatternStatistics(NamedTuple):
    """One learned pattern, as the seed's first monitoring query has it."""

    request_pattern: str
    based_on_executions: int
    confidence_score: float
    success_rate: float | None
    avg_cost_usd: float | None


class WeekStatistics(NamedTuple):
    """A week (its Monday, seconds since the epoch) with its average confidence and number of requests."""

    week: float
    avg_confidence: float
    total_requests: int


class DayStatistics(NamedTuple):
    """A day (its midnight UTC, seconds since the epoch) with its cache hits; the rate is in percent."""

    date: float
    cache_hits: int
    total_requests: int
    cache_hit_rate: float


class Savings(NamedTuple):
    """Compare what was spent with what it would have been, had an LLM routed every request that was answered.

    Args:
        requests: how many there were.
        answered: how many of them were answered well, in the user's eyes if rated; only these save anything.
        cost_usd: what they cost.
        llm_cost_usd: what they would have cost with the routing by an LLM.
        cost_saved: the share of it that was saved, from 0 to 1.
        duration_ms: what they took.
        llm_duration_ms: what they would have taken with the routing by an LLM.
        time_saved: the share of that which was saved, from 0 to 1.
    """

    requests: int
    answered: int
    cost_usd: float
    llm_cost_usd: float
    cost_saved: float
    duration_ms: int
    llm_duration_ms: int
    time_saved: float


class SourceStatistics(NamedTuple):
    """How one backend did for the questions of one rule.

    Args:
        rule: the rule's id; `-` where the caller chose the backend.
        backend: the backend's name.
        asked: how often it was asked to the end.
        accepted: how often its answer was good enough, in the user's eyes if rated.
        mean_ms: how long it took on average.
        first: when it was asked first, in seconds since the epoch.
        last: when it was asked last.
    """

    rule: str
    backend: str
    asked: int
    accepted: int
    mean_ms: float
    first: float
    last: float


class LearningStatistics(NamedTuple):
    """Everything that `memory-router rules stats` shows."""

    patterns: tuple[PatternStatistics, ...]
    weeks: tuple[WeekStatistics, ...]
    days: tuple[DayStatistics, ...]
    savings: Savings
    success_rate: float | None


def statistics(database: Database, settings: Learning, now: Callable[[], float] = time.time) -> LearningStatistics:
    """Return how routing gets on.

    Args:
        database: the learning tables.
        settings: what routing by an LLM would cost.
        now: the time in seconds since the epoch.
    """
    seconds = "extract(epoch FROM started_at)" if database.dialect == "postgresql" else "started_at"
    weeks = database.rows(
        f"SELECT floor(({seconds} + :monday) / :week) AS number, avg(routing_confidence) AS avg_confidence,"  # noqa: S608
        " count(*) AS total FROM executions WHERE started_at >= :since AND source <> 'compound'"
        " GROUP BY number ORDER BY number",
        {"monday": float(_MONDAY), "week": float(_WEEK), "since": Moment(now() - _WEEKS_DAYS * _DAY)},
    )
    days = database.rows(
        f"SELECT floor({seconds} / :day) AS number, count(*) AS total,"  # noqa: S608
        " sum(CASE WHEN routing_confidence >= :sure THEN 1 ELSE 0 END) AS hits"
        " FROM executions WHERE started_at >= :since AND source <> 'compound' GROUP BY number ORDER BY number DESC",
        {"day": float(_DAY), "sure": _SURE, "since": Moment(now() - _HITS_DAYS * _DAY)},
    )
    return LearningStatistics(
        _patterns(database),
        tuple(WeekStatistics(row["number"] * _WEEK - _MONDAY, row["avg_confidence"], row["total"]) for row in weeks),
        tuple(
            DayStatistics(row["number"] * _DAY, row["hits"], row["total"], round(100 * row["hits"] / row["total"], 2))
            for row in days
        ),
        *_totals(database, settings),
    )


def by_source(executions: Iterable[Execution]) -> list[SourceStatistics]:
    """Return how each backend did for the questions of each rule, those asked most first."""
    sources: dict[tuple[str, str], SourceStatistics] = {}
    for execution in executions:
        for attempt, succeeded in judged(execution):
            key = execution.rule or "-", attempt.step.partition(":")[0]
            source = sources.get(key) or SourceStatistics(*key, 0, 0, 0.0, execution.started_at, execution.started_at)
            sources[key] = source._replace(
                asked=source.asked + 1,
                accepted=source.accepted + succeeded,
                mean_ms=source.mean_ms + (attempt.duration_ms - source.mean_ms) / (source.asked + 1),
                last=execution.started_at,
            )
    return sorted(sources.values(), key=lambda entry: (-entry.asked, entry.rule, entry.backend))


def _patterns(database: Database) -> tuple[PatternStatistics, ...]:
    rows = database.rows(
        f"SELECT {', '.join(PatternStatistics._fields)} FROM routing_rules"  # noqa: S608 - our own columns
        " WHERE auto_generated ORDER BY based_on_executions DESC, id LIMIT :limit",
        {"limit": _PATTERNS},
    )
    return tuple(PatternStatistics(**row) for row in rows)


def _totals(database: Database, settings: Learning) -> tuple[Savings, float | None]:
    row = database.rows(
        "SELECT count(*) AS requests, coalesce(sum(cost_usd), 0) AS cost, coalesce(sum(duration_ms), 0) AS duration,"
        " sum(CASE WHEN user_satisfaction >= :satisfied"
        " OR (status = 'success' AND (user_satisfaction IS NULL OR user_satisfaction > :dissatisfied))"
        " THEN 1 ELSE 0 END) AS successes FROM executions"
        " WHERE status <> 'governance_blocked' AND source <> 'compound'",
        {"satisfied": SATISFIED, "dissatisfied": DISSATISFIED},
    )[0]
    requests, answered = int(row["requests"]), int(row["successes"] or 0)
    cost, duration = float(row["cost"]), int(row["duration"])
    llm_cost = cost + answered * settings.llm_cost_usd
    llm_duration = duration + answered * settings.llm_duration_ms
    saved = Savings(
        requests,
        answered,
        round(cost, 6),
        round(llm_cost, 6),
        1 - cost / llm_cost if llm_cost else 0.0,
        duration,
        llm_duration,
        1 - duration / llm_duration if llm_duration else 0.0,
    )
    return saved, answered / requests if requests else None
