"""Start the window as a user does, and speak to it as a program does."""

import http.client
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.conftest import Home

_PATIENCE_SECONDS = 60


class Reply(NamedTuple):
    """A reply of the server."""

    status: int
    headers: Mapping[str, str]
    text: str


class Window:
    """A window that was started by a program, or at a terminal."""

    def __init__(self, home: Home, *, at_terminal: bool = False) -> None:
        command = [sys.executable, "-m", "memory_router", "window", "--no-open", "--json"]
        terminal, theirs = pty.openpty() if at_terminal else (None, subprocess.DEVNULL)
        self._terminal = terminal
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs if at_terminal else None,
            env=home.environment,
            cwd=home.folder,
        )
        if at_terminal:
            os.close(theirs)
        assert self.process.stdout
        self.url = json.loads(self.process.stdout.readline())["url"]
        parts = urlsplit(self.url)
        self.base = f"{parts.scheme}://{parts.netloc}"
        self.port = int(parts.port or 0)
        self.token = parse_qs(parts.query)["token"][0]

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Reply:
        """Send one request as a program would, and return the reply; redirections are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        connection.close()
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def get(self, path: str) -> Reply:
        """Return a page."""
        return self.ask("GET", path, Authorization=f"Bearer {self.token}")

    def post(self, path: str, **fields: str) -> Reply:
        """Send a form as a page of this window would."""
        csrf = self.get("/decide").text.partition('name="csrf" value="')[2].partition('"')[0]
        body = urlencode({"csrf": csrf, **fields})
        return self.ask("POST", path, body, Authorization=f"Bearer {self.token}", Origin=self.base)

    def close(self) -> int:
        """End it as Ctrl-C does, and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(_PATIENCE_SECONDS)
        assert self.process.stdout
        self.process.stdout.close()
        if self._terminal is not None:
            os.close(self._terminal)
        return code
