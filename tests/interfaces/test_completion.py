"""Shells complete commands and options."""

import os
import subprocess
import sys

import pytest

from tests.conftest import Home


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed(shell: str, home: Home) -> None:
    """`--show-completion` prints what the shell has to read, and it names the program."""
    outcome = home.run("--show-completion", shell)
    assert outcome.code == 0
    assert "memory-router" in outcome.out or "memory_router" in outcome.out
    assert "_COMPLETE" in outcome.out


ASKED = {
    "bash": {"_MEMORY_ROUTER_COMPLETE": "complete_bash", "COMP_WORDS": "memory-router que", "COMP_CWORD": "1"},
    "zsh": {"_MEMORY_ROUTER_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "memory-router que"},
    "fish": {
        "_MEMORY_ROUTER_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": "memory-router que",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    },
}


@pytest.mark.parametrize("shell", ASKED)
def test_a_command_is_completed(shell: str, home: Home) -> None:
    """What a shell asks of the program while somebody types is answered: `que` becomes `query`."""
    program = os.path.join(os.path.dirname(sys.executable), "memory-router")
    environment = {**home.environment, **ASKED[shell]}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert "query" in done.stdout
    assert "remember" not in done.stdout
