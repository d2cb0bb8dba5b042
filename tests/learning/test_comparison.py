"""A replay tells what would have happened, and admits what it cannot know."""

from hypothesis import given
from hypothesis import strategies as st

from memory_router.learning.comparison import Thresholds, compare, pair, replay, unasked
from memory_router.learning.execution import AttemptRecord
from tests.learning.conftest import execution

NOW = Thresholds(0.4)


def answered(step: str, relevance: float, duration_ms: int) -> AttemptRecord:
    """Return an attempt with a result, accepted at 0.4."""
    return AttemptRecord(step, "success", relevance, duration_ms, 5000, None, accepted=relevance >= 0.4)


def silent(step: str, duration_ms: int = 5000) -> AttemptRecord:
    """Return an attempt that found nothing, or timed out at 5000 ms."""
    if duration_ms >= 5000:
        return AttemptRecord(step, "error", 0.0, duration_ms, 5000, "QUERY_TIMEOUT", accepted=False)
    return AttemptRecord(step, "empty", 0.0, duration_ms, 5000, None, accepted=False)


def test_hedging_overlaps_what_is_silent() -> None:
    """With a delay the next step begins within the silent one, and the answer waits for the longer of the two."""
    attempts = [silent("a", 900), answered("b", 0.8, 300)]
    assert replay(attempts, NOW).waited_ms == 1200
    assert replay(attempts, Thresholds(0.4, 200)).waited_ms == 900
    assert replay(attempts, Thresholds(0.4, 800)).waited_ms == 1100


def test_hedging_asks_for_nothing_behind_a_slow_answer() -> None:
    """Where the first step is accepted after the delay, the second one is asked for nothing for that long."""
    course = replay([answered("a", 0.8, 900)], Thresholds(0.4, 200))
    assert (course.waited_ms, course.extra_ms) == (900, 700)
    assert replay([answered("a", 0.8, 100)], Thresholds(0.4, 200)).extra_ms == 0


def test_shorter_deadline_gives_up_sooner() -> None:
    """An attempt that takes longer than the deadline is cut; what comes after it begins then."""
    attempts = [silent("a"), answered("b", 0.8, 300)]
    course = replay(attempts, Thresholds(0.4, None, {"a": 1000}))
    assert (course.waited_ms, course.accepted) == (1300, attempts[1])


def test_deadline_that_cuts_an_answer_is_unknown() -> None:
    """Whoever is accepted now and would be cut leaves it open what the next step would have said."""
    assert not replay([answered("a", 0.8, 900)], Thresholds(0.4, None, {"a": 500})).is_known


def test_longer_deadline_is_unknown_only_for_what_timed_out() -> None:
    """More time changes nothing for an attempt that ended by itself; for one that did not, nothing is known."""
    longer = Thresholds(0.4, None, {"a": 9000})
    assert replay([silent("a", 900)], longer).is_known
    assert not replay([silent("a"), answered("b", 0.8, 10)], longer).is_known


def test_higher_threshold_is_unknown_where_it_refuses() -> None:
    """An answer that a higher threshold refuses leaves it open what the next step would have said."""
    assert replay([answered("a", 0.8, 10)], Thresholds(0.6)).is_known
    assert not replay([answered("a", 0.5, 10)], Thresholds(0.6)).is_known
    assert replay([answered("a", 0.5, 10), unasked("b", 5000)], Thresholds(0.6)).is_known is False


ATTEMPTS = st.lists(
    st.builds(answered, st.sampled_from("ab"), st.integers(0, 39).map(lambda n: n / 100), st.integers(0, 5000))
    | st.builds(silent, st.sampled_from("ab"), st.integers(0, 5100)),
    max_size=3,
)
CHAINS = st.tuples(ATTEMPTS, st.none() | st.builds(answered, st.just("z"), st.just(0.7), st.integers(0, 5000))).map(
    lambda parts: [*parts[0], *([parts[1]] if parts[1] else [])]
)


@given(CHAINS)
def test_replay_of_the_present_is_what_happened(attempts: list[AttemptRecord]) -> None:
    """Under the thresholds of the record a replay knows everything and gives the record itself."""
    course = replay(attempts, NOW)
    assert course.is_known
    assert course.accepted == next((one for one in attempts if one.accepted), None)
    assert course.waited_ms == sum(one.duration_ms for one in attempts)


