"""Ask Cognee's running server, in time, by the calls that need no language model.

A small graph is read as a whole. Of a large one the passages and relations nearest to the question are asked for: both
are found by embeddings, which the server makes with whatever model it was set up with.
"""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from memory_router.engines.cognee.graph import PASSAGE, CogneeEdge, CogneeNode, HeldGraph, read_node
from memory_router.engines.cognee.place import Server
from memory_router.errors import StoreError

_MOST_NODES = 5000  # of all datasets; more would cost the server seconds and megabytes a question
_MOST_TRIPLETS = 60
_MOST_BYTES = 32 * 2**20
_KNOCK_SECONDS = 0.3
_NEAREST_SECONDS = 1.5  # embedding a question takes a third of a second, or seconds just after the server's start
_FIX_START = "Start it (uvicorn cognee.api.client:app), or correct COGNEE_SERVICE_URL."
_FIX_KEY = "Make a key (POST /api/v1/auth/api-keys) and set COGNEE_API_KEY to it."
_FIX_LOG = "See the server's log; `cognee-cli doctor` checks its set-up."


class Dataset(NamedTuple):
    """One dataset of the server, with the size of its graph."""

    id: str
    name: str
    nodes: int
    edges: int


class ServerAnswer(NamedTuple):
    """What the server told.

    Args:
        graph: of everything, or of what is near to the question.
        nearest: ids of passages by meaning, best first; empty where the server cannot embed.
        is_whole: whether the graph is everything.
        trouble: why something is missing, or empty.
    """

    graph: HeldGraph
    nearest: list[str]
    is_whole: bool
    trouble: str


def is_running(server: Server) -> bool:
    """Return whether to ask the server: a named one always, the default port if Cognee answers there.

    Only then is the key sent: anything may listen on a port that everybody uses.
    """
    if server.is_named:
        return True
    host, port = _address(server.url)
    try:
        socket.create_connection((host, port), _KNOCK_SECONDS).close()
        told = _call(server._replace(headers={}), "GET", "/health", None, time.monotonic() + _KNOCK_SECONDS)
    except (OSError, StoreError):
        return False
    return isinstance(told, dict) and {"status", "health", "version"} <= told.keys()


def datasets(server: Server, ends: float) -> list[Dataset]:
    """Return the datasets that may be read, with their sizes.

    Args:
        server: whom to ask.
        ends: until when, on the monotonic clock.

    Raises:
        StoreError: the server does not answer, refuses, or says something else.
    """
    listed = _objects(_call(server, "GET", "/api/v1/datasets", None, ends))
    sizes = {}
    if listed:
        # Absent in earlier versions, and refused while a graph is being written: then nothing is read as a whole.
        with contextlib.suppress(StoreError):
            told = _objects(_call(server, "GET", "/api/v1/datasets/graph-summary", None, ends))
            sizes = {
                summary.get("datasetId"): (_count(summary.get("numNodes")), _count(summary.get("numEdges")))
                for summary in told
            }
    named = ((str(dataset.get("id", "")), str(dataset.get("name", ""))) for dataset in listed)
    return [Dataset(key, name, *sizes.get(key, (-1, -1))) for key, name in named if key]


def ask(server: Server, question: str, limit: int, ends: float) -> ServerAnswer:
    """Return what answers a question may be made of.

    Args:
        server: whom to ask.
        question: any text.
        limit: how many passages are wanted.
        ends: until when, on the monotonic clock.

    Raises:
        StoreError: the server does not answer, refuses, or says something else.
    """
    known = [dataset for dataset in datasets(server, ends) if dataset.nodes]
    if not known:
        return ServerAnswer(HeldGraph([], []), [], True, "")
    body = {"query": question, "topK": max(limit, 10)}
    is_whole = all(dataset.nodes > 0 for dataset in known) and sum(dataset.nodes for dataset in known) <= _MOST_NODES
    nodes: list[CogneeNode] = []
    edges: list[CogneeEdge] = []
    troubles: list[StoreError] = []
    if is_whole:
        for dataset in known:
            told = _call(server, "GET", f"/api/v1/datasets/{dataset.id}/graph", None, ends)
            nodes += _nodes(told, dataset.name)
            edges += _edges(told)
    else:
        searches = [("/api/v1/search", {"searchType": "GRAPH_COMPLETION", "topK": _MOST_TRIPLETS, **_NO_MODEL})]
        searches.append(("/api/v1/recall", {"searchType": "CHUNKS_LEXICAL"}))
        for path, kind in searches:
            try:
                told = _call(server, "POST", path, {**body, **kind}, ends)
            except StoreError as error:
                troubles.append(error)
                continue
            nodes += _recalled(told)
            for triplet in _triplets(told):
                nodes += triplet[:2]
                edges.append(triplet[2])
    nearest: list[CogneeNode] = []
    in_time = min(ends, time.monotonic() + _NEAREST_SECONDS)
    try:
        nearest = list(_recalled(_call(server, "POST", "/api/v1/recall", {**body, "searchType": "CHUNKS"}, in_time)))
    except StoreError as error:
        troubles.append(error)
    if troubles and not nodes and not nearest:
        raise troubles[0]
    graph = HeldGraph([*nearest, *nodes], edges)
    return ServerAnswer(graph, [node.id for node in nearest], is_whole, " ".join(error.cause for error in troubles[:1]))


