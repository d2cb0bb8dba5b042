"""Stand in for the real Cognee: its graph files, laid out by hand, and a loopback server that answers as its API does.

What the server says, and how it fails, was measured on Cognee 1.6.5 (tests/clients/test_real_cognee.py asks the real
one); so these laws hold where Cognee cannot be installed.
"""

import contextlib
import json
import os
import select
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

import ladybug
import pytest

KEY = "0123456789abcdef"
WRITTEN = 1_795_240_028_682  # as Cognee stores it: milliseconds
_SCHEMA = (
    "CREATE NODE TABLE Node(id STRING PRIMARY KEY, name STRING, type STRING, created_at TIMESTAMP,"
    " updated_at TIMESTAMP, properties STRING)",
    "CREATE REL TABLE EDGE(FROM Node TO Node, relationship_name STRING, properties STRING)",
)


def key(name: str) -> str:
    """Return the id of a node, as Cognee makes it of a name."""
    return str(uuid5(NAMESPACE_OID, name.lower()))


class Data(NamedTuple):
    """What Cognee made of some texts: `(source, relation, target)` of each, by the text."""

    texts: dict[str, list[tuple[str, str, str]]]

    def nodes(self) -> list[tuple[str, str, str, dict[str, Any]]]:
        """Return id, name, type and properties of every node."""
        found: dict[str, tuple[str, str, str, dict[str, Any]]] = {
            key("component"): (key("component"), "component", "EntityType", {"description": "component"})
        }
        for text, triples in self.texts.items():
            own = {"text": text, "document_name": "notes.md", "created_at": WRITTEN, "metadata": {"index_fields": []}}
            found[key(text)] = key(text), "", "DocumentChunk", own
            summary = f"summary of {text}"
            found[key(summary)] = key(summary), "", "TextSummary", {"text": text}
            for name in (end for source, _, target in triples for end in (source, target)):
                about = {"description": f"{name} is a component.", "created_at": WRITTEN}
                found[key(name)] = key(name), name.lower(), "Entity", about
        return list(found.values())

    def edges(self) -> list[tuple[str, str, str]]:
        """Return source, target and relation of every edge."""
        found = []
        for text, triples in self.texts.items():
            found.append((key(f"summary of {text}"), key(text), "made_from"))
            for source, relation, target in triples:
                found += [(key(text), key(name), "contains") for name in (source, target)]
                found += [(key(name), key("component"), "is_a") for name in (source, target)]
                found.append((key(source), key(target), relation))
        return list(dict.fromkeys(found))


STACK = Data(
    {
        "AuthMiddleware depends on SessionStore. Each token is checked.": [
            ("AuthMiddleware", "depends_on", "SessionStore")
        ],
        "SessionStore uses Redis. Sessions are dropped after thirty minutes.": [("SessionStore", "uses", "Redis")],
        "AuthMiddleware is used by PaymentService.": [("AuthMiddleware", "used_by", "PaymentService")],
        "OrderController calls PaymentService when an order is booked.": [
            ("OrderController", "calls", "PaymentService")
        ],
        "Redis replaces Memcached, says Zoë in the café.": [
            ("Redis", "replaces", "Memcached"),
            ("Zoë", "runs", "Redis"),
        ],
        "The tide table hangs on the fridge.": [("tide table", "hangs_on", "fridge")],
        "A loop: Alpha needs Beta, Beta needs Alpha, Alpha needs Alpha.": [
            ("Alpha", "needs", "Beta"),
            ("Beta", "needs", "Alpha"),
            ("Alpha", "needs", "Alpha"),
        ],
    }
)


