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

from memory_router.testing import requests_to
from tests.conftest import GOOD, Home

pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")

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
        status, answer = post(port, SEARCH)
        assert (status, answer["result"]["structuredContent"]["result_count"]) == (200, 1)
        assert post(port, SEARCH, Origin=f"http://localhost:{port}")[0] == 200
        asked = len(requests_to(folder))
        for hostile in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", f"localhost:{port}@evil", ""):
            assert post(port, SEARCH, Host=hostile)[0] in (400, 421)
        for hostile in ("https://evil.example", "null", f"http://localhost:{port}.evil.example", "file://"):
            assert post(port, SEARCH, Origin=hostile)[0] == 403
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
        assert post(port, SEARCH)[0] == 200


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
        assert post(port, SEARCH, Authorization=f"Bearer {TOKEN}")[0] == 200


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
