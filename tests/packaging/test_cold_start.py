"""What an agent waits for a hundred times a day imports nothing heavy."""

import json
import subprocess
import sys

import pytest

from memory_router.contract import Result
from memory_router.testing import Behaviour
from tests.conftest import Home

HEAVY = (
    *("typer", "rich", "click", "numpy", "pydantic", "msgspec", "orjson", "asyncio", "dataclasses", "pathlib"),
    *("ladybug", "http.client", "urllib.request", "shutil"),
)
# Both sides end their process without the interpreter's tear-down; here something is still to be asked of it.
STAY = "import os\ndef end(code): raise SystemExit(code)\nos._exit = end"
REPORT = f"import sys, json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]), file=sys.stderr)"


def heavy_modules(home: Home, code: str) -> list[str]:
    """Run code in a fresh interpreter and return which heavy modules it imported."""
    finished = subprocess.run(
        [sys.executable, "-c", f"{STAY}\n{code}\n{REPORT}"],
        capture_output=True,
        text=True,
        env=home.environment,
        check=True,
    )
    loaded: list[str] = json.loads(finished.stderr.splitlines()[-1])
    return loaded


def rooms(home: Home, code: str) -> set[str]:
    """Run code in a fresh interpreter and return the rooms, and the engines, that it imported."""
    report = (
        "import sys, json; print(json.dumps(sorted({'.'.join(name.split('.')[1:3 if '.engines.' in name else 2])"
        " for name in sys.modules if name.startswith('memory_router.')})), file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, env=home.environment, check=True
    )
    return set(json.loads(finished.stderr.splitlines()[-1]))


def command(*arguments: str, stdin: str = "") -> str:
    """Return code that runs the command line in its own process."""
    return (
        f"import os; read, write = os.pipe(); os.write(write, {stdin.encode()!r}); os.close(write); os.dup2(read, 0)\n"
        f"import sys; sys.argv = ['memory-router', *{arguments!r}]\n"
        "from memory_router.__main__ import main\n"
        "try: main()\nexcept SystemExit as end: assert end.code == 0, end.code"
    )


def test_importing_the_package_is_free(home: Home) -> None:
    """`import memory_router` imports nothing heavy."""
    assert heavy_modules(home, "import memory_router") == []


@pytest.mark.parametrize("name", ["route", "query"])
def test_ask_path_is_light(name: str, home: Home) -> None:
    """Asking a question with the bundled rules imports nothing heavy, from the command line to the envelope."""
    home.with_fakes(qmd=Behaviour(results=(Result("x", relevance=0.9),)))
    assert heavy_modules(home, command(name, "auth")) == []


def test_layers_are_light(home: Home) -> None:
    """An answer in a layer and within a budget is as light as a whole one."""
    home.with_fakes(qmd=Behaviour(results=(Result("x", relevance=0.9),)))
    assert heavy_modules(home, command("query", "auth", "--layer", "search", "--budget", "500")) == []


@pytest.mark.parametrize("prompt", ["fix the typo", "why did we choose Postgres?"])
def test_hooks_are_light(prompt: str, home: Home) -> None:
    """A prompt is judged, and memory is asked for it, with nothing heavy."""
    home.with_fakes(totalrecall=Behaviour(results=(Result("x", relevance=0.9),)))
    assert heavy_modules(home, command("hooks", "prompt", stdin=json.dumps({"prompt": prompt}))) == []


@pytest.mark.parametrize("backend", ["qmd", "totalrecall", "cognee"])
def test_adapters_are_light(backend: str, home: Home) -> None:
    """The process of a bundled backend that answers a question imports nothing heavy."""
    from memory_router import paths

    (home.folder / "tides.py").write_text("def has_water():\n    return True\n")
    assert home.run("init", "--tier", "pro").code == 0
    assert home.run("index", str(home.folder)).code == 0
    assert home.run("remember", "We chose Postgres for row-level security").code == 0
    adapter = f"{paths.bundled('backends')}/{backend}/adapter.py"
    code = (
        "import runpy, sys, io\n"
        'sys.stdin = io.TextIOWrapper(io.BytesIO(b\'{"verb": "query", "query": "why Postgres"}\\n\'))\n'
        f"try: runpy.run_path({adapter!r}, run_name='__main__')\nexcept SystemExit: pass"
    )
    assert heavy_modules(home, code) == []


def test_version_needs_only_the_command_line(home: Home) -> None:
    """`--version` imports neither the command framework nor any room that does something."""
    assert heavy_modules(home, command("--version")) == []
    assert rooms(home, command("--version")) <= {"__main__", "interfaces", "errors", "resident", "paths"}


def test_remembering_needs_one_engine(home: Home) -> None:
    """`remember` imports the engine that it stores in, and neither other engines nor what learns."""
    imported = rooms(home, command("remember", "We chose Postgres"))
    assert {room for room in imported if room.startswith("engines.")} == {"engines.tiers"}
    assert imported.isdisjoint({"learning", "advisor", "outcomes", "routing"})


def test_help_needs_no_engine(home: Home) -> None:
    """`--help` looks at every command and loads nothing that a command works with."""
    imported = rooms(home, command("--help"))
    assert [room for room in imported if room.startswith("engines")] == []
