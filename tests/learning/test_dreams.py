"""A dream promotes only what is surely faster and loses no answer, and dreams the same from the same seed."""

from collections.abc import Callable

import pytest

from memory_router import paths
from memory_router.errors import StoreError
from memory_router.learning.dreams import Cycle, DreamStore, dream
from memory_router.learning.execution import AttemptRecord, Execution
from memory_router.learning.mutations import Baseline, can_lose, propose
from memory_router.routing.config import Config, Learning
from memory_router.routing.config_file import load
from memory_router.storage.database import Database, decode_json
from tests.learning.conftest import NOW, attempt, execution

CONFIG = load(paths.bundled("router-config.json"))
SEED = "dream-2026-01-28-03:00"


def table_route(_request: str, _learning: Learning) -> tuple[str, ...]:
    """Send every request the same way, whatever the threshold."""
    return ("qmd:query", "totalrecall")


def history(number: int, *chains: tuple[AttemptRecord, ...]) -> list[Execution]:
    """Return executions of different requests that take the chains by turns."""
    return [execution(one, f"request {one}", *chains[one % len(chains)]) for one in range(number)]


def dreamt(executions: list[Execution], config: Config = CONFIG, seed: str = SEED) -> Cycle:
    """Return what is dreamt of a history."""
    return dream(executions, config, table_route, seed, NOW)


GOOD = (attempt("qmd:query", accepted=True, duration_ms=100),)
SILENT = (
    AttemptRecord("qmd:query", "error", 0.0, 5000, 5000, "QUERY_TIMEOUT", accepted=False),
    attempt("totalrecall", accepted=True, duration_ms=80),
)
SLOW = (attempt("qmd:query", accepted=True, duration_ms=4000),)
POOR_FIRST = (
    AttemptRecord("qmd:query", "success", 0.35, 900, 5000, None, accepted=False),
    attempt("totalrecall", accepted=True, duration_ms=80),
)
POOR_ONLY = (
    AttemptRecord("qmd:query", "success", 0.35, 900, 5000, None, accepted=False),
    AttemptRecord("totalrecall", "error", 0.0, 5000, 5000, "QUERY_TIMEOUT", accepted=False),
)


def test_what_waits_for_nothing_is_promoted() -> None:
    """Where a backend is quick or never answers, a shorter wait for it is found, tested and promoted."""
    cycle = dreamt(history(400, GOOD, SILENT))
    assert cycle.promote
    assert cycle.mutations["deadlines.backends.qmd:query"] < 5000
    results = cycle.test_results
    assert (results["faster"], results["promote"], results["reasons"]) == (True, True, [])
    assert results["success_rate"] == results["success_rate_now"] == 1.0
    assert results["mean_ms"] < results["mean_ms_now"]
    assert results["chosen_by"] + results["executions"] == 400
    assert cycle.mutation_type == "routing_rule_tweak"
    assert "shorter deadline cuts off" in " ".join(results["cannot_be_known"])


@pytest.mark.parametrize("chain", [SLOW, GOOD], ids=["slow answers", "nothing to gain"])
def test_what_loses_answers_is_not_promoted(chain: tuple[AttemptRecord, ...]) -> None:
    """No change whose loss of answers cannot be excluded is promoted, whatever time it might save."""
    cycle = dreamt(history(400, chain))
    assert (cycle.mutations, cycle.promote) == ({}, False)


def test_poor_answers_are_no_reason_to_stop() -> None:
    """The threshold does not fall where asking on gives a good answer."""
    assert "fallback_threshold" not in dreamt(history(400, POOR_FIRST)).mutations


def test_threshold_falls_only_where_people_liked_what_it_refuses() -> None:
    """A lower threshold must not accept what nothing may answer, nor what people refused."""
    poor = history(400, POOR_ONLY)
    cycle = dreamt([one._replace(user_satisfaction=5) for one in poor])
    assert cycle.mutations["fallback_threshold"] <= 0.35
    assert cycle.promote
    for stars in (None, 1):
        assert "fallback_threshold" not in dreamt([one._replace(user_satisfaction=stars) for one in poor]).mutations


def test_a_dream_takes_no_passengers() -> None:
    """A change of two settings is told without the one that does nothing."""
    for number in range(8):
        cycle = dreamt(history(400, GOOD, SILENT), seed=f"dream-{number}")
        assert "fallback_threshold" not in cycle.mutations


def test_a_gain_that_nobody_notices_is_not_promoted() -> None:
    """A change that saves a few milliseconds, however surely, is not worth a person's attention."""
    good = (attempt("qmd:query", accepted=True, duration_ms=10),)
    silent = (AttemptRecord("qmd:query", "error", 0.0, 60, 60, "QUERY_TIMEOUT", accepted=False), *SILENT[1:])
    cycle = dreamt(history(400, *[good] * 4, silent))
    assert not cycle.promote


def test_few_executions_promote_nothing() -> None:
    """What too few executions test is told, and not promoted."""
    cycle = dreamt(history(60, GOOD, SILENT))
    assert not cycle.promote
    assert "are needed" in cycle.test_results["reasons"][0]
    assert dreamt([]).test_results["reasons"] == ["nothing was asked"]


def test_one_request_does_not_decide() -> None:
    """A request that is asked again and again counts a few times: nobody decides by flooding the history."""
    flood = [execution(number, "the same", *SILENT) for number in range(5000)]
    cycle = dreamt([*flood, *history(40, SLOW)])
    assert not cycle.promote
    assert cycle.test_results.get("chosen_by", 0) + cycle.test_results["executions"] <= 60


