"""Laws of models behind an endpoint, asked over real HTTP."""

import json
from typing import Any

import pytest

from memory_router.text.embedding import RemoteModelError
from memory_router.text.endpoint import Endpoint, EndpointEmbedding, EndpointReranker
from tests.text.stub import Answer, Stub, embedded, served

KEY = "sk-test-0123456789abcdef0123456789"


def embedding(stub: Stub) -> EndpointEmbedding:
    """Return an embedding by a stub."""
    return EndpointEmbedding(Endpoint(stub.url, "small", KEY))


def test_texts_are_embedded_in_their_order() -> None:
    """The key goes as bearer token, the model by its name; vectors come back by their index, whatever their order."""
    with served(embedded) as stub:
        texts = [f"text number {number}" for number in range(150)]
        rows = embedding(stub).embed_all(texts)
        assert len(rows) == 150
        assert list(embedding(stub).embed(texts[70])) == pytest.approx(rows[70])
        assert [len(body["input"]) for _, _, body in stub.asked] == [64, 64, 22, 1]
        path, headers, body = stub.asked[0]
    assert (path, headers["Authorization"], body["model"]) == ("/v1/embeddings", f"Bearer {KEY}", "small")


def test_secrets_of_texts_stay_here() -> None:
    """What looks like a secret is not sent."""
    with served(embedded) as stub:
        embedding(stub).embed("the key is AKIAIOSFODNN7EXAMPLE, keep it")
        assert "AKIAIOSFODNN7EXAMPLE" not in json.dumps(stub.asked[0][2])


WRONG: dict[str, Answer] = {
    "401": (401, json.dumps({"error": f"Incorrect API key provided: {KEY}"}).encode()),
    "429": (429, b""),
    "500": (500, b"<html>oops</html>"),
    "redirect": (302, b""),
    "garbage": (200, b"\xff\x00not json"),
    "deep": (200, b"[" * 100_000),
    "a list": (200, b"[]"),
    "no data": (200, b"{}"),
    "too few": (200, b'{"data": []}'),
    "no numbers": (200, b'{"data": [{"index": 0, "embedding": ["x"]}]}'),
    "not finite": (200, b'{"data": [{"index": 0, "embedding": [1, NaN]}]}'),
    "empty": (200, b'{"data": [{"index": 0, "embedding": []}]}'),
    "null": (200, b'{"data": [{"index": 0, "embedding": null}]}'),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_answers_are_named(kind: str) -> None:
    """Whatever else comes back is one error, which names the address and neither the key nor the answer."""
    with served(lambda *_: WRONG[kind]) as stub, pytest.raises(RemoteModelError) as raised:
        embedding(stub).embed("a question")
    assert stub.url in str(raised.value)
    assert KEY not in str(raised.value)


def test_vectors_of_different_lengths_are_refused() -> None:
    """One answer holds vectors of one length."""

    def uneven(_path: str, body: Any) -> Answer:
        data = [{"index": place, "embedding": [1.0] * (2 + place)} for place, _ in enumerate(body["input"])]
        return 200, json.dumps({"data": data}).encode()

    with served(uneven) as stub, pytest.raises(RemoteModelError, match="lengths"):
        embedding(stub).embed_all(["a", "b"])


def test_a_slow_endpoint_is_left_in_time() -> None:
    """Whoever does not answer within the time is left, and with no time nobody is asked."""

    def slow(*_: Any) -> Answer:
        stub.ended.wait(30)
        return 200, b"{}"

    with served(slow) as stub:
        with pytest.raises(RemoteModelError, match="did not answer within"):
            embedding(stub).embed("a question", None, 0.1)
        with pytest.raises(RemoteModelError, match="no time"):
            embedding(stub).embed("a question", None, 0.0)
        assert len(stub.asked) == 1


@pytest.mark.parametrize("url", ["ftp://models", "http://[", "http://127.0.0.1:port/v1", "models", ""])
def test_what_is_no_address_is_told(url: str) -> None:
    """Only HTTP is spoken, and only to an address."""
    with pytest.raises(RemoteModelError, match=r"not an address|reached"):
        EndpointEmbedding(Endpoint(url, "m")).embed("a question", None, 1.0)


def test_nobody_there_is_told() -> None:
    """A server that does not run is one sentence."""
    with served(embedded) as stub:
        pass
    with pytest.raises(RemoteModelError, match="cannot be reached"):
        embedding(stub).embed("a question")


def test_the_key_is_never_shown() -> None:
    """Neither the key nor a password in the address stands in what a log may hold."""
    endpoint = Endpoint("https://me:secret@models.example/v1?token=abc", "m", KEY)
    assert repr(endpoint) == "Endpoint(https://models.example/v1, m)"
    assert f"{endpoint}" == repr(endpoint)
    assert EndpointEmbedding(endpoint).identity.name == "m at https://models.example/v1"


def test_passages_are_judged_in_their_order() -> None:
    """Scores come back by index; a missing or odd one is an error."""
    scores: list[dict[str, float]] = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": -2}]
    with served(lambda *_: (200, json.dumps({"results": scores}).encode())) as stub:
        reranker = EndpointReranker(Endpoint(stub.url, "judge", KEY))
        assert reranker.scores("a question", ["one", "two"], 5.0) == [-2.0, 0.9]
        path, _, body = stub.asked[0]
        assert (path, body["query"], body["documents"]) == ("/v1/rerank", "a question", ["one", "two"])
        with pytest.raises(RemoteModelError, match="one score a passage"):
            reranker.scores("a question", ["one", "two", "three"], 5.0)
        scores[0]["relevance_score"] = float("nan")
        with pytest.raises(RemoteModelError, match="not a number"):
            reranker.scores("a question", ["one", "two"], 5.0)
