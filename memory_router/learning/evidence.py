"""Count how often each step succeeded for a group of similar requests."""

from collections import Counter
from typing import NamedTuple

from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.wilson import confidence

# A person's word counts more than the router's own: 1 and 2 stars are a failure, 4 and 5 a success, whatever the
# relevance was.
DISSATISFIED, SATISFIED = 2, 4
# The seed's LLM baseline costs 0.03 USD and 850 ms: so a dollar is worth this many milliseconds.
_MS_PER_USD = 850 / 0.03


class StepEvidence:
    """The trials of one step."""

    def __init__(self) -> None:
        self.trials = 0.0
        self.successes = 0.0
        self.duration_ms = 0.0
        self.cost_usd = 0.0

    def count(self, attempt: AttemptRecord, *, succeeded: bool, weight: float) -> None:
        """Count one attempt, by its weight."""
        self.trials += weight
        self.successes += weight * succeeded
        self.duration_ms += weight * attempt.duration_ms
        self.cost_usd += weight * attempt.cost_usd

    @property
    def success_rate(self) -> float:
        """Return the share of trials that succeeded."""
        return self.successes / self.trials if self.trials else 0.0

    @property
    def confidence(self) -> float:
        """Return how sure the success rate is."""
        return confidence(self.successes, self.trials)

    @property
    def avg_duration_ms(self) -> float:
        """Return how long a trial took on average."""
        return self.duration_ms / self.trials if self.trials else 0.0

    @property
    def avg_cost_usd(self) -> float:
        """Return what a trial cost on average."""
        return self.cost_usd / self.trials if self.trials else 0.0

    @property
    def effort(self) -> float:
        """Return what a success costs in milliseconds, money at the seed's rate."""
        spent = self.avg_duration_ms + self.avg_cost_usd * _MS_PER_USD
        return spent / self.success_rate if self.successes else float("inf")


class GroupEvidence:
    """The executions of one group of similar requests."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.executions: list[Trial] = []
        self.needs_approval = False

    def add(self, execution: Execution) -> None:
        """Add one execution; one that was blocked says nothing about any step."""
        self.requests[execution.user_request] += 1
        check = execution.governance_check or {}
        self.needs_approval |= bool(check.get("requires_approval"))
        if execution.status != "governance_blocked":
            self.executions.append(
                Trial(execution.asked_by, execution.started_at, execution.routing_confidence, judged(execution))
            )

    def __len__(self) -> int:
        return len(self.executions)

    @property
    def pattern(self) -> str:
        """Return the request that was asked most; among equals, the first in the alphabet."""
        return min(self.requests, key=lambda request: (-self.requests[request], request))

    @property
    def avg_confidence(self) -> float:
        """Return how sure the routes of the executions were on average."""
        return sum(trial.confidence for trial in self.executions) / (len(self) or 1)

    def steps(self, since: float = float("-inf")) -> dict[str, StepEvidence]:
        """Return the evidence for each step that was asked.

        Where several accounts ask, no single one outweighs all others together: flooding the history with
        executions of its own does not let one account decide a route.

        Args:
            since: only what was asked from then on, in seconds since the epoch.
        """
        trials = [trial for trial in self.executions if trial.started_at >= since]
        weights = fair_weights(Counter(trial.asked_by for trial in trials))
        by_step: dict[str, StepEvidence] = {}
        for trial in trials:
            for attempt, succeeded in trial.attempts:
                evidence = by_step.setdefault(attempt.step, StepEvidence())
                evidence.count(attempt, succeeded=succeeded, weight=weights[trial.asked_by])
        return by_step


class Trial(NamedTuple):
    """Who asked and when, how sure the route was, and for each attempt that ended whether it succeeded."""

    asked_by: str | None
    started_at: float
    confidence: float
    attempts: tuple[tuple[AttemptRecord, bool], ...]


def judged(execution: Execution) -> tuple[tuple[AttemptRecord, bool], ...]:
    """Return each attempt that ended, and whether it gave a good answer, in the user's eyes if rated."""
    stars = execution.user_satisfaction
    is_useless = stars is not None and stars <= DISSATISFIED
    praised = _answer(execution) if stars is not None and stars >= SATISFIED else None
    return tuple(
        (attempt, attempt is praised or (attempt.accepted and not is_useless))
        for attempt in execution.attempts
        if attempt.status != "superseded"
    )


def _answer(execution: Execution) -> AttemptRecord | None:
    """Return the attempt whose answer the user saw first: the accepted one, else the most relevant one."""
    answered = [attempt for attempt in execution.attempts if attempt.status == "success" and attempt.relevance > 0]
    return max(answered, key=lambda attempt: (attempt.accepted, attempt.relevance), default=None)


def fair_weights(counts: "Counter[str | None]") -> dict[str | None, float]:
    """Return the weight of an execution by account: below 1 only for an account with more than all others together."""
    total = counts.total()
    return {account: min((total - count) / count, 1.0) if len(counts) > 1 else 1.0 for account, count in counts.items()}


def best_steps(steps: dict[str, StepEvidence], least_rate: float, least_trials: float) -> list[str]:
    """Return the steps that succeed often enough, the least effort first, then the others that ever did.

    Args:
        steps: the evidence for each.
        least_rate: the success rate that a first step must have.
        least_trials: how many trials a first step must have.
    """
    good = [
        name
        for name, evidence in steps.items()
        if evidence.success_rate >= least_rate and evidence.trials >= least_trials
    ]
    if not good:
        return []
    first = min(good, key=lambda name: (steps[name].effort, name))
    others = sorted((name for name in steps if name != first), key=lambda name: (-steps[name].confidence, name))
    return [first, *(name for name in others if steps[name].successes)]
