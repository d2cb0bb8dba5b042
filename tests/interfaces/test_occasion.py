"""Laws of which prompts need memory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router import paths
from memory_router.interfaces.hooks.occasion import occasion
from memory_router.routing import config_file
from memory_router.routing.rules import RuleTable
from tests.conftest import bounded

NEEDING = [
    "why did we choose Postgres?",
    "what did we decide about the database schema in the morning session",
    "what was the last thing we changed",
    "Fix that bug we talked about.",
    "that thing with the tokens",
    "Do it the same way as last time.",
    "Add a retry, as discussed, and run the tests.",
    "Please follow our naming conventions here.",
    "you said the cache was the reason; go on with that",
    "Let's pick up where we left off",
    "Do you remember how the importer was split?",
    "explain our caching strategy",
    "what depends on AuthMiddleware?",
    "can you explain why the billing service uses a queue?\n\n```py\nx = 1\n```",
    "retry policy: how many tries did we settle on",
    "latest on the tide tables",
    "how do we version the public API?",
    "is there a runbook in harbor-master?",
]
NOT_NEEDING = [
    "yes",
    "ok, go on",
    "fix the typo",
    "Fix the failing test and decide on a good name.",
    "can you rename this variable?",
    "run the tests again",
    "commit this",
    "/compact keep what we decided",
    "!ls -la",
    "# remember what we decided",
    "<task-notification>we decided</task-notification>",
    "what is the capital of France?",
    "should we rename it?",
    "looks good to me",
    "the build still fails",
    "what can we do about that warning?",
    "ok: now run it, and commit",
    "how does a hash map work?",
    "remember to add a test",
    "open src/models/user.py",
    "find the function parse_token",
    "```\nwhy did we choose Postgres?\n```",
    "Make this pass:\n\n> why did we choose it\n\n    as discussed we_did()\n",
    "",
    "\x00\x00",
]


def table() -> RuleTable:
    """Return the bundled rules."""
    return RuleTable(config_file.load(paths.bundled("router-config.json")))


@pytest.mark.parametrize("prompt", NEEDING, ids=bounded(NEEDING))
def test_what_points_back_needs_memory(prompt: str) -> None:
    """References to earlier work, and questions about things of one's own, are occasions."""
    assert occasion(prompt, table(), lambda: {"harbor-master"})


@pytest.mark.parametrize("prompt", NOT_NEEDING, ids=bounded(NOT_NEEDING))
def test_the_rest_does_not(prompt: str) -> None:
    """Instructions, answers, code, commands of the host and general questions need no memory."""
    assert occasion(prompt, table(), lambda: {"harbor-master"}) is None


def test_the_gate_is_precise_and_misses_little() -> None:
    """Of prompts in six languages it takes four in five that need memory, and one in ten of what it takes does not."""
    rules = table()
    lines = (Path(__file__).parent / "prompts.tsv").read_text(encoding="utf-8").splitlines()
    prompts = [line.split("\t") for line in lines if not line.startswith("#")]
    needing = {prompt for need, _, prompt in prompts if need == "yes"}
    taken = {prompt for _, _, prompt in prompts if occasion(prompt, rules, frozenset)}
    assert len(needing) * 2 == len(prompts) == 200
    assert len(taken & needing) >= 0.9 * len(taken)
    assert len(taken & needing) >= 0.8 * len(needing)


@pytest.mark.parametrize(
    "prompt",
    [
        'translate "why did we choose Postgres? as discussed" to German',
        "\u00fcbersetze \u201ewarum haben wir das so gemacht\u201c ins Englische",
        "explain this error",
        "Was macht diese Funktion?",
        "explique cette erreur",
        "\u00bfqu\u00e9 hace esta funci\u00f3n?",
        "why am I getting a 404 here?",
        "ValueError: we decided against it\n10:04:11 as discussed\nERROR previous session was not closed\nfix it",
    ],
)
def test_what_is_quoted_pasted_or_at_hand_needs_no_memory(prompt: str) -> None:
    """Words in quotation marks and in logs are not the user's own, and the agent sees what "this" is."""
    assert occasion(prompt, table(), frozenset) is None


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("wie hie\u00df nochmal das Tool f\u00fcr Diagramme?", "forgotten"),
        ("what was the staging port again", "forgotten"),
        ("comment s'appelle d\u00e9j\u00e0 le script ?", "forgotten"),
        ("\u00bfc\u00f3mo se llamaba el script?", "forgotten"),
        ("was hat Mira zur Farbe gemeint?", "you_said"),
        ("like we did for the orders, add an audit table", "as_before"),
        ('what did we decide about the "big blue" theme?', "we_did"),
        ("KeyError: 'id', have we seen that before?", "we_did"),
    ],
)
def test_what_a_person_half_remembers_points_back(prompt: str, reason: str) -> None:
    """Who asks "what was it again", "what did she say" or says "as we did there" means earlier work."""
    found = occasion(prompt, table(), frozenset)
    assert found is not None
    assert (found.question, found.reason) == (prompt, reason)


def test_what_an_editor_puts_before_a_prompt_is_passed_over() -> None:
    """The file that is open, or a file that is mentioned, does not change what the user asks."""
    for before in ("<ide_opened_file>The user opened /a.py.</ide_opened_file>\n", "@docs/db.md "):
        found = occasion(f"{before}why did we choose Postgres?", table(), frozenset)
        assert found is not None
        assert found.question == "why did we choose Postgres?"


@given(st.text(max_size=3000))
def test_any_prompt_is_judged(prompt: str) -> None:
    """Every text has an answer, the same each time, and a question is short and not empty."""
    rules = table()
    found = occasion(prompt, rules, frozenset)
    assert found == occasion(prompt, rules, frozenset)
    assert found is None or 0 < len(found.question) <= 400
