"""Executions are kept whole, once, in either database, and outlive whoever takes them in."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from memory_router.errors import NewerStoreError, StoreError
from memory_router.learning.execution import Execution
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.recording import SpoolRecorder
from memory_router.learning.schema import SCHEMA
from memory_router.learning.spool import Spool
from memory_router.routing.envelope import failed
from memory_router.routing.plan import Plan
from memory_router.routing.recording import RoutedQuestion
from memory_router.routing.registry import Registry, RegistryState
from memory_router.storage.database import Database, open_database
from tests.learning.conftest import NOW, attempt, execution


@pytest.fixture
def store(database: Database, clock: Callable[[], float]) -> ExecutionStore:
    """Return an empty store of executions."""
    return ExecutionStore(database, clock)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """Return an empty spool."""
    return Spool(str(tmp_path / "executions.jsonl"))


def line(one: Execution) -> bytes:
    """Return an execution as the ask path appends it."""
    return json.dumps(one.to_dict()).encode()


def test_what_was_stored_comes_back_whole(store: ExecutionStore) -> None:
    """Every column survives the database: lists, objects, flags, times, and what is not known."""
    full = execution(
        1,
        "process payroll PDFs",
        attempt("cognee", accepted=False),
        attempt("qmd:search", accepted=True, cost_usd=0.12),
        governance_check={"requires_approval": True, "approved_by": "katie@example.com"},
        should_retry_with_different_path=True,
        similarity=0.91,
        project="payroll",
    )
    store.add([full, execution(2, "auth")])
    assert store.get(full.id) == full
    assert store.newest() == [execution(2, "auth"), full]
    assert store.newest(status="success", project="payroll") == [full]


def test_an_execution_is_stored_once(store: ExecutionStore, spool: Spool) -> None:
    """A line that was taken in before, by a process that died then, is not stored twice, nor is its rating lost."""
    store.add([execution(1, "auth")])
    store.rate(execution(1, "auth").id, 5)
    spool.append(line(execution(1, "auth")))
    spool.append(line(execution(2, "auth")))
    assert store.take_in(spool) == 0
    assert [one.user_satisfaction for one in store.newest()] == [None, 5]


def test_half_a_line_costs_only_itself(store: ExecutionStore, spool: Spool) -> None:
    """What a full disk cut off, or a hostile hand wrote, is counted and dropped; the rest is taken in."""
    for text in (line(execution(1, "auth")), line(execution(2, "auth"))[:40], b"[]", b'{"id": 3}', b"\xff" * 9):
        spool.append(text)
    assert store.take_in(spool) == 4
    assert len(store.newest()) == 1
    assert spool.count() == 0


def test_a_failing_database_keeps_the_spool(store: ExecutionStore, spool: Spool, database: Database) -> None:
    """What the database refuses waits for the next time."""
    spool.append(line(execution(1, "auth")))
    database.run("ALTER TABLE executions RENAME TO elsewhere")
    with pytest.raises(Exception, match="executions"):
        store.take_in(spool)
    database.run("ALTER TABLE elsewhere RENAME TO executions")
    assert store.take_in(spool) == 0
    assert len(store.newest()) == 1


def test_ratings_are_one_to_five(store: ExecutionStore) -> None:
    """A rating is stored with its execution, found by the beginning of its id; another number is refused."""
    store.add([execution(1, "auth"), execution(0x1000000000000000, "auth")])
    assert store.rate("1000", 4).user_satisfaction == 4
    with pytest.raises(StoreError, match="6 is not a rating"):
        store.rate("1000", 6)
    with pytest.raises(StoreError, match="No execution begins with 'ff'"):
        store.rate("ff", 3)
    with pytest.raises(StoreError, match="No execution"):
        store.get("%")
    with pytest.raises(StoreError, match="Several executions"):
        store.get("")


def test_purge_deletes_only_what_is_old(store: ExecutionStore) -> None:
    """Retention counts in days from now."""
    store.add([execution(1, "old", started_at=NOW - 100 * 86_400), execution(2, "new", started_at=NOW - 86_400)])
    assert store.older_than(30) == 1
    assert store.purge(30) == 1
    assert [one.user_request for one in store.newest()] == ["new"]


def test_every_execution_is_read_in_pages(store: ExecutionStore) -> None:
    """Reading all gives each once, the oldest first, also where many began at the same time."""
    many = [execution(number, f"request {number}", started_at=NOW) for number in range(5500)]
    store.add(many)
    assert [one.id for one in store.all()] == [one.id for one in many]


def test_vectors_of_another_model_are_made_anew(store: ExecutionStore, database: Database) -> None:
    """After another model was installed, no request keeps a vector of the old one."""
    store.add([execution(1, "process payroll PDFs")])
    fresh = store.requests()
    database.run("UPDATE executions SET embedding_model = 'another', request_embedding = NULL")
    assert store.requests() == fresh


def test_tables_of_a_newer_program_are_left_alone(database: Database, url: str) -> None:
    """A schema that this program does not know is refused, and nothing is changed."""
    database.run("UPDATE schema_versions SET version = 99")
    with pytest.raises(NewerStoreError, match="schema 99"):
        open_database(url, SCHEMA)
    assert database.version("learning") == 99


def test_spool_loses_nothing_to_many_writers(tmp_path: Path) -> None:
    """Lines that several processes append while others take them away are each taken exactly once."""
    path = str(tmp_path / "spool")
    writer = (
        "import sys; from memory_router.learning.spool import Spool\n"
        "for number in range(200): Spool(sys.argv[1]).append(f'{sys.argv[2]}-{number}'.encode())"
    )
    writers = [subprocess.Popen([sys.executable, "-c", writer, path, str(name)]) for name in range(4)]
    taken: list[bytes] = []
    while any(one.poll() is None for one in writers):
        with Spool(path).taken() as lines:
            taken += lines
    with Spool(path).taken() as lines:
        taken += lines
    assert sorted(taken) == sorted(f"{name}-{number}".encode() for name in range(4) for number in range(200))


def test_a_taker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """What a killed process had taken from the spool is given to the next."""
    path = str(tmp_path / "spool")
    Spool(path).append(b"kept")
    taker = (
        "import os, sys; from memory_router.learning.spool import Spool\n"
        "with Spool(sys.argv[1]).taken(): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", taker, path], check=False).returncode == -signal.SIGKILL
    Spool(path).append(b"later")
    with Spool(path).taken() as lines:
        assert lines == [b"kept"]
    with Spool(path).taken() as lines:
        assert lines == [b"later"]
    assert os.listdir(tmp_path) == []


def test_a_full_batch_is_told_once_answers_are_out(spool: Spool) -> None:
    """Learning is due when a batch waits, is told at the end of a run, and not by runs that recorded nothing."""
    told: list[int] = []
    recorder = SpoolRecorder(spool, 0.4, lambda: told.append(spool.count()), 2, lambda: NOW)
    plan = Plan("auth")
    outcome = RoutedQuestion(
        plan, Registry({}, RegistryState("", {})), (), failed(plan, "NO_BACKENDS", "none"), None, None
    )
    recorder.record(outcome)
    recorder.close()
    recorder.record(outcome)
    assert told == []
    recorder.close()
    recorder.close()
    assert told == [2]


def test_a_full_spool_is_refused(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody takes executions in, the file stops growing, and the error says what to run."""
    monkeypatch.setattr("memory_router.learning.spool._MOST_BYTES", 5)
    spool.append(b"some line")
    with pytest.raises(OSError, match="run: memory-router rules learn"):
        spool.append(b"another")


def test_several_writers_lose_nothing(url: str, database: Database) -> None:
    """Processes that store executions at once wait for each other: all are there, and nobody fails."""
    script = (
        "import sys\n"
        "from memory_router.learning.executions import ExecutionStore\n"
        "from memory_router.learning.schema import SCHEMA\n"
        "from memory_router.storage.database import open_database\n"
        "from tests.learning.conftest import execution\n"
        "store = ExecutionStore(open_database(sys.argv[1], SCHEMA))\n"
        "for number in range(25): store.add([execution(int(sys.argv[2]) * 1000 + number, 'auth')])\n"
    )
    root = str(Path(__file__).parents[2])
    writers = [
        subprocess.Popen([sys.executable, "-c", script, url, str(name)], cwd=root, stderr=subprocess.PIPE)
        for name in range(4)
    ]
    assert [(one.communicate()[1], one.returncode) for one in writers] == [(b"", 0)] * 4
    assert len(ExecutionStore(database).newest(1000)) == 100
