"""What agents note by themselves is read as facts, from the files as each agent writes them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.sources import agent_memories
from memory_router.sources.agent_memories import read

INDEX = """# Memory

- [Release](release.md) - how we release
- Use pnpm, not npm, for the web app
  because of its workspaces

## Debugging

The flaky test needs `TZ=UTC`.
"""
TOPIC = """---
name: exports
description: The nightly export goes to Parquet
metadata:
  type: project
---
CSV lost the decimals, so we changed it in October.
"""
GROUPS = """# Task Group: releases

scope: Publish from a clean checkout.
applies_to: cwd=/home/me/tools; reuse_rule=check again

### rollout_summary_files

- rollout_summaries/a.md (cwd=/home/me, updated_at=2026-09-09T13:31:42+00:00)

### keywords

- publish, tag, registry

## Reusable knowledge

- The tag goes after the publish check.

# Task Group: mail

applies_to: cwd=/home/me/mail; reuse_rule=none

- The sandbox mailbox is emptied at night.
"""


def test_an_index_gives_its_items_and_no_pointers() -> None:
    """Items and paragraphs are facts with the heading above them; a link to a file that is read itself is not."""
    told = [(fact.text, fact.line) for fact in read(INDEX, "claude-code", "/m/MEMORY.md")]
    assert told == [
        ("Use pnpm, not npm, for the web app\n  because of its workspaces", 4),
        ("Debugging: The flaky test needs `TZ=UTC`.", 9),
    ]


def test_a_topic_with_a_description_is_one_fact() -> None:
    """A short file with front matter is one fact: its description and its text, of the kind that it names."""
    (fact,) = read(TOPIC, "claude-code", "/m/exports.md")
    assert fact.text.startswith("The nightly export goes to Parquet\n\nCSV lost")
    assert fact.kind == "project"


def test_each_agent_is_read_where_it_keeps_its_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claude Code's auto and team memory, Codex's groups and OpenClaw's daily files come with agent, folder and day."""
    for variable in ("OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "LCM_OPENCLAW_DIR", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    memory = tmp_path / ".claude/projects/-home-me-web/memory"
    for name, text in {
        memory / "MEMORY.md": INDEX,
        memory / "team/rules.md": "- Reviews need two approvals.\n",
        memory.parent / "s.jsonl": '{"type": "user", "cwd": "/home/me/web"}\n',
        tmp_path / ".codex/memories/MEMORY.md": GROUPS,
        tmp_path / ".openclaw/workspace/MEMORY.md": "The user prefers short answers.\n",
        tmp_path / ".openclaw/workspace/memory/2026-11-03.md": "# 2026-11-03\n\n- The boiler was serviced.\n",
    }.items():
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(text)
    found = {(fact.agent, fact.text.split(": ")[-1][:20], fact.folder, fact.date, fact.is_shared)
             for fact in agent_memories.facts()}  # fmt: skip
    assert found == {
        ("claude-code", "Use pnpm, not npm, f", "/home/me/web", "", False),
        ("claude-code", "The flaky test needs", "/home/me/web", "", False),
        ("claude-code", "Reviews need two app", "/home/me/web", "", True),
        ("codex", "The tag goes after t", "/home/me/tools", "", False),
        ("codex", "The sandbox mailbox ", "/home/me/mail", "", False),
        ("openclaw", "The user prefers sho", "", "", False),
        ("openclaw", "The boiler was servi", "", "2026-11-03", False),
    }


@given(st.text(max_size=400))
def test_any_text_is_read(text: str) -> None:
    """Whatever a file holds, it is read without a failure, and each fact names a line of the file."""
    lines = text.replace("\r\n", "\n").count("\n") + 1
    assert all(1 <= fact.line <= lines for fact in read(text, "codex", "/m/MEMORY.md"))
