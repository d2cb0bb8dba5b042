"""The user's `router-config.json` holds what the user wrote and what differs from the bundled one, nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_router import paths
from memory_router.learning.own_config import OwnConfig
from memory_router.routing.config_file import completed, load

BUNDLED = paths.bundled("router-config.json")
STEPS = {"rules.relationship.primary": "qmd:vsearch", "rules.relationship.fallback": ["totalrecall", "cognee"]}
CHANGES: dict[str, Any] = {
    "fallback_threshold": 0.35,
    "fallback_delay_ms": 200,
    "resident": "off",
    "deadlines.total_ms": 900,
    "deadlines.backends.qmd:query": 300,
    "circuit_breaker.failures": 5,
    **STEPS,
}
# What users write: little, a whole copy, a table of their own, members that say what is bundled, and odd layouts.
TABLE = [{"id": "other", "number": 1, "rationale": "", "primary": "qmd:search", "fallback": [], "signals": []}]
WRITTEN = [
    None,
    "{}",
    '{ "fallback_threshold":0.4 }\n',
    '{\r\n\t"fallback_threshold": 0.5,\r\n\t"deadlines": {}\r\n}',
    '{"deadlines": {"backends": {"qmd:query":   700}}, "circuit_breaker": { "failures": 3 }}',
    '{"rules": [ {"id": "relationship",  "priors": {"qmd": 0.1}} ]}',
    '{"rules": []}',
    Path(BUNDLED).read_text("utf-8"),
]


def configured(folder: Path, text: str | None) -> OwnConfig:
    """Return the configuration of a user who wrote `text`, or nothing."""
    own = folder / "config" / "router-config.json"
    own.parent.mkdir(exist_ok=True)
    own.unlink(missing_ok=True)
    if text is not None:
        own.write_bytes(text.encode())
    return OwnConfig(str(own), BUNDLED)


@given(st.sampled_from(WRITTEN), st.sets(st.sampled_from(sorted(CHANGES)), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_undoing_leaves_what_the_user_wrote(tmp_path: Path, text: str | None, names: set[str]) -> None:
    """Whatever the user wrote and whatever is changed, undoing it leaves that file to the letter, or none, no copy."""
    config = configured(tmp_path, text)
    before = {name: config.value(name) for name in names}
    config.write([(name, CHANGES[name]) for name in names], ".before", list(before.values()))
    assert {name: config.value(name) for name in names} == {name: CHANGES[name] for name in names}
    config.undo(list(before.items()), [CHANGES[name] for name in names], ".before")
    own = Path(config.own)
    assert (own.read_bytes().decode() if own.exists() else None) == text
    assert [file.name for file in own.parent.iterdir()] == ["router-config.json"] * (text is not None)


@given(st.sets(st.sampled_from(sorted(CHANGES)), min_size=1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_bundled_is_copied(tmp_path: Path, names: set[str]) -> None:
    """A new file holds the values that were changed, with what leads to them, and completes to what is in force."""
    config = configured(tmp_path, None)
    config.write([(name, CHANGES[name]) for name in names], ".before", [config.value(name) for name in names])
    written = json.loads(Path(config.own).read_text("utf-8"))
    assert set(written) == {name.partition(".")[0] for name in names}
    assert written.get("rules", [{"id": "relationship"}]) == [
        {"id": "relationship", **{name.rpartition(".")[2]: CHANGES[name] for name in names & STEPS.keys()}}
    ]
    assert completed(written)["tiers"] == json.loads(Path(BUNDLED).read_text("utf-8"))["tiers"]


def test_what_was_edited_since_stays(tmp_path: Path) -> None:
    """Where the user edited the file after a change, undoing takes out the change and leaves the edit."""
    config = configured(tmp_path, '{"fallback_threshold": 0.4, "resident": "off"}')
    config.write([("fallback_threshold", 0.3), ("deadlines.total_ms", 900)], ".before", [0.4, None])
    Path(config.own).write_text(Path(config.own).read_text().replace('"auto"', '"off"'))
    config.undo([("fallback_threshold", 0.4), ("deadlines.total_ms", None)], [0.3, 900], ".before")
    assert json.loads(Path(config.own).read_text()) == {"fallback_threshold": 0.4, "resident": "off"}


def test_a_value_as_bundled_is_taken_out(tmp_path: Path) -> None:
    """A change back to the bundled value leaves the member out; a file that says nothing any more is removed."""
    config = configured(tmp_path, '{"deadlines": {"total_ms": 900}}')
    config.write([("deadlines.total_ms", None)], ".before", [900])
    assert not Path(config.own).exists()


def test_one_beside_the_skill_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `router-config.json` beside the SKILL.md that an agent reads counts, unless the user has one in its folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(tmp_path / "moved"))
    for name in ("CLAUDE_CONFIG_DIR", "LCM_OPENCLAW_DIR", "OPENCLAW_STATE_DIR", "OPENCLAW_HOME"):
        monkeypatch.delenv(name, raising=False)
    beside = tmp_path / ".openclaw" / "skills" / "memory-router" / "router-config.json"
    beside.parent.mkdir(parents=True)
    beside.symlink_to(BUNDLED)
    assert load().bundled
    beside.unlink()
    beside.write_text('{"fallback_threshold": 0.7}')
    assert (load().fallback_threshold, load().file) == (0.7, str(beside))
    own = tmp_path / "moved" / "config" / "router-config.json"
    assert paths.own_config_file() == str(beside)
    own.parent.mkdir(parents=True)
    own.write_text('{"fallback_threshold": 0.6}')
    assert load().fallback_threshold == 0.6
