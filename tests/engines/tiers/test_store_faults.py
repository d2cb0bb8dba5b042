"""What must hold when many processes write at once, and when they die or the disk fails."""

import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from memory_router.engines.tiers.store import MemoryStore
from memory_router.storage.fulltext import register

# Prints the number of each memory once it is acknowledged.
WRITER = """
import sys
from memory_router.engines.tiers.store import MemoryStore
store, name, count = MemoryStore.open(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    store.remember(f"writer {name} wrote fact {number}")
    print(number, flush=True)
"""
# Opens the store, loses the right or the room to write, and says which error it got.
LOSER = """
import os, resource, signal, sys
from memory_router.engines.tiers.store import MemoryStore
from memory_router.errors import StoreError
path, loss = sys.argv[1:]
if loss == "room":
    store = MemoryStore.open(path)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
else:
    os.chmod(os.path.dirname(path), 0o500)
    if os.geteuid() == 0:
        os.seteuid(65534)
try:
    store = MemoryStore.open(path) if loss == "right" else store
    for number in range(1000):
        store.remember(f"fact {number} " + "filler " * 500)
        print(number, flush=True)
except StoreError as error:
    sys.exit(f"{error.code}: {error}")
"""


def facts(path: str) -> list[str]:
    """Return all texts of a store whose index is proven to be in step with them."""
    connection = apsw.Connection(path)
    register(connection)
    connection.execute("INSERT INTO memory_text(memory_text, rank) VALUES ('integrity-check', 1)")
    assert connection.pragma("integrity_check") == "ok"
    return [text for (text,) in connection.execute("SELECT text FROM memories")]


def start(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start Python code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_eight_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    """Writers that start together, on a store that is not there yet, all succeed; each fact is there once."""
    path = str(tmp_path / "new" / "memory.db")
    writers = [start(WRITER, path, str(name), "25") for name in range(8)]
    outcomes = [(writer.communicate()[1], writer.returncode) for writer in writers]
    assert outcomes == [("", 0)] * 8
    assert sorted(facts(path)) == sorted(
        f"writer {name} wrote fact {number}" for name in range(8) for number in range(25)
    )


def test_the_same_facts_from_many_processes_are_stored_once(tmp_path: Path) -> None:
    """Idempotence holds across processes."""
    path = str(tmp_path / "memory.db")
    for writer in [start(WRITER, path, "same", "25") for _ in range(4)]:
        assert writer.communicate()[1] == ""
    assert len(facts(path)) == 25


@pytest.mark.parametrize("acknowledged", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, acknowledged: int) -> None:
    """After kill -9 at any point each acknowledged fact is there exactly once, and writing goes on."""
    path = str(tmp_path / "memory.db")
    writer = start(WRITER, path, "x", "100000")
    assert writer.stdout
    seen = [writer.stdout.readline() for _ in range(acknowledged)]
    writer.kill()
    seen += writer.stdout.readlines()
    writer.communicate()
    numbers = [int(line) for line in seen if line.endswith("\n")]
    store = MemoryStore.open(path)
    store.remember("afterwards")
    stored = facts(path)
    assert len(stored) == len(set(stored))
    assert {f"writer x wrote fact {number}" for number in numbers} <= set(stored)
    assert len(stored) - 1 - len(numbers) in (0, 1)


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    """When there is no room, the writer is told so, and what was acknowledged before is intact."""
    path = str(tmp_path / "memory.db")
    out, error = start(LOSER, path, "room").communicate()
    assert error.startswith("STORE_ERROR")
    assert "disk space" in error
    stored = facts(path)
    assert len(stored) == len(out.split()) > 0
    assert MemoryStore.open(path).remember("there is room again").is_new


def test_a_folder_that_may_not_be_written_is_an_error_with_a_fix(tmp_path: Path) -> None:
    """No right to write: a named error that says what to check, and nothing half-made."""
    folder = tmp_path / "data"
    folder.mkdir()
    _, error = start(LOSER, str(folder / "memory.db"), "right").communicate()
    os.chmod(folder, 0o700)
    assert error.startswith("STORE_ERROR")
    assert "permissions" in error
    assert list(folder.iterdir()) == []
