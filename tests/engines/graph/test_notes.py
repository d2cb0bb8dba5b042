"""Laws of notes: what their names are, and where their links lead."""

# ruff: noqa: E501  # files are read as they stand

from pathlib import Path

import pytest

from tests.engines.graph.test_resolution import ask, files_of

VAULT = {
    "area/Project Plan.md": (
        "---\naliases:\n  - Roadmap 26\ntags: [work, q1]\n---\n# The road\n\n## Goals\n\nText ^goal-1\n\n## Risks\n"
    ),
    "daily.md": "# Mon\n\n- [[Roadmap 26]] and [[Project Plan#Risks]]\n- #work/deep and #health\n",
    "block.md": "# Block\n\nSee [[Project Plan#^goal-1]] now.\n",
    "embed.md": "# Embed\n\n![[project plan#Goals]]\n",
    "table.md": "# Table\n\n| a | b |\n|---|---|\n| [[Project Plan\\|plan]] | x |\n",
    "path.md": "# Path\n\n[x](area/Project%20Plan.md) and the **Project Plan** again.\n",
    "span.md": "# Span\n\nUse `[[Project Plan]]`, as the **Project Plan** says.\n\n~~~md\n[[Project Plan]]\n~~~\n",
}


@pytest.mark.parametrize("name", ["Project Plan", "Project Plan.md", "project-plan", "'The road'", "Roadmap 26"])
def test_a_note_is_found_by_every_name_of_it(tmp_path: Path, name: str) -> None:
    """File, heading and alias name one note, also where other notes write its name as a term."""
    linking = ["block.md", "daily.md", "embed.md", "path.md", "table.md"]
    assert files_of(tmp_path, ask(tmp_path, VAULT, f"what links to {name}")) == linking


def test_front_matter_is_no_heading(tmp_path: Path) -> None:
    """What stands between the rules of the front matter names neither the note nor a section."""
    answer = ask(tmp_path, VAULT, "what links to area/Project Plan.md")
    assert "links to document The road" in answer.findings[0].content
    assert "tags:" not in " ".join(one.content for one in answer.findings)


NAMES = {
    "tides.md": "---\ntitle: Ebb\naliases:\n  - 'High: water'\ntags: sea coast/north\nup: '[[v1.2 plan]]'\n---\n# tides\n\n[[#Later]]\n\n## Later\n",
    "v1.2 plan.md": "# Plan\n\n#coast\n\n## Later\n",
    "deep/er/Note.md": "# One\n\n[[../../tides]]\n",
    "deep/a.md": "# a\n\n[[./er/Note]] and [[/v1.2 plan|it]]\n",
    "b.md": "# b\n\n![[Ebb]] and [[high: water]]\n",
    "c.md": "# c\n\n[x](v1.2%20plan) and ![[tides#Later]]\n",
    "My Plan.md": '---\naliases: ["One, two", Three]\n---\n# The plan\n\n## What\'s new? (2024)\n\n- item ^two\n',
    "e.md": "# e\n\n[[my plan#What's new? (2024)]]\n",
    "f.md": "# f\n\n[[One, two]]\n",
    "g.md": "# g\n\n[[Three#^two]]\n",
}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("what links to tides.md", ["b.md", "c.md", "deep/er/Note.md"]),
        ("what embeds tides.md", ["b.md", "c.md", "deep/er/Note.md"]),
        ("what links to v1.2 plan", ["c.md", "deep/a.md", "tides.md"]),
        ("what links to deep/er/Note", ["deep/a.md"]),
        ("what links to My Plan", ["e.md", "f.md", "g.md"]),
        ("what links to My Plan#^two", ["e.md", "g.md"]),
        ("what links to tides#Later", ["c.md", "tides.md"]),
        ("what is tagged #coast", ["tides.md", "v1.2 plan.md"]),
        ("notes tagged #coast/north", ["tides.md"]),
        ("notes tagged sea", ["tides.md"]),
    ],
)
def test_links_titles_and_tags(tmp_path: Path, question: str, expected: list[str]) -> None:
    """Links may be relative, stand in the front matter, lead to a part or a title; a tag counts for those above it."""
    assert files_of(tmp_path, ask(tmp_path, NAMES, question)) == expected
