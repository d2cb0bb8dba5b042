"""Learn from votes how far the prior of a backend is off for a rule's questions, and store the correction in force.

Each vote is a choice among the results that were shown, or of none of them, by their relevance and priors (McFadden
1974, conditional logit). The shifts that make the choices likeliest are taken, drawn towards 0 by a normal prior, so
that few votes move little.
"""

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from memory_router.learning.evidence import fair_weights
from memory_router.learning.votes import Vote
from memory_router.routing.rules import LearnedPrior
from memory_router.storage.database import Database

# A vote counts half after a month: memories change.
_HALF_LIFE = 30 * 86_400
# How far priors are wrong, as a standard deviation in log-odds (`benchmarks/learning_worlds.py`).
_SPREAD = 0.5
_LEAST_REQUESTS = 5
_MOST_SHIFT = 1.5
# A shift is exact enough, and a step is never longer.
_EXACT, _LONGEST_STEP = 1e-3, 1.0
_MOST_ROUNDS = 50
# The key of the row that says since when votes count, for all rules.
_EVERY_RULE = "*"


class PriorEvidence(NamedTuple):
    """The evidence for a learned prior.

    Args:
        prior: the shift that the votes speak for.
        expected: how many would have been by relevance and the rule's own priors.
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
    by_rule: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_rule[vote.rule].append(vote)
    return [evidence for rule, cast in sorted(by_rule.items()) for evidence in _evidence(rule, cast, now)]


def _evidence(rule: str, votes: Sequence[Vote], now: float) -> Iterator[PriorEvidence]:
    fair = fair_weights(Counter(vote.asked_by for vote in votes))
    weighed = [(vote, fair[vote.asked_by] * 0.5 ** (max(now - vote.asked_at, 0) / _HALF_LIFE)) for vote in votes]
    shifts = _likeliest(weighed)
    for backend, shift in sorted(shifts.items()):
        offering = [(vote, weight) for vote, weight in weighed if backend in vote.odds]
        if len({vote.request for vote, _ in offering}) < _LEAST_REQUESTS:
            continue
        useful = math.fsum(weight for vote, weight in offering if vote.useful == backend)
        number = math.fsum(weight for _, weight in offering)
        expected = math.fsum(weight * _chance(vote, backend, {}) for vote, weight in offering)
        bounded = round(min(max(shift, -_MOST_SHIFT), _MOST_SHIFT), 2)
        prior = LearnedPrior(rule, backend, bounded, round(useful, 1), round(number, 1))
        yield PriorEvidence(prior, round(expected, 1))


def _likeliest(weighed: Sequence[tuple[Vote, float]]) -> dict[str, float]:
    """Return for each backend the shift under which the votes are likeliest, by Newton's method one at a time."""
    shifts = dict.fromkeys(sorted({backend for vote, _ in weighed for backend in vote.odds}), 0.0)
    for _ in range(_MOST_ROUNDS):
        longest = 0.0
        for backend, shift in shifts.items():
            slope, bend = -shift / _SPREAD**2, 1 / _SPREAD**2
            for vote, weight in weighed:
                if backend in vote.odds:
                    chance = _chance(vote, backend, shifts)
                    slope += weight * ((vote.useful == backend) - chance)
                    bend += weight * chance * (1 - chance)
            step = min(max(slope / bend, -_LONGEST_STEP), _LONGEST_STEP)
            shifts[backend] += step
            longest = max(longest, abs(step))
        if longest < _EXACT:
            break
    return shifts


def _chance(vote: Vote, backend: str, shifts: Mapping[str, float]) -> float:
    """Return the probability that the useful result is a backend's, where possibly no result is useful."""
    odds = {name: value * math.exp(shifts.get(name, 0.0)) for name, value in vote.odds.items()}
    return odds[backend] / (1 + math.fsum(odds.values()))


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
