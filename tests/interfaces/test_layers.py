"""Layers and budgets: an agent reads no more than it asked for, and is told what is missing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.interfaces.layers import layered, printed, result_tokens
from memory_router.routing.envelope import Envelope, failed
from memory_router.routing.plan import Plan
from memory_router.text.tokens import estimate_tokens

LONG = "Filler about nothing. " * 60 + "We chose Postgres because of transactions. " + "More filler. " * 200


def found(*contents: str, query: str = "why did we choose Postgres", **metadata: Any) -> Envelope:
    """Return a successful envelope that holds a result of each content."""
    results = [
        {
            "content": content,
            "relevance": 0.9,
            "source": "qmd",
            "timestamp": "2026-03-10T14:30:00Z",
            "id": f"qmd:{number}",
            "raw_score": 1.5,
            "metadata": {"provenance": "file", "project": "shop", "engine": "embedded", **metadata},
        }
        for number, content in enumerate(contents)
    ]
    return failed(Plan(query), "", "")._replace(status="success", results=results, result_count=len(results))


def test_without_layer_and_budget_nothing_changes() -> None:
    """An answer that is to be neither layered nor limited is the same, without the two members."""
    envelope = found(LONG)
    assert layered(envelope) is envelope
    assert {"layer", "budget"} & envelope.to_dict().keys() == set()


@pytest.mark.parametrize(("layer", "tokens"), [("search", 50), ("timeline", 200)])
def test_a_layer_shows_as_much_as_it_says(layer: str, tokens: int) -> None:
    """The content of a result takes no more tokens than its layer gives, and its id stays."""
    shown = layered(found(LONG, "short"), layer)
    assert [estimate_tokens(result["content"]) <= tokens for result in shown.results] == [True, True]
    assert [result["id"] for result in shown.results] == ["qmd:0", "qmd:1"]
    assert shown.results[1]["content"] == "short"
    assert shown.layer == layer


def test_detail_shows_everything() -> None:
    """The layer `detail` leaves results as they are, and counts them."""
    envelope = found(LONG)
    shown = layered(envelope, "detail")
    assert shown.results == envelope.results
    assert shown.budget == {
        "tokens_allowed": None,
        "tokens_used": result_tokens(envelope.results[0]),
        "results_left_out": 0,
    }


def test_a_snippet_is_what_answers() -> None:
    """Of a long text, the snippet is the stretch that holds the words of the question."""
    assert "We chose Postgres because" in layered(found(LONG), "search").results[0]["content"]


def test_a_snippet_keeps_whose_it_is_and_where_it_is_from() -> None:
    """Provenance, project, part and whether a decision is in force are shown in every layer; engines' notes are not."""
    told = {"provenance": "file", "project": "shop", "part": 2, "status": "superseded"}
    shown = layered(found("x", part=2, status="superseded", around=["y"]), "search").results[0]
    assert shown["metadata"] == told
    assert "raw_score" not in shown


@given(st.lists(st.text(max_size=600), max_size=6), st.integers(0, 500), st.sampled_from([None, "search", "detail"]))
def test_a_budget_is_a_hard_limit(contents: list[str], budget: int, layer: str | None) -> None:
    """Whatever the texts, the results take no more tokens than allowed, and those left out are counted."""
    shown = layered(found(*contents), layer, budget)
    used = sum(map(result_tokens, shown.results))
    assert used <= budget
    assert shown.budget == {
        "tokens_allowed": budget,
        "tokens_used": used,
        "results_left_out": len(contents) - len(shown.results),
    }
    assert shown.result_count == len(shown.results)
    assert [result["id"] for result in shown.results] == [f"qmd:{number}" for number in range(shown.result_count)]


def test_the_last_result_is_cut_rather_than_dropped() -> None:
    """A long first result is shown in part when the budget pays for part of it."""
    shown = layered(found(LONG, LONG), None, 120)
    assert shown.result_count == 1
    assert shown.results[0]["content"].endswith("…")
    assert shown.budget is not None
    assert shown.budget["results_left_out"] == 1


@given(
    st.lists(st.text(max_size=400), max_size=8),
    st.integers(200, 900),
    st.sampled_from([None, "search", "timeline", "detail"]),
    st.text(max_size=3000),
)
def test_all_that_is_printed_is_within_the_budget(
    contents: list[str], budget: int, layer: str | None, query: str
) -> None:
    """Whatever was asked and found, the whole JSON takes no more than the budget and tells what it takes."""
    envelope = found(*contents, query=query)._replace(error_message=query, trace={"long": ["x"] * 500})
    shown = printed(envelope, layer, budget)
    assert shown.budget is not None
    used = estimate_tokens(json.dumps(shown.to_dict(), ensure_ascii=False))
    assert used <= budget
    assert used - 1 <= shown.budget["tokens_used"] <= budget
    assert shown.result_count == len(shown.results) == len(contents) - shown.budget["results_left_out"]


def test_what_needs_no_cutting_stays() -> None:
    """With room for everything nothing beside the results is cut; only snippets have a budget of their own."""
    envelope = found("short")._replace(trace={"table": []})
    assert printed(envelope, "detail", 2000).trace == {"table": []}
    assert printed(envelope) is envelope
    assert printed(envelope, "search").results == layered(envelope, "search").results
