"""Laws of the resident: sooner, never different, never in the way, never left behind."""

import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from memory_router import resident as warm_process
from memory_router.contract import Result
from memory_router.testing import Behaviour
from tests.conftest import GOOD, Home, ends
from tests.interfaces.mcp.wire import Wire
from tests.resident.homes import PATIENCE, SOON, begin, connected, resident, same, until, warmly


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
        ("get", "qmd:1", "totalrecall:2", "--layer", "timeline"),
        ("get", "nobody:1"),
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
    for name in ("MEMORY_ROUTER_RESIDENT", "PYTEST_CURRENT_TEST"):
        warm.environment.pop(name, None)
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
    assert until(said) == answered
    assert "outcome=injected" in (warm.state / "hooks.log").read_text()


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
        other.sendall(warm_process.TAKEN + (300).to_bytes(4, "big"))
        other.shutdown(socket.SHUT_WR)
        with ours, pytest.raises(TimeoutError):
            warm_process.exchange(ours, b"", ["hooks", "prompt"], b"{}", PATIENCE)


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


def test_the_way_to_it_is_light(warm: Home) -> None:
    """A process whose question the resident answers imports nothing of ours but the way to it."""
    warm.with_fakes(qmd=GOOD)
    begin(warm)
    code = (
        "import os, sys; before = set(sys.modules); sys.argv = ['memory-router', 'query', 'auth']\n"
        "def end(code): sys.stderr.write(' '.join(sorted(set(sys.modules) - before))); raise SystemExit(code)\n"
        "os._exit = end\nfrom memory_router.__main__ import main\nmain()"
    )
    light = {
        *("memory_router", "memory_router.__main__", "memory_router.paths", "memory_router.resident"),
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
        return set(finished.stderr.split()) - {"_socket", *sys.builtin_module_names}

    assert until(lambda: loaded() == light)


def test_a_tool_is_warned_of(warm: Home) -> None:
    """The hook before a tool says the same through the resident, and once a session as ever."""
    warm.with_fakes(totalrecall=Behaviour(results=(Result("ledger.py rounds half to even", relevance=0.9),)))
    warm.configure(hooks={"tool": True, "tool_deadline_ms": 5000})
    begin(warm)

    def told(session: str) -> str:
        event = {"tool_name": "Edit", "tool_input": {"file_path": "/x/ledger.py"}, "session_id": session, "cwd": "/"}
        hook = warm.run("hooks", "tool", stdin=json.dumps(event))
        assert (hook.code, hook.err) == (0, "")
        return re.sub(r'boundary=\\?"[^"]*"', "", hook.out)

    first = told("one")
    assert "half to even" in str(first)
    until(lambda: not told("one"))
    warm.environment["MEMORY_ROUTER_RESIDENT"] = "off"
    assert until(lambda: told("two") == first)


def test_a_session_begins_with_the_same_brief(warm: Home, tmp_path: Path) -> None:
    """The brief of a session says the same through the resident, in the time that its configuration allows."""
    (tmp_path / "README.md").write_text("Heron moves mail between harbours and keeps a ledger of each letter.\n")
    warm.with_fakes(qmd=GOOD)
    warm.configure(hooks={"session_start_deadline_ms": 10_000})
    begin(warm)

    def told() -> str:
        event = json.dumps({"source": "startup", "session_id": "s", "cwd": str(tmp_path)})
        hook = warm.run("hooks", "session-start", stdin=event)
        assert (hook.code, hook.err) == (0, "")
        return re.sub(r'boundary=\\?"[^"]*"', "", hook.out)

    def through_it() -> str:
        before = warm.run("resident", "status", "--json").json["answered"]
        said = told()
        return said if warm.run("resident", "status", "--json").json["answered"] > before else ""

    said = until(through_it)
    assert "keeps a ledger" in said
    warm.environment["MEMORY_ROUTER_RESIDENT"] = "off"
    assert told() == said


def test_agents_share_its_backends(warm: Home) -> None:
    """A search over MCP is answered by the resident, recorded once, and starts no backend of its own.

    What other projects hold is counted, and said, once.
    """
    pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")
    guess = Result("a guess", relevance=0.2, metadata={"project": "yard"})
    warm.with_fakes(qmd=Behaviour(results=(guess,)))

    def searched(wire: Wire) -> list[dict[str, Any]]:
        return [wire.call("search", query="auth", project=name)["structuredContent"] for name in ("shop", "*")]

    warm.environment["MEMORY_ROUTER_RESIDENT"] = "off"
    with Wire(warm) as alone:
        alone.hello()
        expected = searched(alone)
    assert (
        expected[0]["note"].count("Only the project shop was searched; others hold more: 1 result in project yard.")
        == 1
    )
    assert "note" not in expected[1]
    warm.environment["MEMORY_ROUTER_RESIDENT"] = "auto"
    begin(warm)
    answered = json.loads(warm.run("resident", "status", "--json").out)["answered"]
    with Wire(warm) as wire:
        wire.hello()

        def through_it() -> list[dict[str, Any]] | None:
            nonlocal answered
            before, found = answered, searched(wire)
            answered = warm.run("resident", "status", "--json").json["answered"]
            return found if answered == before + len(found) else None

        found = until(through_it)
    for own, others in zip(found, expected, strict=True):
        assert {**own, "execution_id": ""} == {**others, "execution_id": ""}
        spool = (warm.folder / "data/executions.jsonl").read_text()
        assert spool.count(own["execution_id"]) == 1
