"""`query` and `route` take any input and always answer with JSON and a meaningful exit code."""

import json
import os
import pty
import subprocess
import sys

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from memory_router.contract import Result
from memory_router.interfaces.cli import ask, commands, options
from tests.conftest import GOOD, Home, bounded

HOSTILE = [
    "quotes ' and \" and `",
    "line\nbreak\r\nand\ttab",
    "$(touch pwned) ${HOME} `id`",
    "; rm -rf / #",
    "-leading dash",
    "--limit",
    "control \x01 \x1b[31m \x7f characters",
    'NEAR(a b) "unclosed AND title:x* OR ^',
    "naïve 日本語 🙂 \u2028 \u202e",
    "%s {0} {query} {mode}",
    "a" * 30_000,
]


@pytest.mark.parametrize("query", HOSTILE, ids=bounded(HOSTILE))
def test_hostile_questions_are_only_text(home: Home, query: str) -> None:
    """Whatever a question holds, it reaches the backend unchanged, is echoed unchanged, and runs nothing."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    outcome = home.run("query", "--", query)
    assert outcome.code == 0, outcome.err
    assert outcome.json["query_echo"] == query
    assert outcome.json["status"] == "success"
    assert not (home.folder / "pwned").exists()


@pytest.mark.parametrize("query", ["", " ", "\t\n ", "\x00", "\x1b\x07"])
def test_empty_questions(home: Home, query: str) -> None:
    """A question with nothing to see in it is EMPTY_QUERY, as an envelope; nobody is asked."""
    home.with_fakes(qmd=GOOD)
    outcome = home.run("query", "-", stdin=query.replace("\n", " ") + "\n")
    assert outcome.code == 1
    assert outcome.json["error_code"] == "EMPTY_QUERY"
    assert "memory-router query" in outcome.json["error_message"]
    assert home.asked("qmd") == []


def test_a_megabyte(home: Home) -> None:
    """A question of one megabyte is refused with the limit in the message, and the next one is answered."""
    home.with_fakes(qmd=GOOD)
    outcome = home.run("query", "-", stdin="a" * 2**20 + "\nauth\n")
    assert [line["status"] for line in outcome.lines] == ["error", "success"]
    assert outcome.lines[0]["error_code"] == "QUERY_TOO_LONG"
    assert "32,768" in outcome.lines[0]["error_message"]


def test_invalid_utf8(home: Home) -> None:
    """Bytes that are no UTF-8 are replaced, from the command line and from stdin, and the output is valid UTF-8."""
    home.with_fakes(qmd=GOOD)
    for outcome in (home.run("query", b"caf\xe9 auth"), home.run("query", "-", stdin=b"caf\xe9 auth\n")):
        assert outcome.json["query_echo"] == "caf\N{REPLACEMENT CHARACTER} auth"
        assert outcome.json["status"] == "success"


def test_nul_from_stdin(home: Home) -> None:
    """A NUL inside a question is passed on."""
    home.with_fakes(qmd=GOOD)
    assert home.run("query", "-", stdin=b"a\0b\n").json["query_echo"] == "a\0b"


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "b"], ["a", "--limit", "0"], ["a", "--limit", "many"], ["a", "--nonsense"], ["a", "--rule"], ["--hint"]],
    ids=str,
)
def test_usage_errors(home: Home, arguments: list[str]) -> None:
    """A command line that makes no sense exits with 2, prints nothing to stdout and says what is wrong."""
    outcome = home.run("query", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err


STATES = {
    "missing": (None, "NOT_INITIALISED"),
    "empty": ("", "STATE_INVALID"),
    "truncated": ('{"version": 1, "backends": {"qm', "STATE_INVALID"),
    "a list": ("[]", "STATE_INVALID"),
    "no backends member": ({"version": 1}, "STATE_INVALID"),
    "unknown status": ({"version": 1, "backends": {"qmd": {"status": "fine"}}}, "NO_BACKENDS"),
    "no backends at all": ({"version": 1, "backends": {}}, "NO_BACKENDS"),
}


@pytest.mark.parametrize("state", STATES)
def test_unusable_state(home: Home, state: str) -> None:
    """Missing and broken lists of backends are told apart, and the message says how to mend them."""
    content, code = STATES[state]
    if content is not None:
        home.write_state(content)
    outcome = home.run("query", "auth")
    assert outcome.code == 1
    assert outcome.json["error_code"] == code
    assert "memory-router " in outcome.json["error_message"]
    assert outcome.json["status"] == "error"


def test_a_list_of_backends_that_another_program_wrote_is_read_and_kept(home: Home) -> None:
    """The memory stack's own file serves as it is; `init` copies it before it writes, and keeps tier and members."""
    theirs = {"version": "2.0", "tier": "pro", "license": "x", "backends": {"totalrecall": {"status": "ready"}, "y": 1}}
    home.write_state(theirs)
    assert home.run("query", "auth").json["error_code"] in (None, "NOTHING_STORED")
    home.run("init")
    state = json.loads((home.state / "backends.json").read_text())
    assert (state["tier"], state["license"], state["version"]) == ("pro", "x", 1)
    assert json.loads((home.state / "backends.json.before-memory-router").read_text()) == theirs


