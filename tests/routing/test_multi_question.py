"""A compound request is split where a person would split it, and answered part by part in one envelope."""

import itertools
import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.contract import Result
from memory_router.errors import QueryTooLongError
from memory_router.routing.multi_question import MAX_PARTS, handed_over, split
from memory_router.testing import Behaviour
from tests.conftest import BROKEN, EMPTY, GOOD, POOR, Home

# Requests, with the parts that a person sees in them.
COMPOUND = {
    "process payroll and send a voice summary": ["process payroll", "send a voice summary"],
    "Process payroll and send voice summary": ["Process payroll", "send voice summary"],
    "process payroll, then send a voice summary": ["process payroll", "send a voice summary"],
    "Process payroll. After that, send a voice summary.": ["Process payroll", "send a voice summary"],
    "process payroll; send a voice summary": ["process payroll", "send a voice summary"],
    "I want to process payroll and send a summary": ["I want to process payroll", "send a summary"],
    "find the build, test it and finally email the result": ["find the build", "test it", "email the result"],
    "1. find the parser 2. explain it 3. test the lexer": ["find the parser", "explain it", "test the lexer"],
    "(1) find the parser (2) explain the lexer": ["find the parser", "explain the lexer"],
    "- find the parser\n- explain the lexer": ["find the parser", "explain the lexer"],
    "find the parser\nexplain the lexer": ["find the parser", "explain the lexer"],
    "For payroll:\n\n* find the rates\n* show the dates": ["For payroll:\n\n* find the rates", "show the dates"],
    "auth; database": ["auth", "database"],
    "auth middleware\n\nsession store": ["auth middleware", "session store"],
    "what did we decide about pagination and why did we choose it": [
        "what did we decide about pagination",
        "why did we choose it",
    ],
    "What depends on billing? Who owns it?": ["What depends on billing?", "Who owns it?"],
    "what depends on billing and who owns the ledger": ["what depends on billing", "who owns the ledger"],
    "what did we decide about tides, and send a note to Ann": ["what did we decide about tides", "send a note to Ann"],
    "find parseAuthToken and tell me what calls it": ["find parseAuthToken", "tell me what calls it"],
    "please find the retry policy and can you explain it": ["please find the retry policy", "can you explain it"],
    "the middleware issue and what did we decide about it": ["the middleware issue", "what did we decide about it"],
    "find src/app.py and show me tests/*.py": ["find src/app.py", "show me tests/*.py"],
    "find the next release and email it to Ann": ["find the next release", "email it to Ann"],
    "First, find the invoice. Second, fill it in. Third, send it to Ann.": [
        "find the invoice",
        "fill it in",
        "send it to Ann",
    ],
    "Look up the notes of Tuesday and pull out the open points": [
        "Look up the notes of Tuesday",
        "pull out the open points",
    ],
    "explain the cache, e.g. its keys. Find the tests.": ["explain the cache, e.g. its keys", "Find the tests"],
    "find the relationship between A and B and explain the cache": [
        "find the relationship between A and B",
        "explain the cache",
    ],
    'find "search for x; send it" and explain the cache': ['find "search for x; send it"', "explain the cache"],
}

