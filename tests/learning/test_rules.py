"""Rules route what they are for, people's before learned ones, and nothing else."""

import itertools
import json
import os
from pathlib import Path

import pytest

from memory_router.errors import GateClosedError, RuleError, StoreError
from memory_router.learning.gate import rule_cache
from memory_router.learning.overrides import OverrideRules
from memory_router.learning.rule import OverrideRule
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA
from memory_router.routing.config import Learning, Step
from memory_router.storage.database import Database, open_database
from memory_router.text import request_vectors
from tests.learning.conftest import NOW


@pytest.fixture
def file(tmp_path: Path, url: str) -> str:
    """Return where the cache of the rules lies."""
    URLS[str(tmp_path / "rules.json")] = url
    return str(tmp_path / "rules.json")


@pytest.fixture
def rules(database: Database, file: str) -> RuleStore:
    """Return an empty store of rules, each written a second after the other."""
    return RuleStore(database, rule_cache(file, URLS[file]), map(float, itertools.count(int(NOW))).__next__)


# The database behind each cache.
URLS: dict[str, str] = {}


def router(file: str, mode: str = "suggest", similarity: float = 0.85, timeout_ms: int = 1000) -> OverrideRules:
    """Return the rule source of the ask path."""
    settings = Learning(mode=mode, similarity_threshold=similarity)
    return OverrideRules(rule_cache(file, URLS[file]), settings, timeout_ms)


def learned(pattern: str, system: str = "qmd:search", **changes: object) -> OverrideRule:
    """Return a learned rule."""
    blank = OverrideRule(
        pattern[:8].encode().hex(), pattern, "text", system, (), 60, 0.95, 0.0, 40.0, 0.8, True, True, "proposed",
        False, None, {}, None, NOW, NOW,
    )  # fmt: skip
    return blank._replace(**changes)  # type: ignore[arg-type]


def taken_by(source: OverrideRules, query: str) -> str | None:
    """Return the pattern of the rule that takes a question."""
    match = source.match(query)
    return match.routing_rule.pattern if match and match.routing_rule else None


def test_a_persons_rule_takes_what_means_the_same(rules: RuleStore, file: str) -> None:
    """A text rule takes the request in other wordings, and leaves other requests to the rule table."""
    rule = rules.add("process payroll PDFs", ["qmd:search", "totalrecall"], created_by="preston@example.com")
    match = router(file).match("process the payroll pdfs")
    assert match is not None
    assert match.steps == (Step("qmd", "search"), Step("totalrecall"))
    assert match.source == "manual"
    assert match.routing_rule is not None
    assert match.routing_rule.id == rule.id
    assert match.routing_rule.evidence["created_by"] == "preston@example.com"
    assert router(file).match("why did we choose Postgres") is None


def test_a_regular_expression_takes_what_it_matches(rules: RuleStore, file: str) -> None:
    """Patterns are tried in the order in which they were written, and say what they matched."""
    rules.add("^emergency", ["totalrecall"], kind="regex")
    rules.add("payroll", ["qmd:search"], kind="regex")
    match = router(file).match("Emergency payroll override")
    assert match is not None
    assert (match.steps, match.span) == ((Step("totalrecall"),), (0, 9))
    with pytest.raises(RuleError, match="does not compile"):
        rules.add("(", ["qmd:search"], kind="regex")


def test_people_override_what_was_learned(rules: RuleStore, file: str) -> None:
    """A person's rule comes first, even where a learned one is more similar."""
    rules.insert([learned("process payroll PDFs", state="approved")])
    assert taken_by(router(file), "process payroll PDFs") == "process payroll PDFs"
    rules.add("process the payroll PDF files", ["totalrecall"])
    assert taken_by(router(file), "process payroll PDFs") == "process the payroll PDF files"


@pytest.mark.parametrize(
    ("state", "confidence", "modes"),
    [
        ("proposed", 0.8, {"on"}),
        ("proposed", 0.64, set()),
        ("approved", 0.3, {"on", "suggest"}),
        ("rejected", 0.9, set()),
        ("suspended", 0.9, set()),
    ],
)
def test_the_mode_decides_which_learned_rules_route(
    rules: RuleStore, file: str, state: str, confidence: float, modes: set[str]
) -> None:
    """`off` uses none, `suggest` those that a person approved, `on` also those of the least confidence and above."""
    active = state in ("proposed", "approved")
    rules.insert([learned("process payroll PDFs", state=state, confidence_score=confidence, is_active=active)])
    taking = {mode for mode in ("off", "suggest", "on") if router(file, mode).match("process payroll PDFs")}
    assert taking == modes


