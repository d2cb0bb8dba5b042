"""Pages, docstrings, messages and comments are in plain words, and name what is there."""

import re
from itertools import chain

import pytest

from tests.docs.test_documentation import PAGES, ROOT

SOURCES = sorted(chain(*(ROOT.glob(f"{folder}/**/*.py") for folder in ("memory_router", "backends", "scripts"))))
STIFF = {
    "a noun is denied by 'not a'": r"(?<![Tt]here )\b(is|are|was|were) no (?!longer|more\b)",
    "'none' is no predicate": r"(?<![Tt]here )\b(is|are) none\b",
    "a number has a name": r"so many at|\bat the (most|least)\b",
    "what happens unasked is automatic": r"\bof (itself|its own accord)\b|\bby themselves\b",
    "a docstring says what a thing is or does": r'"""(Hold|Say whether|Stand for|Teach|Be|Know|Hear|Let) ',
}


@pytest.mark.parametrize("reason", STIFF)
def test_words_are_plain(reason: str) -> None:
    """No page, docstring, message or comment has a turn of phrase that a stranger reads twice."""
    stiff = re.compile(STIFF[reason])
    lines = ((path, line) for path in [*SOURCES, *PAGES] for line in path.read_text("utf-8").splitlines())
    assert not [f"{path.relative_to(ROOT)}: {line.strip()}" for path, line in lines if stiff.search(line)]


def test_named_files_are_there() -> None:
    """Each script, module or folder of this repository that a page names is there."""
    named = re.compile(r"\b((?:benchmarks|docs|memory_router|scripts|tests|typing-examples)/[\w./-]*\w)")
    missing = {
        (page.name, name)
        for page in PAGES
        for name in named.findall(page.read_text("utf-8"))
        if not (ROOT / name).exists()
    }
    assert not missing
