"""The bundled rule table routes as the specification says."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router.routing import config_file
from memory_router.routing.rules import RuleMatch, RuleTable

BUNDLED = config_file.load(str(Path(__file__).parents[2] / "router-config.json"))
TABLE = RuleTable(BUNDLED)

# The fifteen examples of the specification (seed 002, Few-Shot Routing Examples), its own order and words.
SEED_EXAMPLES = [
    ("find the function parseAuthToken", 1, ["qmd:search", "totalrecall"]),
    ("how does the auth middleware relate to the session store", 2, ["cognee", "qmd:vsearch", "totalrecall"]),
    (
        "what did we decide about the database schema in the morning session",
        3,
        ["lossless", "totalrecall", "qmd:search"],
    ),
    ("how does error handling work in the API layer", 4, ["qmd:vsearch", "qmd:query", "totalrecall"]),
    ("what was the last thing we changed", 5, ["totalrecall", "qmd:search"]),
    ("search in src/models/*.ts", 6, ["qmd:search", "totalrecall"]),
    ("find all usages of UserService", 1, ["qmd:search", "totalrecall"]),
    ("what's the relationship between OrderController and PaymentService", 2, ["cognee", "qmd:vsearch", "totalrecall"]),
    ("recall the architecture decision from this morning", 3, ["lossless", "totalrecall", "qmd:search"]),
    ("explain the caching strategy", 4, ["qmd:vsearch", "qmd:query", "totalrecall"]),
    ("auth", 7, ["qmd:query", "totalrecall"]),
    ("that thing with the tokens", 5, ["totalrecall", "qmd:query"]),
    ("database", 7, ["qmd:query", "totalrecall"]),
    ("why did we do it that way", 3, ["lossless", "totalrecall", "qmd:search"]),
    ("the middleware issue", 7, ["qmd:query", "totalrecall"]),
]

FORMS = [
    ("these modules are related", 2),
    ("which services depend upon billing", 2),
    ("who are the dependents of the scheduler", 2),
    ("how are the parser and the lexer connected to each other? list connections", 2),
    ("tracing a packet from the card to the socket", 2),
    ("who uses the yard store", 2),
    ("which modules import the scheduler", 2),
    ("what would break if I change the parser", 2),
    ("what relies on the price table", 2),
    ("path from a camera frame to the plate vendor", 2),
    ("what links the outage to the release", 2),
    ("how are the parser and the lexer connected", 2),
    ("how do the outbox and the relay interact", 2),
    ("who uses UserService", 2),
    ("who else imports open_session", 2),
    ("which modules import the class OrderService", 2),
    ("what uses src/auth/session.ts", 2),
    ("find all callers of parse_manifest", 2),
    ("what relies on next_local_midnight", 2),
    ("what breaks when parse_rows changes", 2),
    ("what would be affected if we rename UserService", 2),
    ("how are DemandCurve and InvoiceBuilder connected", 2),
    ("what links OrderService to audit_log", 2),
    ("how do OrderService and the PaymentGateway interact", 2),
    ("what use is parse_rows", 1),
    ("what references do we have for parse_rows", 1),
    ("search for callers of parse_rows", 1),
    ("what did we decide about relying on Celery", 3),
    ("who uses recently added flags", 5),
    ("what links did we add to README.md", 6),
    ("who called yesterday", 5),
    ("what needs to be done before the release", 7),
    ("we decided something about pagination", 3),
    ("list the decisions of last week", 3),
    ("earlier in the conversation you named a port", 3),
    ("notes of the afternoon session", 3),
    ("which linter did we agree on", 3),
    ("did we keep the old parser", 3),
    ("how do we keep two workers from sending one mail twice", 4),
    ("where do we keep the signing keys", 7),
    ("what have we settled on, final word", 3),
    ("are we going to ship on Fridays", 3),
    ("how do migrations work", 4),
    ("where are timeouts handled", 4),
    ("what are the steps for a release", 4),
    ("we just discussed a flag", 5),
    ("a couple of minutes ago", 5),
    ("latest change in the parser", 5),
    ("anything newest on tides", 5),
    ("newest thing about PlateSight", 5),
    ("anything new about the UserService", 5),
    ("where did we leave off", 5),
    ("Show `renderTree()`", 1),
    ("what calls parseJSON", 2),
    ("the userID of UserDTO", 1),
    ("APIKey and HTTPServer", 1),
    ("where is __init__ of it", 1),
    ("all .py files", 6),
    ("controllers/users", 6),
    ("./run", 6),
    ("./scripts/run", 6),
    ("~/notes/todo", 6),
    ("/etc/nginx/conf.d", 6),
    ("README.md", 6),
    ("src/**", 6),
    ("app.py:42", 6),
]

NO_PATHS = [
    "and/or",
    "he/she said so",
    "I/O performance",
    "TCP/IP networking",
    "meeting on 2026/11/20",
    "11/20/2026",
    "https://example.com/docs/page.html",
    "see http://example.com/src/app.py there",
    "client/server split",
    "either/or",
    "24/7 support",
    "a * b",
    "**bold** words",
    "version 1.2.3",
    "bob@example.com",
    "Node.js",
    "e.g. this one",
    "yes/no/maybe",
]

NO_SIGNALS = [
    "GitHub outage",
    "PostgreSQL upgrade",
    "iOS build",
    "correlation id in logs",
    "unrelated topics",
    "relative imports",
    "undecided voters",
    "a decisive win",
]


def shown(match: RuleMatch) -> list[str]:
    """Return the steps as the specification writes them."""
    return [str(step) for step in match.steps]


@pytest.mark.parametrize(("query", "rule", "chain"), SEED_EXAMPLES)
def test_seed_examples(query: str, rule: int, chain: list[str]) -> None:
    """Each example of the specification takes the rule and the chain written beside it."""
    match = TABLE.match(query)
    assert (match.rule and match.rule.number, shown(match)) == (rule, chain)


@pytest.mark.parametrize(("query", "rule"), FORMS)
def test_word_forms(query: str, rule: int) -> None:
    """Other forms of a signal's words speak for the same rule, whatever their case."""
    for text in (query, query[0].upper() + query[1:]):
        match = TABLE.match(text)
        assert match.rule
        assert match.rule.number == rule, match


