"""Laws of the resident's life: one for each home, started when wanted, ended in time, never left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from memory_router import app, paths
from memory_router import resident as warm_process
from memory_router.app import asking
from memory_router.engines.documents import upkeep
from memory_router.learning import background
from memory_router.resident import server
from tests.conftest import GOOD, Home, ends
from tests.resident.homes import PATIENCE, begin, resident, until


def test_there_is_never_more_than_one(warm: Home) -> None:
    """Of residents that are started at once one serves, and the others end; it keeps the socket."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    others = [
        subprocess.Popen([sys.executable, "-m", "memory_router", "resident", "run"], env=warm.environment)
        for _ in range(3)
    ]
    assert [other.wait(PATIENCE) for other in others] == [0, 0, 0]
    assert resident(warm) == pid


def test_stop_ends_it(warm: Home) -> None:
    """`resident stop` ends the process and all that it started; without one it says so."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    assert warm.run("resident", "stop", "--json").json["pid"] == pid
    assert ends(pid)
    assert warm.run("resident", "stop", "--json").json["running"] is False
    assert not (warm.folder / "run/resident.sock").exists()


def test_it_is_found_from_every_environment(warm: Home) -> None:
    """`status` and `stop` reach the resident of a home also where it would answer no question of the caller."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    warm.environment |= {"CODEX_HOME": "/elsewhere", "MEMORY_ROUTER_RESIDENT": "off", "CI": "true", "TZ": "UTC-3"}
    assert resident(warm) == pid
    assert warm.run("resident", "stop", "--json").json["pid"] == pid
    assert ends(pid)


def test_background_work_is_done_once_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that start the same work at once share one process, and no zombie of it stays."""
    gate, program = tmp_path / "gate", tmp_path / "python"
    os.mkfifo(gate)
    program.write_text(f"#!/bin/sh\nexec cat '{gate}'\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    started: list[int] = []
    threads = [threading.Thread(target=lambda: started.append(background.start("learn").pid)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(started) == 8
    (pid,) = set(started)
    gate.write_text("")

    def is_gone() -> bool:
        background.reap()
        return not Path(f"/proc/{pid}").exists()

    until(is_gone)


def test_it_ends_with_its_home(warm: Home) -> None:
    """A home that is removed takes its resident along, and does not appear again."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    gone = time.monotonic()
    shutil.rmtree(warm.folder)
    assert ends(pid)
    assert time.monotonic() - gone < PATIENCE
    assert not warm.folder.exists()


def test_a_killed_one_is_replaced(warm: Home) -> None:
    """After `kill -9` its socket is dead: questions are answered all the same, and another resident takes its place."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    os.kill(pid, signal.SIGKILL)
    assert ends(pid)
    assert (warm.folder / "run/resident.sock").exists()
    assert begin(warm) != pid


def test_one_that_stands_still_holds_nobody_up(warm: Home) -> None:
    """A resident that hangs does not greet; the question is answered without it, and `stop` ends it all the same."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    os.kill(pid, signal.SIGSTOP)
    body = warm.run("query", "auth", "--trace").json
    assert body["status"] == "success"
    assert "warm" not in body["trace"]
    told = warm.run("resident", "stop", "--json").json
    assert (told["running"], told["pid"]) == (False, pid)
    assert ends(pid)


