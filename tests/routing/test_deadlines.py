"""A deadline bounds an attempt whatever happens in it, and nothing that a backend started outlives it."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from memory_router.contract import Request
from memory_router.errors import BackendError, BackendTimeoutError, InvalidResponseError
from memory_router.routing.dispatch import ProcessDispatcher
from memory_router.routing.registry import Manifest
from tests.conftest import Home, ends

ANSWER = {
    "query_echo": "x", "results": [], "result_count": 0, "status": "empty", "error_message": None,
    "error_code": None, "backend_duration_ms": 7, "normalized_relevance": 0, "backend": "scripted",
}  # fmt: skip
linux_only = pytest.mark.skipif(not os.path.exists("/proc/loadavg"), reason="processes are found by /proc")


def scripted(folder: Path, body: str, *, warm: bool = False) -> Manifest:
    """Return the manifest of a backend that runs `body` for each request, which `asked` holds."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "adapter.py").write_text(
        f"import json, os, signal, subprocess, sys, time\nANSWER = {json.dumps(json.dumps(ANSWER))}\n"
        "os.chdir(os.path.dirname(os.path.abspath(__file__)))\n"
        f"for line in sys.stdin:\n    asked = json.loads(line)\n{lines}\n"
    )
    return Manifest("scripted", str(folder), command=("{python}", "adapter.py"), warm=warm)


def test_a_kept_process_that_dies_does_not_begin_the_deadline_anew(tmp_path: Path) -> None:
    """What a kept process used of the time is not there for the one that takes its place."""
    body = (
        "with open('asked', 'a') as log: log.write(f\"{asked['deadline_ms']}\\n\")\n"
        "if asked['query'] == 'die': time.sleep(0.3); os._exit(1)\n"
        "print(ANSWER, flush=True)"
    )
    declared = scripted(tmp_path, body, warm=True)
    dispatcher = ProcessDispatcher(keep_warm=True)
    dispatcher.ask(declared, Request("query", "x"))
    began = time.monotonic()
    with pytest.raises(BackendError):
        dispatcher.ask(declared, Request("query", "die", deadline_ms=20_000))
    given = [int(line) for line in (tmp_path / "asked").read_text().split()[1:]]
    assert len(given) == 2, "it is tried once more, and no further"
    assert given[1] <= 20_000 - 300
    assert given[1] >= 20_000 - (time.monotonic() - began) * 1000
    dispatcher.close()


def test_a_flood_is_not_asked_for_again(tmp_path: Path) -> None:
    """A kept process that prints without end has broken the contract; a new one would do the same."""
    body = (
        "open('asked', 'a').write('x')\n"
        "while asked['query'] == 'flood': sys.stdout.write('garbage\\n' * 10_000)\n"
        "print(ANSWER, flush=True)"
    )
    declared = scripted(tmp_path, body, warm=True)
    dispatcher = ProcessDispatcher(keep_warm=True)
    dispatcher.ask(declared, Request("query", "x"))
    with pytest.raises(InvalidResponseError):
        dispatcher.ask(declared, Request("query", "flood", deadline_ms=30_000))
    assert (tmp_path / "asked").read_text() == "xx"
    dispatcher.close()


ESCAPES = {
    "a session of its own": "subprocess.Popen(command, start_new_session=True)",
    "a session, and no pipe": "subprocess.Popen(command, start_new_session=True, stdout=-3, stderr=-3, stdin=-3)",
    "a parent that has ended": (
        "subprocess.run([sys.executable, '-c', 'import subprocess, sys; '\n"
        "'subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=-3, stderr=-3)', *command])"
    ),
    "no environment": "subprocess.Popen(command, start_new_session=True, env={}, stdout=-3, stderr=-3)",
}


@linux_only
@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("answers", [True, False], ids=["answers", "hangs"])
def test_no_child_survives(tmp_path: Path, escape: str, answers: bool) -> None:
    """Whatever a backend starts ends with it, after an answer as at the deadline, however it was started."""
    child = "import os, time; open('child', 'w').write(f'{os.getpid()}\\n'); time.sleep(100_000)"
    body = (
        f"command = [sys.executable, '-c', {child!r}]\n{ESCAPES[escape]}\n"
        "while not (os.path.exists('child') and open('child').read().endswith('\\n')): time.sleep(0.001)\n"
        f"if {answers}: print(ANSWER, flush=True)\n"
        "time.sleep(100_000)"
    )
    declared = scripted(tmp_path, body)
    try:
        ProcessDispatcher().ask(declared, Request("query", "x", deadline_ms=3000))
    except BackendTimeoutError:
        assert not answers
    assert ends(int((tmp_path / "child").read_text()))