@pytest.mark.parametrize("query", NO_PATHS)
def test_slashes_that_are_no_paths(query: str) -> None:
    """Slashes and dots of prose, dates, addresses and arithmetic are not paths."""
    match = TABLE.match(query)
    assert match.rule
    assert match.rule.id != "path", match


@pytest.mark.parametrize("query", NO_SIGNALS)
def test_parts_of_words(query: str) -> None:
    """A signal is a word, not a part of one."""
    assert TABLE.match(query).signal is None


def test_own_examples_of_the_table() -> None:
    """The examples that the table itself gives are taken by the rules that give them."""
    body = json.loads((Path(__file__).parents[2] / "router-config.json").read_text())
    for rule in body["rules"]:
        for example in rule["examples"]:
            match = TABLE.match(example)
            assert match.rule
            assert match.rule.id == rule["id"], example


@given(st.text(max_size=200))
def test_every_text_is_routed(text: str) -> None:
    """Any text at all is taken by exactly one rule, the same one every time, with the span inside the text."""
    match = TABLE.match(text)
    assert match == TABLE.match(text)
    assert match.rule
    assert match.steps
    if match.span:
        assert 0 <= match.span[0] < match.span[1] <= len(text)


@given(st.sampled_from(SEED_EXAMPLES), st.sampled_from(["", "  ", "\n", "please "]), st.sampled_from(["", "?", " \t"]))
def test_surroundings_do_not_matter(example: tuple[str, int, list[str]], before: str, after: str) -> None:
    """White space, a question mark or a courtesy around a question change nothing."""
    match = TABLE.match(before + example[0] + after)
    assert match.rule
    assert match.rule.number == example[1]


QUESTIONS = [
    (query, int(rule))
    for rule, query in (
        line.split("\t") for line in Path(__file__).with_name("natural_questions.tsv").read_text("utf-8").splitlines()
    )
]


def test_natural_questions() -> None:
    """Questions in people's own words and six languages take the rule that a reader of the table expects."""
    missed = {query for query, rule in QUESTIONS if (found := TABLE.match(query).rule) and found.number != rule}
    assert len(missed) <= len(QUESTIONS) // 50, missed
