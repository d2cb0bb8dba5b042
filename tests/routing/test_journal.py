"""The journal holds every line whole, whoever writes at once, and nothing that is secret."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from memory_router.routing.journal import Journal
from tests.conftest import BROKEN, GOOD, Home

LINE = re.compile(
    r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\] (?:"
    r'FALLBACK query="(?:[^"\\]|\\.)*" backend=\S+ error_code=\S+ error_message="(?:[^"\\]|\\.)*" next=\S+'
    r'|TIMEOUT query="(?:[^"\\]|\\.)*" backend=\S+ duration_ms=\d+ next=\S+)'
)


def test_lines_are_the_specified_ones(tmp_path: Path) -> None:
    """The two kinds of line are, to the letter, those of the specification."""
    journal = Journal(str(tmp_path / "router.log"), now=lambda: 1773757800.0)
    journal.fallback("auth middleware", "cognee", "BACKEND_ERROR", "Python process exited with code 1", "qmd")
    journal.timeout("auth middleware", "qmd", 5230, "totalrecall")
    assert (tmp_path / "router.log").read_text() == (
        '[2026-03-17T14:30:00Z] FALLBACK query="auth middleware" backend=cognee error_code=BACKEND_ERROR '
        'error_message="Python process exited with code 1" next=qmd\n'
        '[2026-03-17T14:30:00Z] TIMEOUT query="auth middleware" backend=qmd duration_ms=5230 next=totalrecall\n'
    )


@settings(max_examples=60)
@given(st.text(), st.text(), st.text())
def test_any_text_stays_one_line(query: str, code: str, message: str) -> None:
    """Quotes, newlines, control characters and terminal escapes in what is logged cannot break a line."""
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "router.log")
        Journal(file).fallback(query, "qmd", code, message, None)
        with open(file, encoding="utf-8", newline="") as stream:
            content = stream.read()
    assert len(content.splitlines()) == 1
    assert LINE.fullmatch(content.rstrip("\n"))
    assert content.rstrip("\n").isprintable()


def test_secrets_are_not_logged(home: Home) -> None:
    """A key in a question or in a backend's message does not reach the log."""
    key = "sk-ant-api03-" + "A1b2C3d4" * 10
    home.with_fakes(qmd=BROKEN._replace(error_message=f"cannot log in with {key}"), totalrecall=GOOD)
    home.run("query", f"what is {key}")
    log = home.log.read_text()
    assert key not in log
    assert log.count("[redacted:") == 2


def test_rotation_keeps_the_previous_file(tmp_path: Path) -> None:
    """Above its size the log starts anew, and what was written last before that is kept beside it."""
    journal = Journal(str(tmp_path / "router.log"), max_bytes=300)
    for number in range(6):
        journal.timeout(f"question {number}", "qmd", number, None)
    kept = (tmp_path / "router.log.1").read_text() + (tmp_path / "router.log").read_text()
    assert "question 5" in kept
    assert "question 4" in kept
    assert all(LINE.fullmatch(line) for line in kept.splitlines())


def test_sixteen_processes_lose_no_line(home: Home) -> None:
    """Sixteen routers that fail at once leave sixteen whole lines."""
    home.with_fakes(qmd=BROKEN, totalrecall=GOOD)
    routers = [
        subprocess.Popen(
            [sys.executable, "-m", "memory_router", "query", f"question {number}"],
            env=home.environment,
            stdout=subprocess.DEVNULL,
        )
        for number in range(16)
    ]
    assert [router.wait() for router in routers] == [0] * 16
    lines = home.log.read_text().splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert {match[1] for line in lines if (match := re.search(r'"question (\d+)"', line))} == {
        str(n) for n in range(16)
    }


def test_unwritable_log_costs_a_warning(home: Home) -> None:
    """When the disk of the log is full, the answer is complete and stderr says what was not logged."""
    home.with_fakes(qmd=BROKEN, totalrecall=GOOD)
    home.log.symlink_to("/dev/full")
    outcome = home.run("query", "auth")
    assert (outcome.code, outcome.json["status"]) == (0, "success")
    assert "not logged" in outcome.err


def test_read_only_state_folder_costs_a_warning(home: Home) -> None:
    """When the log cannot be created, the answer is complete all the same."""
    home.with_fakes(qmd=BROKEN, totalrecall=GOOD)
    home.log.mkdir()  # as unwritable as a read-only disk, for root as well
    outcome = home.run("query", "auth")
    assert (outcome.code, outcome.json["status"]) == (0, "success")
    assert "not logged" in outcome.err
