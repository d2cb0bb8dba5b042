"""Record executions from the ask path, which does not wait for the database."""

import json
import time
from collections.abc import Callable, Collection, Sequence

from memory_router.contract import JsonObject
from memory_router.errors import CircuitOpenError
from memory_router.learning.account import account
from memory_router.learning.execution import COMPOUND, AttemptRecord, Execution, Shown
from memory_router.learning.spool import Spool
from memory_router.routing.attempts import Attempt
from memory_router.routing.recording import RoutedQuestion
from memory_router.routing.registry import USABLE
from memory_router.routing.rules import RuleMatch

# How sure a route is. A routing rule is as sure as its pattern is similar, so that what the seed counts as a cache
# hit (0.85 and above; seed 000, Monitoring Queries) is what such a rule took. The others are below that,
# by how much speaks for the route.
_CONFIDENCE = {"manual": 1.0, "choice": 0.8, "strong": 0.7, "weak": 0.6, "default": 0.5}
# How many results of an answer are remembered: those that a person looks at.
_SHOWN = 10
# A router that runs for long has a batch learned from no more often than this.
_LEARN_SECONDS = 300.0


class SpoolRecorder:
    """Append executions to a spool; several threads may record at once.

    Args:
        spool: where they wait for the database.
        threshold: the normalized relevance from which an answer was accepted.
        when_due: is called at the end, or every five minutes, when a batch of executions waits to be learned from.
        batch: how many executions make a batch; 0 for never.
        now: the time in seconds since the epoch.
    """

    def __init__(
        self,
        spool: Spool,
        threshold: float,
        when_due: Callable[[], None],
        batch: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._spool = spool
        self._threshold = threshold
        self._when_due = when_due
        self._batch = batch
        self._now = now
        self._has_recorded = False
        self._learned_at = now()

    def record(self, routed: RoutedQuestion) -> None:
        """Append one execution.

        Raises:
            OSError: the spool cannot be written, or nobody has emptied it for very long.
        """
        execution = execution_of(routed, self._threshold, self._now())
        self._spool.append(json.dumps(execution.to_dict(), ensure_ascii=False).encode("utf-8", "replace"))
        self._has_recorded = True
        if not 0 <= self._now() - self._learned_at < _LEARN_SECONDS:
            self.close()

    def fetched(self, ids: Sequence[str], executions: Collection[str] | None = None) -> None:
        """Append that results were fetched by their ids: whoever fetches one found it useful.

        Args:
            ids: those of the results.
            executions: those in which the results may have been seen; None for all of this account.

        Raises:
            OSError: the spool cannot be written, or nobody has emptied it for very long.
        """
        among = {} if executions is None else {"executions": list(executions)}
        line = {"fetched": list(ids), "at": self._now(), "by": account(), **among}
        self._spool.append(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace"))

    def close(self) -> None:
        """Begin to learn if enough executions wait."""
        self._learned_at = self._now()
        if self._has_recorded and self._batch and self._spool.count() >= self._batch:
            self._when_due()
        self._has_recorded = False


def execution_of(routed: RoutedQuestion, threshold: float, now: float) -> Execution:
    """Describe one routed question, without its secrets.

    Args:
        routed: the question, its route and its answer.
        threshold: the normalized relevance from which an attempt was accepted.
        now: the end of the answer, in seconds since the epoch.
    """
    # Imported here because `route` records nothing.
    from memory_router.text.redaction import redact

    plan, envelope = routed.plan, routed.envelope
    # A step that was skipped was not tried, so it is not evidence.
    made = [attempt for attempt in routed.attempts if not isinstance(attempt.error, CircuitOpenError)]
    attempts = tuple(_attempt(attempt, routed, threshold) for attempt in made)
    status = _status(routed)
    match = plan.match
    beside = match.routing_rule if match else None
    rule = beside or (match.rule if match else None)
    return Execution(
        id=envelope.execution_id,
        user_request=redact(plan.query).text,
        routing_path=tuple(attempt.step for attempt in attempts),
        routing_confidence=min((_confidence(part.plan.match) for part in routed.parts), default=_confidence(match)),
        status=status,
        duration_ms=envelope.router_duration_ms,
        cost_usd=sum(attempt.cost_usd for attempt in attempts),
        user_satisfaction=None,
        governance_check=routed.governance_check,
        started_at=now - envelope.router_duration_ms / 1000,
        should_retry_with_different_path=status == "failed" and _has_other_path(routed),
        source=COMPOUND if routed.parts else match.source if match else "default",
        rule=rule.id if rule else None,
        similarity=beside.similarity if beside else None,
        attempts=attempts,
        project=routed.project,
        asked_by=account(),
        signal=match.signal.name if match and match.signal else None,
        shown=_shown(routed),
    )


def _attempt(attempt: Attempt, routed: RoutedQuestion, threshold: float) -> AttemptRecord:
    manifest = routed.registry.manifests[attempt.step.backend]
    return AttemptRecord(
        str(attempt.step),
        attempt.status,
        round(attempt.relevance, 4),
        attempt.duration_ms,
        attempt.deadline_ms,
        attempt.code,
        attempt.is_accepted(threshold),
        manifest.cost_usd,
        attempt.started_ms,
    )


def _shown(routed: RoutedQuestion) -> tuple[Shown, ...]:
    """Return the first results, with what their backends claimed; those of a compound request belong to its parts."""
    if routed.parts:
        return ()
    results = [(merged.backend, merged.result, merged.found.candidate.relevance) for merged in routed.merged] or [
        (str(routed.envelope.routed_to), result, result["relevance"]) for result in routed.envelope.results
    ]
    return tuple(
        Shown(result.get("id") or f"{backend}:", round(relevance, 4)) for backend, result, relevance in results[:_SHOWN]
    )


def _status(routed: RoutedQuestion) -> str:
    """Return the execution's status; an answer that was not good enough is a failure of its route."""
    check: JsonObject | None = routed.governance_check
    if check and "approved_by" not in check:
        return "governance_blocked"
    return "success" if routed.envelope.status == "success" else "failed"


def _confidence(match: RuleMatch | None) -> float:
    if match is None:
        return 0.0
    if match.routing_rule and match.routing_rule.similarity is not None:
        return round(match.routing_rule.similarity, 4)
    if match.signal:
        return _CONFIDENCE[match.signal.strength]
    return _CONFIDENCE[match.source]


def _has_other_path(routed: RoutedQuestion) -> bool:
    """Return whether a backend that can be asked was not."""
    tried: set[str] = {attempt.step.backend for attempt in routed.attempts}
    return any(
        backend not in tried and installed.status in USABLE
        for backend, installed in routed.registry.state.backends.items()
    )
