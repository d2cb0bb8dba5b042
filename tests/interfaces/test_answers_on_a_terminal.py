"""What a person sees of an answer fits one screen of 80 x 24, and says what to do next."""

import os
import pty
import re
import subprocess
import sys

import pytest

from memory_router.interfaces.cli.wrapping import unbroken
from tests.conftest import Home

_PARAGRAPH = "The harbour crane number {number} lifts containers onto barges while the tide is high. " * 12


def screen(home: Home, *arguments: str, **environment: str) -> str:
    """Run a command on a terminal of 80 x 24 and return what it prints there."""
    leader, follower = pty.openpty()
    settings = {**home.environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", **environment}
    command = [sys.executable, "-m", "memory_router", *arguments]
    with subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL, env=settings) as process:
        os.close(follower)
        told = b""
        # A terminal whose program ended gives an error, not an end of file.
        while chunk := _read(leader):
            told += chunk
        process.wait()
    os.close(leader)
    return told.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 2**16)
    except OSError:
        return b""


@pytest.fixture
def filled(home: Home) -> Home:
    """Return a home whose notes give many long results."""
    notes = home.folder / "notes"
    notes.mkdir()
    for number in range(8):
        (notes / f"crane-{number}.md").write_text(f"# Crane {number}\n\n{_PARAGRAPH.format(number=number)}\n")
    home.run("init")
    home.run("index", str(notes))
    return home


def test_three_results_fit_one_screen(filled: Home) -> None:
    """Three results stand on the screen with whole ids and falling numbers, and the rest is named."""
    told = screen(filled, "query", "harbour crane containers", NO_COLOR="1")
    assert "\x1b" not in told
    lines = told.replace("\r", "").rstrip("\n").split("\n")
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    heads = [re.match(r"([1-3])\. (qmd:\S+)  (0\.\d\d)", line) for line in lines]
    found = [head.groups() for head in heads if head]
    assert [number for number, _, _ in found] == ["1", "2", "3"]
    assert [relevance for *_, relevance in found] == sorted((relevance for *_, relevance in found), reverse=True)
    assert filled.run("get", found[0][1]).code == 0
    assert "--json" in lines[-1]


def test_an_empty_answer_says_what_to_do(filled: Home) -> None:
    """Who gets nothing reads why, and what to try."""
    told = screen(filled, "query", "zyzzyva quux", NO_COLOR="1")
    assert "shares a word" in told
    assert "Run: memory-router remember" in told


def test_a_paragraph_that_an_editor_broke_fills_the_terminal(home: Home) -> None:
    """Lines of a paragraph are joined and broken where the terminal ends; entries and code stay lines."""
    notes = home.folder / "notes"
    notes.mkdir()
    broken = "Of the port: The harbour crane lifts containers onto barges\nwhile the tide is high, and rests then.\n"
    (notes / "crane\nof the port.md").write_text(f"# Crane\n\n{broken}\n- rope\n- hook\n")
    home.run("init")
    home.run("index", str(notes))
    told = screen(home, "query", "harbour crane", NO_COLOR="1").replace("\r", "")
    lines = [line.strip() for line in told.split("\n")]
    assert any(line.endswith("crane of the port.md:1") for line in lines)
    assert "Of the port: The harbour crane lifts containers onto barges while the tide is" in lines
    assert {"- rope", "- hook"} <= set(lines)


@pytest.mark.parametrize("mark", ["# ", "- ", "1. ", "| ", "> ", "    ", "```\n"])
def test_what_is_no_paragraph_keeps_its_lines(mark: str) -> None:
    """Headings, entries, rows, quotations and code stay as their author wrote them."""
    text = f"{mark}harbour crane lifts containers onto barges while the tide is high\n{mark}second"
    assert unbroken(text) == text