WHOLE = [
    "auth",
    "relationship between OrderController and PaymentService",
    "what's the relationship between read and write locks",
    "what is the difference between import and export the data",
    "search and replace in the editor",
    "find and replace all tabs",
    "copy and paste the table",
    "who leads R and D",
    "the Q and A page",
    "find Marks and Spencer orders",
    "show me Add and Remove Programs",
    "compare cats and dogs",
    "how do I build and deploy the image",
    "how do I open a file and find a word",
    "how does the parser read and then validate tokens",
    "how does import and export work",
    "find the build and test scripts",
    "find closed and open tickets",
    "find the second file and the third",
    "turn the sound up and the light off",
    "find all read and delete calls",
    "find the script to read files and write logs",
    "find services that read orders and send mail",
    "explain how it works and why it fails",
    "tell me when and why it broke",
    "when did it break and why",
    "which services read orders and write mail",
    "how are user roles and what they may do organised",
    "when did Ann meet people on a hike and have a bad day",
    "what happened after that",
    "what should we do next",
    "what did we do after that meeting",
    "yesterday, what did we change",
    "in the parser, find the token table",
    "if the build fails then restart the server",
    "what happens if the server restarts and then the client reconnects",
    "run the tests, and if they fail, send a mail",
    "what changed in src/app.py and src/lib.py",
    "We use Postgres. Why did we choose it?",
    "What did we decide about pagination? It was in the morning session.",
    "Was it a good month? Answer yes or no.",
    "why did we choose Postgres? Thanks!",
    "find version 1.2. 3 of Node.js",
    'find "search for x and send the mail" in the notes',
    "find `a; b` and (see below; send it)",
    "cats and/or dogs",
    "",
    " ;; ... ",
]


@pytest.mark.parametrize("request_text", COMPOUND)
def test_compound_requests_are_split(request_text: str) -> None:
    """A request that a person sees as several is split into those parts, as they were written and in order."""
    assert [part.text for part in split(request_text)] == COMPOUND[request_text]


@pytest.mark.parametrize("request_text", WHOLE)
def test_single_requests_stay_whole(request_text: str) -> None:
    """What only looks compound, a doubtful case among them, is asked as it stands."""
    assert split(request_text) == ((request_text, request_text),)


BACKWARD = {
    "find parseAuthToken and tell me what calls it": "tell me what calls it (parseAuthToken)",
    "process payroll; send its summary to Ann": "send its summary to Ann (payroll)",
    "what did we decide about pagination and why did we choose it": "why did we choose it (pagination)",
    "why did we choose Postgres, and what were the alternatives": "what were the alternatives (postgres)",
    "show the last change and what was the reason for that": "what was the reason for that (last change)",
    "find src/app.py and email the result to Ann": "email the result to Ann (src/app.py)",
    "which linter did we choose and which ones went away": "which ones went away (linter)",
    "remember that we chose Postgres and explain why": "explain why (chose postgres)",
    "find the parser and explain the lexer": "explain the lexer",
    "find the parser and show the note that names the lexer": "show the note that names the lexer",
}


@pytest.mark.parametrize("request_text", BACKWARD)
def test_parts_that_refer_back_can_be_asked_alone(request_text: str) -> None:
    """A part that refers back takes over what the part before it is about, and no other part does."""
    first, second = split(request_text)
    assert first.query == first.text
    assert second.query == BACKWARD[request_text]


def test_reference_reaches_through_parts() -> None:
    """A part that refers back through one that does so itself still names what is meant."""
    parts = split("find the parser, explain it and email it to Ann")
    assert [part.query for part in parts] == ["find the parser", "explain it (parser)", "email it to Ann (parser)"]


ALLOCATOR = """
class ConflictError(Exception): ...

class BerthAllocator:
    def reserve(self) -> None: ...
"""


@pytest.mark.parametrize(
    ("request_text", "found", "asked"),
    [
        (
            "find the class that allocates berths and then tell me what calls it",
            ALLOCATOR,
            "tell me what calls BerthAllocator",
        ),
        ("which function reserves a berth, and who uses it?", ALLOCATOR, "who uses reserve?"),
        (
            "find the class that allocates berths and then tell me what calls it",
            "",
            "tell me what calls it (class allocates berths)",
        ),
        ("find the note on berths and send it to Ann", ALLOCATOR, "send it to Ann (note berths)"),
        ("find BerthPlan and tell me what calls it", ALLOCATOR, "tell me what calls it (BerthPlan)"),
        ("find the class that allocates berths and then explain the lexer", ALLOCATOR, "explain the lexer"),
    ],
)
def test_what_a_part_found_is_handed_to_the_next(request_text: str, found: str, asked: str) -> None:
    """A pronoun stands for the thing of code that the part before asked for by its kind, once its name is found."""
    first, second = split(request_text)
    assert handed_over(second, first.query, found) == asked


