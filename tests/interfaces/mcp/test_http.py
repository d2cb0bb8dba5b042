"""The MCP server over HTTP: who may ask, and who may not."""

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from memory_router.contract import Result
from memory_router.errors import StoreError
from memory_router.testing import Behaviour, requests_to
from tests.conftest import GOOD, Home

pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")

from memory_router.interfaces.mcp.clients import SESSION, Searches

TOKEN = "correct-horse-battery-staple"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@contextmanager
def serving(home: Home, *arguments: str, listen: str = "127.0.0.1:0", token: str = "") -> Iterator[int]:
    """Serve over HTTP, and give the port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "memory_router", "mcp", "--http", "--listen", listen, *arguments],
        stderr=subprocess.PIPE,
        env={**home.environment, "MEMORY_ROUTER_MCP_TOKEN": token},
        cwd=home.folder,
    )
    assert process.stderr
    try:
        assert select.select([process.stderr], [], [], 60)[0]
        told = os.read(process.stderr.fileno(), 4096).decode()
        found = re.search(r"listening on http://\S+:(\d+)/mcp", told)
        assert found, told
        yield int(found[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stderr.close()


def opened(port: int, **headers: str) -> dict[str, str]:
    """Open a session as a client does, and return the headers that its requests carry."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/mcp", json.dumps(HELLO).encode(), {**HEADERS, **headers})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    assert response.status == 200, answer
    return {"Mcp-Session-Id": response.headers["Mcp-Session-Id"], **headers}


def call(port: int, session: dict[str, str], name: str, **arguments: Any) -> Any:
    """Call a tool in a session, and return the result of the call."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    status, answer = post(port, body, **session)
    assert status == 200, answer
    return answer["result"]


def post(port: int, body: Any, **headers: str) -> tuple[int, Any]:
    """Send one request, and return the status and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", "/mcp", raw, {**HEADERS, **headers})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    try:
        return response.status, json.loads(answer)
    except ValueError:
        return response.status, answer


HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
SEARCH = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "search", "arguments": {"query": "parser"}},
}


def test_only_this_machines_names_may_ask(home: Home) -> None:
    """A loopback server answers its own Host and Origin, and nobody who came by another name (DNS rebinding)."""
    folder = home.with_fakes(qmd=GOOD)["qmd"]
    with serving(home) as port:
        session = opened(port)
        status, answer = post(port, SEARCH, **session)
        assert (status, answer["result"]["structuredContent"]["result_count"]) == (200, 1)
        assert post(port, SEARCH, Origin=f"http://localhost:{port}", **session)[0] == 200
        asked = len(requests_to(folder))
        for hostile in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", f"localhost:{port}@evil", ""):
            assert post(port, SEARCH, Host=hostile, **session)[0] in (400, 421)
        for hostile in ("https://evil.example", "null", f"http://localhost:{port}.evil.example", "file://"):
            assert post(port, SEARCH, Origin=hostile, **session)[0] == 403
        assert len(requests_to(folder)) == asked


def test_malformed_and_huge_bodies_are_refused(home: Home) -> None:
    """What is no JSON-RPC, of another type or above a megabyte is refused, and the server goes on."""
    home.with_fakes(qmd=GOOD)
    with serving(home) as port:
        assert post(port, b"not json")[0] == 400
        assert post(port, b"[]")[0] == 400
        assert post(port, json.dumps(SEARCH).encode(), **{"Content-Type": "text/plain"})[0] in (400, 415)
        huge = {**SEARCH, "params": {"name": "search", "arguments": {"query": "x" * 10_000_000}}}
        assert refused_while_sending(port, huge)
        assert post(port, SEARCH, **opened(port))[0] == 200


def refused_while_sending(port: int, body: Any) -> bool:
    """Return whether a body is refused, with 413 or by hanging up."""
    try:
        return post(port, body)[0] == 413
    except OSError:
        return True


def test_a_token_is_asked_for_where_one_is_set(home: Home) -> None:
    """With a token, nobody is answered who does not send exactly that."""
    folder = home.with_fakes(qmd=GOOD)["qmd"]
    with serving(home, token=TOKEN) as port:
        for wrong in (
            {},
            {"Authorization": TOKEN},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer "},
        ):
            assert post(port, SEARCH, **wrong)[0] == 401
        assert requests_to(folder) == []
        assert post(port, SEARCH, **opened(port, Authorization=f"Bearer {TOKEN}"))[0] == 200


@pytest.mark.parametrize("token", ["", "short"])
def test_others_are_not_served_without_a_good_token(home: Home, token: str) -> None:
    """Bound to more than this machine without a token, or with a short one, it does not start, and says why."""
    home.environment["MEMORY_ROUTER_MCP_TOKEN"] = token
    outcome = home.run("mcp", "--http", "--listen", "0.0.0.0:0")
    assert outcome.code == 1
    assert "Set MEMORY_ROUTER_MCP_TOKEN" in outcome.err


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", ":80", "127.0.0.1:70000"])
def test_what_is_no_address_is_refused(home: Home, address: str) -> None:
    """An address that cannot be read is an error that shows one that can."""
    outcome = home.run("mcp", "--http", "--listen", address)
    assert outcome.code == 1
    assert "such as 127.0.0.1:8765" in outcome.err


def test_no_client_rates_what_another_one_searched_for(home: Home) -> None:
    """Each session rates its own searches, by execution and by result; those of others it cannot, nor mark by `get`."""
    home.with_fakes(qmd=Behaviour(results=(Result("the answer", relevance=0.9, id="qmd:1"),)))
    with serving(home) as port:
        ann, eve = opened(port), opened(port)
        mine = call(port, ann, "search", query="parser")["structuredContent"]
        theirs = call(port, eve, "search", query="lexer")["structuredContent"]
        result = mine["results"][0]["id"]
        for stolen in (mine["execution_id"], mine["execution_id"][:4]):
            refused = call(port, eve, "feedback", execution_id=stolen, stars=1)
            assert refused["isError"], refused
            assert "No search of this client" in refused["content"][0]["text"]
        late = opened(port)
        assert call(port, late, "feedback", result_id=result, useful=False)["isError"]
        assert not call(port, ann, "feedback", execution_id=mine["execution_id"], stars=5).get("isError")
        rated = call(port, ann, "feedback", result_id=result, useful=True)["structuredContent"]
        assert rated["execution_id"] == mine["execution_id"]
        call(port, ann, "get", ids=[result])
    listed = {one["id"]: one["user_satisfaction"] for one in home.run("executions", "list").json["executions"]}
    assert (listed[mine["execution_id"]], listed[theirs["execution_id"]]) == (5, None)


def test_without_sessions_a_connection_is_a_client() -> None:
    """Where the protocol has no sessions, what was asked in one connection is rated in that one alone."""
    searches = Searches()
    token = SESSION.set("127.0.0.1:1")
    try:
        searches.add("abcdef01")
        assert searches.whole("abcd") == "abcdef01"
        SESSION.set("127.0.0.1:2")
        assert searches.own() == ()
        with pytest.raises(StoreError, match="No search of this client"):
            searches.whole("abcdef01")
    finally:
        SESSION.reset(token)