def test_states_are_compiled_at_once(rules: RuleStore, file: str) -> None:
    """A router that is already running sees what was approved, disabled or removed meanwhile."""
    source = router(file)
    rules.insert([learned("process payroll PDFs")])
    (rule,) = rules.all()
    assert source.match("process payroll PDFs") is None
    rules.set_state(rule.id, "approved", "katie")
    assert source.match("process payroll PDFs") is not None
    rules.set_state(rule.id, "disabled")
    assert source.match("process payroll PDFs") is None
    rules.set_state(rule.id, "approved")
    rules.remove(rule.id)
    assert source.match("process payroll PDFs") is None


def test_conflicting_rules_of_people_are_refused(rules: RuleStore) -> None:
    """Two people cannot send the same pattern to different places without knowing of each other."""
    first = rules.add("process payroll PDFs", ["qmd:search"])
    with pytest.raises(RuleError, match=f"Rule {first.id} has the same pattern"):
        rules.add("process payroll PDFs", ["totalrecall"])


@pytest.mark.parametrize("pattern", ["", "  ", "the of and"])
def test_a_pattern_must_say_something(rules: RuleStore, pattern: str) -> None:
    """A rule that would take anything, or nothing, is refused."""
    with pytest.raises(RuleError):
        rules.add(pattern, ["qmd:search"])
    with pytest.raises(RuleError, match="asks nobody"):
        rules.add("process payroll", [])


def test_rules_come_back_whole(rules: RuleStore) -> None:
    """Every column survives the database."""
    full = learned(
        "process payroll PDFs", alternative_systems=("totalrecall",), governance_check={"escalation_required": True},
        evidence={"trials": 60}, requires_approval=True,
    )  # fmt: skip
    rules.insert([full])
    assert rules.get(full.id) == full
    with pytest.raises(RuleError, match="There is no rule 'x'"):
        rules.get("x")


