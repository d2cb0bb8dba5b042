"""What must hold of relevance, folding and merging, whatever store a result comes from."""

from hypothesis import given
from hypothesis import strategies as st

from memory_router.retrieval.folding import Folding
from memory_router.retrieval.merging import Candidate, log_odds, merge, posterior
from memory_router.retrieval.relevance import Features, fitted

_RELEVANCE = st.floats(0, 1)
_PRIOR = st.floats(-3, 3)
_CANDIDATES = st.lists(st.tuples(st.sampled_from("abc"), _RELEVANCE, st.integers(0, 9)), max_size=10).map(
    lambda rows: [
        Candidate(backend, place, f"text {place}", relevance, f"{backend}:{later}", f"{backend}:{place}")
        for place, (backend, relevance, later) in enumerate(rows)
    ]
)
_PASSAGE = "The harbour master closes the northern basin at dusk because the pumps cannot hold the tide any longer."


@given(_CANDIDATES, st.dictionaries(st.sampled_from("abc"), _PRIOR), st.integers(0, 12))
def test_results_stand_in_the_order_of_their_probability(
    candidates: list[Candidate], priors: dict[str, float], limit: int
) -> None:
    """No later result claims more than an earlier one, and none is there twice."""
    merged = merge(candidates, priors, limit)
    claims = [one.posterior for one in merged]
    assert claims == sorted(claims, reverse=True)
    assert len({one.candidate for one in merged}) == len(merged) == min(limit, len(candidates))


@given(_RELEVANCE, _RELEVANCE, _PRIOR)
def test_a_replaced_result_follows_what_replaced_it(old: float, new: float, prior: float) -> None:
    """Whatever both claim, the successor stands first."""
    candidates = [Candidate("a", 0, "it was so", old, "a:2", "a:1"), Candidate("a", 1, "it is so", new, "", "a:2")]
    assert [one.candidate.id for one in merge(candidates, {"a": prior}, 2)] == ["a:2", "a:1"]


def test_copies_fold_into_the_most_probable_one() -> None:
    """The same passage of two stores is one result that names both."""
    candidates = [Candidate("a", 0, _PASSAGE, 0.4), Candidate("b", 0, f"{_PASSAGE} ", 0.6)]
    (one,) = merge(candidates, {}, 5)
    assert (one.candidate.backend, [copy.backend for copy in one.copies]) == ("b", ["a"])


@given(st.text(max_size=79))
def test_short_passages_are_never_copies(text: str) -> None:
    """Each "Thanks!" stands in a place of its own."""
    folding = Folding()
    assert [folding.duplicate_of(text), folding.duplicate_of(text)] == [None, None]


@given(_RELEVANCE, _RELEVANCE, _PRIOR)
def test_a_prior_moves_a_store_but_keeps_its_order(one: float, other: float, prior: float) -> None:
    """Of two results of a store, the more relevant one stays so; a prior of 0 changes nothing."""
    low, high = sorted((one, other))
    assert posterior(low, prior) <= posterior(high, prior)
    assert abs(posterior(0.3, 0.0) - 0.3) < 1e-9
    assert log_odds(1.0) == -log_odds(0.0)


def test_every_map_has_a_weight_for_every_feature_and_no_sign_against_its_meaning() -> None:
    """More of what speaks for a passage never makes it less probable; newer ones or better ones never more so."""
    for told in fitted().values():
        assert len(told.weights) == len(Features._fields)
        signed = told.weights._asdict()
        assert max(signed.pop("overtaken"), signed.pop("place")) <= 0
        del signed["length"], signed["words"]
        assert min(signed.values()) >= 0
        assert 0 <= told(Features()) < told(Features(*[1.0] * len(Features._fields))) <= 1
