"""Read from what people did with answers which backend's results were useful for questions of a rule.

A vote is a rating, a result named useful or useless, a result that was fetched, or an answer that another backend gave
when the same question was asked again, by somebody or in the background. Whoever finds one result useful prefers it to
the others that were shown.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from memory_router.learning.evidence import DISSATISFIED, SATISFIED
from memory_router.learning.execution import Execution, Shown
from memory_router.learning.shadows import Shadow
from memory_router.retrieval.merging import log_odds
from memory_router.routing.config import Config

USEFUL, USELESS, FETCHED = "useful", "useless", "fetched"
# One question, asked again and again, votes only so often a day.
_PER_DAY = 3
_DAY = 86_400
# A poor answer whose question is asked again within this time did not answer.
_AGAIN_SECONDS = 3600
# Who chose the way of the questions that say something about the table.
BY_TABLE = ("table", "default")


class Mark(NamedTuple):
    """What somebody did with one result of an answer.

    Args:
        execution_id: the answer.
        result_id: the result, `backend:id`.
        kind: `useful`, `useless` or `fetched`.
    """

    execution_id: str
    result_id: str
    kind: str


class Vote(NamedTuple):
    """Which of the results of an answer was useful.

    Args:
        rule: the rule of the table that took the question.
        request: the question.
        odds: for each backend the odds that its results are useful, by their relevance and the rule's own prior.
        useful: the backend whose result was, or None if none was.
        asked_at: seconds since the epoch.
        asked_by: the account that asked.
    """

    rule: str
    request: str
    odds: Mapping[str, float]
    useful: str | None
    asked_at: float
    asked_by: str | None


def votes(
    executions: Iterable[Execution], marks: Iterable[Mark], config: Config, shadows: Iterable[Shadow] = ()
) -> list[Vote]:
    """Return every vote, at most three of the same for a question and a day.

    Args:
        executions: what was asked, the oldest first.
        marks: what was done with single results.
        config: the rule table, for the priors that its rules state.
        shadows: what other backends answered to questions whose answer was poor.
    """
    priors = {rule.id: rule.priors for rule in config.rules}
    by_execution: dict[str, list[Mark]] = {}
    for mark in marks:
        by_execution.setdefault(mark.execution_id, []).append(mark)
    cast: Counter[tuple[str, str | None, str, int]] = Counter()
    kept = []
    best: dict[str, Shadow] = {}
    for shadow in shadows:
        if shadow.relevance >= config.fallback_threshold:
            best[shadow.execution_id] = max(
                best.get(shadow.execution_id, shadow), shadow, key=lambda result: result.relevance
            )
    for vote in _votes(executions, by_execution, priors, best):
        key = (vote.rule, vote.useful, vote.request, int(vote.asked_at // _DAY))
        cast[key] += 1
        if cast[key] <= _PER_DAY:
            kept.append(vote)
    return kept


def _votes(
    executions: Iterable[Execution],
    marks: Mapping[str, list[Mark]],
    priors: Mapping[str, Mapping[str, float]],
    shadows: Mapping[str, Shadow],
) -> Iterator[Vote]:
    before: dict[tuple[str | None, str], Execution] = {}
    for execution in executions:
        if (shadow := shadows.get(execution.id)) and (of_rule := priors.get(str(execution.rule))) is not None:
            yield from _of_shadow(execution, shadow, of_rule)
        if not execution.shown:
            continue
        if execution.source in BY_TABLE and (of_rule := priors.get(str(execution.rule))) is not None:
            for offered, useful in _judged(execution, marks.get(execution.id, ())):
                yield _vote(execution, offered, of_rule, useful)
        question = (execution.asked_by, execution.user_request)
        first, before[question] = before.get(question), execution
        if first and _is_better_answer(execution, first) and (of_rule := priors.get(str(first.rule))) is not None:
            yield _vote(first, (first.shown[0], execution.shown[0]), of_rule, execution.shown[0])


def _of_shadow(execution: Execution, shadow: Shadow, priors: Mapping[str, float]) -> Iterator[Vote]:
    """Yield that another backend would have answered what this one did not; a person's own word comes before that."""
    if execution.status != "failed" or execution.user_satisfaction is not None or execution.source not in BY_TABLE:
        return
    better = Shown(f"{shadow.backend}:", shadow.relevance)
    yield _vote(execution, (*execution.shown[:1], better), priors, better)


def _judged(execution: Execution, marks: Iterable[Mark]) -> Iterator[tuple[Sequence[Shown], Shown | None]]:
    """Yield results of an answer that somebody judged, with the one of them that was useful, or None."""
    kinds: dict[str, set[str]] = {}
    for mark in marks:
        kinds.setdefault(mark.result_id, set()).add(mark.kind)
    judged = {result: USELESS not in told for result, told in kinds.items()}
    stars = execution.user_satisfaction
    if not judged and stars is not None and not DISSATISFIED < stars < SATISFIED:
        judged[execution.shown[0].id] = stars >= SATISFIED
    useful = [shown for shown in execution.shown if judged.get(shown.id)]
    for shown in useful:
        yield [shown, *(other for other in execution.shown if other not in useful)], shown
    if not useful:
        for shown in execution.shown:
            if shown.id in judged:
                yield [shown], None


def _is_better_answer(again: Execution, first: Execution) -> bool:
    """Return whether a question was asked again after a poor answer, and another backend answered it."""
    return (
        first.source in BY_TABLE
        and first.status == "failed"
        and first.user_satisfaction is None
        and again.status == "success"
        and 0 <= again.started_at - first.started_at <= _AGAIN_SECONDS
        and again.shown[0].backend != first.shown[0].backend
    )


def _vote(execution: Execution, offered: Iterable[Shown], priors: Mapping[str, float], useful: Shown | None) -> Vote:
    odds: dict[str, float] = {}
    for shown in offered:
        backend = shown.backend
        odds[backend] = odds.get(backend, 0.0) + math.exp(log_odds(shown.relevance) + priors.get(backend, 0.0))
    return Vote(
        str(execution.rule),
        execution.user_request,
        odds,
        useful and useful.backend,
        execution.started_at,
        execution.asked_by,
    )