def test_a_log_line_in_json_is_not_the_answer(tmp_path: Path) -> None:
    """A line of a log that happens to have a `status` is passed over, before the answer and behind it."""
    log = json.dumps({"level": "info", "status": "ok", "results": 3})
    declared = scripted(tmp_path, f"print({log!r})\nprint(ANSWER)\nprint({log!r}, flush=True)")
    from memory_router.routing.response import decode_response

    raw = ProcessDispatcher().ask(declared, Request("query", "x"))
    assert decode_response(raw)["backend"] == "scripted"


FLOODS = {
    "words": b"garbage\n" * 2**20,
    "objects without end": b"{\n" * 2**22,
    "nested objects": b'{"a":\n' * 2**20,
    "long objects without end": b'{"a":[\n' * 200 + b"{},\n" * 2**21,
    "numbers that JSON lacks": b'{"a": NaN}\n' * 2**19,
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_no_flood_is_searched_for_long(flood: bytes) -> None:
    """Whether 8 MiB of anything hold an answer is known at once; an answer behind or before them is found."""
    from memory_router.routing.response import holds_answer

    assert not holds_answer(flood, "query"), "and not after the minutes that it takes to read each beginning"
    answer = json.dumps(ANSWER).encode() + b"\n"
    assert holds_answer(answer + flood, "query")


def test_the_duration_of_a_backend_is_measured(home: Home) -> None:
    """`backend_duration_ms` is what the router waited, whatever the backend claims."""
    folder = home.backends / "slow"
    folder.mkdir(parents=True)
    scripted(folder, "time.sleep(0.2)\nprint(ANSWER, flush=True)")
    manifest = {"name": "slow", "contract": 1, "description": "x", "command": ["{python}", "adapter.py"]}
    (folder / "backend.json").write_text(json.dumps({**manifest, "tier": "third-party", "verbs": ["query"]}))
    home.register(slow="ready")
    envelope = home.run("query", "x", "--backend", "slow", "--trace").json
    assert envelope["backend_duration_ms"] == envelope["trace"]["attempts"][0]["duration_ms"] >= 200


def test_what_json_lacks_becomes_text(home: Home) -> None:
    """An adapter whose metadata holds a time or a set answers; one that returns NaN says so."""
    folder = home.backends / "dated"
    folder.mkdir(parents=True)
    (folder / "adapter.py").write_text(
        "import datetime\nfrom memory_router.contract import Result, answer, serve\n"
        "def query(asked):\n"
        "    odd = float('nan') if asked.query == 'nan' else datetime.date(2026, 3, 1)\n"
        "    return answer([Result('x', 0.9, metadata={'odd': odd})])\n"
        "serve('dated', query=query)\n"
    )
    manifest = {"name": "dated", "contract": 1, "description": "x", "command": ["{python}", "adapter.py"]}
    (folder / "backend.json").write_text(json.dumps({**manifest, "tier": "third-party", "verbs": ["query"]}))
    home.register(dated="ready")
    assert home.run("query", "x", "--backend", "dated").json["results"][0]["metadata"]["odd"] == "2026-03-01"
    failed = home.run("query", "nan", "--backend", "dated").json
    assert "cannot be written as JSON" in failed["error_message"]


def test_the_environment_of_a_backend_is_the_routers(tmp_path: Path) -> None:
    """A backend sees the router's environment and the mark by which its children are found."""
    declared = scripted(tmp_path, "open('seen', 'w').write(json.dumps(dict(os.environ)))\nprint(ANSWER, flush=True)")
    ProcessDispatcher().ask(declared, Request("query", "x"))
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen.pop("MEMORY_ROUTER_ATTEMPT")
    assert set(os.environ) <= {*seen, "MEMORY_ROUTER_ATTEMPT"} or sys.platform == "darwin"