def write_graph(path: Path, data: Data) -> None:
    """Write a graph file as Cognee would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = ladybug.Database(str(path))
    connection = ladybug.Connection(database)
    for statement in _SCHEMA:
        connection.execute(statement)
    for node, name, kind, properties in data.nodes():
        connection.execute(
            "CREATE (:Node {id: $id, name: $name, type: $type, properties: $properties})",
            {"id": node, "name": name, "type": kind, "properties": json.dumps(properties)},
        )
    for source, target, relation in data.edges():
        connection.execute(
            "MATCH (a:Node {id: $source}), (b:Node {id: $target})"
            " CREATE (a)-[:EDGE {relationship_name: $relation, properties: '{}'}]->(b)",
            {"source": source, "target": target, "relation": relation},
        )
    connection.close()
    database.close()


Reply = tuple[int, Any]


class Api:
    """Answer as Cognee's server does; `faults` replaces what it says, by the path."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.faults: dict[str, Reply | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.url = ""

    def reply(self, path: str, headers: dict[str, str], body: Any) -> Reply:
        """Return status and body."""
        if path == "/health":
            return 200, {"status": "ready", "health": "healthy", "version": "1.6.5"}
        if headers.get("x-api-key") != KEY:
            return 401, {"detail": "Authentication required (auth posture: default (no env vars set))."}
        if path == "/api/v1/datasets":
            return 200, [{"id": "d1", "name": "stack", "createdAt": "2026-11-21T05:47:04", "ownerId": "o1"}]
        if path == "/api/v1/datasets/graph-summary":
            nodes, edges = len(self.data.nodes()), len(self.data.edges())
            return 200, [{"datasetId": "d1", "pipelineRunId": None, "numNodes": nodes, "numEdges": edges}]
        if path == "/api/v1/datasets/d1/graph":
            listed = [
                {"id": node, "label": name or f"{kind}_{node}", "type": kind, "properties": properties}
                for node, name, kind, properties in self.data.nodes()
            ]
            related = [{"source": one, "target": other, "label": label} for one, other, label in self.data.edges()]
            return 200, {"nodes": listed, "edges": related}
        if path == "/api/v1/recall" and body["searchType"] in ("CHUNKS", "CHUNKS_LEXICAL"):
            return 200, self._chunks(body)
        if path == "/api/v1/search" and body["searchType"] == "GRAPH_COMPLETION":
            assert body["onlyContext"], "a language model would be asked"
            return 200, [{"dataset_id": "d1", "dataset_name": "stack", "objects_result": self._triplets()}]
        return 404, {"detail": "Not Found"}

    def _chunks(self, body: Any) -> list[Any]:
        return [
            {
                "kind": "chunk",
                "search_type": body["searchType"],
                "text": text,
                "score": 0.6 if body["searchType"] == "CHUNKS" else None,
                "dataset_id": "d1",
                "dataset_name": "stack",
                "metadata": {"chunk_id": key(text), "chunk_index": 0, "document_name": "notes.md"},
                "raw": {"id": key(text), "text": text, "document_name": "notes.md", "created_at": WRITTEN},
                "source": "graph",
            }
            for text in list(self.data.texts)[: body["topK"]]
        ]

    def _triplets(self) -> list[Any]:
        nodes = {node: (name, kind, properties) for node, name, kind, properties in self.data.nodes()}

        def end(node: str) -> Any:
            name, kind, properties = nodes[node]
            return {"node_id": node, "node_attributes": {"id": None, "name": name, "type": kind, **properties}}

        return [
            {"node1": end(one), "node2": end(other), "attributes": {"relationship_name": label, "edge_text": None}}
            for one, other, label in self.data.edges()
        ]


@pytest.fixture
def api() -> Iterator[Api]:
    """Serve on a free loopback port."""
    api = Api(STACK)

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.asked.append((self.path, headers, body))
            fault = api.faults.get(self.path)
            if callable(fault):
                fault(self)
                return
            status, said = fault or api.reply(self.path, headers, body)
            raw = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = answer  # noqa: N815  # the base class asks for these names

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # so that closing waits for every conversation
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield api
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a graph file, which tests copy."""
    path = tmp_path_factory.mktemp("graph") / "stack.lbug"
    write_graph(path, STACK)
    return path


@pytest.fixture(autouse=True)
def nothing_of_cognee(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide whatever of Cognee is on this machine."""
    for name in ("COGNEE_SERVICE_URL", "COGNEE_API_KEY", "COGNEE_API_TOKEN", "SYSTEM_ROOT_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_API_PORT", "9")
    monkeypatch.setenv("HOME", str(tmp_path))
    folders = os.environ["PATH"].split(os.pathsep)
    kept = [folder for folder in folders if not os.path.exists(os.path.join(folder, "cognee-cli"))]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))


class Machine:
    """A user's machine, and put things of Cognee on it."""

    def __init__(self, folder: Path, stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.system = folder / "cognee"
        self._stack_file = stack_file
        self._monkeypatch = monkeypatch

    def with_file(self, name: str = "owner/dataset.lbug") -> Path:
        """Put a graph file where Cognee keeps them."""
        path = self.system / "databases" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._stack_file.read_bytes())
        self._monkeypatch.setenv("SYSTEM_ROOT_DIRECTORY", str(self.system))
        return path

    def with_server(self, api: Api, key: str = KEY) -> None:
        """Name a server, and the key for it."""
        self._monkeypatch.setenv("COGNEE_SERVICE_URL", api.url)
        self._monkeypatch.setenv("COGNEE_API_KEY", key)


@pytest.fixture
def machine(tmp_path: Path, stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine with nothing of Cognee on it."""
    return Machine(tmp_path, stack_file, monkeypatch)


def titles(hits: Sequence[Any]) -> list[str]:
    """Return what answers are about."""
    return [hit.title for hit in hits]


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send one byte now and then, until nobody listens any more."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while not select.select([handler.connection], [], [], 0.02)[0]:
            handler.wfile.write(b" ")


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing, until nobody listens any more."""
    select.select([handler.connection], [], [])
