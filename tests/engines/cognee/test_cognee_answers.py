"""Laws of answers from Cognee's data: the same whether its server or its graph file is asked."""

import pytest

from memory_router.engines.cognee.answering import CogneeAnswer, find
from memory_router.engines.cognee.place import place
from tests.engines.cognee.conftest import Api, Machine, titles

SECONDS = 20.0


@pytest.fixture(params=["file", "http"])
def way(request: pytest.FixtureRequest, machine: Machine, api: Api) -> str:
    """Return the way that is open."""
    if request.param == "file":
        machine.with_file()
    else:
        machine.with_server(api)
    return str(request.param)


def ask(question: str, limit: int = 10) -> CogneeAnswer:
    """Ask one question of whatever is there."""
    there = place()
    assert there
    return find(there, question, limit, SECONDS)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("what depends on SessionStore?", ["authmiddleware"]),
        ("who uses session store", ["authmiddleware"]),
        ("what depends on Redis", ["sessionstore", "zoë"]),
        ("who calls the payment service", ["ordercontroller"]),
        ("what does OrderController depend on", ["paymentservice"]),
        ("what does PaymentService use", ["authmiddleware"]),
        ("what depends on AuthMiddleware", ["paymentservice"]),
        ("what depends on alpha", ["beta"]),
    ],
)
def test_dependents_and_dependencies_have_the_right_direction(way: str, question: str, named: list[str]) -> None:
    """`used_by` says it the other way round; a thing does not depend on itself; each is sure enough to be accepted."""
    found = ask(question)
    sure = [hit for hit in found.hits if "path" in hit.metadata and hit.relevance > 0.4]
    assert (found.by, sorted(titles(sure))) == (way, named)
    assert found.hits[0] == sure[0]


def test_an_answer_carries_its_evidence(way: str) -> None:
    """The relation, the sentence that says so, the document and the time at which Cognee read it."""
    best = ask("what depends on SessionStore").hits[0]
    assert "AuthMiddleware depends on SessionStore." in best.content
    (_, step) = best.metadata["path"]
    assert step["by"]["relation"] == "depends_on"
    assert step["by"]["document"] == "notes.md"
    assert best.written == pytest.approx(1_795_240_028.682)


def test_what_would_break_is_told_step_by_step(way: str) -> None:
    """Indirect dependents follow the direct ones, each farther one less relevant."""
    found = ask("what would break if we change Redis")
    relevances = {hit.title: hit.relevance for hit in found.hits if "path" in hit.metadata}
    assert relevances["sessionstore"] > relevances["redis to authmiddleware"] > relevances["redis to paymentservice"]


@pytest.mark.parametrize(
    "question", ["how does OrderController relate to Redis", "path between OrderController and Redis"]
)
def test_a_way_is_the_shortest_one(way: str, question: str) -> None:
    """Every step of it is there, in order, with its relation."""
    best = ask(question).hits[0]
    names = [step["name"] for step in best.metadata["path"]]
    assert names == ["ordercontroller", "paymentservice", "authmiddleware", "sessionstore", "redis"]
    assert best.content.startswith("ordercontroller -[calls]-> paymentservice <-[used_by]- authmiddleware")
    assert best.relevance > 0.4


def test_things_that_nothing_connects_are_not_connected(way: str) -> None:
    """That both are components, or of some sort, is no relation."""
    found = ask("how does the tide table relate to Memcached")
    assert not any("path" in hit.metadata for hit in found.hits)


@pytest.mark.parametrize(
    "question",
    [
        "zebra giraffe savanna",
        "what depends on the flux capacitor",
        "quantum entanglement of bananas",
        "",
        "???",
        "' OR 1=1 }) DETACH DELETE n //",
        "what depends on `x`}) MATCH (n) RETURN n //",
        "\x00\ud800 what",
        "a" * 100_000,
        "(" * 5_000,
    ],
)
def test_nonsense_is_not_answered(way: str, question: str) -> None:
    """Nothing reaches the gate of 0.4, whatever the question is made of; and nothing breaks."""
    found = ask(question)
    assert all(hit.relevance < 0.4 for hit in found.hits)
    assert titles(ask("what depends on SessionStore").hits)[0] == "authmiddleware"


def test_passages_are_found_by_their_words(way: str) -> None:
    """A question that is about no relation gets the passage that answers it, also in letters beyond ASCII."""
    assert "thirty minutes" in ask("when are sessions dropped").hits[0].content
    assert "Zoë" in ask("Zoë café").hits[0].content
    assert ask("when are sessions dropped").hits[0].relevance > 0.4


def test_a_partial_name_is_told(way: str) -> None:
    """What was taken for what is said, and it is less sure than the name itself."""
    whole, part = ask("what depends on SessionStore"), ask("what depends on session")
    assert titles(part.hits)[0] == "authmiddleware"
    assert part.hits[0].relevance < whole.hits[0].relevance


def test_the_limit_is_kept(way: str) -> None:
    """No more answers than asked for, the best ones."""
    assert ask("what depends on Redis", 1).hits == ask("what depends on Redis", 5).hits[:1]


@pytest.mark.parametrize("beginning", ["", "what depends on ", "how does Redis relate to ", "what surrounds "])
def test_hits_stand_in_the_order_of_relevance(way: str, beginning: str) -> None:
    """No later hit claims more than an earlier one, whatever kinds of hits an answer holds."""
    for thing in ("session", "payment service", "AuthMiddleware when sessions are dropped", "Zoë café"):
        claims = [hit.relevance for hit in ask(beginning + thing).hits]
        assert claims == sorted(claims, reverse=True)
        assert all(0 <= claim <= 1 for claim in claims)
