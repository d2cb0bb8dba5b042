"""A fix that installs something names where this installation came from, and the program that made it."""

import sys
from importlib import metadata

import pytest

from memory_router.errors import install_command

_GIT = '{"url": "https://git.example.com/memory-router", "vcs_info": {"vcs": "git", "commit_id": "0"}}'
_CLONE = '{"url": "file:///home/me/a%20clone", "dir_info": {"editable": true}}'


class _Installed:
    def __init__(self, told: str | None) -> None:
        self._told = told

    def read_text(self, _name: str) -> str | None:
        return self._told


@pytest.mark.parametrize(
    ("prefix", "told", "command"),
    [
        ("/x/uv/tools/m", _GIT, "uv tool install --force 'memory-router[code,graph,mcp,redis,window] @ git+https://"),
        ("/x/pipx/venvs/m", _CLONE, "pipx install --force --editable '/home/me/a clone[code,graph,mcp,redis,window]'"),
        ("/x/.venv", _CLONE, f"{sys.executable} -m pip install --editable '/home/me/a clone[redis]'"),
        ("/x/.venv", None, f"{sys.executable} -m pip install 'memory-router[redis]'"),
    ],
)
def test_the_command_fits_the_installation(
    prefix: str, told: str | None, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is of the program that installed this one, from the same source, with what is there already."""
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(metadata, "distribution", lambda _name: _Installed(told))
    assert install_command("redis").startswith(command)
