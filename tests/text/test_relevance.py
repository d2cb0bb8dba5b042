"""Laws of the calibrated relevance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.text.relevance import Evidence, calibrated, coverage, idf, nearness, weigh

shares = st.floats(0, 1)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_rarer_words_tell_more(one: int, other: int) -> None:
    """The idf is positive and falls as more texts hold the word."""
    count = max(one, other)
    assert idf(count, min(one, other)) >= idf(count, count) > 0


@given(st.tuples(shares, shares, shares, shares))
def test_estimates_are_probabilities(evidence: tuple[float, float, float, float]) -> None:
    """Whatever the evidence, the estimate stays in [0, 1]."""
    assert 0 <= calibrated(Evidence(*evidence)) <= 1


def test_more_coverage_never_lowers_the_estimate() -> None:
    """Evidence of more of the question raises the estimate, from refused to accepted."""
    steps = [calibrated(Evidence(share, share, 1.0, share)) for share in (0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[1] < 0.4 < steps[-1]


def test_words_unknown_to_the_store_count_fully() -> None:
    """A word that no text holds weighs most, so that covering the rest is not enough."""
    weights = weigh(["known", "unheard"], 100, {"known": 50, "unheard": 0}.__getitem__)
    assert weights["unheard"] > weights["known"]
    assert coverage(weights, {"known"}) < 0.5
    assert coverage(weights, {"known", "unheard"}) == pytest.approx(1)
    assert coverage({}, {"known"}) == 0


def test_nearness_is_the_best_place() -> None:
    """Words that stand together count together; the same words far apart do not."""
    weights = {"a": 1.0, "b": 1.0}
    assert nearness(weights, ["a", "x", "b"]) == pytest.approx(1)
    assert nearness(weights, ["a", *["x"] * 50, "b"]) == pytest.approx(0.5)
    assert nearness(weights, []) == 0
