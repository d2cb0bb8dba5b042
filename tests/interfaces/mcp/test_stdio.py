"""The MCP server over stdin and stdout: what it offers, what it refuses, and that it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from memory_router.contract import Result
from memory_router.testing import Behaviour, requests_to
from memory_router.text.tokens import estimate_tokens
from tests.conftest import BROKEN, EMPTY, GOOD, POOR, Home, ends
from tests.interfaces.mcp.wire import Wire

pytest.importorskip("mcp", reason="the SDK is an extra: pip install 'memory-router[mcp]'")

ANSWER = Behaviour(results=(Result("the answer", 0.9, id="1", timestamp="2026-03-10T14:30:00Z"),))


def text_of(result: Any) -> str:
    """Return what a model reads of a result."""
    return str(result["content"][0]["text"])


def test_five_tools_with_schemas_and_hints(home: Home) -> None:
    """Each tool says what it takes, what it returns and whether it only reads; there are no others."""
    home.with_fakes(qmd=GOOD)
    with Wire(home) as wire:
        assert wire.hello()["result"]["serverInfo"]["name"] == "memory-router"
        tools = {tool["name"]: tool for tool in wire.ask("tools/list")["result"]["tools"]}
    assert list(tools) == ["search", "get", "remember", "feedback", "status"]
    for tool in tools.values():
        assert tool["outputSchema"]["type"] == "object"
        assert "memory" in tool["description"]  # the word by which agents look for tools
    reads = {name for name, tool in tools.items() if tool["annotations"]["readOnlyHint"]}
    assert reads == {"search", "get", "status"}
    assert not any(tool["annotations"].get("destructiveHint") for name, tool in tools.items() if name not in reads)


def test_answers_fit_the_output_schema(home: Home) -> None:
    """What every tool returns is what its schema promises, as text and as an object."""
    home.with_fakes(qmd=ANSWER, totalrecall=ANSWER)
    with Wire(home) as wire:
        wire.hello()
        schemas = {tool["name"]: tool["outputSchema"] for tool in wire.ask("tools/list")["result"]["tools"]}
        found = wire.call("search", query="where is the parser", layer="detail")
        answers = {
            "search": found,
            "get": wire.call("get", ids=["qmd:1", "qmd:none", "1"]),
            "remember": wire.call("remember", text="We chose Postgres.", tags=["decision"], importance=0.9),
            "feedback": wire.call("feedback", result_id="qmd:1", useful=True),
            "status": wire.call("status"),
        }
    for name, answer in answers.items():
        assert not answer.get("isError"), (name, answer)
        jsonschema.validate(answer["structuredContent"], schemas[name])
        assert json.loads(text_of(answer)) == answer["structuredContent"]
    assert found["structuredContent"]["results"][0]["content"] == "the answer"
    rated = home.run("executions", "show", found["structuredContent"]["execution_id"]).json
    assert rated["user_satisfaction"] == 5


def test_layer_and_budget(home: Home) -> None:
    """A search shows snippets unless told otherwise, and never more than the budget."""
    home.with_fakes(qmd=Behaviour(results=(Result("word " * 500, 0.9, id="1"), Result("term " * 500, 0.8, id="2"))))
    with Wire(home) as wire:
        wire.hello()
        plain = wire.call("search", query="parser")["structuredContent"]
        tight = wire.call("search", query="parser", layer="detail", budget=100)["structuredContent"]
    assert [len(result["content"]) < 220 for result in plain["results"]] == [True, True]
    assert tight["result_count"] == 1
    assert tight["budget"]["tokens_used"] <= tight["budget"]["tokens_allowed"] == 100
    assert tight["budget"]["results_left_out"] == 1


def test_an_answer_is_short_unless_more_is_asked_for(home: Home) -> None:
    """A search takes 1,500 tokens at most, also with long places; a layer that shows all of a text is not cut so."""
    path = f"/{'folder/' * 60}notes.md"
    many = tuple(Result(f"word{n} " * 500, 0.9, id=str(n), path=path) for n in range(10))
    home.with_fakes(qmd=Behaviour(results=many))
    with Wire(home) as wire:
        wire.hello()
        plain, full = wire.call("search", query="parser"), wire.call("search", query="parser", layer="detail")
    assert estimate_tokens(text_of(plain)) <= 1500
    assert plain["structuredContent"]["result_count"] >= 5
    assert full["structuredContent"]["result_count"] == 10


def test_an_answer_that_is_poor_or_empty_says_why(home: Home) -> None:
    """Nothing found is no error: the note says what was searched and how to search more."""
    home.with_fakes(qmd=EMPTY, totalrecall=POOR)
    with Wire(home, "--project", "shop") as wire:
        wire.hello()
        answer = wire.call("search", query="parser")["structuredContent"]
    assert answer["status"] == "partial"
    assert 'Only the project shop was searched; no other has a result. Pass project="*"' in answer["note"]


def test_errors_are_raised_and_say_what_to_do(home: Home) -> None:
    """What goes wrong is marked as an error, with a message that a model can act on."""
    home.with_fakes(qmd=GOOD)
    wrong: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("search", {"query": "  "}, "The question is empty"),
        ("search", {"query": "x", "since": "the day before never"}, "the day before never"),
        ("get", {"ids": ["nobody:1"]}, "There is no backend 'nobody'"),
        ("feedback", {"execution_id": "ffffffff", "stars": 3}, "ffffffff"),
        ("feedback", {"stars": 3}, "Give `execution_id` with `stars`"),
        ("feedback", {"result_id": "qmd:9", "useful": True}, "No recorded answer of yours has the result qmd:9"),
        ("remember", {"text": "   "}, "emory"),
    )
    with Wire(home) as wire:
        wire.hello()
        for tool, arguments, told in wrong:
            answer = wire.call(tool, **arguments)
            assert answer["isError"]
            assert told in text_of(answer)
            assert "structuredContent" not in answer


def test_backends_that_fail_are_told(home: Home) -> None:
    """An answer that no backend could give is an error with the causes."""
    home.with_fakes(qmd=BROKEN)
    with Wire(home) as wire:
        wire.hello()
        answer = wire.call("search", query="where is the parser")
    assert answer["isError"]
    assert "The disk is on fire" in text_of(answer)


def test_wrong_arguments_are_refused_and_the_server_goes_on(home: Home) -> None:
    """Wrong types, values out of range, unknown tools and 10 MB arguments are errors, and reach no backend."""
    folders = home.with_fakes(qmd=GOOD)
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("search", {}),
        ("search", {"query": 7}),
        ("search", {"query": ["a"]}),
        ("search", {"query": "x", "limit": "many"}),
        ("search", {"query": "x", "limit": 0}),
        ("search", {"query": "x", "budget": -1}),
        ("search", {"query": "x", "layer": "everything"}),
        ("get", {"ids": []}),
        ("get", {"ids": 7}),
        ("remember", {"text": {"a": 1}}),
        ("remember", {"text": "x", "importance": 2}),
        ("feedback", {"execution_id": "ffff", "stars": 6}),
        ("forget", {}),
        ("search", {"query": "x" * 10_000_000}),
        ("remember", {"text": "x" * 10_000_000}),
    )
    with Wire(home) as wire:
        wire.hello()
        for tool, arguments in wrong:
            answer = wire.call(tool, **arguments)
            assert answer.get("isError") or "error" in answer, (tool, str(arguments)[:50])
            assert len(json.dumps(answer)) < 5_000
        assert requests_to(folders["qmd"]) == []
        assert not wire.call("search", query="parser").get("isError")


def test_malformed_messages_do_not_end_the_server(home: Home) -> None:
    """Whatever is no request is refused or passed over, and the next request is answered."""
    home.with_fakes(qmd=GOOD)
    malformed = (
        b"not json\n",
        b"{\n",
        b"[]\n",
        b"null\n",
        b'{"jsonrpc": "1.0", "id": 5, "method": "tools/list"}\n',
        b'{"jsonrpc": "2.0", "id": {}, "method": 7}\n',
        b'{"jsonrpc": "2.0", "id": 600, "method": "no/such/method"}\n',
        b'{"jsonrpc": "2.0", "id": 700, "method": "tools/call", "params": "x"}\n',
        b'{"jsonrpc": "2.0", "id": 800, "method": "tools/call", "params": {"name": ["search"]}}\n',
        b"\xff\xfe\x00\n",
        b"[" * 100_000 + b"\n",
        b'{"jsonrpc": "2.0", "id": 900, "result": {}}\n',
    )
    with Wire(home) as wire:
        wire.hello()
        for line in malformed:
            wire.send(line)
            assert not wire.call("search", query="parser").get("isError"), line[:50]


def test_one_process_answers_many_searches(home: Home) -> None:
    """A warm backend is started once, however often it is asked; one that died is replaced."""
    folder = home.with_fakes(qmd=GOOD)["qmd"]
    home.fake("qmd", GOOD, warm=True)
    with Wire(home) as wire:
        wire.hello()
        for _ in range(5):
            wire.call("search", query="parser")
        [worker] = children(wire.process.pid)
        os.kill(worker, signal.SIGKILL)
        assert not wire.call("search", query="parser").get("isError")
        assert children(wire.process.pid) != [worker]
    assert len(requests_to(folder)) == 6


def test_searches_at_once_do_not_wait_for_each_other(home: Home) -> None:
    """While searches wait for a backend, other tools answer, and each search is answered when it can be."""
    waiting = Behaviour(results=GOOD.results, waits_for="go")
    folder = Path(home.with_fakes(qmd=waiting, totalrecall=GOOD)["qmd"])
    home.fake("qmd", waiting, warm=True)
    with Wire(home) as wire:
        wire.hello()
        slow = {"name": "search", "arguments": {"query": "where is the parser"}}
        for number in (101, 102):
            wire.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": slow})
        assert not wire.call("get", ids=["totalrecall:1"]).get("isError")
        (folder / "go").touch()
        assert {wire.message()["id"], wire.message()["id"]} == {101, 102}


def children(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


CLIENT = """
import subprocess, sys
server = subprocess.Popen([sys.executable, "-m", "memory_router", "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(server.pid, flush=True)
for line in sys.stdin:
    server.stdin.write(line.encode())
    server.stdin.flush()
"""


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_nothing_is_left_when_the_client_is_killed(home: Home, busy: bool) -> None:
    """When the client is gone, so is the server, with every backend and what that started, also amid a question."""
    forking = Behaviour(results=GOOD.results, forks=True, hangs=busy)
    folder = Path(home.with_fakes(qmd=forking)["qmd"])
    home.fake("qmd", forking, warm=True)
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=home.environment,
        text=True,
    )
    assert client.stdin
    assert client.stdout
    server = int(client.stdout.readline())
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    call = {"name": "search", "arguments": {"query": "where is the parser"}}
    for message in (
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
    ):
        client.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        client.stdin.flush()
    left = forked(folder)
    left += children(server)
    client.kill()
    client.communicate()
    assert ends(server)
    assert all(ends(pid) for pid in left)


def forked(folder: Path) -> list[int]:
    """Wait for the child of the fake backend, and return its number."""
    file = folder / "children"
    waited = threading.Event()
    while not (file.exists() and file.read_text().strip()):
        waited.wait(0.01)
    return [int(line) for line in file.read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_backends(home: Home, number: signal.Signals) -> None:
    """Told to end, the server does so at once, with its backends, although the client still holds its input open."""
    home.with_fakes(qmd=GOOD)
    home.fake("qmd", GOOD, warm=True)
    with Wire(home) as wire:
        wire.hello()
        wire.call("search", query="parser")
        workers = children(wire.process.pid)
        wire.process.send_signal(number)
        assert wire.ends() == 128 + number
        assert workers
        assert all(ends(worker) for worker in workers)


def test_a_client_that_does_not_read_costs_nothing_and_ends_cleanly(home: Home) -> None:
    """Answers that nobody reads do not pile up in the server, and it ends when the client does."""
    long = Behaviour(results=tuple(Result("word " * 2000, 0.9, id=str(number)) for number in range(20)))
    folder = home.with_fakes(qmd=long)["qmd"]
    home.fake("qmd", long, warm=True)
    with Wire(home) as wire:
        wire.hello()
        call = {"name": "search", "arguments": {"query": "parser", "layer": "detail", "limit": 20}}
        for number in range(100, 150):
            wire.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call})
        waited = threading.Event()
        while len(requests_to(folder)) < 3:
            waited.wait(0.01)
        wire.stdin.close()
        wire.stdout.close()
        assert wire.ends() == 0


def test_stdout_is_the_wire(home: Home) -> None:
    """Nothing but messages goes to stdout, whatever a backend prints."""
    home.with_fakes(qmd=Behaviour(prints="chatter\n"), totalrecall=GOOD)
    with Wire(home) as wire:
        wire.hello()
        assert not wire.call("search", query="where is the parser").get("isError")
