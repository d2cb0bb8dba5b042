"""Where the whole chain of a rule falls short, the memories that it does not name are asked as well."""

import pytest

from memory_router.contract import Result
from memory_router.testing import Behaviour, requests_to
from tests.conftest import BROKEN, EMPTY, GOOD, POOR, Home

TALK = Behaviour(results=(Result("in the talk", relevance=0.9), Result("later in it", relevance=0.05)))
QUESTION = "the heron"  # the default rule: qmd, then totalrecall


def with_lossless(home: Home, chain: Behaviour, lossless: Behaviour, **manifest: object) -> str:
    """Give a home backends of which those of the chain all behave alike; return the folder of the one beyond it."""
    for name in ("qmd", "totalrecall"):
        home.fake(name, chain)
    folder = home.fake("lossless", lossless, **manifest)
    home.register(qmd="ready", totalrecall="ready", lossless="ready")
    return folder


@pytest.mark.parametrize("chain", [POOR, EMPTY, BROKEN])
def test_what_no_rule_names_answers_where_the_chain_does_not(home: Home, chain: Behaviour) -> None:
    """Its answer comes first, the chain's behind it, and the envelope names it at the end of the chain."""
    with_lossless(home, chain, TALK)
    answer = home.run("query", QUESTION, "--trace").json
    assert (answer["status"], answer["routed_to"], answer["normalized_relevance"]) == ("success", "lossless", 0.9)
    assert (answer["fallback_chain"], answer["fallbacks_used"]) == (["qmd", "totalrecall", "lossless"], 2)
    assert [attempt["backend"] for attempt in answer["trace"]["attempts"]] == ["qmd", "totalrecall", "lossless"]
    numbers = [result["relevance"] for result in answer["results"]]
    assert numbers == sorted(numbers, reverse=True)
    assert answer["results"][0]["content"] == "in the talk"


def test_an_accepted_answer_asks_nobody_else(home: Home) -> None:
    """The chain is asked as its rule says, and where a step of it answers, that is the answer."""
    folder = with_lossless(home, GOOD, TALK)
    answer = home.run("query", QUESTION).json
    assert (answer["routed_to"], answer["fallback_chain"]) == ("qmd", ["qmd", "totalrecall"])
    assert requests_to(folder) == []


@pytest.mark.parametrize(("chain", "status"), [(POOR, "partial"), (EMPTY, "empty"), (BROKEN, "error")])
def test_an_answer_that_the_others_do_not_better_is_the_chains(home: Home, chain: Behaviour, status: str) -> None:
    """Status, chain and count of fallbacks are then those of the chain alone."""
    with_lossless(home, chain, EMPTY)
    answer = home.run("query", QUESTION).json
    assert (answer["status"], answer["fallback_chain"]) == (status, ["qmd", "totalrecall"])
    assert answer["fallbacks_used"] == (2 if status == "error" else 1)


@pytest.mark.parametrize("manifest", [{"cost_usd": 0.01}, {"network": True}, {"requires_approval": True}])
def test_only_what_is_free_and_open_is_asked(home: Home, manifest: dict[str, object]) -> None:
    """What costs something, uses the network or needs approval is asked only where a rule or the caller says so."""
    folder = with_lossless(home, POOR, TALK, **manifest)
    assert home.run("query", QUESTION).json["status"] == "partial"
    assert requests_to(folder) == []


@pytest.mark.parametrize("choice", [("--rule", "ambiguous"), ("--backend", "qmd")])
def test_who_chooses_a_way_gets_no_other(home: Home, choice: tuple[str, str]) -> None:
    """A rule or a backend that the caller names is all that is asked."""
    folder = with_lossless(home, POOR, TALK)
    assert home.run("query", QUESTION, *choice).json["status"] == "partial"
    assert requests_to(folder) == []
