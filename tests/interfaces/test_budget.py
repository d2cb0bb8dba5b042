"""`query --layer` and `--budget` show no more than was asked for, and `get` brings the rest."""

import json

import pytest

from memory_router.contract import Result
from memory_router.testing import Behaviour, requests_to
from memory_router.text.tokens import estimate_tokens
from tests.conftest import GOOD, Home

LONG = "Nothing of note. " * 100 + "We chose Postgres for its transactions. " + "More of the same. " * 100
MANY = Behaviour(results=tuple(Result(f"{number}: {LONG}", relevance=0.9, id=f"a:{number}") for number in range(10)))
QUESTION = "why did we choose Postgres"


def test_search_layer_gives_ids_and_snippets(home: Home) -> None:
    """Each result is its id and about 50 tokens from where the question's words stand; the layer is told."""
    home.with_fakes(lossless=MANY)
    envelope = home.run("query", QUESTION, "--layer", "search").json
    assert (envelope["layer"], envelope["result_count"]) == ("search", 10)
    assert envelope["budget"] == {
        "tokens_allowed": 1500,
        "tokens_used": envelope["budget"]["tokens_used"],
        "results_left_out": 0,
    }
    for number, result in enumerate(envelope["results"]):
        assert result["id"] == f"lossless:a:{number}"
        assert estimate_tokens(result["content"]) <= 50
        assert "chose Postgres" in result["content"]


def test_search_layer_is_short_whatever_names_are_long(home: Home) -> None:
    """An answer of snippets takes 1,500 tokens at most, however long its paths are, and says what is left out."""
    buried = tuple(one._replace(path=f"/{'folder/' * 90}{one.id}.md", title="heading " * 30) for one in MANY.results)
    home.with_fakes(lossless=MANY._replace(results=buried))
    outcome = home.run("query", QUESTION, "--layer", "search")
    assert estimate_tokens(outcome.out.rstrip("\n")) <= 1500
    assert outcome.json["result_count"] + outcome.json["budget"]["results_left_out"] == 10


def test_a_guess_shows_three_results_unless_more_are_wanted(home: Home) -> None:
    """A `partial` answer has three results, or as many as `--limit` says."""
    home.with_fakes(lossless=MANY._replace(results=tuple(one._replace(relevance=0.2) for one in MANY.results)))
    short, long = (home.run("query", QUESTION, *more).json for more in ((), ("--limit", "7")))
    assert (short["status"], short["result_count"], len(short["results"])) == ("partial", 3, 3)
    assert long["result_count"] == 7


def test_what_search_found_is_expanded_by_id(home: Home) -> None:
    """The ids of the snippets, several at once, bring more of each from the backend that has it."""
    folders = home.with_fakes(lossless=MANY)
    ids = [one["id"] for one in home.run("query", QUESTION, "--layer", "search", "--limit", "3").json["results"][:2]]
    fetched = home.run("get", *ids, "--layer", "timeline").json
    assert fetched["layer"] == "timeline"
    assert [(one.id, one.layer) for one in requests_to(folders["lossless"])[-2:]] == [
        ("a:0", "timeline"), ("a:1", "timeline")
    ]  # fmt: skip


def test_layers_cost_more_the_deeper_they_are(home: Home) -> None:
    """A snippet costs less than a timeline, which costs less than everything; no layer is everything."""
    home.with_fakes(lossless=MANY)
    sizes = [
        estimate_tokens(home.run("query", QUESTION, "--layer", layer).out) for layer in ("search", "timeline", "detail")
    ]
    assert sizes[0] < sizes[1] / 2 < sizes[2] / 4
    assert "layer" not in home.run("query", QUESTION).json


@pytest.mark.parametrize("options", [(), ("--layer", "search"), ("--trace",), ("--multi",)], ids=str)
@pytest.mark.parametrize("budget", [200, 300, 1500])
def test_a_budget_holds_for_all_that_is_printed(home: Home, budget: int, options: tuple[str, ...]) -> None:
    """The line that is printed takes no more tokens than allowed, and says how many it takes and what is missing."""
    home.with_fakes(lossless=MANY)
    outcome = home.run("query", QUESTION, "--budget", str(budget), *options)
    printed = estimate_tokens(outcome.out.rstrip("\n"))
    told = outcome.json["budget"]
    assert printed <= budget
    assert told["tokens_allowed"] == budget
    assert abs(told["tokens_used"] - printed) <= 1
    assert told["results_left_out"] == 10 - outcome.json["result_count"]


def test_a_budget_holds_for_each_answer_of_a_batch(home: Home) -> None:
    """Every line of a batch is within the budget, also those of long questions and of errors."""
    home.with_fakes(lossless=MANY)
    outcome = home.run("query", "-", "--budget", "250", stdin=f"{QUESTION}\n{'word ' * 900}\n\n")
    assert len(outcome.lines) == 3
    assert all(estimate_tokens(line) <= 250 for line in outcome.out.splitlines())
    assert {"success", "error"} <= {one["status"] for one in outcome.lines}


def test_a_large_budget_changes_nothing(home: Home) -> None:
    """What fits is printed as without a budget."""
    home.with_fakes(lossless=GOOD)
    free, limited = (home.run("query", QUESTION, *more).json for more in ((), ("--budget", "5000")))
    assert limited["results"] == free["results"]
    assert limited["budget"]["results_left_out"] == 0


@pytest.mark.parametrize(
    "options", [("--layer", "everything"), ("--layer=",), ("--budget", "199"), ("--budget", "-5"), ("--budget", "many")]
)
def test_what_is_no_layer_or_budget_is_a_usage_error(home: Home, options: tuple[str, ...]) -> None:
    """Exit code 2, the allowed values on stderr, and nothing on stdout."""
    outcome = home.run("query", QUESTION, *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert options[0].partition("=")[0] in outcome.err


def test_a_budget_says_what_it_is_in_json(home: Home) -> None:
    """Text beyond ASCII is counted as printed: a character a token."""
    home.with_fakes(lossless=Behaviour(results=(Result("なぜ" * 2000, relevance=0.9, id="a"),)))
    outcome = home.run("query", QUESTION, "--budget", "600")
    assert json.loads(outcome.out)["result_count"] == 1
    assert 500 < estimate_tokens(outcome.out.rstrip("\n")) <= 600
