"""Rules route what they are for, people's before learned ones, and nothing else."""

import itertools
import os
import random
from array import array
from pathlib import Path

import pytest

from memory_router.errors import RuleError
from memory_router.learning.compiled import CompiledRules, write_compiled
from memory_router.learning.rule import RuleRecord
from memory_router.learning.rules import RuleStore
from memory_router.routing.config import Learning, Step
from memory_router.storage.database import Database
from memory_router.text import request_vectors
from tests.learning.conftest import NOW


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return where the compiled rules lie."""
    return str(tmp_path / "rules.bin")


@pytest.fixture
def rules(database: Database, file: str) -> RuleStore:
    """Return an empty store of rules, each written a second after the other."""
    return RuleStore(database, file, map(float, itertools.count(int(NOW))).__next__)


def router(file: str, mode: str = "suggest", similarity: float = 0.85) -> CompiledRules:
    """Return the rule source of the ask path."""
    return CompiledRules(file, Learning(mode=mode, similarity_threshold=similarity), 1000)


def learned(pattern: str, system: str = "qmd:search", **changes: object) -> RuleRecord:
    """Return a learned rule."""
    blank = RuleRecord(
        pattern[:8].encode().hex(), pattern, "text", system, (), 60, 0.95, 0.0, 40.0, 0.8, True, True, "proposed",
        False, None, {}, None, NOW, NOW,
    )  # fmt: skip
    return blank._replace(**changes)  # type: ignore[arg-type]


def taken_by(source: CompiledRules, query: str) -> str | None:
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
    rules.save([learned("process payroll PDFs", state="approved")])
    assert taken_by(router(file), "process payroll PDFs") == "process payroll PDFs"
    rules.add("process the payroll PDF files", ["totalrecall"])
    assert taken_by(router(file), "process payroll PDFs") == "process the payroll PDF files"


@pytest.mark.parametrize(
    ("state", "confidence", "modes"),
    [
        ("proposed", 0.8, {"on"}),
        ("proposed", 0.69, set()),
        ("approved", 0.3, {"on", "suggest"}),
        ("rejected", 0.9, set()),
        ("suspended", 0.9, set()),
    ],
)
def test_the_mode_decides_which_learned_rules_route(
    rules: RuleStore, file: str, state: str, confidence: float, modes: set[str]
) -> None:
    """`off` uses none, `suggest` those that a person approved, `on` also those at 0.7 and above."""
    active = state in ("proposed", "approved")
    rules.save([learned("process payroll PDFs", state=state, confidence_score=confidence, is_active=active)])
    taking = {mode for mode in ("off", "suggest", "on") if router(file, mode).match("process payroll PDFs")}
    assert taking == modes


def test_states_are_compiled_at_once(rules: RuleStore, file: str) -> None:
    """A router that is already running sees what was approved, disabled or removed meanwhile."""
    source = router(file)
    rules.save([learned("process payroll PDFs")])
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
    rules.save([full])
    assert rules.get(full.id) == full
    with pytest.raises(RuleError, match="There is no rule 'x'"):
        rules.get("x")


def test_rules_of_another_model_are_silent_until_compiled_again(
    rules: RuleStore, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors of two models are never compared: such rules take nothing, and are embedded anew at the next compile."""
    rules.add("process payroll PDFs", ["qmd:search"])
    hashed = request_vectors._HashedWords()
    monkeypatch.setattr(request_vectors, "model", lambda: hashed)
    monkeypatch.setattr("memory_router.learning.rules.model", lambda: hashed)
    assert router(file).match("process payroll PDFs") is None
    rules.compile()
    assert taken_by(router(file), "payroll PDFs process") == "process payroll PDFs"


def test_damaged_files_take_nothing(rules: RuleStore, file: str) -> None:
    """A compiled file cut off anywhere counts as no rules: the table decides, and nothing breaks."""
    rules.add("process payroll PDFs", ["qmd:search"])
    whole = Path(file).read_bytes()
    for size in (0, 3, 40, len(whole) // 2, len(whole) - 1):
        Path(file).write_bytes(whole[:size])
        assert router(file).match("process payroll PDFs") is None
    os.unlink(file)
    assert router(file).match("process payroll PDFs") is None


def test_the_most_similar_of_ten_thousand_is_found(file: str) -> None:
    """Comparing signatures first loses no rule: a vector near one of many finds just that one."""
    generator = random.Random(7)
    vectors = [_unit([generator.gauss(0, 1) for _ in range(256)]) for _ in range(10_000)]
    rules = [learned(f"request {number}", state="approved", id=str(number)) for number in range(len(vectors))]
    write_compiled(file, rules, vectors)
    source = router(file)
    compiled = source._current()
    assert compiled is not None
    for number in generator.sample(range(10_000), 50):
        near = _unit([value + generator.gauss(0, 0.033) for value in vectors[number]])
        similarity, record = next(compiled.nearest(near, request_vectors._StaticWords.reach, 0.85))
        assert similarity > 0.85
        assert record["id"] == str(number)


def _unit(values: list[float]) -> "array[float]":
    length = sum(value * value for value in values) ** 0.5
    return array("f", (value / length for value in values))
