"""Shells complete commands and options."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import Home

PROGRAM = os.path.join(os.path.dirname(sys.executable), "memory-router")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed(shell: str, home: Home) -> None:
    """`--show-completion` prints what the shell has to read, and it names the program."""
    outcome = home.run("--show-completion", shell)
    assert outcome.code == 0
    assert "memory-router" in outcome.out or "memory_router" in outcome.out
    assert "_COMPLETE" in outcome.out


TYPED = {
    "memory-router que": "query",
    "memory-router memories his": "history",
    "memory-router rules executions ra": "rate",
    "memory-router backends db chec": "check",
    "memory-router query --lim": "--limit",
    "memory-router rules add --requ": "--requires-approval",
}


def _question(shell: str, typed: str) -> dict[str, str]:
    """Return the environment with which a shell asks for what can follow."""
    if shell == "bash":
        words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    else:
        words = {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    return {"_MEMORY_ROUTER_COMPLETE": f"complete_{shell}", **words}


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_typed_is_completed(shell: str, typed: str, home: Home) -> None:
    """Commands, those of groups, and options are completed: `que` becomes `query`, and nothing else."""
    environment = {**home.environment, **_question(shell, typed)}
    done = subprocess.run([PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert TYPED[typed] in done.stdout
    assert "remember" not in done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes_with_the_script(home: Home) -> None:
    """The script that `--show-completion bash` prints works in bash itself."""
    script = home.run("--show-completion", "bash").out
    asked = 'COMP_WORDS=(memory-router rem); COMP_CWORD=1; _memory_router_completion memory-router; echo "$COMPREPLY"'
    environment = {**home.environment, "PATH": os.pathsep.join([os.path.dirname(PROGRAM), os.environ["PATH"]])}
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{asked}"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "remember", done.stderr
