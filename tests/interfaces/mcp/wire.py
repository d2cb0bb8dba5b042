"""Speak to the server as a client's bytes do: JSON-RPC lines on stdin and stdout, nothing checked on the way."""

import contextlib
import json
import os
import select
import subprocess
import sys
from types import TracebackType
from typing import Any

from tests.conftest import Home

_PATIENCE_SECONDS = 60
_HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "0"},
}


class Wire:
    """Run `memory-router mcp` and hold both ends of its pipes."""

    def __init__(self, home: Home, *arguments: str, cwd: str | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "memory_router", "mcp", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=home.environment,
            cwd=cwd or home.folder,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        self._last = 0
        self._unread = b""

    def hello(self) -> Any:
        """Shake hands, and return the server's answer."""
        answer = self.ask("initialize", _HELLO)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def send(self, message: Any) -> None:
        """Send a message, or bytes as they are."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.stdin.write(line)
        self.stdin.flush()

    def ask(self, method: str, params: Any = None) -> Any:
        """Send a request and return its answer; other messages are passed over."""
        self._last += 1
        self.send({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params or {}})
        return self.answer_to(self._last)

    def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool, and return the result of the call."""
        answer = self.ask("tools/call", {"name": tool, "arguments": arguments})
        return answer.get("result", answer)

    def answer_to(self, number: int) -> Any:
        """Return the answer to a request."""
        while (message := self.message()).get("id") != number:
            pass
        return message

    def message(self) -> Any:
        """Return the next message."""
        return json.loads(self._line())

    def ends(self) -> int:
        """Wait for the end of the server, and return its exit code."""
        return self.process.wait(_PATIENCE_SECONDS)

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            assert select.select([self.stdout], [], [], _PATIENCE_SECONDS)[0], "the server is silent"
            chunk = os.read(self.stdout.fileno(), 2**16)
            assert chunk, "the server ended"
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.stdin, self.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
