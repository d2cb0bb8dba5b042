"""Whatever stdout is, a command ends without a traceback and with the exit code that says whether it was read."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from memory_router.testing import Behaviour
from tests.conftest import GOOD, Home, ends


def shell(home: Home, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `mr` is the command line."""
    script = f'mr() {{ "{sys.executable}" -m memory_router "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env={**home.environment, **environment}, check=False
    )


@pytest.mark.parametrize("command", ["query auth", "backends", "tiers --json", "--version", "--help"])
@pytest.mark.parametrize("target", ["/dev/full", "&-"])
def test_output_that_cannot_be_written_is_one_line(home: Home, command: str, target: str) -> None:
    """A full disk and a closed stdout cost one sentence and exit code 1."""
    home.with_fakes(qmd=GOOD)
    ended = shell(home, f"mr {command} >{target}")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "cannot be written" in ended.stderr


def test_a_reader_that_goes_away_is_no_error(home: Home) -> None:
    """A closed pipe ends the command without a word, as it ends every program of a pipeline."""
    home.with_fakes(qmd=GOOD)
    ended = shell(home, "set -o pipefail; { mr query auth; echo $? >&2; } | true")
    assert ended.stderr.strip() in ("0", "141")


def test_closed_input_is_empty(home: Home) -> None:
    """A closed stdin holds no questions."""
    home.with_fakes(qmd=GOOD)
    ended = shell(home, "mr query - <&-")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_terminal_of_another_encoding_shows_what_it_can(home: Home) -> None:
    """What a terminal cannot show is replaced, and the rest is there."""
    home.with_fakes(qmd=GOOD)
    line = f"script -qec '{sys.executable} -m memory_router query \"café 日本語 …\"' /dev/null"
    ended = shell(home, line, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert ended.returncode == 0
    assert "Traceback" not in ended.stdout
    assert "the answer" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["tiers", "--colour", "--json"], "USAGE_ERROR", 2),
        (["nonsense", "--json"], "USAGE_ERROR", 2),
        (["query", "--limit", "many", "auth", "--json"], "USAGE_ERROR", 2),
        (["rules", "show", "nothing", "--json"], "RULE_ERROR", 1),
    ],
    ids=str,
)
def test_errors_are_json_where_json_is_wanted(home: Home, arguments: list[str], code: str, exit_code: int) -> None:
    """With --json, what goes wrong is an object with a code and a message, also a wrong command line."""
    home.with_fakes(qmd=GOOD)
    outcome = home.run(*arguments)
    assert outcome.code == exit_code
    assert outcome.json["status"] == "error"
    assert outcome.json["error_code"] == code
    assert outcome.json["error_message"]


def test_what_nobody_foresaw_is_json_too(home: Home) -> None:
    """An exception that no command handles is an object with a code with --json, and a traceback without it."""
    broken = (
        "import sys\nfrom memory_router.interfaces.cli import program\n"
        "def fail(*_arguments):\n    raise RuntimeError('out of luck')\n"
        "program._answer_quickly = fail\nsys.argv = ['memory-router', 'stats', *sys.argv[1:]]\nprogram.main()"
    )
    ended = [
        subprocess.run(
            [sys.executable, "-c", broken, *options], env=home.environment, capture_output=True, text=True, check=False
        )
        for options in (["--json"], [])
    ]
    told = json.loads(ended[0].stdout)
    assert (told["status"], told["error_code"], ended[0].returncode) == ("error", "INTERNAL_ERROR", 1)
    assert "out of luck" in told["error_message"]
    assert (ended[1].stdout, "Traceback" in ended[1].stderr) == ("", True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_router_that_is_ended_leaves_nothing(home: Home, number: signal.Signals) -> None:
    """A terminated router, and one whose terminal was closed, ends the backend that it waits for."""
    folders = home.with_fakes(qmd=Behaviour(forks=True, hangs=True))
    router = subprocess.Popen(
        [sys.executable, "-m", "memory_router", "query", "auth"], env=home.environment, stdout=subprocess.PIPE
    )
    mark = Path(folders["qmd"], "children")
    while not (mark.exists() and mark.read_text().endswith("\n")):
        os.sched_yield()
    router.send_signal(number)
    router.communicate()
    assert router.returncode == 128 + number
    assert ends(int(mark.read_text()))


def test_a_hook_that_is_stuck_ends_well(home: Home) -> None:
    """A hook in a call that never comes back to the interpreter is killed at its time, and exits with 0."""
    stuck = (
        "import re\nfrom memory_router.interfaces.hooks import event\n"
        "def handle(_event, clock):\n    clock.allow(200)\n    re.match('(a+)+$', 'a' * 60 + 'b')\n"
        "event.run('prompt', handle)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", stuck], input=b"{}", env=home.environment, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, b"")