def test_the_tier_of_a_file_that_breaks_off_stays(home: Home) -> None:
    """`init` does not turn Pro into Starter because the rest of the file is gone; the torn file is kept."""
    home.write_state('{"version": 1, "tier": "pro", "backe')
    home.run("init")
    assert json.loads((home.state / "backends.json").read_text())["tier"] == "pro"
    assert (home.state / "backends.json.before-memory-router").exists()


def test_unreadable_state(home: Home) -> None:
    """A list of backends that cannot be read is STATE_INVALID with the reason."""
    (home.state / "backends.json").mkdir(parents=True)
    outcome = home.run("query", "auth")
    assert outcome.json["error_code"] == "STATE_INVALID"
    assert "cannot be read" in outcome.json["error_message"]


def test_chosen_rule(home: Home) -> None:
    """--rule takes the number or the id of a rule, whatever the question says."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    for rule in ("5", "recent_context"):
        envelope = home.run("query", "auth", "--rule", rule).json
        assert (envelope["routed_to"], envelope["fallback_chain"]) == ("totalrecall", ["totalrecall", "qmd"])
    outcome = home.run("query", "auth", "--rule", "nine")
    assert outcome.json["error_code"] == "UNKNOWN_RULE"
    assert "5 (recent_context)" in outcome.json["error_message"]


def test_chosen_backend(home: Home) -> None:
    """--backend asks that one step, without fallback; what is not there is told with what is."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    envelope = home.run("query", "auth", "--backend", "qmd:vsearch").json
    assert (envelope["routed_to"], envelope["routed_mode"], envelope["fallback_chain"]) == ("qmd", "vsearch", ["qmd"])
    for chosen, words in (("zoo", "totalrecall"), ("qmd:graze", "search, vsearch, query"), ("cognee", "init")):
        outcome = home.run("query", "auth", "--backend", chosen)
        assert (outcome.code, outcome.json["error_code"]) == (1, "UNKNOWN_BACKEND")
        assert words in outcome.json["error_message"]


def test_trace_tells_how_the_answer_came_about(home: Home) -> None:
    """The trace holds the rule, the text that matched, the rules that did not, the skipped steps, the attempts."""
    home.with_fakes(qmd=GOOD)
    trace = home.run("query", "what did we decide about pagination", "--trace").json["trace"]
    assert trace["rule"] == {"id": "decision_recall", "number": 3}
    assert trace["matched_text"] == "decide"
    assert [rule["number"] for rule in trace["rules_not_matched"]] == [1, 2]
    assert [(skip["backend"], skip["reason"]) for skip in trace["skipped"]] == [
        ("lossless", "not installed"),
        ("totalrecall", "not installed"),
    ]
    (attempt,) = trace["attempts"]
    assert (attempt["backend"], attempt["mode"], attempt["accepted"]) == ("qmd", "search", True)


