"""The real Cognee agrees: it builds a graph and serves it, with a stand-in for its models, and is asked both ways.

`bash scripts/clients.sh cognee` installs it; where that cannot be, these tests are skipped and say why.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from memory_router.contract import Request, encode_request
from memory_router.engines.cognee import server
from memory_router.engines.cognee.answering import CogneeAnswer, find
from memory_router.engines.cognee.place import CogneePlace, Server, place
from memory_router.engines.cognee.state import examine
from memory_router.errors import StoreError
from memory_router.routing.response import decode_health, decode_response
from tests.clients.cognee_models import DIMENSIONS, Models, models

CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CLIENT = Path(os.environ.get("MEMORY_ROUTER_CLIENTS") or Path(CACHE, "memory-router-clients")) / "cognee"
BINARIES = CLIENT / "venv" / "bin"
SKIPPED = CLIENT / "skipped"
ADAPTER = Path(__file__).parents[2] / "backends" / "cognee" / "adapter.py"
PASSWORD = "stub-password"
SECONDS = 60.0  # its first answer after a start takes some

pytestmark = [
    pytest.mark.skipif(
        not (CLIENT / "installed").exists(),
        reason=SKIPPED.read_text()
        if SKIPPED.exists()
        else "Cognee is not installed; run: bash scripts/clients.sh cognee",
    ),
    # One worker builds what all these tests share.
    pytest.mark.xdist_group("cognee"),
    pytest.mark.timeout(400),
]

TEXTS = [
    "AuthMiddleware depends on SessionStore. The middleware checks each token before a request goes on.",
    "SessionStore uses Redis. Sessions are kept for thirty minutes and then dropped.",
    "PaymentService depends on AuthMiddleware. Payments are refused without a session.",
    "OrderController uses PaymentService. An order is booked when it is paid, says Zoë in the café.",
    "Redis replaces Memcached. Redis was chosen by Infrastructure Team because it can persist.",
]
QUESTIONS = {
    "what depends on SessionStore?": "authmiddleware",
    "what does OrderController depend on": "paymentservice",
    "how does OrderController relate to Redis": "ordercontroller to redis",
    "call chain from PaymentService to Memcached": "paymentservice to memcached",
    "what is related to Memcached": "redis",
}


class Cognee(NamedTuple):
    """A user's Cognee: what it is told by its environment, and the models it calls."""

    folder: Path
    environment: dict[str, str]
    models: Models

    def run(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start Cognee's Python."""
        command = [str(BINARIES / "python"), *arguments]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=log, stderr=log)

    def build(self, *texts: str) -> "subprocess.Popen[bytes]":
        """Begin to make a graph of some texts."""
        return self.run(str(Path(__file__).with_name("cognee_build.py")), *texts)


@pytest.fixture(scope="module")
def cognee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cognee]:
    """Return a Cognee that made a graph of a few texts."""
    folder = tmp_path_factory.mktemp("cognee")
    (tokenizers,) = (CLIENT / "venv/lib").glob("python3*/site-packages/litellm/litellm_core_utils/tokenizers")
    with models() as serving:
        told = {
            "LLM_PROVIDER": "openai",
            "LLM_MODEL": "openai/gpt-4o-mini",
            "LLM_ENDPOINT": serving.url,
            "LLM_API_KEY": "stub",
            "EMBEDDING_PROVIDER": "openai_compatible",
            "EMBEDDING_MODEL": "stub",
            "EMBEDDING_ENDPOINT": serving.url,
            "EMBEDDING_API_KEY": "stub",
            "EMBEDDING_DIMENSIONS": str(DIMENSIONS),
            # Or it looks for tokenizers and prices on the network, and reports home.
            "TIKTOKEN_CACHE_DIR": str(tokenizers),
            "HF_HUB_OFFLINE": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TELEMETRY_DISABLED": "1",
            "AUTO_FEEDBACK": "false",
            "CACHING": "false",
            "LOG_LEVEL": "ERROR",
            "DEFAULT_USER_PASSWORD": PASSWORD,
            "SYSTEM_ROOT_DIRECTORY": str(folder / "system"),
            "DATA_ROOT_DIRECTORY": str(folder / "data"),
            "CACHE_ROOT_DIRECTORY": str(folder / "cache"),
            "HOME": str(folder),
            "PATH": f"{BINARIES}{os.pathsep}{os.environ['PATH']}",
            "MEMORY_ROUTER_HOME": str(folder / "router"),
        }
        user = Cognee(folder, told, serving)
        assert user.build(*TEXTS).wait() == 0, (folder / "log").read_text()
        yield user