@pytest.mark.parametrize(
    ("request_text", "found", "asked"),
    [
        (
            "what is the payroll module called and who owns it",
            "# Payroll\n\nThe payroll module is called Wagemill.",
            "who owns it (payroll module called Wagemill)",
        ),
        (
            "who keeps the tide tables and what did they change",
            "Berths are free. Oyelaran keeps the tide tables.",
            "what did they change (keeps tide tables Oyelaran)",
        ),
        (
            "how do we retry webhooks and what broke it",
            "We retry webhooks with Backoff.",
            "what broke it (retry webhooks)",
        ),
    ],
)
def test_the_names_that_answer_a_part_are_handed_to_the_next(request_text: str, found: str, asked: str) -> None:
    """Where a part asks what something is called, or who it is, the names beside its own words are added."""
    first, second = split(request_text)
    assert handed_over(second, first.query, found) == asked


def test_too_many_parts() -> None:
    """More parts than anybody asks for are refused with the limit in the message."""
    assert len(split("; ".join(["auth"] * MAX_PARTS))) == MAX_PARTS
    with pytest.raises(QueryTooLongError, match=str(MAX_PARTS)):
        split("; ".join(["auth"] * (MAX_PARTS + 1)))


PIECES = [
    *("and", "then", ";", ",", ".", "?", "1.", "2.", "-", "\n", '"', "("),
    *("find", "explain", "send", "the", "parser", "it", "that", "what", "did", "we", "between"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map(" ".join) | st.text(max_size=80))
def test_parts_are_the_request(text: str) -> None:
    """Any text is split in one way, into pieces of itself in order, each of which can be asked."""
    try:
        parts = split(text)
    except QueryTooLongError:
        return
    assert parts == split(text)
    position = 0
    for part in parts:
        found = text.find(part.text.removesuffix("?"), position)
        assert found >= position
        position = found + len(part.text.removesuffix("?"))
        assert part.query.startswith(part.text)
        assert part.text.strip() or len(parts) == 1


MULTI = "explain the caching strategy and tell me what was the last thing we changed"


def test_one_envelope_for_all_parts(home: Home) -> None:
    """Each part goes its own way; the envelope holds the results of all, in order, and the way of each."""
    home.with_fakes(qmd=GOOD, totalrecall=Behaviour(results=(Result("a change", 0.6, metadata={"tag": "x"}),)))
    envelope = home.run("query", "--multi", MULTI, "--trace").json
    single = home.run("query", "auth").json
    assert [name for name in envelope if name != "parts"] == list(single)
    assert envelope["query_echo"] == MULTI
    assert (envelope["status"], envelope["routed_to"], envelope["routed_mode"]) == ("success", "qmd, totalrecall", None)
    assert envelope["fallback_chain"] == ["qmd", "qmd", "totalrecall", "totalrecall", "qmd"]
    assert [result["metadata"] for result in envelope["results"]] == [
        {"provenance": "external", "part": 1},
        {"tag": "x", "provenance": "external", "part": 2},
    ]
    assert (envelope["result_count"], envelope["normalized_relevance"]) == (2, 0.6)
    first, second = envelope["parts"]
    assert (first["part"], first["text"], first["routed_to"]) == (1, "explain the caching strategy", "qmd")
    assert second["query_echo"] == "tell me what was the last thing we changed"
    assert [part["trace"]["rule"]["id"] for part in (first, second)] == ["concept", "recent_context"]
    assert len({envelope["execution_id"], first["execution_id"], second["execution_id"]}) == 3


def test_single_request_with_multi(home: Home) -> None:
    """A request of one part is answered as without --multi, and says that it has one part."""
    home.with_fakes(qmd=GOOD)
    envelope = home.run("query", "--multi", "auth").json
    assert (envelope["status"], envelope["routed_to"], envelope["routed_mode"]) == ("success", "qmd", "query")
    assert [part["text"] for part in envelope["parts"]] == ["auth"]


STATUSES: dict[str, Behaviour] = {"success": GOOD, "partial": POOR, "empty": EMPTY, "error": BROKEN}


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations_with_replacement(STATUSES, 2)])
def test_status_of_the_parts(first: str, second: str, home: Home) -> None:
    """The status is that of all parts, or partial where they differ; what went wrong names its part."""
    for name, status in (("qmd", first), ("totalrecall", second)):
        home.fake(name, STATUSES[status], cost_usd=0.01)  # so that the rule of the other part alone asks it
    home.register(qmd="ready", totalrecall="ready")
    home.configure(rules=_one_backend_each())
    outcome = home.run("query", "--multi", MULTI)
    assert [part["status"] for part in outcome.json["parts"]] == [first, second]
    assert outcome.json["status"] == (first if first == second else "partial")
    assert ("error_code" in outcome.json) is ("error" in (first, second))
    if second == "error":
        assert "Part 2 (tell me what was the last thing we changed): " in outcome.json["error_message"]
    assert outcome.code == (1 if first == second == "error" else 0)


