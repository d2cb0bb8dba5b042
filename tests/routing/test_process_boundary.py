"""What a backend does to the router, with real processes on both sides."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memory_router.contract import Health, Result
from memory_router.testing import Behaviour, requests_to
from tests.conftest import BROKEN, EMPTY, GOOD, POOR, Home, ends

# Who is to time out has little time; who is to answer has as much as a busy machine needs.
SHORT: dict[str, Any] = {"default_ms": 400, "total_ms": None, "backends": {"totalrecall": 60_000}}
HANGING = Behaviour(hangs=True)


def test_good_answer_is_accepted(home: Home) -> None:
    """An answer from the primary at or above the threshold ends the search."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    outcome = home.run("query", "auth")
    assert outcome.code == 0
    assert list(outcome.json) == [
        "query_echo",
        "routed_to",
        "routed_mode",
        "fallback_chain",
        "fallbacks_used",
        "results",
        "result_count",
        "normalized_relevance",
        "status",
        "router_duration_ms",
        "backend_duration_ms",
        "execution_id",
    ]
    assert outcome.json["routed_to"] == "qmd"
    assert outcome.json["routed_mode"] == "query"
    assert outcome.json["fallback_chain"] == ["qmd", "totalrecall"]
    assert outcome.json["fallbacks_used"] == 0
    assert outcome.json["status"] == "success"
    assert outcome.json["results"][0] == {
        "content": "the answer",
        "relevance": 0.9,
        "source": "qmd",
        "timestamp": None,
        "metadata": {"provenance": "external"},
    }
    assert home.asked("totalrecall") == []
    assert not home.log.exists()


@pytest.mark.parametrize("primary", [POOR, EMPTY, BROKEN], ids=["poor", "empty", "error"])
def test_poor_answers_fall_back(home: Home, primary: Behaviour) -> None:
    """A poor answer, an empty one and an error each lead to the next step; its answer counts as one fallback."""
    home.with_fakes(qmd=primary, totalrecall=GOOD)
    envelope = home.run("query", "auth").json
    assert (envelope["status"], envelope["routed_to"], envelope["fallbacks_used"]) == ("success", "totalrecall", 1)


def test_exhausted_chain_is_partial(home: Home) -> None:
    """When nothing reaches the threshold, the best answer comes back as partial."""
    home.with_fakes(qmd=POOR, totalrecall=Behaviour(results=(Result("a better guess", relevance=0.3),)))
    envelope = home.run("query", "auth").json
    assert (envelope["status"], envelope["routed_to"], envelope["fallbacks_used"]) == ("partial", "totalrecall", 1)
    assert envelope["normalized_relevance"] == 0.3


def test_partial_keeps_the_earlier_answer_if_better(home: Home) -> None:
    """The best answer is the most relevant one, not the last one."""
    home.with_fakes(qmd=Behaviour(results=(Result("x", relevance=0.39),)), totalrecall=POOR)
    envelope = home.run("query", "auth").json
    assert (envelope["status"], envelope["routed_to"]) == ("partial", "qmd")


def test_partial_shows_the_next_best_of_all_steps(home: Home) -> None:
    """Behind the best result stands what any step found next, in the order of relevance, copies once."""
    first = Behaviour(results=(Result("x", relevance=0.39), Result("y", relevance=0.1)))
    home.with_fakes(qmd=first, totalrecall=Behaviour(results=(Result("z", relevance=0.3),)))
    envelope = home.run("query", "auth").json
    assert [result["content"] for result in envelope["results"]] == ["x", "z", "y"]
    assert (envelope["routed_to"], envelope["result_count"], envelope["normalized_relevance"]) == ("qmd", 3, 0.39)


def test_truly_empty_gives_no_error(home: Home) -> None:
    """When every backend searched and found nothing, the answer is empty and holds no error."""
    home.with_fakes(qmd=EMPTY, totalrecall=EMPTY)
    outcome = home.run("query", "auth")
    assert outcome.code == 0
    assert outcome.json["status"] == "empty"
    assert "error_code" not in outcome.json


def test_empty_says_why(home: Home) -> None:
    """An empty answer names what kept a backend from answering."""
    unindexed = Behaviour(status="error", error_code="NOT_INDEXED", error_message="Nothing is indexed.")
    home.with_fakes(qmd=unindexed, totalrecall=EMPTY)
    envelope = home.run("query", "auth").json
    assert (envelope["status"], envelope["error_code"]) == ("empty", "NOT_INDEXED")
    assert "Nothing is indexed." in envelope["error_message"]


