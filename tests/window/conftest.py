"""Give the tests of the window a furnished home, the real server, and a real Chromium."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.places import CLIENTS, modules
from tests.conftest import Home
from tests.window.browser import CHROMIUM, chromium_path
from tests.window.demo import furnish
from tests.window.serving import Window

pytest.importorskip("starlette", reason="the extra `window` is not installed")


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
def seen(furnished: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """Return a window that is only looked at, and asked."""
    folder = tmp_path_factory.mktemp("seen") / "home"
    shutil.copytree(furnished.folder, folder)
    window = Window(Home(folder))
    yield window
    window.close()


@pytest.fixture
def window(own: Home) -> Iterator[Window]:
    """Return a window that may be used to change things, started at a terminal."""
    made = Window(own, at_terminal=True)
    yield made
    if made.process.poll() is None:
        made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a running Chromium; its driver keeps an event loop running, so it ends with each file of tests."""
    found = chromium_path()
    if found is None:
        pytest.skip("there is no Chromium; on Debian: sudo apt install chromium")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """Return the source of axe-core, which judges whether a page can be used by everybody."""
    if not (CLIENTS / "axe" / "installed").exists():
        pytest.skip("axe-core is not installed; run: bash scripts/clients.sh axe")
    return (modules("axe") / "axe-core" / "axe.min.js").read_text("utf-8")
