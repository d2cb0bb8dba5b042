"""Dream of other thresholds: replay recorded questions under mutations, and choose one worth promoting (seed 000).

Half of the requests choose among the mutations, the other half test the chosen one, so that a change is not praised
for what it was picked by. Only what is surely faster, and loses no answer, is to be promoted.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from memory_router.contract import JsonObject
from memory_router.errors import StoreError
from memory_router.learning.comparison import Comparison, Pair, Thresholds, compare, pair, unasked
from memory_router.learning.execution import COMPOUND, AttemptRecord, Execution
from memory_router.learning.mutations import Baseline, Mutation, can_lose, cannot_be_known, deadlines_in, propose
from memory_router.routing.config import Config, Learning, Step
from memory_router.storage.database import Database, decode_json, encode_json

# As many as the seed asks for before a rule is made of them (seed 000, Learning Flow).
_LEAST = 50
# The share of questions whose answer may at most be worse, at the upper end of its interval.
_TOLERATED = 0.05
# A person notices an answer that comes sooner by both at least.
_NOTICED_MS = 20
_NOTICED_SHARE = 0.05
# One request asked again and again speaks for itself only so often.
_PER_REQUEST = 20
# Routes that a caller chose, and compound requests, whose parts count as questions of their own.
_NOT_ROUTED = ("choice", COMPOUND)
_TYPE = "routing_rule_tweak"

Route = Callable[[str, Learning], tuple[str, ...]]


class Cycle(NamedTuple):
    """One dream.

    Args:
        cycle_id: its id, from which its mutations follow.
        mutation_type: what kind of change it tried.
        mutations: the change that it tested, by setting; empty when none was worth a test.
        test_results: what the test gave.
        promote: whether the change is to be promoted.
        dreamt_at: seconds since the epoch.
    """

    cycle_id: str
    mutation_type: str
    mutations: Mutation
    test_results: JsonObject
    promote: bool
    dreamt_at: float


def dream(executions: Iterable[Execution], config: Config, route: Route, cycle_id: str, now: float) -> Cycle:
    """Choose a mutation by half of the requests, test it with the other half, and judge it.

    Args:
        executions: what was asked, the newest first.
        config: the thresholds in force.
        route: gives the steps that a request is sent to under other thresholds of learned rules.
        cycle_id: the seed of the mutations and of the division.
        now: the time in seconds since the epoch.
    """
    usable = _usable(executions)
    halves: tuple[list[Execution], list[Execution]] = ([], [])
    for execution in usable:
        halves[_digest(cycle_id, execution.user_request) & 1].append(execution)
    baseline = Baseline(config, _deadlines(usable, config), any(request.similarity is not None for request in usable))
    candidates = propose(cycle_id, baseline) if usable else []
    trained = [(mutation, _compare(halves[0], mutation, baseline, route)) for mutation in candidates]
    worthy = [
        (mutation, comparison)
        for mutation, comparison in trained
        if comparison and (_merit(comparison) > 0 or comparison.succeeds_more) and comparison.is_no_worse
    ]
    if not worthy:
        reason = (
            f"none of {len(candidates)} mutations is faster without losing answers" if usable else "nothing was asked"
        )
        results: JsonObject = {"executions": len(usable), "faster": False, "promote": False, "reasons": [reason]}
        return Cycle(cycle_id, _TYPE, {}, results, False, now)
    # `max` takes the first of equals: the order is the proposals' own.
    best, merit = max(worthy, key=lambda pair: (_merit(pair[1]), -len(pair[0])))
    best = _without_passengers(best, merit, halves[0], baseline, route)
    tested = _compare(halves[1], best, baseline, route, seed=cycle_id)
    reasons = _objections(tested, best)
    results = {
        **(tested.to_dict() if tested else {"executions": 0, "faster": False}),
        "chosen_by": len(halves[0]),
        "candidates": len(candidates),
        "promote": not reasons,
        "reasons": reasons,
        "cannot_be_known": cannot_be_known(best),
    }
    return Cycle(cycle_id, _TYPE, best, results, not reasons, now)


class DreamStore:
    """Keep cycles in the learning tables of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next_id(self, now: float) -> str:
        """Return an id that no cycle has yet: `dream-2026-01-28-03:00`."""
        begin = time.strftime("dream-%Y-%m-%d-%H:%M", time.gmtime(now))
        known = {row["cycle_id"] for row in self._database.rows("SELECT cycle_id FROM dream_cycles")}
        number = 1
        while (name := begin if number == 1 else f"{begin}-{number}") in known:
            number += 1
        return name

    def latest(self, account: str, since: float) -> Cycle | None:
        """Return the cycle that an account dreamt last, or None.

        Args:
            account: who dreamt it.
            since: the time from which on one counts, in seconds since the epoch.
        """
        rows = self._database.rows(
            "SELECT * FROM dream_cycles WHERE dreamt_at >= :since ORDER BY dreamt_at DESC, cycle_id DESC",
            {"since": since},
        )
        for row in rows:
            results = decode_json(row["test_results"])
            if results.get("dreamt_by") == account:
                mutations = decode_json(row["mutations"])
                return Cycle(
                    **{**row, "mutations": mutations, "test_results": results, "promote": bool(row["promote"])}
                )
        return None

    def record(self, cycle: Cycle) -> None:
        """Keep a cycle.

        Raises:
            StoreError: somebody else of the team recorded one under the same id meanwhile.
        """
        fields = {name: encode_json(value) for name, value in cycle._asdict().items() if isinstance(value, dict)}
        recorded = self._database.run(
            "INSERT INTO dream_cycles(cycle_id, mutation_type, mutations, test_results, promote, dreamt_at)"
            " VALUES (:cycle_id, :mutation_type, :mutations, :test_results, :promote, :dreamt_at)"
            " ON CONFLICT (cycle_id) DO NOTHING",
            {**cycle._asdict(), **fields},
        )
        if not recorded:
            raise StoreError(f"Somebody else recorded {cycle.cycle_id} at this moment.", "Dream again.")


