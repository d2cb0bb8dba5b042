"""A rule table is checked before it is used, and every error says where and what is allowed."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memory_router.errors import ConfigError
from memory_router.routing import config_file, config_schema, lint
from memory_router.routing.registry import Manifest
from tests.conftest import GOOD, Home

BUNDLED = Path(__file__).parents[2] / "router-config.json"
BODY = json.loads(BUNDLED.read_text())
MANIFESTS = {
    "qmd": Manifest("qmd", "", modes=("search", "vsearch", "query")),
    **{name: Manifest(name, "") for name in ("totalrecall", "cognee", "lossless")},
}

Change = Callable[[Any], Any]

WRONG: dict[str, tuple[Change, str, str]] = {
    "unknown member": (lambda b: b.update(fallback_treshold=1), "$.fallback_treshold", "did you mean"),
    "unknown member of a rule": (
        lambda b: b["rules"][2].update(name="x"),
        "$.rules[decision_recall].name",
        "id, number",
    ),
    "wrong type": (lambda b: b.update(fallback_threshold="high"), "$.fallback_threshold is 'high'", "a number"),
    "out of range": (lambda b: b.update(fallback_threshold=1.5), "$.fallback_threshold is '1.5'", "<= 1"),
    "missing member": (lambda b: b["rules"][0].pop("primary"), "$.rules[exact_symbol].primary is missing", "any value"),
    "bad strength": (
        lambda b: b["rules"][0]["signals"][0].update(strength="firm"),
        "$.rules[exact_symbol].signals[find_symbol].strength is 'firm'",
        '"strong" or "weak"',
    ),
    "bad step": (
        lambda b: b["rules"][0].update(primary="QMD search"),
        "$.rules[exact_symbol].primary",
        "matching regex",
    ),
    "invalid regex": (
        lambda b: b["rules"][0]["signals"][0].update(pattern="(unclosed", phrases=None),
        "$.rules[exact_symbol].signals[find_symbol].pattern",
        "missing )",
    ),
    "two ways to match": (
        lambda b: b["rules"][0]["signals"][0].update(pattern="find", phrases=["find"]),
        "$.rules[exact_symbol].signals[find_symbol]",
        "one of `phrases`, `pattern` and `kind`",
    ),
    "no way to match": (
        lambda b: b["rules"][0]["signals"][0].update(phrases=[]),
        "$.rules[exact_symbol].signals[find_symbol]",
        "one of `phrases`, `pattern` and `kind`",
    ),
    "unclosed optional word": (
        lambda b: b["rules"][0]["signals"][0].update(phrases=["find (the usages of"]),
        "$.rules[exact_symbol].signals[find_symbol].phrases[0]",
        "matching regex",
    ),
    "unknown kind": (
        lambda b: b["rules"][0]["signals"][0].update(kind="mood"),
        "$.rules[exact_symbol].signals[find_symbol].kind is 'mood'",
        '"identifier"',
    ),
    "unknown language": (lambda b: b.update(languages=["tlh"]), "$.languages[0]", '"de"'),
    "same id twice": (lambda b: b["rules"][1].update(id="exact_symbol"), "$.rules[exact_symbol].id", "no other rule"),
    "same number twice": (lambda b: b["rules"][1].update(number=1), "$.rules[relationship].number", "no other rule"),
    "no default rule": (lambda b: b["rules"].pop(), "$.rules[path].signals", "the last rule is the default"),
    "rule without signals": (
        lambda b: b["rules"][0].update(signals=[]),
        "$.rules[exact_symbol].signals",
        "at least one",
    ),
    "no rules": (lambda b: b.update(rules=[]), "$.rules", "length >= 1"),
    "other version": (lambda b: b.update(version=2), "$.version is '2'", "allowed: 1"),
    "delay below zero": (lambda b: b.update(fallback_delay_ms=-1), "$.fallback_delay_ms is '-1'", ">= 0"),
    "deadline of zero": (lambda b: b["deadlines"].update(default_ms=0), "$.deadlines.default_ms", ">= 1"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_errors_name_file_place_value_and_what_is_allowed(wrong: str) -> None:
    """Each way of breaking the schema gives an error with the file, the JSON path and what is allowed there."""
    change, place, allowed = WRONG[wrong]
    body = copy.deepcopy(BODY)
    change(body)
    with pytest.raises(ConfigError) as caught:
        config_schema.validate(body, "/somewhere/my-config.json")
    assert "/somewhere/my-config.json" in caught.value.cause
    assert place in caught.value.cause
    assert allowed in caught.value.cause


def test_bundled_table_is_valid_and_clean() -> None:
    """The file that ships breaks no rule of its own schema and has no finding: the ask path relies on it."""
    config_schema.validate(BODY, str(BUNDLED))
    settings = config_file.load(str(BUNDLED))
    assert settings.bundled
    assert lint.lint(settings, MANIFESTS, lint.examples_of(BODY)) == []


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*BODY, "id", "x"]), inner, max_size=4),
    max_leaves=8,
)


@given(ANY_JSON)
@example({"tiers": {"$schema": [None]}})
def test_any_json_is_valid_or_explained(body: Any) -> None:
    """No JSON value whatsoever makes the check itself fail."""
    with pytest.raises(ConfigError):
        config_schema.validate(body, "file.json")


@given(st.sampled_from(list(BODY)), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()))
def test_any_replaced_member_is_valid_or_explained(member: str, value: Any) -> None:
    """Whatever stands in place of a member is accepted or explained with that member's path."""
    explained = ""
    try:
        config_schema.validate({**BODY, member: value}, "file.json")
    except ConfigError as error:
        explained = error.cause
    assert not explained or f"$.{member}" in explained


