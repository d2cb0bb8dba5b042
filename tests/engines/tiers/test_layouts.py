"""What must hold of earlier Total Recall layouts: found, read in place, and never written to."""

import subprocess
from pathlib import Path

import pytest

from memory_router.engines.tiers.layouts import BRANCH, discover, open_all, read
from memory_router.engines.tiers.memory import Selection


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def markdown(tmp_path: Path) -> Path:
    """Return a project with the Markdown layout."""
    write(
        tmp_path,
        {
            "CLAUDE.local.md": "# Working memory\nLast updated: 2026-02-01\n\n- The staging machine is dory ^tr0123456789\n",  # noqa: E501
            "memory/SCHEMA.md": "# Total Recall schema\n- not a memory\n",
            "memory/registers/_index.md": "- not a memory either\n",
            "memory/registers/decisions.md": (
                "# Decisions\n[None captured yet]\n\n## 2026-01-10: Postgres\nWe chose Postgres for its row-level security.\n\n"  # noqa: E501
                "## [superseded: 2026-01-12] Deadline\nDeadline is April 1.\n\n## 2026-01-12: Deadline\nDeadline is May 1.\n"  # noqa: E501
            ),
            "memory/daily/2026-02-03.md": "# 2026-02-03\n\n## Notes\n[09:30] The crane was repaired.\n<!-- [10:00] hidden -->\n",  # noqa: E501
            "memory/archive/projects/old.md": "# Old\n\n- The SOAP gateway was switched off.\n",
        },
    )
    return tmp_path


def test_markdown_is_read_entry_by_entry(markdown: Path) -> None:
    """Registers, daily notes, the archive and the working memory; no templates, comments or superseded blocks."""
    (layout,) = discover(str(markdown / "memory" / "daily"))
    assert (layout.kind, layout.root) == ("markdown", str(markdown))
    texts = {one.text for one in read(layout)}
    assert {
        "The staging machine is dory",
        "We chose Postgres for its row-level security.",
        "Deadline is May 1.",
        "[09:30] The crane was repaired.",
        "The SOAP gateway was switched off.",
    } <= texts
    assert not any(
        "superseded" in text or "April" in text or "hidden" in text or "not a memory" in text for text in texts
    )


def test_dates_of_headings_and_names_count(markdown: Path) -> None:
    """The newest entry is the one that says so, whatever the file's own time is."""
    store = open_all(discover(str(markdown)))
    found = store.search("what did we decide about the deadline", 3, Selection(), 1_800_000_000.0)
    assert found[0].text == "Deadline is May 1."
    (crane,) = store.search("crane repaired", 1, Selection(), 1_800_000_000.0)
    (postgres,) = store.search("why Postgres", 1, Selection(), 1_800_000_000.0)
    assert crane.memory.created > postgres.memory.created
    assert crane.memory.source
    assert crane.memory.source.endswith("2026-02-03.md")


def test_reading_changes_nothing(markdown: Path) -> None:
    """Neither contents nor times of any file."""
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in markdown.rglob("*") if path.is_file()}
    open_all(discover(str(markdown)))
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in markdown.rglob("*") if p.is_file()} == before


def test_a_bare_folder_is_no_layout(tmp_path: Path) -> None:
    """`memory/` alone proves nothing, and the search ends at the top of the repository."""
    write(tmp_path, {"memory/notes.md": "- text\n", "project/.git/HEAD": ""})
    assert discover(str(tmp_path)) == []
    write(
        tmp_path, {"memory/observations.md": "# Observations Log\n\nDate: 2026-01-02\n\n- 🔴 10:00 The gate jammed.\n"}
    )
    assert discover(str(tmp_path / "project")) == []
    (layout,) = discover(str(tmp_path))
    assert [one.text for one in read(layout)] == ["🔴 10:00 The gate jammed."]


def test_links_out_of_the_project_are_not_followed(markdown: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A link in a project of somebody else's shows nothing of this machine."""
    outside = tmp_path_factory.mktemp("outside") / "private.md"
    outside.write_text("- a private fact\n")
    (markdown / "memory" / "registers" / "link.md").symlink_to(outside)
    assert not any("private" in one.text for one in read(discover(str(markdown))[0]))


def test_a_branch_is_read_without_checking_it_out(tmp_path: Path) -> None:
    """Each file of the orphan branch is a memory with the time of its front matter, or of its name."""

    def git(*arguments: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(tmp_path), *arguments]
        subprocess.run(command, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "start")
    git("checkout", "-q", "--orphan", BRANCH)
    write(
        tmp_path,
        {
            "_memory/2026-01-02T10-00-00_db.md": "---\nkey: db\ntimestamp: 2026-01-02T10:00:00Z\n---\n# Database\nWe use JWT and Postgres.\n",  # noqa: E501
            "_memory/2026-01-05T10-00-00_ci.md": "# CI\nThe pipeline runs on dory.\n",
        },
    )
    git("add", "-A")
    git("commit", "-q", "-m", "memory: db")
    git("checkout", "-q", "main")
    (layout,) = discover(str(tmp_path))
    assert layout.kind == "git"
    store = open_all([layout])
    assert store.search("jwt", 1, Selection(), 1_800_000_000.0)[0].text == "# Database\nWe use JWT and Postgres."
    assert store.search("latest", 1, Selection(), 1_800_000_000.0)[0].text.startswith("# CI")
    assert not (tmp_path / "_memory").exists()