def _usable(executions: Iterable[Execution]) -> list[Execution]:
    """Return the executions whose course thresholds decide, each request at most a few times."""
    seen: Counter[str] = Counter()
    usable = []
    for execution in executions:
        if execution.attempts and execution.status != "governance_blocked" and execution.source not in _NOT_ROUTED:
            seen[execution.user_request] += 1
            if seen[execution.user_request] <= _PER_REQUEST:
                usable.append(execution)
    return usable


def _deadlines(executions: Iterable[Execution], config: Config) -> dict[str, int]:
    """Return the deadline of each step: as the configuration says, else the longest that it was given."""
    deadlines: dict[str, int] = {}
    for attempt in (attempt for execution in executions for attempt in execution.attempts):
        deadlines[attempt.step] = max(deadlines.get(attempt.step, 0), attempt.deadline_ms)
    return {step: _configured(step, config) or longest for step, longest in deadlines.items()}


def _configured(step: str, config: Config) -> int | None:
    backends = config.deadlines.backends
    return backends.get(step) or backends.get(Step.parse(step).backend)


def _compare(
    executions: Sequence[Execution], mutation: Mutation, baseline: Baseline, route: Route, seed: str | None = None
) -> Comparison | None:
    """Compare replays under the present thresholds and under a mutation; None when there is nothing to compare."""
    config = baseline.config
    # What was recorded under an earlier deadline took as long as the present one lets it.
    deadlines = {step: configured for step in baseline.deadlines if (configured := _configured(step, config))}
    now = Thresholds(config.fallback_threshold, config.fallback_delay_ms, deadlines)
    delay = mutation.get("fallback_delay_ms", config.fallback_delay_ms)
    then = Thresholds(
        mutation.get("fallback_threshold", config.fallback_threshold),
        None if delay is None else int(delay),
        {**deadlines, **deadlines_in(mutation)},
    )
    rules_now = config.learning
    rules_then = rules_now._replace(
        similarity_threshold=mutation.get("similarity_threshold", rules_now.similarity_threshold),
        confidence_threshold=mutation.get("confidence_threshold", rules_now.confidence_threshold),
    )
    pairs: list[Pair] = []
    for execution in executions:
        rerouted = _rerouted(execution, route, rules_now, rules_then)
        replayed = pair(execution, now, then, rerouted)
        if replayed:
            pairs.append(replayed)
    return compare(pairs, seed) if pairs else None


def _rerouted(execution: Execution, route: Route, now: Learning, then: Learning) -> list[AttemptRecord] | None:
    """Return what is known of the steps that other thresholds of rules would ask; None if they are the same."""
    if now == then:
        return None
    if now.confidence_threshold == then.confidence_threshold:
        # A rule that took a question with more than is asked for takes it still; a higher threshold finds no new one.
        similarity, least = execution.similarity, then.similarity_threshold
        if least > now.similarity_threshold if similarity is None else similarity > least:
            return None
    steps = route(execution.user_request, then)
    if steps == route(execution.user_request, now):
        return None
    known = {attempt.step: attempt for attempt in execution.attempts}
    longest_ms = max(attempt.deadline_ms for attempt in execution.attempts)
    return [known.get(step) or unasked(step, longest_ms) for step in steps]


def _merit(found: Comparison) -> float:
    """Return what a change saves in waiting, less the work that it causes for nothing."""
    return found.saved_ms - found.extra_ms


def _without_passengers(
    mutation: Mutation, found: Comparison, executions: Sequence[Execution], baseline: Baseline, route: Route
) -> Mutation:
    """Return a mutation without each setting whose part in what it saves nobody would notice."""
    for setting in mutation if len(mutation) > 1 else ():
        rest = {name: value for name, value in mutation.items() if name != setting}
        alone = _compare(executions, rest, baseline, route)
        if alone and alone.is_no_worse and _merit(found) - _merit(alone) < _least_gain(found):
            return rest
    return mutation


def _least_gain(found: Comparison) -> float:
    """Return how many milliseconds a change must save for a person to notice."""
    return max(_NOTICED_MS, _NOTICED_SHARE * found.mean_ms_now)


def _objections(tested: Comparison | None, mutation: Mutation) -> list[str]:
    """Return why a tested mutation must not be promoted; nothing if it may be."""
    if tested is None or tested.executions < _LEAST:
        return [f"only {tested.executions if tested else 0} executions test it; {_LEAST} are needed"]
    reasons = []
    if tested.succeeds_more:
        pass  # it need not be faster
    elif not tested.is_faster:
        low, high = tested.saved_ms_interval
        reasons.append(f"it is not surely faster: {low:.0f} to {high:.0f} ms are saved")
    elif tested.saved_ms < _least_gain(tested):
        reasons.append(f"nobody would notice: {tested.saved_ms:.0f} of {tested.mean_ms_now:.0f} ms are saved")
    if tested.wrong > tested.wrong_now:
        reasons.append(f"{tested.wrong} instead of {tested.wrong_now} wrong answers would be accepted")
    elif not tested.is_no_worse:
        reasons.append(f"{tested.worse} of {tested.executions} answers would or may be worse")
    elif can_lose(mutation) and tested.worse_at_most > _TOLERATED:
        reasons.append(
            f"up to {tested.worse_at_most:.1%} of the answers could be worse; too few executions say otherwise"
        )
    return reasons


def _digest(cycle_id: str, request: str) -> int:
    return hashlib.sha256(f"{cycle_id} {request}".encode("utf-8", "replace")).digest()[0]