def test_all_failed(home: Home) -> None:
    """When every backend fails, the envelope is the specification's, names each cause, and the exit code is 1."""
    home.with_fakes(qmd=BROKEN, totalrecall=BROKEN)
    outcome = home.run("query", "auth")
    assert outcome.code == 1
    assert outcome.json["status"] == "error"
    assert outcome.json["error_code"] == "ALL_BACKENDS_FAILED"
    sentence = "All backends in the fallback chain failed. Check ~/state/router.log for details."
    assert outcome.json["error_message"].startswith(sentence)
    assert "on fire" in outcome.json["error_message"]
    assert outcome.json["routed_to"] is None
    assert outcome.json["fallbacks_used"] == 2
    assert outcome.json["results"] == []


@pytest.mark.parametrize(("status", "code"), [("success", 0), ("partial", 3), ("empty", 4), ("error", 1)], ids=str)
def test_exit_status(home: Home, status: str, code: int) -> None:
    """With --exit-status each kind of answer has an exit code of its own."""
    behaviour = {"success": GOOD, "partial": POOR, "empty": EMPTY, "error": BROKEN}[status]
    home.with_fakes(qmd=behaviour, totalrecall=behaviour)
    outcome = home.run("query", "auth", "--exit-status")
    assert (outcome.json["status"], outcome.code) == (status, code)


