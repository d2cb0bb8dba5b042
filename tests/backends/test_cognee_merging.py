"""Laws of the cognee backend where the real Cognee has data: one answer from both graphs, each saying its engine."""

from pathlib import Path
from typing import Any

import pytest

from memory_router.contract import Request
from memory_router.routing.response import decode_health, decode_response
from tests.backends.test_cognee import ask, talk
from tests.conftest import Home
from tests.engines.cognee.conftest import KEY, STACK, Api, Data, api, write_graph

__all__ = ["api"]  # the fixture


@pytest.fixture(autouse=True)
def own_path(home: Home) -> None:
    """Hide a Cognee of the developer's own."""
    folders = home.environment["PATH"].split(":")
    home.environment["PATH"] = ":".join(folder for folder in folders if not Path(folder, "cognee-cli").exists())
    home.environment["HTTP_API_PORT"] = "9"


def with_graph(home: Home, data: Data = STACK) -> None:
    """Give the user a graph of Cognee's."""
    write_graph(home.folder / "cognee/databases/owner/dataset.lbug", data)
    home.environment["SYSTEM_ROOT_DIRECTORY"] = str(home.folder / "cognee")


def index(home: Home) -> None:
    """Index a module of the user's that Cognee knows nothing of, and one that it knows."""
    (home.folder / "code").mkdir()
    (home.folder / "code/tides.py").write_text("def has_water():\n    return True\n")
    (home.folder / "code/redis.py").write_text("import tides\n")
    assert home.run("init", "--tier", "pro").code == 0
    assert home.run("index", str(home.folder / "code")).code == 0


def engines(body: Any) -> list[str]:
    """Return which engine each result is from."""
    return [result["metadata"]["engine"] for result in body["results"]]


def test_cognee_answers_where_nothing_is_indexed(home: Home) -> None:
    """Its data alone makes the backend ready, and answers with evidence."""
    with_graph(home)
    body = ask(home, "what depends on SessionStore")
    assert (body["status"], body["metadata"]["engine"], body["metadata"]["intent"]) == (
        "success",
        "cognee",
        "dependents",
    )
    assert body["metadata"]["cognee"]["answered_by"] == "file"
    best = body["results"][0]
    assert best["relevance"] == body["normalized_relevance"] > 0.4
    assert (best["title"], best["timestamp"]) == ("authmiddleware", "2026-11-21T05:47:08Z")
    health = decode_health(talk(home, Request("health")))
    assert (health.status, health.engine) == ("ready", "cognee")


def test_both_graphs_answer_by_relevance(home: Home) -> None:
    """What code proves comes before what a model read in a text; what only one knows, it answers alone."""
    with_graph(home)
    index(home)
    assert engines(ask(home, "what depends on tides"))[0] == "embedded"
    both = ask(home, "what is related to redis")
    assert set(engines(both)) == {"embedded", "cognee"}
    relevances = [result["relevance"] for result in both["results"]]
    assert relevances == sorted(relevances, reverse=True)
    assert engines(ask(home, "what depends on SessionStore"))[0] == "cognee"
    health = decode_health(talk(home, Request("health")))
    assert "entities" in health.reason
    assert "passages" in health.reason


def test_the_server_is_asked_before_the_file(home: Home, api: Api) -> None:
    """If it answers; if it refuses, the file answers and the answer says why and what to do."""
    with_graph(home)
    home.environment |= {"COGNEE_SERVICE_URL": api.url, "COGNEE_API_KEY": KEY}
    body = ask(home, "what depends on SessionStore")
    assert body["metadata"]["cognee"]["answered_by"] == "http"
    home.environment["COGNEE_API_KEY"] = "wrong"
    body = ask(home, "what depends on SessionStore")
    assert body["metadata"]["cognee"]["answered_by"] == "file"
    assert "COGNEE_API_KEY" in body["metadata"]["cognee"]["fix"]
    health = decode_health(talk(home, Request("health")))
    assert (health.status, "COGNEE_API_KEY" in health.fix) == ("ready", True)


def test_a_cognee_that_cannot_be_asked_costs_no_answer_of_ours(home: Home, api: Api) -> None:
    """Our graph answers and the fault is told; health is `degraded`, or `unavailable` if nothing is indexed."""
    home.environment |= {"COGNEE_SERVICE_URL": api.url, "COGNEE_API_KEY": "wrong"}
    alone = ask(home, "what depends on tides")
    assert (alone["status"], "COGNEE_API_KEY" in alone["error_message"]) == ("error", True)
    assert decode_health(talk(home, Request("health"))).status == "unavailable"
    index(home)
    body = ask(home, "what depends on tides")
    assert engines(body) == ["embedded"]
    assert "COGNEE_API_KEY" in body["metadata"]["cognee"]["fix"]
    assert ask(home, "what depends on the flux capacitor")["error_code"] == "NO_ENTITY"
    assert decode_health(talk(home, Request("health"))).status == "degraded"


def test_nothing_found_says_so(home: Home) -> None:
    """An empty graph is not indexed, a question that nothing fits is no match; neither is silent."""
    with_graph(home)
    body = ask(home, "zebra giraffe")
    assert (body["status"], body["error_code"]) == ("empty", "NO_MATCH")
    empty = Home(home.folder / "other")
    empty.environment |= {"PATH": home.environment["PATH"], "HTTP_API_PORT": "9"}
    with_graph(empty, Data({}))
    body = ask(empty, "zebra giraffe")
    assert (body["status"], body["error_code"]) == ("error", "NOT_INDEXED")
    assert decode_health(talk(empty, Request("health"))).status == "installed"


def test_a_dataset_is_asked_for_as_a_project(home: Home, api: Api) -> None:
    """`--project` names a dataset, and excludes what is of others."""
    home.environment |= {"COGNEE_SERVICE_URL": api.url, "COGNEE_API_KEY": KEY}
    for project, status in (("Stack", "success"), ("other", "empty")):
        body = decode_response(talk(home, Request("query", "what depends on SessionStore", scope=project)))
        assert body["status"] == status


def test_the_deadline_of_the_request_is_kept(home: Home) -> None:
    """With too little time for Cognee, what is indexed answers."""
    with_graph(home)
    index(home)
    body = decode_response(talk(home, Request("query", "what depends on tides", deadline_ms=100)))
    assert engines(body) == ["embedded"]
    assert "time" in body["metadata"]["cognee"]["error"]


def test_init_registers_cognee_by_its_data(home: Home) -> None:
    """The router asks it as soon as `init --tier pro` saw its data, without any index of ours."""
    with_graph(home)
    assert home.run("init", "--tier", "pro").code == 0
    body = home.run("query", "what depends on SessionStore", "--json").json
    assert (body["routed_to"], body["status"]) == ("cognee", "success")
    assert home.run("doctor", "--json").json["checks"]


def test_what_cognee_holds_is_fetched(home: Home) -> None:
    """A passage or thing of Cognee's is fetched by the id of an answer, from its files; an unknown one is told."""
    with_graph(home)
    first = ask(home, "what depends on SessionStore")["results"][0]
    body = decode_response(talk(home, Request("get", id=first["id"])))
    assert body["results"][0]["id"] == first["id"]
    assert body["results"][0]["metadata"]["engine"] == "cognee"
    body = decode_response(talk(home, Request("get", id="cognee:nobody")))
    assert (body["status"], body["error_code"]) == ("empty", "NOT_FOUND")
