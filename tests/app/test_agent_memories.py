"""What agents note comes in as memories, goes when they delete it, and does not come back once it was forgotten."""

import os
from pathlib import Path

import pytest

from memory_router.app import agent_memories, remembering
from memory_router.engines.tiers.memory import Memory
from tests.conftest import Home


@pytest.fixture
def notes(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return Claude Code's notes on a project, in a home that this process uses."""
    for variable in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "OPENCLAW_STATE_DIR", "OPENCLAW_HOME", "LCM_OPENCLAW_DIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(own_home.folder))
    folder = own_home.folder / ".claude/projects/-srv-heron/memory"
    folder.mkdir(parents=True)
    return folder


def memories() -> dict[str, Memory]:
    """Return what is remembered, by text."""
    return {memory.text: memory for memory in remembering.work_with(lambda system: system.memories())}


def test_notes_come_in_with_project_and_provenance(notes: Path) -> None:
    """A note becomes a memory of its project that names the agent and the file; the file stays as it is."""
    file = notes / "MEMORY.md"
    file.write_text("- The heron queue is NATS.\n- Deploys go out on Tuesdays.\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert agent_memories.bring_up_to_date() == agent_memories.Update(2, 0, 1)
    memory = memories()["The heron queue is NATS."]
    assert (memory.project, memory.source, memory.extra["file"]) == ("heron", "claude-code", str(file))
    assert memory.created == 1_700_000_000
    assert agent_memories.bring_up_to_date().added == 0
    assert file.read_text() == "- The heron queue is NATS.\n- Deploys go out on Tuesdays.\n"
    assert file.stat().st_mtime == 1_700_000_000


def test_what_an_agent_deletes_goes_and_what_a_person_said_stays(notes: Path) -> None:
    """A note that its agent deletes goes; the same text, where a person had remembered it before, stays."""
    remembering.remember("Deploys go out on Tuesdays.", project="heron")
    (notes / "MEMORY.md").write_text("- The heron queue is NATS.\n- Deploys go out on Tuesdays.\n")
    agent_memories.bring_up_to_date()
    (notes / "MEMORY.md").unlink()
    assert agent_memories.bring_up_to_date().removed == 1
    assert set(memories()) == {"Deploys go out on Tuesdays."}


def test_what_was_forgotten_does_not_come_back(notes: Path) -> None:
    """A note that somebody forgot here stays forgotten, though its file still holds it."""
    (notes / "MEMORY.md").write_text("- The heron queue is NATS.\n")
    agent_memories.bring_up_to_date()
    doomed = memories()["The heron queue is NATS."].id
    remembering.work_with(lambda system: system.forget(doomed))
    (notes / "MEMORY.md").write_text("- The heron queue is NATS.\n- Deploys go out on Tuesdays.\n")
    agent_memories.bring_up_to_date()
    assert set(memories()) == {"Deploys go out on Tuesdays."}


def test_secrets_in_notes_are_redacted(notes: Path) -> None:
    """A key in a note is not stored."""
    (notes / "MEMORY.md").write_text("- The key for staging is sk-ant-api03-a1B2c3D4e5F6g7H8i9J0k1L2m3N4\n")
    agent_memories.bring_up_to_date()
    assert memories()
    assert not any("a1B2c3D4e5F6" in text for text in memories())
