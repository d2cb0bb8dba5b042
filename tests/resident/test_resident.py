"""Laws of the resident: sooner, never different, never in the way, never left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memory_router import app, paths
from memory_router.contract import Result
from memory_router.engines.documents import upkeep
from memory_router.learning import background
from memory_router.resident import client, wire
from memory_router.testing import Behaviour
from tests.conftest import GOOD, Home, ends

PATIENCE = 60.0
SOON: dict[str, Any] = {"default_ms": 700, "total_ms": None, "backends": {}}
# What differs between two answers to one question.
OWN = ("execution_id", "router_duration_ms", "backend_duration_ms")


def until(holds: Callable[[], Any]) -> Any:
    """Wait for something that comes sooner or later, and return it."""
    give_up = time.monotonic() + PATIENCE
    while not (value := holds()):
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.02)
    return value


@pytest.fixture
def warm(home: Home) -> Iterator[Home]:
    """Return a home that lets a resident be started, and leave none behind."""
    home.environment["MEMORY_ROUTER_RESIDENT"] = "auto"
    home.environment.pop("CI", None)
    yield home
    if pid := resident(home):
        os.kill(pid, signal.SIGKILL)
        assert ends(pid)


def resident(home: Home) -> int:
    """Return the process id of the resident of a home, or 0."""
    if not home.folder.exists():
        return 0
    told = home.run("resident", "status", "--json").json
    return int(told["pid"]) if told["running"] else 0


def begin(home: Home) -> int:
    """Let the first question start a resident, and return its process id."""
    assert home.run("query", "auth").code == 0
    return int(until(lambda: resident(home)))


def warmly(home: Home, *arguments: str, cwd: Path | None = None) -> dict[str, Any]:
    """Ask until the resident had time for it; on a busy machine a caller may have gone its own way."""

    def ask() -> dict[str, Any] | None:
        envelope: dict[str, Any] = home.run("query", *arguments, "--trace", cwd=cwd).json
        return envelope if envelope["trace"].get("warm") else None

    envelope: dict[str, Any] = until(ask)
    return envelope


def same(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return an envelope without what differs between two answers to one question."""
    kept = {name: value for name, value in envelope.items() if name not in OWN}
    kept["parts"] = [same(part) for part in kept.get("parts", ())]
    if trace := kept.get("trace"):
        attempts = [{**attempt, "duration_ms": 0} for attempt in trace["attempts"]]
        kept["trace"] = {**trace, "attempts": attempts, "warm": None}
    return kept


def connected(home: Home) -> socket.socket:
    """Return a connection to the resident of a home that greeted."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(home.folder / "run/resident.sock"))
    assert connection.recv(4096) == wire.greeting()
    return connection


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "auth", "--trace"),
        ("query", "auth", "--all", "--limit", "3"),
        ("query", "auth", "--layer", "search", "--budget", "300"),
        ("query", "   "),
        ("query", "auth", "--rule", "nonsense"),
        ("query", "", "--exit-status"),
        ("query", "--multi", "find the auth notes and list the files"),
        ("query", "auth", "--limit", "many"),
        ("query", "--help"),
        ("route", "what depends on auth"),
    ],
)
def test_the_answer_is_the_same(arguments: tuple[str, ...], warm: Home) -> None:
    """With and without the resident a command prints the same, but for durations, and ends with the same exit code."""
    warm.with_fakes(qmd=GOOD, totalrecall=Behaviour(results=(Result("a fact", relevance=0.6),)))
    begin(warm)
    answered = warm.run(*arguments)
    warm.environment["MEMORY_ROUTER_RESIDENT"] = "off"
    alone = warm.run(*arguments)
    assert (answered.code, answered.err) == (alone.code, alone.err)
    if alone.out.startswith("{"):
        assert same(answered.json) == same(alone.json)
    else:
        assert answered.out == alone.out


def test_the_trace_says_who_answered(warm: Home) -> None:
    """The trace of an answer that the resident gave says `warm`."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    assert warmly(warm, "auth")["trace"]["warm"] is True


