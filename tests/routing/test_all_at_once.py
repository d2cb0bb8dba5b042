"""Asking every backend at the same time gives one merged answer whose order and numbers agree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.contract import Result
from memory_router.routing.attempts import Attempt
from memory_router.routing.config import Step
from memory_router.routing.merging import merge
from memory_router.testing import Behaviour
from tests.conftest import Home

LONG = "The harbour office opens the outer gate at dawn, two hours before the first ferry leaves for the islands again."


def attempt(backend: str, *results: Result) -> Attempt:
    """Return what a backend answered."""
    members = ("content", "relevance", "metadata", "id")
    found = [{name: getattr(one, name) for name in members} for one in results]
    return Attempt(Step(backend), {"status": "success", "results": found}, None, 1, 5000)


def test_a_prior_is_added_as_log_odds() -> None:
    """Of equal relevance, the result of the backend with the higher prior stands first and claims more."""
    answers = [attempt("qmd", Result("file", relevance=0.5)), attempt("lossless", Result("talk", relevance=0.5))]
    first, second = merge(answers, {"lossless": 1.0}, 10)
    assert (first.backend, round(first.posterior, 3), second.posterior) == ("lossless", 0.731, 0.5)


def test_copies_are_folded_with_all_their_sources() -> None:
    """The same passage from two backends is one result that names both, at the higher number."""
    answers = [attempt("qmd", Result(LONG, relevance=0.6)), attempt("totalrecall", Result(LONG, relevance=0.8))]
    (only,) = merge(answers, {}, 10)
    assert (only.sources, only.to_result()["relevance"]) == (("totalrecall", "qmd"), 0.8)
    assert only.to_result()["metadata"]["sources"] == ["totalrecall", "qmd"]


def test_a_replaced_result_claims_no_more_than_its_successor() -> None:
    """What was replaced stands behind what replaced it."""
    old = Result("old", relevance=0.9, id="m:1", metadata={"superseded_by": "2"})
    new = Result("new", relevance=0.7, id="m:2")
    assert [one.result["content"] for one in merge([attempt("m", old, new)], {}, 10)] == ["new", "old"]


RESULTS = st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5), st.floats(0, 1)), max_size=12)


@given(RESULTS, st.dictionaries(st.sampled_from("abc"), st.floats(-5, 5)))
def test_order_and_number_agree(given_results: list[tuple[str, str, float]], priors: dict[str, float]) -> None:
    """Whatever backends answer, posteriors are probabilities and fall from the first result to the last."""
    answers = [attempt(backend, Result(content, relevance=relevance)) for backend, content, relevance in given_results]
    posteriors = [one.posterior for one in merge(answers, priors, 20)]
    assert posteriors == sorted(posteriors, reverse=True)
    assert all(0 < number < 1 for number in posteriors)


def test_all_are_asked(home: Home) -> None:
    """`query --all` asks each ready backend once, and the trace says how each place came about."""
    home.with_fakes(
        qmd=Behaviour(results=(Result("from a file", relevance=0.5),)),
        totalrecall=Behaviour(results=(Result("remembered", relevance=0.7),)),
    )
    answer = home.run("query", "auth", "--all", "--trace").json
    assert [result["content"] for result in answer["results"]] == ["remembered", "from a file"]
    assert (answer["routed_to"], answer["fallback_chain"], answer["fallbacks_used"]) == (
        "totalrecall",
        ["qmd", "totalrecall"],
        1,
    )
    assert answer["status"] == "success"
    assert answer["normalized_relevance"] == answer["results"][0]["relevance"]
    told = answer["trace"]["merged"][0]
    assert (told["backend"], told["relevance"]) == ("totalrecall", 0.7)
    assert set(told) == {"id", "backend", "relevance", "prior", "log_odds", "posterior", "folded"}


def test_late_backends_are_named(home: Home) -> None:
    """A backend that misses the deadline is left out and named; the others' answer comes."""
    home.configure(deadlines={"default_ms": 400})
    home.with_fakes(qmd=Behaviour(hangs=True), totalrecall=Behaviour(results=(Result("x", relevance=0.9),)))
    answer = home.run("query", "auth", "--all").json
    assert (answer["status"], answer["routed_to"], answer["metadata"]["late"]) == ("success", "totalrecall", ["qmd"])


@pytest.mark.parametrize("members", [{"cost_usd": 0.1}, {"network": True}])
def test_what_costs_is_asked_only_where_included(home: Home, members: dict[str, object]) -> None:
    """A backend that costs something or uses the network is left out until the configuration includes it."""
    answering = Behaviour(results=(Result("x", relevance=0.9),))
    home.with_fakes(qmd=answering, totalrecall=answering)
    manifest = home.backends / "totalrecall" / "backend.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **members}))
    assert home.run("query", "auth", "--all").json["results"][0]["metadata"]["sources"] == ["qmd"]
    home.configure(all={"include": ["totalrecall"]})
    assert home.run("route", "auth", "--all").json["steps"][1]["backend"] == "totalrecall"
