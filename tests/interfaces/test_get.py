"""`get` fetches what an answer named, from the backend that gave it."""

from memory_router.contract import Result
from memory_router.testing import requests_to
from tests.conftest import EMPTY, GOOD, Home

NAMED = GOOD._replace(results=(Result("all of it", relevance=1.0, id="a:1"),))


def test_ids_of_an_answer_can_be_fetched(home: Home) -> None:
    """The id that an answer gives leads back to its backend, which sees its own id and the layer."""
    folders = home.with_fakes(qmd=NAMED)
    (result,) = home.run("query", "auth").json["results"]
    assert result["id"] == "qmd:a:1"
    outcome = home.run("get", result["id"], "--layer", "timeline")
    assert outcome.code == 0, outcome.err
    assert outcome.json["results"][0]["content"] == "all of it"
    request = requests_to(folders["qmd"])[-1]
    assert (request.verb, request.id, request.layer) == ("get", "a:1", "timeline")


def test_what_cannot_be_fetched_is_told(home: Home) -> None:
    """An unknown backend, one that cannot fetch, and one that has nothing are told each; the rest is printed."""
    home.with_fakes(qmd=NAMED, totalrecall=EMPTY)
    home.fake("cognee", GOOD, verbs=["query", "health"])
    home.register(qmd="ready", totalrecall="ready", cognee="ready")
    outcome = home.run("get", "qmd:a:1", "zoo:1", "cognee:1", "totalrecall:1")
    assert outcome.code == 1
    assert outcome.json["result_count"] == 1
    missing = {entry["id"]: entry["error_code"] for entry in outcome.json["missing"]}
    assert missing == {"zoo:1": "UNKNOWN_BACKEND", "cognee:1": "UNKNOWN_BACKEND", "totalrecall:1": "NOT_FOUND"}
