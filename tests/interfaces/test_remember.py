"""What must hold of `memory-router remember`, as a user runs it."""

import os
import pty
import subprocess
import sys

import pytest

from memory_router.engines.tiers.memory import Memory
from memory_router.engines.tiers.store import MemoryStore
from tests.conftest import Home


def memories(home: Home) -> list[Memory]:
    """Return what is stored, newest first."""
    store = MemoryStore.open_read_only(str(home.folder / "data" / "memory.db"))
    return [one.memory for one in store.recall("latest", 100, now=0)] if store else []


def test_a_text_is_stored_with_tags_and_project(home: Home) -> None:
    """In a pipe the answer is one JSON object that holds what was stored."""
    answer = home.run("remember", "We chose Postgres", "--tag", "db", "-t", "decision", "--project", "harbor").json
    (memory,) = memories(home)
    assert (memory.text, memory.tags, memory.project) == ("We chose Postgres", ("db", "decision"), "harbor")
    assert answer.pop("timestamp").endswith("Z")
    assert answer.pop("author") == memory.author.to_dict()
    assert (memory.author.kind, memory.author.tool) == ("person", "cli")
    assert answer == {
        "id": f"totalrecall:{memory.id}",
        "status": "stored",
        "text": "We chose Postgres",
        "tags": ["db", "decision"],
        "project": "harbor",
        "tier": "session",
        "importance": 0.5,
        "expires": None,
        "redacted": [],
        "supersedes": None,
        "superseded_by": None,
        "similar": [],
    }


@pytest.mark.parametrize("arguments", [["-"], []])
def test_without_a_text_stdin_is_read(home: Home, arguments: list[str]) -> None:
    """`-` and a bare pipe mean the same; broken UTF-8 is replaced and control characters are left out."""
    assert home.run("remember", *arguments, stdin=b"caf\xc3\xa9 \xff\x1b[31m\x00 end\n").code == 0
    assert [memory.text for memory in memories(home)] == ["café \ufffd[31m end"]


def test_an_argument_in_broken_utf8_is_stored(home: Home) -> None:
    """Bytes that are no text do not stop the rest."""
    assert home.run("remember", b"bad \xff byte").code == 0
    assert memories(home)[0].text.startswith("bad ")


def test_the_same_text_again_says_so(home: Home) -> None:
    """A second time is no error and stores nothing."""
    first = home.run("remember", "We chose Postgres").json
    second = home.run("remember", "We chose Postgres", "--tag", "new").json
    assert (first["status"], second["status"]) == ("stored", "already_stored")
    assert second["id"] == first["id"]
    assert [memory.tags for memory in memories(home)] == [("new",)]


def test_secrets_are_told_and_not_stored(home: Home) -> None:
    """What was taken out is named, and the secret is neither printed nor stored."""
    outcome = home.run("remember", "login with password=hunter2")
    assert outcome.json["redacted"] == ["password"]
    assert "hunter2" not in outcome.out + outcome.err + memories(home)[0].text


@pytest.mark.parametrize("text", ["", "   ", "x" * 100_001])
def test_what_cannot_be_a_memory_is_refused(home: Home, text: str) -> None:
    """Exit code 1, a sentence with a fix on stderr, nothing on stdout, nothing stored."""
    outcome = home.run("remember", "-", stdin=text)
    assert (outcome.code, outcome.out) == (1, "")
    assert "memory-router" in outcome.err
    assert "Traceback" not in outcome.err
    assert memories(home) == []


def test_a_person_gets_a_sentence(home: Home) -> None:
    """On a terminal a line says what was stored, its id and what was redacted, without escape sequences."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "memory_router", "remember", "password=hunter2 \u202e\x1b[31mred"]
    subprocess.run(command, stdout=follower, stdin=follower, env=home.environment, cwd=home.folder, check=True)
    os.close(follower)
    printed = os.read(leader, 10_000).decode()
    os.close(leader)
    assert printed.count("\n") == 2
    assert memories(home)[0].id in printed
    assert "Redacted: password." in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def test_what_is_remembered_answers_a_question(home: Home) -> None:
    """From the command line into the store and back through the router."""
    home.register(totalrecall="ready")
    home.run("remember", "We chose Postgres because of row-level security")
    envelope = home.run("query", "why did we choose Postgres", "--json").json
    assert (envelope["status"], envelope["routed_to"]) == ("success", "totalrecall")
    assert envelope["results"][0]["content"].startswith("We chose Postgres")
