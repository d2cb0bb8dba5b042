"""Give the tests of the window a furnished home, the real server, and a real Chromium."""

import fcntl
import http.client
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.clients.places import CLIENTS, modules
from tests.conftest import Home
from tests.window.demo import furnish

pytest.importorskip("starlette", reason="the extra `window` is not installed")

# No service of the browser's own maker is called.
_CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
_PATIENCE_SECONDS = 60


class Reply(NamedTuple):
    """Hold a reply of the server."""

    status: int
    headers: Mapping[str, str]
    text: str


class Window:
    """Stand for a window that was started by a program, or at a terminal."""

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


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a furnished home that nobody changes; all workers share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder = shared / "furnished"
    with (shared / "furnished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "furnished.done").exists():
            folder.mkdir()
            furnish(Home(folder))
            (shared / "furnished.done").touch()
    return Home(folder)


@pytest.fixture
def own(furnished: Home, tmp_path: Path) -> Home:
    """Return a furnished home that the test may change."""
    shutil.copytree(furnished.folder, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def seen(furnished: Home) -> Iterator[Window]:
    """Return a window that is only looked at."""
    window = Window(furnished)
    yield window
    window.close()


@pytest.fixture
def window(own: Home) -> Iterator[Window]:
    """Return a window that may be used to change things, started at a terminal."""
    made = Window(own, at_terminal=True)
    yield made
    if made.process.poll() is None:
        made.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Return a running Chromium."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("there is no Chromium; on Debian: sudo apt install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(_CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core, which judges whether a page can be used by everybody."""
    if not (CLIENTS / "axe" / "installed").exists():
        pytest.skip("axe-core is not installed; run: bash scripts/clients.sh axe")
    return (modules("axe") / "axe-core" / "axe.min.js").read_text("utf-8")
