"""Read from what people did with answers whether a backend's results were useful for questions of a rule.

A vote is a rating, a result named useful or useless, a result that was fetched, or an answer that another backend gave
when the same question was asked again, by somebody or in the background. Whoever found another result useful passed the
first one over.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from memory_router.learning.evidence import DISSATISFIED, SATISFIED
from memory_router.learning.execution import Execution, Shown
from memory_router.learning.shadows import Shadow
from memory_router.retrieval.merging import posterior
from memory_router.routing.config import Config

USEFUL, USELESS, FETCHED = "useful", "useless", "fetched"
# One question, asked again and again, votes only so often a day.
_PER_DAY = 3
_DAY = 86_400
# A poor answer whose question is asked again within this time was no answer.
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
    """Whether a result of a backend was useful.

    Args:
        rule: the rule of the table that took the question.
        backend: whose result it was.
        request: the question.
        expected: the probability that it would be useful, by its relevance and the rule's own prior.
        is_useful: whether it was.
        asked_at: seconds since the epoch.
        asked_by: the account that asked.
    """

    rule: str
    backend: str
    request: str
    expected: float
    is_useful: bool
    asked_at: float
    asked_by: str | None


def votes(
    executions: Iterable[Execution], marks: Iterable[Mark], config: Config, shadows: Iterable[Shadow] = ()
) -> list[Vote]:
    """Return every vote, at most three for a backend, a question and a day.

    Args:
        executions: what was asked, the oldest first.
        marks: what was done with single results.
        config: the rule table, for the priors that its rules have by themselves.
        shadows: what other backends answered to questions whose answer was poor.
    """
    priors = {rule.id: rule.priors for rule in config.rules}
    by_execution: dict[str, list[Mark]] = {}
    for mark in marks:
        by_execution.setdefault(mark.execution_id, []).append(mark)
    cast: Counter[tuple[str, str, str, int]] = Counter()
    kept = []
    best: dict[str, Shadow] = {}
    for shadow in shadows:
        if shadow.relevance >= config.fallback_threshold:
            best[shadow.execution_id] = max(
                best.get(shadow.execution_id, shadow), shadow, key=lambda one: one.relevance
            )
    for vote in _votes(executions, by_execution, priors, best):
        key = (vote.rule, vote.backend, vote.request, int(vote.asked_at // _DAY))
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
            for shown, is_useful in _judged(execution, marks.get(execution.id, ())):
                yield _vote(execution, shown, of_rule, is_useful=is_useful)
        question = (execution.asked_by, execution.user_request)
        first, before[question] = before.get(question), execution
        if first and _is_better_answer(execution, first) and (of_rule := priors.get(str(first.rule))) is not None:
            yield _vote(first, first.shown[0], of_rule, is_useful=False)
            yield _vote(first, execution.shown[0], of_rule, is_useful=True)


def _of_shadow(execution: Execution, shadow: Shadow, priors: Mapping[str, float]) -> Iterator[Vote]:
    """Yield that another backend would have answered what this one did not; a person's own word comes before that."""
    if execution.status != "failed" or execution.user_satisfaction is not None or execution.source not in BY_TABLE:
        return
    if execution.shown:
        yield _vote(execution, execution.shown[0], priors, is_useful=False)
    yield _vote(execution, Shown(f"{shadow.backend}:", shadow.relevance), priors, is_useful=True)


def _judged(execution: Execution, marks: Iterable[Mark]) -> list[tuple[Shown, bool]]:
    """Return the results of an answer that somebody judged, each with whether it was useful."""
    kinds: dict[str, set[str]] = {}
    for mark in marks:
        kinds.setdefault(mark.result_id, set()).add(mark.kind)
    judged = {result: USELESS not in told for result, told in kinds.items()}
    first = execution.shown[0]
    stars = execution.user_satisfaction
    if any(judged.values()):
        judged.setdefault(first.id, False)
    elif not judged and stars is not None and not DISSATISFIED < stars < SATISFIED:
        judged[first.id] = stars >= SATISFIED
    return [(shown, judged[shown.id]) for shown in execution.shown if shown.id in judged]


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


def _vote(execution: Execution, shown: Shown, priors: Mapping[str, float], *, is_useful: bool) -> Vote:
    return Vote(
        str(execution.rule),
        shown.backend,
        execution.user_request,
        posterior(shown.relevance, priors.get(shown.backend, 0.0)),
        is_useful,
        execution.started_at,
        execution.asked_by,
    )
