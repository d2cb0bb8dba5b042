"""Learn from votes by how much the prior of a backend is wrong for the questions of a rule, and keep what is in force.

A backend whose results are useful more often than their relevance and prior say gets a higher prior, one whose results
are useful less often a lower one: as far as the nearer end of the Wilson interval, so that few votes move little.
"""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from memory_router.learning.evidence import fair_weights
from memory_router.learning.votes import Vote
from memory_router.retrieval.merging import log_odds
from memory_router.routing.rules import LearnedPrior
from memory_router.storage.database import Database
from memory_router.wilson import wilson_interval

# A vote counts half after a month: memories change.
_HALF_LIFE = 30 * 86_400
# One standard error: a wrong shift costs an order, and the next votes correct it.
_Z = 1.0
_LEAST_REQUESTS = 5
_MOST_SHIFT = 1.5
# Stands for all rules in the row that says since when votes count.
_EVERY_RULE = "*"


class PriorEvidence(NamedTuple):
    """What speaks for a learned prior.

    Args:
        prior: the shift that the votes speak for.
        expected: how many votes would have been useful by relevance and the rule's own prior.
    """

    prior: LearnedPrior
    expected: float

    @property
    def sentence(self) -> str:
        """Return the evidence in one line."""
        return f"{self.prior.sentence}, {self.expected:.0f} expected"


def weigh(votes: Iterable[Vote], now: float) -> list[PriorEvidence]:
    """Return the evidence for each rule and backend with votes on at least five different questions.

    Where several accounts vote, no single one outweighs all others together.

    Args:
        votes: what was found useful, and what was not.
        now: the time in seconds since the epoch.
    """
    cells: defaultdict[tuple[str, str], list[Vote]] = defaultdict(list)
    for vote in votes:
        cells[vote.rule, vote.backend].append(vote)
    return [
        _evidence(rule, backend, cell, now)
        for (rule, backend), cell in sorted(cells.items())
        if len({vote.request for vote in cell}) >= _LEAST_REQUESTS
    ]


def _evidence(rule: str, backend: str, votes: Sequence[Vote], now: float) -> PriorEvidence:
    fair = fair_weights(Counter(vote.asked_by for vote in votes))
    weights = [fair[vote.asked_by] * 0.5 ** (max(now - vote.asked_at, 0) / _HALF_LIFE) for vote in votes]
    number = math.fsum(weights)
    useful = math.fsum(weight for weight, vote in zip(weights, votes, strict=True) if vote.is_useful)
    expected = math.fsum(weight * vote.expected for weight, vote in zip(weights, votes, strict=True))
    low, high = wilson_interval(useful, number, _Z)
    rate = expected / number if number else 0.0
    shift = log_odds(min(max(rate, low), high)) - log_odds(rate)
    bounded = round(min(max(shift, -_MOST_SHIFT), _MOST_SHIFT), 2)
    return PriorEvidence(LearnedPrior(rule, backend, bounded, round(useful, 1), round(number, 1)), round(expected, 1))


class PriorStore:
    """Keep the learned priors that are in force in the learning tables of a database.

    Args:
        database: the learning tables.
        changing: holds a transaction, and hands what is committed to the ask path.
        now: the time in seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        changing: Callable[[], AbstractContextManager[None]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._changing = changing
        self._now = now

    def in_force(self) -> tuple[LearnedPrior, ...]:
        """Return the learned priors that are in force."""
        return priors_in_force(self._database)

    def get(self, rule: str, backend: str) -> LearnedPrior | None:
        """Return the one for a rule and a backend, or None."""
        return next((prior for prior in self.in_force() if (prior.rule, prior.backend) == (rule, backend)), None)

    def put(self, rule: str, backend: str, prior: LearnedPrior | None) -> None:
        """Put a learned prior in force, or take it out of force with None."""
        with self._changing():
            self._database.run("DELETE FROM learned_priors WHERE id = :id", {"id": f"{rule}.{backend}"})
            if prior:
                self._insert(prior)

    def reset(self) -> int:
        """Take every learned prior out of force, count only votes from now on, and return how many there were."""
        number = len(self.in_force())
        with self._changing():
            self._database.run("DELETE FROM learned_priors")
            self._insert(LearnedPrior(_EVERY_RULE, _EVERY_RULE, 0.0, 0.0, 0.0))
        return number

    def counted_since(self) -> float:
        """Return since when votes count, in seconds since the epoch."""
        rows = self._database.rows("SELECT updated_at FROM learned_priors WHERE rule = :every", {"every": _EVERY_RULE})
        return float(rows[0]["updated_at"]) if rows else float("-inf")

    def _insert(self, prior: LearnedPrior) -> None:
        self._database.run(
            "INSERT INTO learned_priors(id, rule, backend, shift, useful, votes, updated_at)"
            " VALUES (:id, :rule, :backend, :shift, :useful, :votes, :now)",
            {**prior._asdict(), "id": f"{prior.rule}.{prior.backend}", "now": self._now()},
        )


def priors_in_force(database: Database) -> tuple[LearnedPrior, ...]:
    """Return the learned priors of a database that are in force."""
    rows = database.rows(
        f"SELECT {', '.join(LearnedPrior._fields)} FROM learned_priors"  # noqa: S608 - our own columns
        " WHERE rule <> :every ORDER BY id",
        {"every": _EVERY_RULE},
    )
    return tuple(LearnedPrior(**row) for row in rows)