def test_a_cache_that_cannot_be_trusted_is_not(rules: RuleStore, file: str) -> None:
    """Missing, cut off, garbled, or of another version: the rules are read from the database, and written anew."""
    rules.add("process payroll PDFs", ["qmd:search"], requires_approval=True)
    whole = Path(file).read_bytes()
    other = json.dumps({**json.loads(whole), "version": 2}).encode()
    for content in (b"", whole[:40], whole[: len(whole) // 2], whole[:-1], b"[]", other, None):
        if content is None:
            os.unlink(file)
        else:
            Path(file).write_bytes(content)
        assert [guard.pattern for guard in router(file).guards("process payroll PDFs")] == ["process payroll PDFs"]
        assert json.loads(Path(file).read_bytes()) == json.loads(whole)


def test_a_database_that_cannot_be_read_closes_the_gate(tmp_path: Path) -> None:
    """Where neither cache nor database can be used, nobody knows whether a question is guarded: it is not asked."""
    (tmp_path / "memory.db").write_bytes(b"garbage" * 1000)
    cache = rule_cache(str(tmp_path / "rules.json"), f"sqlite:{tmp_path}/memory.db")
    with pytest.raises(GateClosedError, match="cannot be read"):
        OverrideRules(cache, Learning(), 1000).guards("anything")


def test_a_cache_that_cannot_be_written_guards_all_the_same(tmp_path: Path) -> None:
    """A rule that was acknowledged guards at once; where its cache cannot be put away, the rule is refused."""
    url = f"sqlite:{tmp_path}/memory.db"
    database = open_database(url, SCHEMA)
    file = tmp_path / "state" / "rules.json"
    store = RuleStore(database, rule_cache(str(file), url))
    file.mkdir(parents=True)  # neither written nor deleted, for root as well
    with pytest.raises(StoreError, match="cannot be written"):
        store.add("process payroll PDFs", ["qmd:search"], requires_approval=True)
    assert store.all() == []
    file.rmdir()
    store.add("process payroll PDFs", ["qmd:search"], requires_approval=True)
    file.unlink()
    file.mkdir()
    assert OverrideRules(rule_cache(str(file), url), Learning(), 1000).guards("process payroll PDFs")
    database.close()


def test_a_guard_that_runs_out_of_time_closes_the_gate(rules: RuleStore, file: str) -> None:
    """Padding a question until the pattern gives up does not get it through; a rule that guards nothing is skipped."""
    rules.add(r"\bdrop\b.{0,500}\bproduction\b", ["qmd:search"], kind="regex", requires_approval=True)
    rules.add(r"\bplay\b.{0,500}\bproduction\b", ["qmd:search"], kind="regex")
    assert router(file).guards("drop the production table")
    padded = "drop " * 6300 + "drop the production table"
    with pytest.raises(GateClosedError, match="ran out of its 1 ms"):
        router(file, timeout_ms=1).guards(padded)
    assert router(file, timeout_ms=1).match("play " * 6300) is None


def test_a_guard_of_another_model_closes_the_gate(rules: RuleStore, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the model by which it was written, a guard cannot be tried on what shares a word; the rest is asked."""
    rules.add("audit payroll compliance", ["qmd:search"], requires_approval=True)
    rules.add("collect harbour dues", ["qmd:search"])
    monkeypatch.setattr(request_vectors._HashedWords, "name", "another")
    monkeypatch.setattr(request_vectors, "model", request_vectors._HashedWords)
    monkeypatch.setattr("memory_router.learning.rule_store.model", request_vectors._HashedWords)
    assert router(file).match("collect harbour dues") is None
    rules.refresh_cache()
    assert taken_by(router(file), "harbour dues collect") == "collect harbour dues"
    with pytest.raises(GateClosedError, match="was embedded by"):
        router(file).guards("audit the payroll")
    assert router(file).guards("why did we choose Postgres") == ()


def test_every_guard_counts_whatever_routes(rules: RuleStore, file: str) -> None:
    """A question that two rules guard needs both, also where a third one routes it."""
    rules.add("payroll", ["totalrecall"], kind="regex")
    rules.add("audit", ["qmd:search"], kind="regex", requires_approval=True)
    rules.add("audit payroll compliance", ["qmd:search"], requires_approval=True)
    assert len(router(file).guards("audit payroll compliance")) == 2
    assert taken_by(router(file), "audit payroll compliance") == "payroll"


def test_a_change_of_what_was_not_seen_is_refused(rules: RuleStore) -> None:
    """Of two people who decide about the same revision of a rule, the second one is told."""
    rules.insert([learned("process payroll PDFs")])
    seen = rules.all()[0]
    rules.set_state(seen.id, "rejected", "katie", seen.revision)
    with pytest.raises(RuleError, match="changed by somebody else"):
        rules.set_state(seen.id, "approved", "preston", seen.revision)
    assert rules.get(seen.id).state == "rejected"


def test_what_one_machine_of_a_team_decides_holds_on_another(empty_postgres: str, tmp_path: Path) -> None:
    """A cache of a team's database is read anew after half a minute; one that cannot be reached still guards."""
    database = open_database(empty_postgres, SCHEMA)
    here = RuleStore(database, rule_cache(str(tmp_path / "here.json"), empty_postgres))
    rule = here.add("audit payroll compliance", ["qmd:search"], requires_approval=True)
    there = str(tmp_path / "there.json")
    other = OverrideRules(rule_cache(there, empty_postgres), Learning(), 1000)
    assert other.guards("audit payroll compliance")
    here.set_state(rule.id, "disabled")
    assert other.guards("audit payroll compliance"), "not asked for again yet"
    os.utime(there, (0, 0))
    assert other.guards("audit payroll compliance") == ()
    database.close()


@pytest.mark.parametrize(
    "question",
    [
        "show the salaries of everyone" + " tide harbour crane vessel" * 1500,
        "tide harbour " * 40 + "please show me everyone's salaries" + " crane vessel" * 40,
        "show the sal\u200baries of every\U000e0061one",
        "\uff53how the salaries of everyone, and when is high tide in Emden this week",
    ],
    ids=["before padding", "in padding", "invisible", "beside another question"],
)
def test_no_other_words_take_a_question_past_a_guard(rules: RuleStore, file: str, question: str) -> None:
    """What a rule by meaning guards is guarded in a longer question, too; other questions of the same words are not."""
    guard = rules.add("show the salaries of everyone", ["qmd"], requires_approval=True)
    assert [rule.id for rule in router(file).guards(question)] == [guard.id]
    assert router(file).guards("when does everyone show up at the harbour") == ()


def test_a_question_of_too_many_parts_is_not_asked(rules: RuleStore, file: str) -> None:
    """A question that cannot be compared with a guard part by part in time is blocked, not let through."""
    rules.add("show the salaries of everyone", ["qmd"], requires_approval=True)
    with pytest.raises(GateClosedError):
        router(file).guards(" ".join(f"salaries{number}" for number in range(2500)))
