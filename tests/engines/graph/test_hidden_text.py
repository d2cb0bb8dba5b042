"""Laws of what a note does not say: code, comments, formulas and escaped brackets link nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.engines.graph.extraction import markdown
from tests.engines.graph.test_resolution import ask, files_of

TARGET = {"T.md": "# Tide\n\nHigh.\n"}
ASIDE = [
    "%%[[T]]%%",
    "%%\nhidden [[T]]\n\nmore\n%%",
    "<!-- [[T]] -->",
    "<!--\n\n[[T]]\n[t](T.md)\n",
    "$[[T]]$ is a formula",
    "$$\n[[T]]\n$$",
    "`` [[T]] `x` `` and `[[T]]`",
    "\\[[T]] and \\[\\[T\\]\\]",
    "Text.\n\n    [[T]] is code\n",
    "> ```\n> [[T]]\n> ```",
    "- x\n  - y\n    ```\n    [[T]]\n    ```",
    "~~~\n[[T]]\n```\n[[T]]\n~~~",
    "```\n[[T]]",
    "<pre>\n[[T]]\n</pre>",
    "<code>[[T]]</code>",
]
SAID = [
    "[[T]] <!-- c --> %% x %%",
    "%% a %% [[T]] %% b %%",
    "It costs $5 and [[T]] costs $6.",
    "100%% sure [[T]]",
    "- item\n\n    [[T]] in the list",
    "> quote [[T]]",
    "| a |\n|---|\n| [[T\\|t]] |",
    "````md\n```\n[[T]]\n```\n````\n\n[[T]]",
    "Use `a. b` and [[T]].",
    "foot[^1]\n\n[^1]: see [[T]]",
    "[t][1]\n\n[1]: T.md",
    "[t](<T.md>)",
]


@pytest.mark.parametrize("text", ASIDE)
def test_what_is_hidden_links_nothing(tmp_path: Path, text: str) -> None:
    """What looks like a link in code, a comment, a formula or behind a backslash makes no relation."""
    files = {**TARGET, "note.md": f"# Note\n\n{text}\n"}
    assert files_of(tmp_path, ask(tmp_path, files, "what links to T.md")) == []


@pytest.mark.parametrize("text", SAID)
def test_what_is_shown_links(tmp_path: Path, text: str) -> None:
    """A link counts beside what is hidden, in lists, quotations, tables and footnotes, and by reference."""
    files = {**TARGET, "note.md": f"# Note\n\n{text}\n"}
    assert files_of(tmp_path, ask(tmp_path, files, "what links to T.md")) == ["note.md"]


@given(st.text(alphabet="`$%<!->pre/ \n\\[]ab#=", max_size=300))
def test_lines_keep_their_places(text: str) -> None:
    """Whatever a note holds, its lines keep their number, and what is without spans of code has the same lengths."""
    lines = text.split("\n")
    note = markdown.note(lines)
    assert len(note.plain) == len(note.bare) == len(lines)
    assert list(map(len, note.plain)) == list(map(len, note.bare))
    assert all(0 <= section.line < section.end <= len(lines) for section in note.sections)