def test_the_socket_is_private(warm: Home) -> None:
    """Nobody else may enter the folder of the socket."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    assert (warm.folder / "run").stat().st_mode & 0o777 == 0o700
    assert (warm.folder / "run/resident.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="an address of a socket cannot be longer here")
def test_a_home_may_have_a_long_path(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resident of a home deep down is found there, though the path of its socket is longer than an address."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(own_home.folder / "deep" / ("down" * 30)))
    (Path(paths.runtime_dir())).mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        warm_process.at_socket(listener.bind)
        listener.listen()
        assert Path(paths.runtime_dir(), "resident.sock").is_socket()
        connection = warm_process.connect()
        assert connection
        connection.close()


def refuse(_request: server.CommandRequest) -> server.Handler:
    """Leave every request to its caller."""
    raise server.Refused


def raised(error: Exception) -> None:
    """Raise what should not have happened."""
    raise error


def test_it_goes_on_whatever_fails(own_home: Home) -> None:
    """What is done beside answers, and what answers, may fail: that is told, and the next one is heard."""
    failures: list[str] = []

    def fail(*_: server.CommandRequest) -> server.Handler:
        raise RuntimeError("the moon is full")

    own_home.folder.mkdir(exist_ok=True)
    served = server.Resident(fail, lambda error: failures.append(str(error)))
    thread = threading.Thread(target=served.run, args=(fail,))
    thread.start()
    until(lambda: failures)
    for _ in range(2):
        until((Path(paths.runtime_dir()) / "resident.sock").exists)
        assert warm_process.ask(["query", "x"]) is None
    until(lambda: len(failures) >= 3)
    served.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert {*failures} == {"the moon is full"}


def test_none_is_started_in_vain(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no socket can be made, no question starts another process for a while."""
    monkeypatch.setenv("MEMORY_ROUTER_RESIDENT", "auto")
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(asking, "start", lambda *arguments, niceness: started.append(arguments))
    own_home.with_fakes(qmd=GOOD)
    in_the_way = Path(paths.runtime_dir(), "resident.sock")
    in_the_way.mkdir(parents=True)
    assert server.Resident(refuse, raised).run() == "its socket cannot be made"
    asking.start_resident()
    assert started == []
    os.utime(f"{in_the_way}.lock", (1, 1))
    asking.start_resident()
    assert started == [("resident", "run")]


def test_the_first_question_starts_one(warm: Home) -> None:
    """Without a word of the user the first question starts a resident."""
    warm.with_fakes(qmd=GOOD)
    del warm.environment["MEMORY_ROUTER_RESIDENT"]
    warm.environment.pop("PYTEST_CURRENT_TEST", None)
    begin(warm)


def test_a_prompt_starts_one(warm: Home) -> None:
    """An agent that only sends events is answered by a resident, too, unless the hook is switched off."""
    warm.with_fakes(totalrecall=GOOD)
    event = json.dumps({"prompt": "why did we choose Postgres?", "cwd": str(warm.folder)})
    warm.configure(hooks={"prompt": False})
    assert warm.run("hooks", "prompt", stdin=event).code == 0
    assert not (warm.folder / "run").exists()
    warm.configure(hooks={"prompt": True})
    assert warm.run("hooks", "prompt", stdin=event).code == 0
    until(lambda: resident(warm))


@pytest.mark.parametrize(
    ("variable", "configured"), [("CI", "auto"), ("PYTEST_CURRENT_TEST", "auto"), ("UNRELATED", "off")]
)
def test_none_is_started_where_none_is_wanted(variable: str, configured: str, warm: Home) -> None:
    """Neither for tests nor against the user's will is a resident started."""
    warm.with_fakes(qmd=GOOD)
    warm.configure(resident=configured)
    for name in ("MEMORY_ROUTER_RESIDENT", "PYTEST_CURRENT_TEST"):
        warm.environment.pop(name, None)
    warm.environment[variable] = "true"
    assert warm.run("query", "auth").code == 0
    assert not (warm.folder / "run").exists()


@pytest.mark.parametrize("variable", ["off", "never"])
def test_the_environment_keeps_it_away(variable: str, warm: Home) -> None:
    """Whatever the configuration says, a caller whose environment wants none neither starts nor asks one."""
    warm.with_fakes(qmd=GOOD)
    warm.environment["MEMORY_ROUTER_RESIDENT"] = variable
    assert "warm" not in warm.run("query", "auth", "--trace").json["trace"]
    assert not (warm.folder / "run").exists()


def test_the_indexes_follow_the_files(own_home: Home) -> None:
    """Whoever follows an index hears of changes below its folders, also of folders that come later, and of its end."""
    folders = [own_home.folder / "notes", own_home.folder / "more"]
    for folder in folders:
        folder.mkdir()
        (folder / "tides.md").write_text("# Tides\n\nTide tables come from Tidewell.\n")
    app.indexing.index([str(folders[0])])
    bursts = upkeep.follow(paths.documents_db())
    for folder in folders:
        app.indexing.index([str(folder)])
        (folder / "tides.md").write_text(f"# Tides\n\nThe keeper of {folder.name} prints them.\n")
        assert any(app.indexing.index().changed for _ in bursts)
    (folders[0] / "tides.md").unlink()
    assert any(app.indexing.index().removed for _ in bursts)
    os.unlink(paths.documents_db())
    assert all(True for _ in bursts)
