"""Laws of the models that may embed the index, as a user chooses them: by the environment, through the command line."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from memory_router.storage.sqlite import connect, load_distances
from memory_router.text import embedding
from tests.conftest import Home
from tests.text.stub import Answer, Stub, embedded, served

KEY = "sk-test-0123456789abcdef0123456789"
NOTES = {
    "pets.md": "# At home\n\nThe puppy sleeps beside the sofa and barks at every cat.\n",
    "bank.md": "# Money\n\nThe loan has a fixed interest rate until the mortgage is paid off.\n",
}


@pytest.fixture
def indexed(home: Home) -> Home:
    """Return a home with a few notes, indexed with what is installed."""
    if embedding.load() is None or not load_distances(connect(str(home.folder / "probe.db"))):
        pytest.skip("wordllama or sqlite-vec is not installed: pip install --force-reinstall memory-router")
    for name, text in NOTES.items():
        (home.folder / "notes" / name).parent.mkdir(exist_ok=True)
        (home.folder / "notes" / name).write_text(text)
    assert home.run("init").code == 0
    assert home.run("index", str(home.folder / "notes")).code == 0
    return home


RATES = "A loan and mortgage of the bank. At the same rate, any rate, a rate."


@pytest.fixture
def stub(indexed: Home) -> Iterator[Stub]:
    """Return a running endpoint, which the home has chosen and not yet indexed with."""
    with served(embedded) as running:
        chosen = {"": running.url, "_MODEL": "small", "_KEY": KEY}
        indexed.environment |= {f"MEMORY_ROUTER_EMBEDDING{name}": value for name, value in chosen.items()}
        yield running


def ask(home: Home, text: str = "mortgage interest", mode: str = "query") -> Any:
    """Ask the backend, which must answer; return the results, what is said of the answer, and what is warned of."""
    outcome = home.run("query", text, "--backend", f"qmd:{mode}", "--trace")
    assert outcome.json["status"] in ("success", "partial"), outcome
    assert KEY not in outcome.out + outcome.err
    (attempt,) = outcome.json["trace"]["attempts"]
    return {"results": outcome.json["results"], "metadata": attempt["metadata"], "warning": outcome.err}


def told(home: Home) -> str:
    """Return what the status says of the vectors."""
    return str(home.run("index", "--status").json["vectors"])


def test_an_endpoint_embeds_passages_and_questions(indexed: Home, stub: Stub) -> None:
    """Nothing is asked before the next run; then each passage once, each question once, and no key is kept."""
    assert "Run: memory-router index" in ask(indexed)["warning"]
    assert stub.asked == []
    assert indexed.run("index").json["notes"] == []
    assert len(stub.asked) == 1
    indexed.run("index")
    assert len(stub.asked) == 1
    answer = ask(indexed, "mortgaged loans", "vsearch")
    assert answer["metadata"]["answered_by"] == "vsearch"
    assert answer["results"][0]["path"].endswith("bank.md")
    assert stub.asked[1][2]["input"] == ["mortgaged loans"]
    assert len(stub.asked) == 2
    assert told(indexed) == f"Vectors of small at {stub.url}, 16 numbers each."
    ask(indexed, "mortgage", "search")
    assert len(stub.asked) == 2
    kept = [file for file in indexed.folder.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]
    assert kept == []


@pytest.mark.parametrize("status", [401, 500, 200])
def test_words_answer_while_the_endpoint_does_not(indexed: Home, stub: Stub, status: int) -> None:
    """An endpoint that fails costs a note beside the answer; the key stands nowhere in it."""
    indexed.run("index")
    stub.answer = lambda *_: (status, f"no, {KEY}".encode())
    answer = ask(indexed)
    assert answer["results"][0]["path"].endswith("bank.md")
    assert answer["metadata"]["answered_by"] == "search"
    assert "could not be embedded" in answer["warning"]


def test_a_slow_endpoint_leaves_time_for_the_answer(indexed: Home, stub: Stub) -> None:
    """Half of the deadline is the endpoint's; the answer by words comes within the whole."""
    indexed.run("index")

    def slow(*_: Any) -> Answer:
        stub.ended.wait(60)
        return 200, b"{}"

    stub.answer = slow
    indexed.configure(deadlines={"default_ms": 4000, "total_ms": None, "backends": {}})
    answer = ask(indexed)
    assert "did not answer within" in answer["warning"]


