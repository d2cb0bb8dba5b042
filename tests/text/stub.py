"""Serve models on the loopback, as tests want them to behave."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes]


class Stub:
    """A running server: its base address, and the requests that it got.

    Attributes:
        answer: takes the path and the body of a request, and gives status and body of the answer.
        asked: paths, headers and bodies of requests, in order.
    """

    def __init__(self, url: str, answer: Callable[[str, Any], Answer]) -> None:
        self.url = url
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.ended = threading.Event()


@contextmanager
def served(answer: Callable[[str, Any], Answer]) -> Iterator[Stub]:
    """Serve on a free port of the loopback until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.asked.append((self.path, dict(self.headers.items()), body))
            status, sent = stub.answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
            pass

        def handle_error(self) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    stub = Stub(f"http://127.0.0.1:{server.server_port}/v1", answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stub
    finally:
        stub.ended.set()
        server.shutdown()
        server.server_close()


def embedded(_path: str, body: Any, dimension: int = 16) -> Answer:
    """Answer as an embeddings endpoint does: a text is the sum of its words' made-up vectors."""
    data = [{"index": place, "embedding": vector(text, dimension)} for place, text in enumerate(body["input"])]
    return 200, json.dumps({"object": "list", "data": list(reversed(data)), "model": body["model"]}).encode()


def vector(text: str, dimension: int) -> list[float]:
    """Return a made-up vector; words that begin alike mean alike."""
    total = [0.001] * dimension
    for word in text.lower().split():
        digest = hashlib.sha256(word[:3].encode()).digest()
        total = [held + byte / 128 - 1 for held, byte in zip(total, digest, strict=False)]
    return total