def findings(**changes: Any) -> list[lint.LintFinding]:
    """Return what is found in the bundled table with `changes`."""
    body = {**copy.deepcopy(BODY), **changes}
    config_schema.validate(body, "file.json")
    return lint.lint(config_file.build(body, "file.json"), MANIFESTS, lint.examples_of(body))


def with_rule(pattern: str, *, at: int = 0, **members: Any) -> list[Any]:
    """Return the bundled rules with one more, placed at `at`."""
    rule = {
        "id": "mine",
        "number": 99,
        "primary": "qmd:search",
        "fallback": [],
        "signals": [{"name": "mine", "strength": "strong", "pattern": pattern}],
        **members,
    }
    return [*BODY["rules"][:at], rule, *BODY["rules"][at:]]


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(\w+\s?)*!$", r"(x+x+)+y", r"(.*a){20}b"])
def test_catastrophic_patterns_are_found(pattern: str) -> None:
    """A pattern that backtracks without end is found by probing, and the finding names its signal."""
    (finding,) = findings(rules=with_rule(pattern))
    assert finding.place == "rule mine, signal mine"
    assert "runs longer than 20 ms" in finding.problem


@pytest.mark.parametrize(
    "signal", [BODY["rules"][0]["signals"][0], {"pattern": "(?!)"}, {"pattern": "a^b"}, {"kind": "identifier"}]
)
def test_rules_that_can_never_match_are_found(signal: dict[str, Any]) -> None:
    """A rule whose only signal repeats an earlier one, or contradicts itself, is found."""
    own = {"name": "mine", "strength": "weak", **signal}
    assert [(f.place, f.problem[:15]) for f in findings(rules=with_rule("", at=3, signals=[own]))] == [
        ("rule mine", "can never match")
    ]


def test_catch_all_is_found() -> None:
    """A pattern that matches every question is found, and so are the rules behind it."""
    places = {finding.place for finding in findings(rules=with_rule(".*"))}
    assert {"rule mine", "rule relationship", "rule path"} <= places


def test_unknown_backends_and_modes_are_found() -> None:
    """A backend that no manifest knows, and a mode that a backend lacks, are found wherever they stand."""
    found = findings(
        rules=with_rule("zebra", primary="zoo", fallback=["qmd:graze"]),
        tiers={**BODY["tiers"], "huge": ["elephant"]},
        deadlines={"default_ms": 1, "backends": {"giraffe": 5}},
    )
    assert [f.problem for f in found] == [
        "no manifest knows the backend zoo",
        "qmd has no mode graze",
        "no manifest knows the backend giraffe",
        "no manifest knows the backend elephant",
    ]