def test_questions_are_recorded_once(warm: Home) -> None:
    """What the resident answered stands once in the executions, like any question."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    execution = warmly(warm, "auth")["execution_id"]
    spool = (warm.folder / "data/executions.jsonl").read_text()
    assert spool.count(execution) == 1


def test_the_callers_folder_and_environment_hold(warm: Home, tmp_path: Path) -> None:
    """A backend works in the folder and with the environment of whoever asks, also one that stays running."""
    folder = warm.folder / "config/backends/qmd"
    folder.mkdir(parents=True)
    manifest = {"name": "qmd", "contract": 1, "command": ["{python}", "adapter.py"], "warm": True}
    (folder / "backend.json").write_text(json.dumps({**manifest, "modes": ["search", "vsearch", "query"]}))
    (folder / "adapter.py").write_text(
        "import os\nfrom memory_router.contract import Result, answer, serve\n"
        "def query(_):\n    return answer([Result(os.getcwd() + ' ' + os.environ.get('WHOSE', ''), 0.9)])\n"
        "serve('qmd', query=query)\n"
    )
    warm.register(qmd="ready")
    begin(warm)
    for name in ("mine", "yours"):
        (tmp_path / name).mkdir()
        warm.environment["WHOSE"] = name
        for _ in range(2):
            body = warmly(warm, "auth", cwd=tmp_path / name)
            assert body["results"][0]["content"] == f"{tmp_path / name} {name}"


def test_another_home_is_not_served(warm: Home) -> None:
    """Whose environment leads to other files goes its own way, and gets the answer from there."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    warm.environment["CODEX_HOME"] = str(warm.folder / "codex")
    assert "warm" not in warm.run("query", "auth", "--trace").json["trace"]
    del warm.environment["CODEX_HOME"]


def test_a_changed_configuration_holds_at_once(warm: Home) -> None:
    """The next question follows what was written into the configuration, and `off` ends the resident."""
    warm.with_fakes(qmd=GOOD)
    del warm.environment["MEMORY_ROUTER_RESIDENT"]
    warm.configure(resident="auto")
    pid = begin(warm)
    warm.configure(resident="auto", fallback_threshold=0.95)
    assert warmly(warm, "auth")["status"] == "partial"
    warm.configure(resident="off")
    until(lambda: warm.run("query", "auth").json["status"] == "success" and not resident(warm))
    assert ends(pid)
    warm.run("query", "auth")
    assert not resident(warm)


def test_a_prompt_is_answered(warm: Home) -> None:
    """The prompt hook says the same through the resident, and is logged as ever."""
    warm.with_fakes(totalrecall=Behaviour(results=(Result("We chose Postgres", relevance=0.9),)))
    warm.configure(hooks={"prompt": True, "session_end": False, "tokens": 600, "deadline_ms": 5000})
    begin(warm)
    event = json.dumps({"prompt": "why did we choose Postgres?", "cwd": str(warm.folder)})

    def said() -> str:
        hook = warm.run("hooks", "prompt", stdin=event)
        assert (hook.code, hook.err) == (0, "")
        return hook.out.partition("boundary")[0]

    answered = until(said)
    for nonsense in ("", "[]", "{", "x" * 2_000_000):
        assert warm.run("hooks", "prompt", stdin=nonsense).code == 0
    warm.environment["MEMORY_ROUTER_RESIDENT"] = "off"
    assert said() == answered
    assert "outcome=injected" in (warm.state / "hooks.log").read_text()


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


def test_a_prompt_that_is_late_costs_its_deadline(warm: Home) -> None:
    """A hook whose time is up in the resident exits with 0, is logged once and not done again."""
    warm.with_fakes(totalrecall=Behaviour(hangs=True))
    warm.configure(hooks={"prompt": True, "session_end": False, "tokens": 600, "deadline_ms": 300}, deadlines=SOON)
    warm.run("query", "auth")
    until(lambda: resident(warm))
    event = json.dumps({"prompt": "why did we choose Postgres?", "cwd": str(warm.folder)})
    hook = warm.run("hooks", "prompt", stdin=event)
    assert (hook.code, hook.err) == (0, "")
    log = warm.state / "hooks.log"
    until(log.exists)
    assert warm.run("resident", "stop").code == 0
    assert len(log.read_text().splitlines()) == 1


