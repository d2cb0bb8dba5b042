"""Give tests a home that lets a resident be started."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.conftest import Home, ends
from tests.resident.homes import resident


@pytest.fixture
def warm(home: Home) -> Iterator[Home]:
    """Return a home that lets a resident be started, and leave none behind."""
    home.environment["MEMORY_ROUTER_RESIDENT"] = "auto"
    home.environment.pop("CI", None)
    yield home
    if pid := resident(home):
        os.kill(pid, signal.SIGKILL)
        assert ends(pid)
