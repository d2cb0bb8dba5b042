"""The examples in the documentation run as they stand."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Home

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "examples" / "hello-backend"
PAGE = (ROOT / "docs" / "writing-a-backend.md").read_text("utf-8")


def block(beginning: str) -> str:
    """Return the fenced block of the page that begins with some text."""
    texts: list[str] = re.findall(r"^```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return next(text for text in texts if text.startswith(beginning))


def without_times(envelope: Any) -> Any:
    """Return an envelope without what differs from run to run."""
    varying = ("router_duration_ms", "backend_duration_ms", "execution_id")
    return {name: value for name, value in envelope.items() if name not in varying}


def test_example_backend_is_small() -> None:
    """A backend takes less than 40 lines of Python."""
    assert len((EXAMPLE / "adapter.py").read_text("utf-8").splitlines()) < 40


def test_example_backend_answers(home: Home) -> None:
    """Copied into an empty home and registered, the example answers as the page says."""
    shutil.copytree(EXAMPLE, home.backends / "hello")
    assert home.run("init").json["backends"]["hello"]["status"] == "ready"
    outcome = home.run("query", "which greeting is usual in Japan", "--backend", "hello", "--limit", "1")
    assert without_times(outcome.json) == without_times(json.loads(block('{\n  "query_echo"')))
    nothing = home.run("query", "zebra", "--backend", "hello").json
    assert (nothing["status"], nothing["error_code"]) == ("empty", "NO_MATCH")


def test_example_adapter_answers_by_itself() -> None:
    """The adapter can be tried without the router, with the request and the response of the page."""
    (request,) = re.findall(r"^echo '(.*)' \| ", PAGE, re.MULTILINE)
    finished = subprocess.run(
        [sys.executable, EXAMPLE / "adapter.py"], input=request, capture_output=True, text=True, check=True
    )
    assert without_times(json.loads(finished.stdout)) == without_times(json.loads(block('{"query_echo"')))


@pytest.mark.skipif(not shutil.which("jq"), reason="the wrapper of the page needs jq")
def test_shell_wrapper_answers(home: Home) -> None:
    """The shell script of the page is a backend, and a hostile question is only text to it."""
    folder = home.backends / "lines"
    folder.mkdir(parents=True)
    (folder / "wrapper.sh").write_text(block("#!/usr/bin/env bash"))
    (folder / "backend.json").write_text(block('{"name": "lines"'))
    (folder / "notes.txt").write_text("The tide table is on the fridge.\n")
    home.run("init")
    found = home.run("query", "tide table", "--backend", "lines").json
    assert (found["status"], found["results"][0]["content"]) == ("success", "The tide table is on the fridge.")
    for question in ('"; touch pwned; $(touch pwned) `touch pwned`', "--version", "' or 1"):
        assert home.run("query", "--backend", "lines", "--", question).json["status"] == "empty"
    assert not any("pwned" in path.name for path in home.folder.rglob("*"))


def test_testing_example_passes(tmp_path: Path) -> None:
    """The test that the page shows is a test that passes."""
    (tmp_path / "test_notes.py").write_text(block("from memory_router import Router\nfrom memory_router.contract"))
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in finished.stdout, finished.stdout