def test_lost_examples_are_found() -> None:
    """An example that another rule takes is found."""
    rules = with_rule("zebra", at=5, examples=["a zebra", "explain the zebra"])
    (finding,) = findings(rules=rules)
    assert "'explain the zebra' is taken by rule concept" in finding.problem


def test_slow_pattern_never_hangs_a_query(home: Home) -> None:
    """A user's pattern that runs out of its time is passed over, the answer comes, and stderr says why."""
    home.configure(rules=with_rule(r"(a+)+$"))
    home.with_fakes(qmd=GOOD)
    outcome = home.run("query", "a" * 1500 + "!")
    assert outcome.json["status"] == "success"
    assert "signal mine" in outcome.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "$ is"),
        ('{"version": 2}', "$.version"),
    ],
)
def test_unusable_config_is_an_error_envelope(home: Home, content: str, words: str) -> None:
    """With a broken rule table of the user's, the answer is an error that names the file and the fix."""
    home.with_fakes(qmd=GOOD)
    target = home.folder / "config" / "router-config.json"
    target.write_text(content)
    outcome = home.run("query", "auth")
    assert outcome.code == 1
    assert outcome.json["error_code"] == "CONFIG_INVALID"
    assert "router-config.json" in outcome.json["error_message"]
    assert words in outcome.json["error_message"]


def completed(**own: Any) -> Any:
    """Return the valid configuration of a user whose file holds these members."""
    body = config_file.completed(own)
    config_schema.validate(body, "file.json")
    return body


def test_a_file_may_hold_only_what_differs(home: Home) -> None:
    """Whatever a user's file leaves out is as bundled, in objects within it, too."""
    home.configure()
    own = home.folder / "config" / "router-config.json"
    own.write_text('{"deadlines": {"total_ms": 900}, "learning": "off"}')
    settings = config_file.load(str(own))
    bundled = config_file.load(str(BUNDLED))
    assert (settings.deadlines, settings.learning.mode) == (bundled.deadlines._replace(total_ms=900), "off")
    assert settings.rules == bundled.rules
    assert home.run("config", "check").json["ok"] is True


def test_rules_that_are_no_table_change_the_bundled_one() -> None:
    """A rule with a known id and a signal with a known name are completed; new ones are added before the default."""
    signal = {"name": "relation", "strength": "weak"}
    added = {"id": "mine", "number": 8, "primary": "qmd:query", "fallback": [], "signals": [{**signal, "kind": "time"}]}
    body = completed(rules=[{"id": "relationship", "fallback": [], "signals": [signal]}, added])
    assert [rule["id"] for rule in body["rules"]] == [*(rule["id"] for rule in BODY["rules"][:-1]), "mine", "ambiguous"]
    changed, bundled = body["rules"][1], BODY["rules"][1]
    assert changed["signals"] == [{**bundled["signals"][0], "strength": "weak"}, *bundled["signals"][1:]]
    assert changed == {**bundled, "fallback": [], "signals": changed["signals"]}


def test_a_whole_table_stays_as_it_is() -> None:
    """Rules that end in a default rule are all the rules that count, and are asked in English alone."""
    patterns = [{"name": "tide", "strength": "strong", "pattern": "\\btides?\\b"}]
    own = [{**BODY["rules"][0], "signals": patterns}, {**BODY["rules"][-1], "primary": "totalrecall"}]
    body = completed(rules=own)
    assert (body["rules"], body["languages"]) == (own, [])


def test_config_check_reports(home: Home) -> None:
    """`config check` exits 0 for the bundled table, 1 with findings as JSON, and 1 with a sentence if invalid."""
    assert home.run("config", "check").json["ok"] is True
    home.configure(rules=with_rule(".*"))
    outcome = home.run("config", "check")
    assert (outcome.code, outcome.json["ok"]) == (1, False)
    bad = home.folder / "bad.json"
    bad.write_text('{"version": 1, "rulez": []}')
    outcome = home.run("config", "check", str(bad))
    assert outcome.code == 1
    assert "bad.json: $" in outcome.err