FAULTS = {
    "crashes": (Behaviour(exits=3), "BACKEND_ERROR", "exited with code 3"),
    "is killed": (Behaviour(exits=-signal.SIGSEGV), "BACKEND_ERROR", "SIGSEGV"),
    "says nothing": (Behaviour(exits=0), "INVALID_RESPONSE", "printed nothing"),
    "prints garbage": (Behaviour(prints="Segmentation fault (core dumped)"), "INVALID_RESPONSE", "no JSON object"),
    "prints half": (Behaviour(prints='{"query_echo": "auth", "results": ['), "INVALID_RESPONSE", "no JSON object"),
    "prints a list": (Behaviour(prints="[1, 2]\n"), "INVALID_RESPONSE", "no JSON object"),
    "floods": (Behaviour(floods=100 * 2**20), "INVALID_RESPONSE", "more than 8 MiB"),
    "nests deeply": (Behaviour(prints="[" * 100_000), "INVALID_RESPONSE", "no JSON object"),
    "closes stdin": (Behaviour(reads=False), "INVALID_RESPONSE", "printed nothing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_fall_back_and_are_told(home: Home, fault: str) -> None:
    """Whatever a backend does in place of an answer costs a fallback, and the trace and the log say what it was."""
    behaviour, code, words = FAULTS[fault]
    home.with_fakes(qmd=behaviour, totalrecall=GOOD)
    envelope = home.run("query", "auth", "--trace").json
    assert (envelope["status"], envelope["routed_to"]) == ("success", "totalrecall")
    first = envelope["trace"]["attempts"][0]
    assert first["error_code"] == code
    assert words in first["error_message"]
    assert f"backend=qmd error_code={code}" in home.log.read_text()
    assert home.log.read_text().rstrip().endswith("next=totalrecall")


WRONG_ANSWERS = {
    "missing member": ('{"status": "success"}', "lacks `query_echo`"),
    "NaN relevance": ("NaN", "NaN"),
    "relevance above one": ("1.5", "not between 0 and 1"),
    "relevance as text": ('"high"', "not a number"),
    "relevance true": ("true", "not a number"),
}


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
def test_wrong_types_are_named(home: Home, wrong: str) -> None:
    """Valid JSON that breaks the contract is an INVALID_RESPONSE that names the member."""
    printed, words = WRONG_ANSWERS[wrong]
    if wrong != "missing member":
        printed = (
            '{"query_echo": "auth", "results": [], "result_count": 0, "status": "empty", "error_message": null, '
            f'"error_code": null, "backend_duration_ms": 1, "backend": "qmd", "normalized_relevance": {printed}}}'
        )
    home.with_fakes(qmd=Behaviour(prints=printed + "\n"), totalrecall=GOOD)
    first = home.run("query", "auth", "--trace").json["trace"]["attempts"][0]
    assert first["error_code"] == "INVALID_RESPONSE"
    assert words in first["error_message"]


def test_answer_among_log_lines(home: Home) -> None:
    """An answer is found between log lines, on one line or on many, and members of its own are kept."""
    answer = (
        'loading model {not json}\n{"level": "info"}\n{"query_echo": "auth",\n "results": [{"content": "x", '
        '"relevance": 0.8, "source": "qmd", "timestamp": null, "mood": "fine"}],\n "result_count": 1, '
        '"status": "success", "error_message": null, "error_code": null, "backend_duration_ms": 1, '
        '"normalized_relevance": 0.8, "backend": "qmd"}\nbye\n'
    )
    home.with_fakes(qmd=Behaviour(prints=answer), totalrecall=GOOD)
    envelope = home.run("query", "auth").json
    assert envelope["routed_to"] == "qmd"
    assert envelope["results"][0]["mood"] == "fine"


def test_deadline(home: Home) -> None:
    """A backend that does not answer in time is a QUERY_TIMEOUT: the next one is asked, and the log says so."""
    home.configure(deadlines=SHORT)
    home.with_fakes(qmd=HANGING, totalrecall=GOOD)
    envelope = home.run("query", "auth", "--trace").json
    assert (envelope["routed_to"], envelope["fallbacks_used"]) == ("totalrecall", 1)
    assert envelope["trace"]["attempts"][0]["error_code"] == "QUERY_TIMEOUT"
    line = home.log.read_text()
    assert ' TIMEOUT query="auth" backend=qmd duration_ms=' in line
    assert line.endswith("next=totalrecall\n")


@pytest.mark.parametrize("behaviour", [Behaviour(forks=True, hangs=True), GOOD._replace(forks=True)])
def test_no_orphan_survives(home: Home, behaviour: Behaviour) -> None:
    """A child that a backend started is gone when the answer is there, also one that holds the output open."""
    home.configure(deadlines=SHORT | {"default_ms": 3000})
    folders = home.with_fakes(qmd=behaviour, totalrecall=GOOD)
    envelope = home.run("query", "auth").json
    assert envelope["status"] == "success"
    children = [int(line) for line in Path(folders["qmd"], "children").read_text().split()]
    assert children
    assert all(ends(child) for child in children)


def test_total_budget(home: Home) -> None:
    """No attempt gets more time than what is left of the total budget, and none starts after it is spent."""
    home.configure(deadlines={"default_ms": 5000, "total_ms": 300, "backends": {}})
    home.with_fakes(qmd=HANGING, totalrecall=GOOD)
    envelope = home.run("query", "auth", "--trace").json
    attempts = envelope["trace"]["attempts"]
    assert [attempt["backend"] for attempt in attempts] == ["qmd"]
    assert attempts[0]["deadline_ms"] <= 300


def test_deadline_by_mode(home: Home) -> None:
    """The deadline of a backend's mode comes before that of the backend, the manifest's and the default."""
    home.configure(deadlines={"default_ms": 5000, "backends": {"qmd": 3000, "qmd:query": 2000}})
    home.fake("totalrecall", GOOD, deadline_ms=1234)
    home.fake("qmd", EMPTY, deadline_ms=4321)
    home.register(qmd="ready", totalrecall="ready")
    deadlines = [attempt["deadline_ms"] for attempt in home.run("query", "auth", "--trace").json["trace"]["attempts"]]
    assert deadlines == [2000, 1234]


def test_circuit_breaker(home: Home) -> None:
    """After three timeouts in a row a step is skipped, and the trace says for how long."""
    home.configure(deadlines=SHORT, circuit_breaker={"failures": 3, "cooldown_ms": 600_000})
    home.with_fakes(qmd=HANGING, totalrecall=GOOD)
    for _ in range(3):
        assert home.run("query", "auth").json["fallbacks_used"] == 1
    envelope = home.run("query", "auth", "--trace").json
    assert envelope["routed_to"] == "totalrecall"
    assert "timed out too often" in envelope["trace"]["attempts"][0]["error_message"]
    home.fake("qmd", GOOD)
    assert home.run("query", "auth", "--rule", "exact_symbol").json["routed_to"] == "qmd", "another mode is not skipped"


@pytest.mark.parametrize("status", ["installed", "unavailable"])
def test_unusable_backends_are_skipped(home: Home, status: str) -> None:
    """A backend that is installed but not set up, or unavailable, is skipped, and the trace says so."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    home.register(qmd=status, totalrecall="ready")
    envelope = home.run("query", "auth", "--trace").json
    assert home.asked("qmd") == []
    assert envelope["trace"]["skipped"][0]["reason"].startswith(status)


def test_missing_backends_are_skipped_silently(home: Home) -> None:
    """On the Starter tier the rules of the Pro backends fall through, without an error, a warning or a log line."""
    home.with_fakes(qmd=GOOD, totalrecall=EMPTY)
    outcome = home.run("query", "why did we choose Postgres")
    assert (outcome.json["routed_to"], outcome.json["fallback_chain"]) == ("qmd", ["totalrecall", "qmd"])
    assert outcome.err == ""
    assert not home.log.exists()


def test_request_carries_the_contract(home: Home) -> None:
    """The request holds the question unchanged, mode, limit and deadline; scope and times are open."""
    home.with_fakes(qmd=GOOD)
    home.run("query", 'say "hi" $(rm -rf ~); naïve 日本\n', "--limit", "3")
    (request,) = requests_to(str(home.backends / "qmd"))
    assert request.query == 'say "hi" $(rm -rf ~); naïve 日本\n'
    assert (request.verb, request.mode, request.limit, request.deadline_ms) == ("query", "search", 3, 5000)
    assert (request.scope, request.since, request.until) == (None, None, None)


def test_argv_template(home: Home, tmp_path: Path) -> None:
    """A program that takes arguments gets question and mode as words of their own, never through a shell."""
    folder = Path(home.fake("qmd", GOOD))
    script = folder / "wrapper.py"
    script.write_text(
        "import json, sys\n"
        "_, adapter, query, hint, mode = sys.argv\n"
        "print(json.dumps({'query_echo': query, 'results': [{'content': query + '|' + mode, 'relevance': 0.7,"
        " 'source': 'qmd', 'timestamp': None}], 'result_count': 1, 'status': 'success', 'error_message': None,"
        " 'error_code': None, 'backend_duration_ms': 0, 'normalized_relevance': 0.7, 'backend': 'qmd'}, indent=1))\n"
    )
    manifest = (
        '{"name": "qmd", "contract": 1, "modes": ["search", "vsearch", "query"], '
        '"argv": ["{python}", "wrapper.py", "--adapter", "{query}", "--hint", "{mode}"]}'
    )
    (folder / "backend.json").write_text(manifest)
    home.register(qmd="ready")
    for query, passed in (("$(touch x); 'a' \"b\"", "$(touch x); 'a' \"b\""), ("--hint", " --hint")):
        envelope = home.run("query", "--", query).json
        assert envelope["results"][0]["content"] == f"{passed}|query"
        assert envelope["query_echo"] == query


def test_warm_backends_answer_many(home: Home) -> None:
    """One question a line gives one envelope a line, in order, from one process where the manifest allows it."""
    home.fake("qmd", GOOD, warm=True)
    home.fake("totalrecall", GOOD)
    home.register(qmd="ready", totalrecall="ready")
    outcome = home.run("query", "-", stdin="auth\n\nwhat was the last thing\nlogin\n")
    assert [line["query_echo"] for line in outcome.lines] == ["auth", "", "what was the last thing", "login"]
    assert [line["status"] for line in outcome.lines] == ["success", "error", "success", "success"]
    assert outcome.lines[1]["error_code"] == "EMPTY_QUERY"
    assert [line["routed_to"] for line in outcome.lines] == ["qmd", None, "totalrecall", "qmd"]


def test_warm_backend_that_dies_is_replaced(home: Home) -> None:
    """A warm process that ended between two questions is started anew."""
    folder = home.fake("qmd", GOOD._replace(prints=None), warm=True)
    home.register(qmd="ready")
    script = Path(folder, "once.py")
    script.write_text(
        "import sys\nfrom memory_router.contract import *\nimport io\n"
        "sys.stdin = io.TextIOWrapper(io.BytesIO(sys.stdin.buffer.readline()))\n"
        "serve('qmd', query=lambda request: answer([Result('x', 0.9)]))\n"
    )
    Path(folder, "backend.json").write_text(
        '{"name": "qmd", "contract": 1, "modes": ["search", "vsearch", "query"], "warm": true, '
        '"command": ["{python}", "once.py"]}'
    )
    outcome = home.run("query", "-", stdin="auth\nlogin\n")
    assert [line["status"] for line in outcome.lines] == ["success", "success"]


def test_terminated_router_leaves_nothing(home: Home) -> None:
    """A router that is told to end while a backend hangs takes the backend and its children with it."""
    folders = home.with_fakes(qmd=Behaviour(forks=True, hangs=True))
    router = subprocess.Popen(
        [sys.executable, "-m", "memory_router", "query", "auth"], env=home.environment, stdout=subprocess.PIPE
    )
    children = Path(folders["qmd"], "children")
    while not (children.exists() and children.read_text().endswith("\n")):
        os.sched_yield()
    router.terminate()
    router.communicate()
    assert router.returncode == 143
    assert ends(int(children.read_text()))


def test_health_decides_registration(home: Home) -> None:
    """`init` records what each backend says of itself, with reason and fix in the message."""
    sick = Health("degraded", "No vectors.", "Run: embed", "fake")
    home.fake("qmd", GOOD._replace(health=sick))
    outcome = home.run("init", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["backends"]["qmd"]["status"] == "degraded"
    assert outcome.json["backends"]["qmd"]["message"] == "No vectors. Run: embed"