def _one_backend_each() -> list[dict[str, Any]]:
    signal = {"name": "last", "strength": "strong", "pattern": "last thing"}
    return [
        {"id": "last", "number": 1, "primary": "totalrecall", "fallback": [], "signals": [signal]},
        {"id": "rest", "number": 2, "primary": "qmd:query", "fallback": [], "signals": []},
    ]


def test_impossible_requests(home: Home) -> None:
    """A request with nothing in it, or with too much, is an error envelope like any other."""
    home.with_fakes(qmd=GOOD)
    for text, code in (("", "EMPTY_QUERY"), ("a" * 2**15 + ";b", "QUERY_TOO_LONG"), ("a; " * 11, "QUERY_TOO_LONG")):
        outcome = home.run("query", "--multi", "-", stdin=text + "\n")
        assert (outcome.code, outcome.json["error_code"]) == (1, code)


def test_nothing_runs_behind_a_part_that_waits_for_approval(home: Home) -> None:
    """Parts before one that needs approval are answered; those behind it are asked only once it is approved."""
    home.fake("qmd", GOOD)
    home.fake("totalrecall", GOOD, requires_approval=True)
    home.register(qmd="ready", totalrecall="ready")
    home.configure(rules=_one_backend_each())
    envelope = home.run("query", "--multi", f"find the parser; {MULTI}; explain the lexer").json
    assert [part["status"] for part in envelope["parts"]] == ["success", "success", "error", "error"]
    assert (envelope["status"], envelope["error_code"]) == ("partial", "APPROVAL_REQUIRED")
    assert envelope["approval_id"] == envelope["parts"][2]["approval_id"]
    assert "an earlier part needs approval" in envelope["parts"][3]["error_message"]
    assert len(home.asked("qmd")) == 2
    assert home.asked("totalrecall") == []
    home.at_terminal(["approve", envelope["approval_id"], "--by", "katie@example.com"])
    again = home.run("query", "--multi", f"find the parser; {MULTI}", "--approval", envelope["approval_id"]).json
    assert [part["status"] for part in again["parts"]] == ["success"] * 3


def test_terminal_shows_the_parts(home: Home) -> None:
    """On a terminal the parts are listed, and each result and each trace names or follows its part."""
    home.with_fakes(qmd=GOOD, totalrecall=GOOD)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "memory_router", "query", "--multi", "--trace", MULTI]
    environment = {**home.environment, "TERM": "dumb", "COLUMNS": "200"}
    subprocess.run(command, stdout=follower, env=environment, check=True)
    os.close(follower)
    shown = os.read(leader, 2**16).decode()
    os.close(leader)
    assert "success from qmd, totalrecall" in shown
    assert "part 2." in shown
    assert shown.count("accepted") == 2
