"""Stand in for the model of Claude Code: a loopback server that speaks the Messages API and says one word."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

_USAGE = {"input_tokens": 1, "output_tokens": 1}
_MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "fake",
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": _USAGE,
}
_TEXT = {"type": "text", "text": "Understood."}
_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**_MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _TEXT["text"]}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": _USAGE},
    {"type": "message_stop"},
]


class Api(NamedTuple):
    """Where the server is, and the requests that the model got, in order."""

    url: str
    requests: list[dict[str, Any]]


@contextmanager
def messages_api() -> Iterator[Api]:
    """Serve on a free loopback port while the block runs."""
    requests: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer a request for a message; of anything else say that it is not there."""
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            if not self.path.startswith("/v1/messages"):
                self._send(404, "application/json", b"{}")
            elif "count_tokens" in self.path:
                self._send(200, "application/json", b'{"input_tokens": 1}')
            elif body.get("stream"):
                requests.append(body)
                lines = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in _EVENTS)
                self._send(200, "text/event-stream", lines.encode())
            else:
                requests.append(body)
                self._send(200, "application/json", json.dumps({**_MESSAGE, "content": [_TEXT]}).encode())

        def do_GET(self) -> None:
            """Say that nothing else is here."""
            self._send(404, "application/json", b"{}")

        do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

        def _send(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Api(f"http://127.0.0.1:{server.server_address[1]}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