def test_route_decides_and_asks_nobody(home: Home) -> None:
    """`route` prints the decision with the members that programs rely on, and no backend is asked."""
    home.with_fakes(qmd=GOOD)
    outcome = home.run("route", "find the function parseAuthToken", "--json")
    assert outcome.json == {
        "query": "find the function parseAuthToken",
        "explanation": "Rule 1 (exact_symbol) takes it because of 'find the function', a strong signal (find_symbol).",
        "rule": {"id": "exact_symbol", "number": 1},
        "signal": {"name": "find_symbol", "strength": "strong", "span": [0, 17]},
        "steps": [{"backend": "qmd", "mode": "search"}],
        "skipped": [{"backend": "totalrecall", "mode": None, "reason": "not installed"}],
        "table": [{"backend": "qmd", "mode": "search"}, {"backend": "totalrecall", "mode": None}],
    }
    assert home.asked("qmd") == []


def test_route_without_state(home: Home) -> None:
    """`route` decides also before anything is installed, and says on stderr what is missing."""
    outcome = home.run("route", "auth")
    assert outcome.code == 0
    assert outcome.json["rule"]["number"] == 7
    assert outcome.json["steps"] == []
    assert "memory-router setup" in outcome.err


def test_route_reads_lines(home: Home) -> None:
    """`route -` writes one object a line for each line, also for lines that hold no question."""
    outcome = home.run("route", "-", stdin="auth\n\nsrc/app.py")
    assert [line.get("rule", {}).get("number") for line in outcome.lines] == [7, None, 6]
    assert outcome.lines[1]["error_code"] == "EMPTY_QUERY"


def test_stdout_is_json_only(home: Home) -> None:
    """Whatever a backend prints to its stderr, and whatever is warned of, stdout holds the one JSON value."""
    folder = home.with_fakes(qmd=GOOD)["qmd"]
    os.makedirs(os.path.join(folder, "..", "broken"))
    with open(os.path.join(folder, "..", "broken", "backend.json"), "w", encoding="utf-8") as stream:
        stream.write("{")
    outcome = home.run("query", "auth")
    assert outcome.json["status"] == "success"
    assert "broken/backend.json" in outcome.err


def test_same_question_same_answer(home: Home) -> None:
    """The same question in the same state gives the same answer but for its durations and its id."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    changing = ("router_duration_ms", "backend_duration_ms", "execution_id")
    answers = [home.run("query", "auth").json for _ in range(2)]
    first, second = ({name: a[name] for name in a if name not in changing} for a in answers)
    assert first == second
    assert answers[0]["execution_id"] != answers[1]["execution_id"]


def test_terminal_gets_a_table(home: Home) -> None:
    """On a terminal the answer is drawn for people, and what a memory holds cannot drive the terminal."""
    escape = Result("red \x1b[31m alert \x9b2J", relevance=0.9, path="notes/\x1b]0;x\x07.md", line=3)
    home.with_fakes(qmd=GOOD._replace(results=(escape,)))
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "memory_router", "query", "auth"]
    subprocess.run(command, stdout=follower, env={**home.environment, "TERM": "dumb"}, check=True)
    os.close(follower)
    shown = os.read(leader, 2**16).decode()
    os.close(leader)
    assert "success from qmd:query, relevance 0.90" in shown
    assert "alert" in shown
    assert "\x1b" not in shown
    assert "\x9b" not in shown


WORDS = [
    "--json",
    "--limit",
    "--limit=5",
    "--rule",
    "--rule=2",
    "--backend",
    "--trace",
    "--multi",
    "--exit-status",
    "-",
    "--",
]


@given(
    st.lists(st.sampled_from([*WORDS, "7", "0", "101", "text", "", "-x", "--help", "--tra", "--trace=1"]), max_size=6)
)
@example(["--limit", "--", "x"])
@example(["--rule", "-", "x"])
@example(["--", "--json"])
@pytest.mark.parametrize("name", ["query", "route"])
def test_quick_parser_agrees_with_the_framework(name: str, arguments: list[str]) -> None:
    """What the quick parser understands, the command framework understands in the same way; the rest is left to it."""
    values = options.parse(arguments, ask.COMMANDS[name].options)
    if values is None:
        return
    seen: list[options.Values] = []

    def run(parsed: options.Values) -> int:
        seen.append(parsed)
        return 0

    command = ask.COMMANDS[name]._replace(run=run)
    app = typer.Typer()
    app.command()(commands.typer_command(name, command))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert json.dumps(seen, sort_keys=True) == json.dumps([values], sort_keys=True)
