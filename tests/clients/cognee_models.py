"""Stand in for the models that Cognee calls: a loopback server that speaks OpenAI's protocol, and always says the same.

Of each sentence "A VERB B." it makes two things and the relation between them; embeddings are hashed bags of words.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar, NamedTuple

DIMENSIONS = 64
_SENTENCE = re.compile(
    r"\b((?:[A-Z]\w+ ?)+)(depends on|uses|is part of|was chosen by|writes to|replaces) ((?:[A-Z]\w+ ?)+)\b"
)
_WORD = re.compile(r"\w+")


def knowledge_graph(text: str) -> dict[str, Any]:
    """Return what a model would say is in a text, as Cognee's schema wants it."""
    nodes: dict[str, dict[str, str]] = {}
    edges = []
    for source, relation, target in _SENTENCE.findall(text):
        ends = [name.strip() for name in (source, target)]
        for name in ends:
            nodes[name] = {"id": name, "name": name, "type": "Component", "description": f"{name} is a component."}
        edges.append(
            {"source_node_id": ends[0], "target_node_id": ends[1], "relationship_name": relation.replace(" ", "_")}
        )
    return {"nodes": list(nodes.values()), "edges": edges}


def embedding(text: str) -> list[float]:
    """Return a unit vector of a text's words."""
    vector = [0.0] * DIMENSIONS
    for word in _WORD.findall(text.lower()):
        vector[int(hashlib.md5(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1.0
    length = math.sqrt(sum(one * one for one in vector)) or 1.0
    return [one / length for one in vector]


class _Handler(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]]

    def do_POST(self) -> None:
        """Answer a chat or an embedding request."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            data = [{"object": "embedding", "index": n, "embedding": embedding(text)} for n, text in enumerate(texts)]
            self._send({"object": "list", "data": data, "model": body["model"], "usage": _USAGE})
            return
        schema = (body.get("response_format") or {}).get("json_schema", {}).get("name", "")
        self.asked.append(schema)
        text = str(body["messages"][-1]["content"])
        said = {
            "KnowledgeGraph": lambda: json.dumps(knowledge_graph(text)),
            "SummarizedContent": lambda: json.dumps({"summary": text[:80], "description": text[:200]}),
        }.get(schema, lambda: "ok")()
        message = {"role": "assistant", "content": said}
        self._send(
            {
                "id": "chat",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": _USAGE,
            }
        )

    def _send(self, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


class Models(NamedTuple):
    """Where the models are, and the names of what they were asked to write, in order."""

    url: str
    written: list[str]


@contextmanager
def models() -> Iterator[Models]:
    """Serve on a free loopback port while the block runs."""
    written: list[str] = []

    class Handler(_Handler):
        asked = written

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Models(f"http://127.0.0.1:{server.server_address[1]}/v1", written)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