def test_callers_choices_and_blocked_questions_say_nothing() -> None:
    """What a caller chose, and what was never run, is not replayed."""
    chosen = [one._replace(source="choice") for one in history(200, SILENT)]
    blocked = [one._replace(status="governance_blocked", attempts=()) for one in history(200, GOOD)]
    assert dreamt([*chosen, *blocked]).test_results["reasons"] == ["nothing was asked"]


def test_present_deadlines_count() -> None:
    """What was recorded under a longer deadline than the present one is no longer to be saved."""
    shortened = CONFIG.deadlines._replace(backends={"qmd": 90})
    assert dreamt(history(400, GOOD, SILENT)).test_results["saved_ms"] > 1000
    shortest = dreamt(
        history(400, (attempt("qmd:query", accepted=True, duration_ms=10),), SILENT),
        CONFIG._replace(deadlines=shortened),
    )
    assert shortest.test_results.get("saved_ms", 0) < 100


def test_same_seed_same_dream() -> None:
    """The same history and cycle id give the same dream; another cycle id tries other mutations."""
    executions = history(200, GOOD, SILENT)
    assert dreamt(executions) == dreamt(executions)
    baseline = Baseline(CONFIG, {"qmd:query": 5000}, has_rules=True)
    assert propose(SEED, baseline) == propose(SEED, baseline)
    assert propose(SEED, baseline) != propose("dream-2026-01-29-03:00", baseline)


def test_mutations_are_changes_within_bounds() -> None:
    """Every mutation changes one setting or two to an allowed value that is not the present one; none comes twice."""
    baseline = Baseline(CONFIG, {"qmd:query": 5000, "totalrecall": 5000}, has_rules=True)
    for night in range(30):
        mutations = propose(f"dream-{night}", baseline)
        assert len({tuple(sorted(one.items())) for one in mutations}) == len(mutations)
        for mutation in mutations:
            assert 1 <= len(mutation) <= 2
            assert 0 < mutation.get("fallback_threshold", 0.5) < 1
            assert mutation.get("fallback_threshold") != CONFIG.fallback_threshold
            assert mutation.get("deadlines.backends.qmd:query", 50) < 5000
            assert can_lose(mutation) is (set(mutation) != {"fallback_delay_ms"})


def test_other_routes_are_known_as_far_as_they_were_asked() -> None:
    """Where another similarity threshold would change the route, only steps that were asked have a known end."""
    asked = (attempt("qmd:search", accepted=False, duration_ms=900), attempt("totalrecall", accepted=True))

    def route(_request: str, learning: Learning) -> tuple[str, ...]:
        similarity = learning.similarity_threshold
        if similarity == CONFIG.learning.similarity_threshold:
            return ("qmd:search", "totalrecall")
        return ("totalrecall",) if similarity > CONFIG.learning.similarity_threshold else ("cognee",)

    executions = [one._replace(similarity=0.86) for one in history(400, asked)]
    cycle = dream(executions, CONFIG, route, SEED, NOW)
    assert cycle.mutations["similarity_threshold"] > CONFIG.learning.similarity_threshold
    assert cycle.promote


@pytest.mark.parametrize("mode", ["on", "suggest"])
def test_the_confidence_of_rules_is_tried_where_they_route_unapproved(mode: str) -> None:
    """A rule that leads astray is left out under a higher threshold; where rules wait for approval nothing changes."""
    config = CONFIG._replace(learning=CONFIG.learning._replace(mode=mode))
    asked = (attempt("qmd:search", accepted=False, duration_ms=900), attempt("totalrecall", accepted=True))

    def route(_request: str, learning: Learning) -> tuple[str, ...]:
        is_used = learning.confidence_threshold <= CONFIG.learning.confidence_threshold
        return ("qmd:search", "totalrecall") if is_used else ("totalrecall",)

    executions = [one._replace(similarity=0.99) for one in history(400, asked)]
    cycle = dream(executions, config, route, SEED, NOW)
    raised = cycle.mutations.get("confidence_threshold", 0.0) > CONFIG.learning.confidence_threshold
    assert (raised, cycle.promote and raised) == (mode == "on", mode == "on")


def test_cycles_are_recorded(database: Database, clock: Callable[[], float]) -> None:
    """A cycle is stored with the seed's members, under an id of its own even within one minute."""
    store = DreamStore(database)
    store.record(dreamt([], seed="dream-2026-09-21-14:13"))
    with pytest.raises(StoreError, match="Somebody else"):
        store.record(dreamt([], seed="dream-2026-09-21-14:13"))
    for expected in ("dream-2026-09-21-14:13-2", "dream-2026-09-21-14:13-3"):
        cycle_id = store.next_id(clock())
        assert cycle_id == expected
        store.record(dreamt(history(200, GOOD, SILENT), seed=cycle_id))
    rows = database.rows("SELECT * FROM dream_cycles ORDER BY cycle_id")
    assert [row["cycle_id"].removeprefix("dream-2026-09-21-") for row in rows] == ["14:13", "14:13-2", "14:13-3"]
    assert {"faster", "success_rate", "promote"} <= set(decode_json(rows[1]["test_results"]))
    assert decode_json(rows[1]["mutations"])


def test_the_latest_dream_is_that_of_an_account(database: Database) -> None:
    """Of several dreams the newest of the account counts, whatever others dreamt, unless it is too old."""
    store = DreamStore(database)
    for number, who in enumerate(("katie", "katie", "preston")):
        results = {"dreamt_by": who, "promote": True}
        store.record(Cycle(f"dream-{number}", "routing_rule_tweak", {"x": number}, results, True, NOW + number))
    found = store.latest("katie", NOW)
    assert found
    assert (found.cycle_id, found.mutations, found.promote) == ("dream-1", {"x": 1}, True)
    assert store.latest("katie", NOW + 2) is None
    assert store.latest("nobody", NOW) is None