def test_vectors_of_another_length_are_told_and_made_anew(indexed: Home, stub: Stub) -> None:
    """A model whose vectors have changed in length is never compared with old ones; new passages bring all anew."""
    indexed.run("index")
    stub.answer = lambda path, body: embedded(path, body, 8)
    assert "gives 8 numbers, and the index holds 16" in ask(indexed)["warning"]
    (indexed.folder / "notes" / "new.md").write_text("The kitten climbs the curtain.")
    assert indexed.run("index").json["notes"] == []
    assert told(indexed).endswith("8 numbers each.")
    assert ask(indexed)["metadata"]["answered_by"] == "query"


def test_an_interrupted_embedding_is_told_and_goes_on(indexed: Home, stub: Stub) -> None:
    """What cannot be embedded now is found by words, and embedded by a later run."""
    stub.answer = lambda *_: (503, b"")
    (note,) = indexed.run("index").json["notes"]
    assert "answered with status 503. Run `memory-router index` again" in note
    assert ask(indexed)["results"][0]["path"].endswith("bank.md")
    stub.answer = embedded
    assert indexed.run("index").json["notes"] == []
    assert ask(indexed)["metadata"]["answered_by"] == "query"


@pytest.mark.parametrize(
    ("chosen", "words"), [("colossus", "Set it to"), ("http://127.0.0.1:1/v1", "MEMORY_ROUTER_EMBEDDING_MODEL")]
)
def test_a_choice_that_cannot_be_is_told(indexed: Home, chosen: str, words: str) -> None:
    """An unknown model and an endpoint without a model's name are named, and words answer."""
    indexed.environment["MEMORY_ROUTER_EMBEDDING"] = chosen
    assert words in ask(indexed)["warning"]
    assert words in indexed.run("index").json["notes"][0]
    assert words in json.dumps(indexed.run("doctor").json)


def test_an_unknown_scale_makes_nothing_relevant(indexed: Home, stub: Stub) -> None:
    """A model for which all texts lie near each other does not make every passage an answer."""

    def crowded(path: str, body: Any) -> Answer:
        answer = json.loads(embedded(path, body)[1])
        for one in answer["data"]:
            one["embedding"] = [value + 8 for value in one["embedding"]]
        return 200, json.dumps(answer).encode()

    stub.answer = crowded
    for number in range(60):
        (indexed.folder / "notes" / f"{number}.md").write_text(f"Plank {number} of oak lies at berth {number * 7}.")
    indexed.run("index")
    outcome = indexed.run("query", "zebra", "--backend", "qmd:vsearch", "--json")
    assert all(result["relevance"] < 0.4 for result in outcome.json["results"])


def test_a_reranker_orders_what_is_found(indexed: Home) -> None:
    """In the mode `query` alone the chosen reranker has the last word, names of code excepted; a failure is told."""

    def judged(_path: str, body: Any) -> Answer:
        scores = [
            {"index": place, "relevance_score": text.count("rate") / 4} for place, text in enumerate(body["documents"])
        ]
        return 200, json.dumps({"results": scores}).encode()

    (indexed.folder / "notes" / "loan.py").write_text("def loan_interest(mortgage):\n    return mortgage.interest\n")
    for name, text in (("a", "Loan, mortgage and interest."), ("b", RATES)):
        (indexed.folder / "notes" / f"{name}.md").write_text(text)
    indexed.run("index")
    question = "loan mortgage interest of the bank"
    plain = [result["path"] for result in ask(indexed, question)["results"]]
    assert not plain[0].endswith("b.md")
    with served(judged) as reranker:
        indexed.environment |= {"MEMORY_ROUTER_RERANK": reranker.url, "MEMORY_ROUTER_RERANK_KEY": KEY}
        again = [result["path"] for result in ask(indexed, question)["results"]]
        assert again[0].endswith("b.md")
        assert set(plain) <= set(again)
        ask(indexed, question, "search")
        assert ask(indexed, "loan_interest")["results"][0]["path"].endswith("loan.py")
        assert len(reranker.asked) == 1
        reranker.answer = lambda *_: (500, KEY.encode())
        answer = ask(indexed, question)
        assert [result["path"] for result in answer["results"]] == plain
        assert answer["metadata"]["answered_by"] == "query"
        assert "The answer was not reranked" in answer["warning"]
