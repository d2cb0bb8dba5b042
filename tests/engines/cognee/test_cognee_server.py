"""Laws of asking Cognee's server: whatever it says, it costs neither the answer nor the deadline nor the key."""

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from memory_router.engines.cognee import server
from memory_router.engines.cognee.answering import find
from memory_router.engines.cognee.place import place
from memory_router.errors import StoreError
from tests.engines.cognee.conftest import KEY, Api, Machine, drip, hang, titles

QUESTION = "what depends on SessionStore"
DATASETS = "/api/v1/datasets"
SUMMARY = "/api/v1/datasets/graph-summary"
GRAPH = "/api/v1/datasets/d1/graph"
RECALL = "/api/v1/recall"


def redirect(handler: BaseHTTPRequestHandler) -> None:
    """Send the client elsewhere, as no API of Cognee does."""
    handler.send_response(302)
    handler.send_header("Location", "http://192.0.2.1/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


FAULTS: dict[str, Any] = {
    "401": (401, {"detail": "Authentication required"}),
    "404": (404, {"detail": "Dataset(s) not found: 'x'. [DatasetNotFoundError]"}),
    "409": (409, {"error": "Unable to retrieve datasets."}),
    "422": (422, {"error": "Invalid recall request.", "detail": [{"loc": 7}]}),
    "500": (500, {"error": "Internal server error", "detail": "query_vector can not be None"}),
    "500 without a body": (500, b""),
    "garbage": (200, b"<html>not what you want</html>"),
    "deep": (200, b"[" * 100_000),
    "half": (200, b'[{"id": "d1"'),
    "redirect": redirect,
    "hangs up": lambda handler: handler.connection.close(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_server_that_fails_leaves_it_to_the_file(machine: Machine, api: Api, fault: Any) -> None:
    """The graph file answers, and the answer says what was wrong with the server and what to do."""
    machine.with_server(api)
    machine.with_file()
    api.faults[DATASETS] = fault
    there = place()
    assert there
    found = find(there, QUESTION, 5, 20.0)
    assert (found.by, titles(found.hits)[0]) == ("file", "authmiddleware")
    assert found.notes["server"]
    assert found.notes["fix"]
    assert KEY not in str(found)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_server_that_fails_alone_is_told(machine: Machine, api: Api, fault: Any) -> None:
    """Without a file it is an error with cause and fix, never an empty answer."""
    machine.with_server(api)
    api.faults[DATASETS] = fault
    there = place()
    assert there
    with pytest.raises(StoreError) as raised:
        find(there, QUESTION, 5, 5.0)
    assert raised.value.cause
    assert raised.value.fix
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("fault", [drip, hang])
@pytest.mark.parametrize("path", [DATASETS, GRAPH])
def test_a_slow_server_is_left_in_time(
    machine: Machine, api: Api, fault: Callable[[BaseHTTPRequestHandler], None], path: str
) -> None:
    """Also one that sends a byte now and then; what is left of the time does for the file."""
    machine.with_server(api)
    machine.with_file()
    api.faults[path] = fault
    there = place()
    assert there
    found = find(there, QUESTION, 5, 6.0)
    assert found.by == "file"
    assert "did not answer within" in found.notes["server"]


@pytest.mark.parametrize("fault", [FAULTS["500"], FAULTS["422"], FAULTS["409"], FAULTS["garbage"], hang])
def test_without_embeddings_the_graph_still_answers(machine: Machine, api: Api, fault: Any) -> None:
    """Passages by meaning are an extra: that they are missing is told, and costs nothing else."""
    machine.with_server(api)
    api.faults[RECALL] = fault
    there = place()
    assert there
    found = find(there, QUESTION, 5, 2.0)
    assert (found.by, titles(found.hits)[0]) == ("http", "authmiddleware")
    assert found.notes["trouble"]


@pytest.mark.parametrize("summary", [(404, {"detail": "Not Found"}), (200, [{"datasetId": "d1", "numNodes": 10**6}])])
def test_a_graph_that_is_large_or_of_unknown_size_is_not_fetched(machine: Machine, api: Api, summary: Any) -> None:
    """What is nearest is asked for instead, never with a language model, and the answer says so."""
    machine.with_server(api)
    api.faults[SUMMARY] = summary
    there = place()
    assert there
    found = find(there, QUESTION, 5, 20.0)
    assert titles(found.hits)[0] == "authmiddleware"
    assert "nearest" in found.notes["partly"]
    assert GRAPH not in [path for path, _, _ in api.asked]


def test_no_call_has_a_language_model_answer(machine: Machine, api: Api) -> None:
    """Only searches that need none are asked for, and a strategy is always named."""
    machine.with_server(api)
    there = place()
    assert there
    find(there, QUESTION, 5, 20.0)
    api.faults[SUMMARY] = FAULTS["404"]
    find(there, QUESTION, 5, 20.0)
    bodies = [body for _, _, body in api.asked if body]
    assert {body["searchType"] for body in bodies} == {"CHUNKS", "CHUNKS_LEXICAL", "GRAPH_COMPLETION"}
    assert all(body.get("onlyContext") for body in bodies if body["searchType"] == "GRAPH_COMPLETION")


def test_the_default_port_gets_the_key_only_from_cognee(
    machine: Machine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else listens there is asked once who it is, without the key."""
    machine.with_file()
    monkeypatch.setenv("HTTP_API_PORT", api.url.rpartition(":")[2])
    monkeypatch.setenv("COGNEE_API_KEY", KEY)
    api.faults["/health"] = (200, {"status": "ok"})
    there = place()
    assert there
    assert find(there, QUESTION, 5, 20.0).by == "file"
    assert [(path, headers.get("x-api-key")) for path, headers, _ in api.asked] == [("/health", None)]
    api.faults.clear()
    assert find(there, QUESTION, 5, 20.0).by == "http"


def test_a_token_is_sent_as_cognees_own_client_does(
    machine: Machine, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key comes before a token; a header that cannot be sent is an error, not another header."""
    monkeypatch.setenv("COGNEE_SERVICE_URL", api.url)
    monkeypatch.setenv("COGNEE_API_TOKEN", "t0ken")
    there = place()
    assert there
    with pytest.raises(StoreError, match="401"):
        find(there, QUESTION, 5, 5.0)
    assert api.asked[0][1]["authorization"] == "Bearer t0ken"
    machine.with_server(api, "a\r\nX-Evil: 1")
    there = place()
    assert there
    with pytest.raises(StoreError):
        server.datasets(there.server, time.monotonic() + 5)
    assert all("x-evil" not in headers for _, headers, _ in api.asked)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://", "127.0.0.1:8000", "http://[::1", "http://127.0.0.1:99999"]
)
def test_an_address_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The variable is named that has to be corrected."""
    monkeypatch.setenv("COGNEE_SERVICE_URL", url)
    there = place()
    assert there
    with pytest.raises(StoreError, match="COGNEE_SERVICE_URL"):
        find(there, QUESTION, 5, 5.0)


def test_what_is_not_what_it_should_be_is_passed_over(machine: Machine, api: Api) -> None:
    """Objects of other shapes in lists, and lists where objects should be, are left out."""
    machine.with_server(api)
    api.faults[GRAPH] = 200, {"nodes": [None, 7, {"id": ["x"]}, {"properties": 3}], "edges": [{}, "x", {"source": 1}]}
    api.faults[RECALL] = 200, [None, {"kind": "chunk"}, {"kind": "chunk", "raw": {"id": "c", "text": ["x"]}}]
    there = place()
    assert there
    assert find(there, QUESTION, 5, 5.0).hits == []
    others: list[Any] = [[], {}, None, "x", [[]], {"nodes": {}, "edges": 1}]
    for told in others:
        api.faults[GRAPH] = api.faults[RECALL] = 200, told
        assert find(there, QUESTION, 5, 5.0).hits == []