@given(CHAINS, st.integers(0, 6000), st.integers(0, 6000))
def test_hedging_changes_only_the_time(attempts: list[AttemptRecord], shorter: int, longer: int) -> None:
    """Hedging accepts what asking in turn accepts, waits no longer, and the less the sooner the next step begins."""
    shorter, longer = sorted((shorter, longer))
    in_turn, soon, late = (replay(attempts, Thresholds(0.4, delay)) for delay in (None, shorter, longer))
    assert in_turn.accepted == soon.accepted == late.accepted
    assert soon.waited_ms <= late.waited_ms <= in_turn.waited_ms
    assert soon.waited_ms >= max((one.duration_ms for one in attempts), default=0)


@given(CHAINS, st.floats(0, 0.4))
def test_lower_threshold_is_always_known(attempts: list[AttemptRecord], threshold: float) -> None:
    """A lower threshold accepts sooner or the same; it never needs what was not recorded."""
    course = replay(attempts, Thresholds(threshold))
    assert course.is_known
    assert course.waited_ms <= replay(attempts, NOW).waited_ms


def test_poor_answers_are_no_successes() -> None:
    """What only a lower threshold accepts counts as a failure, though it comes sooner."""
    recorded = execution(1, "tides", answered("a", 0.3, 100), answered("b", 0.8, 300))
    found = pair(recorded, NOW, Thresholds(0.2))
    assert found
    assert (found.succeeded, found.would_succeed, found.waited_ms, found.would_wait_ms) == (True, False, 400, 100)


def test_poorer_answers_are_worse() -> None:
    """A deadline that cuts the best of the poor answers makes the answer worse, though neither is a success."""
    recorded = execution(1, "tides", answered("a", 0.3, 900), silent("b", 300))
    cut = pair(recorded, NOW, Thresholds(0.4, None, {"a": 500}))
    lowered = pair(recorded, NOW, Thresholds(0.2))
    assert cut
    assert lowered
    assert (cut.succeeded, cut.would_succeed, cut.is_worse) == (False, False, True)
    assert (lowered.would_succeed, lowered.is_worse, lowered.would_wait_ms) == (False, False, 900)


def test_a_persons_word_counts_more() -> None:
    """An answer with one or two stars is a failure, for the answer that was rated and for no other."""
    rated = execution(1, "tides", answered("a", 0.3, 100), answered("b", 0.8, 300), user_satisfaction=1)
    found = pair(rated, NOW, NOW)
    assert found
    assert (found.succeeded, found.would_succeed) == (False, False)


def test_ignorance_speaks_against_a_change() -> None:
    """An unknown outcome counts as a failure that took its deadline more; its bounds and share are told."""
    executions = [execution(number, "tides", answered("a", 0.5, 100)) for number in range(4)]
    pairs = [found for one in executions if (found := pair(one, NOW, Thresholds(0.6)))]
    told = compare(pairs, "seed")
    assert (told.success_rate, told.best_success_rate, told.success_rate_now) == (0.0, 1.0, 1.0)
    assert (told.unknown_share, told.worse, told.saved_ms) == (1.0, 4, -5000.0)
    assert not told.is_faster
    assert not told.is_no_worse


def test_present_that_is_unknown_is_left_out() -> None:
    """An execution whose course is not known even as things are now compares nothing."""
    assert pair(execution(1, "tides", answered("a", 0.5, 100)), Thresholds(0.6), Thresholds(0.7)) is None


def test_interval_holds_the_mean_and_narrows() -> None:
    """The interval of the saved time holds its mean, is the same for the same seed, and narrows with more evidence."""

    def told(number: int) -> tuple[float, float]:
        chains = [(silent("a", 500 + 10 * (one % 30)), answered("b", 0.8, 300)) for one in range(number)]
        executions = [execution(one, "tides", *chain) for one, chain in enumerate(chains)]
        found = [pair(one, NOW, Thresholds(0.4, 100)) for one in executions]
        comparison = compare([one for one in found if one], "seed")
        assert comparison.saved_ms_interval[0] <= comparison.saved_ms <= comparison.saved_ms_interval[1]
        return comparison.saved_ms_interval

    few, many = told(30), told(600)
    assert few == told(30)
    assert many[1] - many[0] <= few[1] - few[0]
