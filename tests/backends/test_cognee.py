"""Laws of the cognee backend, asked as the router asks it: as a process."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memory_router.contract import Request, encode_request
from memory_router.routing.response import decode_health, decode_response
from tests.conftest import Home
from tests.engines.transcripts import speech

ADAPTER = Path(__file__).parents[2] / "backends" / "cognee" / "adapter.py"


def talk(home: Home, request: Request) -> bytes:
    """Send one request to the adapter and return its answer."""
    finished = subprocess.run(
        [sys.executable, str(ADAPTER)],
        input=encode_request(request),
        capture_output=True,
        env=home.environment,
        check=True,
    )
    return finished.stdout


def ask(home: Home, text: str, limit: int = 10) -> Any:
    """Ask one question."""
    return decode_response(talk(home, Request("query", text, limit=limit)))


@pytest.fixture
def indexed(home: Home) -> Home:
    """Return a home with three indexed modules."""
    folder = home.folder / "code"
    folder.mkdir()
    (folder / "tides.py").write_text("def has_water():\n    return True\n")
    for name in ("quay", "gate"):
        (folder / f"{name}.py").write_text(f"from tides import has_water\n\ndef {name}():\n    return has_water()\n")
    assert home.run("init", "--tier", "pro").code == 0
    assert home.run("index", str(folder)).code == 0
    return home


def test_every_dependent_is_named_with_its_place(indexed: Home) -> None:
    """Each dependent is a result with path, line and the line of code that proves it."""
    body = ask(indexed, "what depends on has_water")
    assert body["status"] == "success"
    assert [Path(result["path"]).name for result in body["results"]] == ["gate.py", "quay.py"]
    assert all(result["line"] == 1 and "from tides import has_water" in result["content"] for result in body["results"])
    assert body["normalized_relevance"] == body["results"][0]["relevance"] > 0.4
    assert len(ask(indexed, "what depends on has_water", limit=1)["results"]) == 1


def test_a_chain_has_its_steps(indexed: Home) -> None:
    """`metadata.path` of a chain holds its steps, `metadata.intent` how the question was understood."""
    body = ask(indexed, "call chain from the quay function to has_water")
    assert body["metadata"]["intent"] == "chain"
    assert [step["name"] for step in body["results"][0]["metadata"]["path"]] == ["quay", "has_water"]


def test_imported_conversations_are_in_the_graph(indexed: Home) -> None:
    """What was said is related to what it names as soon as it is imported, without a run over the files."""
    said = speech.talk("Does `has_water` know of the moon?", "No, and `has_water` never did.")
    speech.write(indexed.folder / "in" / "session-1.jsonl", said)
    assert indexed.run("index", "--transcripts", str(indexed.folder / "in")).code == 0
    results = ask(indexed, "what mentions has_water")["results"]
    assert {result["path"] for result in results} == {"turn:session-1:t0", "turn:session-1:t1"}
    assert all("has_water" in result["content"] for result in results)


def test_without_an_index_the_fix_is_told(home: Home) -> None:
    """No graph is an error that says what to do, an unknown name an empty answer that says which."""
    body = ask(home, "what depends on tides")
    assert (body["status"], body["error_code"]) == ("error", "NOT_INDEXED")
    assert "memory-router index PATH" in body["error_message"]


def test_an_unknown_name_is_empty_with_a_reason(indexed: Home) -> None:
    """Nothing is made up for what nothing is called."""
    body = ask(indexed, "what depends on the flux capacitor")
    assert (body["status"], body["error_code"]) == ("empty", "NO_ENTITY")
    assert "flux capacitor" in body["error_message"]


def test_health_counts_or_says_how_to_get_there(home: Home) -> None:
    """`installed` with a fix until something is indexed, then `ready` with counts; `index` registers it so."""
    assert decode_health(talk(home, Request("health")))[:1] == ("installed",)
    assert decode_health(talk(home, Request("health"))).fix == "Run: memory-router index PATH"
    home.run("init", "--tier", "pro")
    (home.folder / "one.py").write_text("def one():\n    pass\n")
    home.run("index", str(home.folder / "one.py"))
    assert decode_health(talk(home, Request("health"))).status == "ready"
    registered = {one["name"]: one["registered"] for one in home.run("backends", "--json").json["backends"]}
    assert registered["cognee"] == "ready"


def test_a_neighbourhood_is_drawn(indexed: Home) -> None:
    """`graph show` prints JSON in a pipe, a tree, a graph for Graphviz and a page; an unknown name is exit code 1."""
    found = indexed.run("graph", "show", "has_water").json
    assert {node["name"] for node in found["nodes"]} >= {"has_water", "quay", "gate", "tides"}
    assert "calls" in indexed.run("graph", "show", "has_water", "--format", "tree").out
    pytest.importorskip("networkx")
    pytest.importorskip("pydot")
    pytest.importorskip("numpy")
    assert "digraph" in indexed.run("graph", "show", "has_water", "--format", "dot").out
    assert "<svg" in indexed.run("graph", "show", "has_water", "--format", "html").out
    unknown = indexed.run("graph", "show", "flux")
    assert (unknown.code, unknown.out) == (1, "")


def test_a_thing_is_fetched_with_its_relations(indexed: Home) -> None:
    """What an answer or the list of memories names can be fetched by its id: what it is, and what is connected."""
    first = ask(indexed, "what depends on has_water")["results"][0]
    body = decode_response(talk(indexed, Request("get", id=first["id"], layer="detail")))
    (thing,) = body["results"]
    assert thing["id"] == first["id"]
    assert "gate" in thing["content"]
    assert "has_water" in thing["content"]
    for missing in ("999999", "nothing", ""):
        body = decode_response(talk(indexed, Request("get", id=missing)))
        assert (body["status"], body["error_code"]) == ("empty", "NOT_FOUND")
