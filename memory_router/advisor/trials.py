"""Count how often each step of each rule answered and failed."""

from collections import Counter
from collections.abc import Iterable

from memory_router.learning.evidence import judged
from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.routing.config import Config
from memory_router.wilson import wilson_interval

# 95 %: a suggestion is only a suggestion, and somebody looks at it.
_Z = 1.96
# Who chose the way of the questions that say something about the table.
_BY_TABLE = ("table", "default")


class Trials:
    """How often a step was asked, answered and failed."""

    def __init__(self) -> None:
        self.asked = 0
        self.accepted = 0
        self.failed = 0
        self.failed_ms = 0
        self.codes: Counter[str] = Counter()

    def count(self, attempt: AttemptRecord, *, succeeded: bool) -> None:
        """Count one attempt."""
        self.asked += 1
        self.accepted += succeeded
        if attempt.error_code:
            self.codes[attempt.error_code] += 1
        if attempt.status == "error":
            self.failed += 1
            self.failed_ms += attempt.duration_ms

    def add(self, other: "Trials") -> None:
        """Count what another has counted."""
        self.asked += other.asked
        self.accepted += other.accepted
        self.failed += other.failed
        self.failed_ms += other.failed_ms
        self.codes += other.codes

    def acceptance(self) -> tuple[float, float]:
        """Return the interval of the share of its answers that were accepted."""
        return wilson_interval(self.accepted, self.asked, _Z)

    def failure(self) -> tuple[float, float]:
        """Return the interval of the share of attempts that failed."""
        return wilson_interval(self.failed, self.asked, _Z)

    def to_dict(self) -> dict[str, object]:
        """Return the figures as evidence has them."""
        codes = dict(sorted(self.codes.items()))
        return {"asked": self.asked, "accepted": self.accepted, "failed": self.failed, "codes": codes}


class RuleTrials:
    """The trials of the steps that one rule's questions went to."""

    def __init__(self) -> None:
        self.executions = 0
        self.accepted = 0
        self.steps: dict[str, Trials] = {}
        self.passed_over: Counter[str] = Counter()

    def count(self, execution: Execution, chain: tuple[str, ...]) -> None:
        """Count one execution.

        Args:
            execution: a question that the rule took.
            chain: the rule's steps, in order.
        """
        self.executions += 1
        answered_by = None
        for attempt, succeeded in judged(execution):
            self.steps.setdefault(attempt.step, Trials()).count(attempt, succeeded=succeeded)
            answered_by = attempt.step if attempt.accepted else answered_by
            self.accepted += succeeded
        # A step before the one that answered, or any step of a question that none answered, had its turn.
        due = chain[: chain.index(answered_by)] if answered_by in chain else () if answered_by else chain
        self.passed_over.update(step for step in due if step not in execution.routing_path)

    def of(self, step: str) -> Trials:
        """Return the trials of a step; empty if it was never asked."""
        return self.steps.get(step) or Trials()


def trials_of(executions: Iterable[Execution], config: Config) -> dict[str, RuleTrials]:
    """Return the trials of each rule of the table, in the table's order.

    Args:
        executions: what was asked.
        config: the rule table.
    """
    by_rule = {rule.id: RuleTrials() for rule in config.rules}
    chains = {rule.id: tuple(map(str, rule.steps(None))) for rule in config.rules}
    for execution in executions:
        if execution.source in _BY_TABLE and execution.rule in by_rule and execution.status != "governance_blocked":
            by_rule[execution.rule].count(execution, chains[execution.rule])
    return by_rule


def overall(trials: Iterable[RuleTrials]) -> dict[str, Trials]:
    """Return the trials of each step over all rules."""
    totals: dict[str, Trials] = {}
    for rule in trials:
        for step, tally in rule.steps.items():
            totals.setdefault(step, Trials()).add(tally)
    return totals