# Without these two it would have a language model write an answer.
_NO_MODEL = {"onlyContext": True, "verbose": True}


def _nodes(told: Any, dataset: str) -> Iterator[CogneeNode]:
    """Yield the nodes of a dataset's whole graph."""
    for node in _objects(told.get("nodes") if isinstance(told, dict) else None):
        yield read_node(node.get("id"), node.get("type"), node.get("label"), node.get("properties"), dataset)


def _edges(told: Any) -> Iterator[CogneeEdge]:
    for edge in _objects(told.get("edges") if isinstance(told, dict) else None):
        yield CogneeEdge(str(edge.get("source")), str(edge.get("target")), str(edge.get("label") or "related_to"))


def _recalled(told: Any) -> Iterator[CogneeNode]:
    """Yield the passages of an answer of `recall`."""
    for passage in _objects(told):
        raw = passage.get("raw")
        if passage.get("kind") == "chunk" and isinstance(raw, dict) and isinstance(raw.get("id"), str):
            yield read_node(raw["id"], PASSAGE, "", raw, passage.get("dataset_name"))


def _triplets(told: Any) -> Iterator[tuple[CogneeNode, CogneeNode, CogneeEdge]]:
    """Yield the relations of an answer of `search`; without several users they are not wrapped by dataset."""
    for result in _objects(told):
        for triplet in _objects(result.get("objects_result")):
            ends = []
            for end in (triplet.get("node1"), triplet.get("node2")):
                held = end if isinstance(end, dict) else {}
                own = held.get("node_attributes")
                own = own if isinstance(own, dict) else {}
                ends.append(
                    read_node(held.get("node_id"), own.get("type"), own.get("name"), own, result.get("dataset_name"))
                )
            about = triplet.get("attributes")
            about = about if isinstance(about, dict) else {}
            relation = str(about.get("relationship_name") or "related_to")
            yield ends[0], ends[1], CogneeEdge(ends[0].id, ends[1].id, relation, str(about.get("edge_text") or ""))


def _objects(told: Any) -> list[dict[str, Any]]:
    return [entry for entry in told if isinstance(entry, dict)] if isinstance(told, list) else []


def _count(told: Any) -> int:
    return told if isinstance(told, int) else -1


def _address(url: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreError(
            "COGNEE_SERVICE_URL is not an address of a server.", "Set it to one like http://127.0.0.1:8000."
        )
    return parts.hostname, port


def _call(server: Server, method: str, path: str, body: Any, ends: float) -> Any:
    """Return what the server answers, parsed.

    Raises:
        StoreError: it cannot be reached, is too slow, refuses, or sends no JSON.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection
    from threading import Timer
    from urllib.parse import urlsplit

    host, port = _address(server.url)
    where = f"Cognee's server at {host}:{port}"
    left = ends - time.monotonic()
    if left <= 0:
        raise StoreError(f"The deadline leaves no time for {where}.", _FIX_LOG)
    kind = HTTPSConnection if server.url.startswith("https:") else HTTPConnection
    connection = kind(host, port, timeout=left)
    clock = None
    try:
        connection.connect()
        # The time-out is that of one read; a server that drips is cut off by the clock.
        clock = Timer(ends - time.monotonic(), connection.sock.shutdown, [socket.SHUT_RDWR])
        clock.daemon = True
        clock.start()
        headers = {"Content-Type": "application/json", "Accept": "application/json", **server.headers}
        sent = None if body is None else json.dumps(body)
        connection.request(method, urlsplit(server.url).path.rstrip("/") + path, sent, headers)
        with connection.getresponse() as response:
            status, raw = response.status, response.read(_MOST_BYTES + 1)
        if time.monotonic() >= ends:
            raise TimeoutError("what came is cut off")
    except (OSError, HTTPException, ValueError) as error:
        if time.monotonic() >= ends - 0.005:
            raise StoreError(f"{where} did not answer within {left:.1f} s.", _FIX_LOG) from error
        raise StoreError(f"{where} cannot be asked ({type(error).__name__}: {error}).", _FIX_START) from error
    finally:
        if clock:
            clock.cancel()
        connection.close()
    if status != 200:
        raise _refusal(where, status, raw)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        what = "more than can be read" if len(raw) > _MOST_BYTES else "something that is not JSON"
        raise StoreError(f"{where} sent {what}.", "Check that Cognee listens there, and nothing else.") from error


def _refusal(where: str, status: int, raw: bytes) -> StoreError:
    try:
        told = json.loads(raw)
        reason = told.get("detail") or told.get("error") if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        reason = None
    said = f": {' '.join(reason.split())[:200]}" if isinstance(reason, str) else ""
    fix = _FIX_KEY if status in (401, 403) else _FIX_LOG
    return StoreError(f"{where} refused with {status}{said}.", fix)
