"""People record and find outcomes, see profiles and compact, by the command line."""

import os
import pty
import subprocess
import sys

import pytest

from memory_router.learning.account import account
from tests.conftest import Home, Outcome

HOSTILE = "the\x1b[2Jverge"


def record(home: Home, value: str, outcome: str, *options: str) -> Outcome:
    """Record what became of reducing a source."""
    return home.run("outcomes", "record", "--type", "reduce_source", "--value", value, "--outcome", outcome, *options)


def on_a_terminal(home: Home, *arguments: str) -> str:
    """Return what a person sees."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "memory_router", *arguments],
        stdin=subprocess.DEVNULL, stdout=theirs, env={**home.environment, "COLUMNS": "120", "TERM": "dumb"},
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 4096):
                seen += part
        except OSError:
            pass  # the other end closed
    os.close(ours)
    assert process.returncode == 0
    return seen.decode()


def test_outcomes_are_recorded_and_found(home: Home) -> None:
    """What was recorded is in the list, in the search, in every layer, and counts in the profile."""
    first = record(
        home, "theverge", "rejected", "--reason", "gaming coverage", "--evidence", '{"like_rate": 0.35}'
    ).json
    assert first == {"outcome_id": 1, "is_new": True, "emerged": [], "ended": []}
    assert not record(home, "theverge", "rejected").json["is_new"]
    assert record(home, "theverge", "rejected", "--key", "again").json["outcome_id"] == 2
    assert record(home, "wired", "accepted", "--user", "bob", "--at", "2026-01-14T10:30:00Z").json["is_new"]
    hits = home.run("outcomes", "list", "--outcomes", "rejected").json["outcomes"]
    assert [hit["id"] for hit in hits] == [2, 1]
    (hit,) = home.run("outcomes", "search", "gaming", "--limit", "1").json["outcomes"]
    assert hit["id"] == 1
    (entry,) = home.run("outcomes", "search", "gaming", "--limit", "1", "--layer", "timeline").json["outcomes"]
    assert entry["surrounding"] == ["rejected reduce_source theverge"]
    (whole,) = home.run("outcomes", "show", "1").json["outcomes"]
    assert (whole["user_id"], whole["evidence_summary"]) == (account(), {"like_rate": 0.35})
    profile = home.run("profile").json
    assert profile["acceptance_stats"]["reduce_source"]["rejected"] == 2
    assert home.run("profile", "--recompute").json == profile
    assert home.run("profile", "--user", "bob").json["total_outcomes"] == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--outcome", "liked"), "'liked' is not an outcome"),
        (("--type", "Add Topic"), "not a type of suggestion"),
        (("--evidence", "{"), "is not JSON"),
        (("--evidence", '{"rate": NaN}'), "cannot be kept as JSON"),
        (("--evidence", "[" * 100_000), "is not JSON"),
        (("--at", "yesterday"), "is not a time"),
        (("--value", " "), "value is empty"),
    ],
    ids=lambda value: value[-1][:12] if isinstance(value, tuple) else "",
)
def test_bad_input_is_refused(home: Home, options: tuple[str, ...], told: str) -> None:
    """What cannot be recorded ends with exit code 1, a reason and a fix, and nothing on stdout."""
    given = {"--type": "add_topic", "--value": "rust", "--outcome": "accepted", options[0]: options[1]}
    outcome = home.run("outcomes", "record", *(word for pair in given.items() for word in pair))
    assert (outcome.code, outcome.out) == (1, "")
    assert told in outcome.err
    assert home.run("outcomes", "list").json["outcomes"] == []


def test_terminals_are_safe(home: Home) -> None:
    """A value with escape sequences moves no cursor, neither on a terminal nor through a pipe."""
    for number in range(5):
        record(home, HOSTILE, "rejected", "--key", f"{number}", "--reason", "\x1b]0;title\x07")
    for arguments in (("outcomes", "list"), ("outcomes", "show", "1"), ("profile",)):
        assert "\x1b[2J" not in on_a_terminal(home, *arguments)
        assert "\x1b]0" not in on_a_terminal(home, *arguments)
        assert "\x1b" not in home.run(*arguments).out
    seen = on_a_terminal(home, "profile")
    assert "never_reduce_sources" in seen
    assert "by week" in seen
    assert "never_reduce_sources holds" in (home.folder / "data" / "learned-patterns.md").read_text()


def test_compaction_says_what_it_would_do(home: Home) -> None:
    """A dry run changes nothing; the run names its archive, which lies beside the data."""
    record(home, "theverge", "rejected", "--at", "2025-01-01T00:00:00Z", "--evidence", "[1]")
    planned = home.run("outcomes", "compact", "--dry-run").json
    assert (planned["dry_run"], [one["outcomes"] for one in planned["compacted"]]) == (True, [1])
    assert home.run("outcomes", "show", "1").json["outcomes"][0]["evidence_summary"] == [1]
    (done,) = home.run("outcomes", "compact").json["compacted"]
    assert (home.folder / "data" / "outcome-archive" / done["archives"][0]).exists()
    assert home.run("outcomes", "show", "1").json["outcomes"][0]["archive"] == done["archives"][0]
    assert home.run("outcomes", "compact").json["compacted"] == []


def test_across_users_names_nobody(home: Home) -> None:
    """What holds across users is asked for without a user."""
    record(home, "theverge", "rejected")
    assert home.run("profile", "--across-users").json == {
        "users": 0,
        "associations": [],
        "trends": {"engagement": {}, "preference_stability": {}},
    }
    assert home.run("profile", "--across-users", "--user", "bob").code == 1


def test_the_database_is_looked_after_as_a_whole(home: Home) -> None:
    """`db` migrates, copies and checks outcomes as it does executions."""
    record(home, "theverge", "rejected")
    copy = f"sqlite:{home.folder}/copy.db"
    copied = home.run("db", "copy", f"sqlite:{home.folder}/data/memory.db", copy, "--yes").json["copied"]
    assert {one["table"]: one["added"] for one in copied if one["added"]} == {
        "config_suggestions": 1,
        "suggestion_outcomes": 1,
        "user_preference_profiles": 1,
    }
    assert home.run("db", "check", copy).json["ok"]
    assert home.run("db", "migrate", copy).json["schemas"]["advice"] == 1


def test_an_application_suggests_and_decides_by_commands(home: Home) -> None:
    """A suggestion waits with its configuration, is decided once, and both configurations are kept."""
    made = home.run(
        *("outcomes", "suggest", "--type", "add_topic", "--value", "kubernetes"),
        *("--evidence", '{"read": 14}', "--config-before", '{"topics": []}'),
    ).json
    number = str(made["suggestion_id"])
    done = home.run("outcomes", "decide", number, "accepted", "--config-after", '{"topics": ["kubernetes"]}').json
    (kept,) = home.run("outcomes", "show", str(done["outcome_id"])).json["outcomes"]
    assert (kept["config_before"], kept["config_after"]) == ({"topics": []}, {"topics": ["kubernetes"]})
    assert kept["evidence_summary"] == {"read": 14}
    assert home.run("outcomes", "decide", number, "rejected").code == 1
    assert home.run("outcomes", "suggest", "--type", "x", "--value", "y", "--evidence", "{").code == 1


def test_silence_is_an_alert(home: Home) -> None:
    """A user whose last decision is months old is not called steady without a word."""
    record(home, "theverge", "rejected", "--at", "2020-01-14T10:30:00Z")
    assert home.run("profile").json["trends"]["engagement"] == "silent"
    assert any("Nothing was decided for" in sentence for sentence in home.run("profile").json["alerts"])