@pytest.fixture(scope="module")
def running(cognee: Cognee) -> Iterator[Server]:
    """Return Cognee's server, and a key for it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start = f"import uvicorn; uvicorn.run('cognee.api.client:app', port={port}, log_level='error')"
    process = cognee.run("-c", start)
    url = f"http://127.0.0.1:{port}"
    try:
        while not server.is_running(Server(url, {}, False)):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.2)
        login = urlencode({"username": "default_user@example.com", "password": PASSWORD}).encode()
        token = fetch(HttpRequest(f"{url}/api/v1/auth/login", login))["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        key = fetch(HttpRequest(f"{url}/api/v1/auth/api-keys", b'{"name": "router"}', headers))["key"]
        yield Server(url, {"X-Api-Key": key}, True)
    finally:
        process.terminate()
        process.wait()


def fetch(request: HttpRequest) -> Any:
    """Return what an address answers."""
    with urlopen(request) as response:  # of loopback
        return json.load(response)


def there(cognee: Cognee, monkeypatch: pytest.MonkeyPatch, running: Server | None = None) -> CogneePlace:
    """Return where Cognee is, as its user's environment tells."""
    for name in ("COGNEE_API_KEY", "COGNEE_API_TOKEN", "COGNEE_SERVICE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("SYSTEM_ROOT_DIRECTORY", "HOME", "PATH"):
        monkeypatch.setenv(name, cognee.environment[name])
    monkeypatch.setenv("HTTP_API_PORT", "9")
    if running:
        monkeypatch.setenv("COGNEE_SERVICE_URL", running.url)
        monkeypatch.setenv("COGNEE_API_KEY", running.headers["X-Api-Key"])
    found = place()
    assert found
    return found


def first(found: CogneeAnswer) -> str:
    """Return what the best answer is about."""
    return found.hits[0].title


def test_its_graph_file_is_read_and_left_as_it_was(cognee: Cognee, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relations, ways and passages, with evidence; the file keeps its bytes, and nothing appears beside it."""
    where = there(cognee, monkeypatch)
    folder = Path(where.files[0]).parent
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert where.reader == str(BINARIES.resolve() / "python")
    for question, title in QUESTIONS.items():
        found = find(where, question, 5, SECONDS)
        assert (found.by, first(found)) == ("file", title)
        assert found.hits[0].relevance > 0.4
    evidence = find(where, "what depends on SessionStore", 5, SECONDS).hits[0]
    assert evidence.content == "authmiddleware depends on sessionstore: AuthMiddleware depends on SessionStore."
    assert evidence.written == pytest.approx(time.time(), abs=3600)
    assert "Zoë" in find(where, "who is Zoë in the café", 5, SECONDS).hits[0].content
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    state = examine(where)
    assert state
    assert (state.kind, "7 things, 6 relations and 5 passages" in state.reason) == ("ready", True)


def test_nonsense_stays_below_the_gate(cognee: Cognee, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Cognee's own lexical search answers with unrelated passages is not accepted."""
    where = there(cognee, monkeypatch)
    for question in ("zebra giraffe savanna", "what depends on the flux capacitor"):
        assert all(hit.relevance < 0.4 for hit in find(where, question, 5, SECONDS).hits)


def test_the_adapter_answers_within_the_routers_deadline(cognee: Cognee) -> None:
    """As the router asks it: a process, five seconds, no index of ours."""
    asked = b"".join(encode_request(one) for one in (Request("query", "what depends on Redis"), Request("health")))
    environment = cognee.environment | {"HTTP_API_PORT": "9"}
    printed = subprocess.run(
        [sys.executable, str(ADAPTER)], input=asked, env=environment, capture_output=True, check=True
    )
    answer, health = printed.stdout.splitlines()
    body = decode_response(answer)
    assert (body["results"][0]["title"], body["metadata"]["engine"]) == ("sessionstore", "cognee")
    assert decode_health(health)[::3] == ("ready", "cognee")


def test_reading_goes_on_while_cognee_writes(cognee: Cognee, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every question meanwhile is answered, and does not stop Cognee; then what is new is found.

    It comes before the tests of the server, which as long as it runs lets nobody else write.
    """
    where = there(cognee, monkeypatch)
    writer = cognee.build("Gateway depends on OrderController. All requests come in there.")
    while writer.poll() is None:
        assert first(find(where, "what depends on SessionStore?", 5, SECONDS)) == "authmiddleware"
    assert writer.returncode == 0, (cognee.folder / "log").read_text()
    assert first(find(where, "what depends on OrderController", 5, SECONDS)) == "gateway"


def test_its_server_answers_the_same(cognee: Cognee, running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways give the same best answers, and the server no language model anything to do."""
    where = there(cognee, monkeypatch, running)
    monkeypatch.setattr(server, "_NEAREST_SECONDS", SECONDS)
    written = len(cognee.models.written)
    for question, title in QUESTIONS.items():
        found = find(where, question, 5, SECONDS)
        assert (found.by, first(found), found.notes) == ("http", title, {})
    assert all(hit.relevance < 0.4 for hit in find(where, "zebra giraffe savanna", 5, SECONDS).hits)
    assert len(cognee.models.written) == written
    state = examine(where)
    assert state
    assert (state.kind, state.reason.startswith("Cognee's server: 1 dataset, ")) == ("ready", True)


def test_a_large_graph_is_asked_for_what_is_near(
    cognee: Cognee, running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own searches, without a language model."""
    where = there(cognee, monkeypatch, running)
    monkeypatch.setattr(server, "_MOST_NODES", 0)
    written = len(cognee.models.written)
    found = find(where, "what depends on SessionStore?", 5, SECONDS)
    assert (found.by, first(found), bool(found.notes["partly"])) == ("http", "authmiddleware", True)
    assert len(cognee.models.written) == written


def test_the_file_is_read_while_the_server_holds_it(
    cognee: Cognee, running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is refused leaves it to the file, and the answer says which key to set."""
    where = there(cognee, monkeypatch, running)
    refused = where._replace(server=running._replace(headers={"X-Api-Key": "wrong"}))
    found = find(refused, "what depends on SessionStore?", 5, SECONDS)
    assert (found.by, first(found)) == ("file", "authmiddleware")
    assert "401" in found.notes["server"]
    assert "COGNEE_API_KEY" in found.notes["fix"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/recall", {"query": "x", "searchType": "NOPE"}, 400),
        ("POST", "/api/v1/recall", {"searchType": "CHUNKS"}, 400),
        ("POST", "/api/v1/recall", {"query": "x", "searchType": "CYPHER"}, 403),
        ("GET", "/api/v1/datasets/11111111-1111-1111-1111-111111111111/graph", None, 403),
        ("POST", "/api/v1/recall", {"query": "x", "searchType": "CHUNKS_LEXICAL", "datasets": ["nope"]}, 404),
        ("POST", "/api/v1/recall", {"query": "", "searchType": "CHUNKS"}, 422),
    ],
)
def test_its_refusals_are_told(running: Server, method: str, path: str, body: Any, status: int) -> None:
    """Each has its number and, where Cognee gives one, its reason."""
    with pytest.raises(StoreError, match=f"refused with {status}"):
        server._call(running, method, path, body, time.monotonic() + SECONDS)