def test_one_that_dies_with_a_prompt_does_not_double_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resident that took a prompt and ends without an answer leaves the caller no time to do it again."""
    ours, other = socket.socketpair()
    monkeypatch.chdir(tmp_path)
    with other:
        other.sendall((300).to_bytes(4, "big"))
        other.shutdown(socket.SHUT_WR)
        with pytest.raises(TimeoutError):
            client.ask(["hooks", "prompt"], b"{}", ours, PATIENCE)


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
    """A resident that is stopped by a signal does not greet, and the question is answered without it."""
    warm.with_fakes(qmd=GOOD)
    pid = begin(warm)
    os.kill(pid, signal.SIGSTOP)
    body = warm.run("query", "auth", "--trace").json
    os.kill(pid, signal.SIGCONT)
    assert body["status"] == "success"
    assert "warm" not in body["trace"]


@pytest.mark.parametrize("said", [b"", b"\0\0\0\x05hello", b"\xff\xff\xff\xff", b"\0\0\0\x04\0\0\0\x09"])
def test_clients_that_hang_or_babble_hurt_nobody(said: bytes, warm: Home) -> None:
    """Whatever a client says or leaves unsaid, the next one is answered."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    clients = [connected(warm) for _ in range(5)]
    for babbler in clients:
        babbler.sendall(said)
    assert warmly(warm, "auth")["status"] == "success"
    for babbler in clients:
        babbler.close()


def test_a_wedged_backend_costs_its_deadline(warm: Home) -> None:
    """A backend that never answers is given up at its deadline, and others are answered meanwhile."""
    warm.with_fakes(qmd=Behaviour(hangs=True), totalrecall=GOOD)
    warm.configure(deadlines=SOON)
    begin(warm)
    assert warmly(warm, "auth", "--backend", "qmd")["status"] == "error"
    assert warm.run("query", "auth", "--backend", "totalrecall").json["status"] == "success"


def test_fifty_clients_are_answered(warm: Home) -> None:
    """Fifty questions at once are all answered, by the resident or without it."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    codes: list[int] = []

    def ask() -> None:
        codes.append(warm.run("query", "auth").code)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 50


def test_the_socket_is_private(warm: Home) -> None:
    """Nobody else may enter the folder of the socket."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    assert (warm.folder / "run").stat().st_mode & 0o777 == 0o700
    assert (warm.folder / "run/resident.sock").stat().st_mode & 0o777 == 0o600


def test_none_is_started_unasked(warm: Home) -> None:
    """Without a word of the user in the configuration or the environment no resident is started."""
    warm.with_fakes(qmd=GOOD)
    del warm.environment["MEMORY_ROUTER_RESIDENT"]
    assert warm.run("query", "auth").code == 0
    assert not (warm.folder / "run").exists()


@pytest.mark.parametrize("variable", ["CI", "MEMORY_ROUTER_RESIDENT"])
def test_none_is_started_where_none_is_wanted(variable: str, warm: Home) -> None:
    """Neither on a machine for tests nor against the user's will is a resident started."""
    warm.with_fakes(qmd=GOOD)
    warm.environment[variable] = "off"
    assert warm.run("query", "auth").code == 0
    assert not (warm.folder / "run").exists()


def test_the_way_to_it_is_light(warm: Home) -> None:
    """A process whose question the resident answers imports nothing of ours but the way to it."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    code = (
        "import os, sys; before = set(sys.modules); sys.argv = ['memory-router', 'query', 'auth']\n"
        "def end(code): sys.stderr.write(' '.join(sorted(set(sys.modules) - before))); raise SystemExit(code)\n"
        "os._exit = end\nfrom memory_router.interfaces.cli import main\nmain()"
    )
    light = {
        *("memory_router", "memory_router.interfaces", "memory_router.interfaces.cli", "memory_router.paths"),
        *("memory_router.resident", "memory_router.resident.client", "memory_router.resident.wire"),
    }

    def loaded() -> set[str]:
        finished = subprocess.run(
            [sys.executable, "-c", code],
            env=warm.environment,
            cwd=warm.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return set(finished.stderr.split()) - {"_socket"}

    assert until(lambda: loaded() == light)


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
