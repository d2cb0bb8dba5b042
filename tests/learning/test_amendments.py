"""A promoted dream changes the user's file in one place, keeps what it was, and can be undone."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_router import paths
from memory_router.errors import AmendmentError, ConfigError
from memory_router.learning.amendments import Amendment, AmendmentStore
from memory_router.learning.config_text import changed, removed, value_at
from memory_router.learning.dreams import Cycle
from memory_router.learning.own_config import OwnConfig
from memory_router.routing.config_file import load
from memory_router.storage.database import Database
from tests.learning.conftest import NOW

BUNDLED = paths.bundled("router-config.json")


def cycle(promote: bool = True, **mutations: Any) -> Cycle:
    """Return a cycle that sets some settings."""
    named = {name.replace("__", "."): value for name, value in mutations.items()}
    return Cycle("dream-1", "routing_rule_tweak", named, {"success_rate": 0.96, "faster": True}, promote, NOW)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return where the user's own configuration would be."""
    return tmp_path / "config" / "router-config.json"


@pytest.fixture
def store(database: Database, own: Path, clock: Callable[[], float]) -> AmendmentStore:
    """Return the amendments of a user without a configuration of their own."""
    return AmendmentStore(database, str(own), BUNDLED, "katie", clock)


def test_promotion_changes_only_what_was_dreamt(store: AmendmentStore, own: Path) -> None:
    """A user without a file gets one with the amended values, and nothing else in it."""
    promoted = store.promote(cycle(fallback_threshold=0.35, fallback_delay_ms=200))
    settings = load(str(own))
    assert (settings.fallback_threshold, settings.fallback_delay_ms) == (0.35, 200)
    assert json.loads(own.read_text()) == {"fallback_threshold": 0.35, "fallback_delay_ms": 200}
    assert [(one.setting, one.old_value, one.new_value, one.amended_by, one.amended_at) for one in promoted] == [
        ("fallback_threshold", 0.4, 0.35, "katie", NOW),
        ("fallback_delay_ms", None, 200, "katie", NOW),
    ]
    assert sorted(store.all()) == sorted(promoted)
    assert promoted[0].evidence == {"success_rate": 0.96, "faster": True}


def test_revert_puts_back_what_was_there(store: AmendmentStore, own: Path) -> None:
    """Reverting restores each value, and takes away what was not there before."""
    own.parent.mkdir()
    own.write_text(Path(BUNDLED).read_text())
    changes: dict[str, Any] = {
        "fallback_threshold": 0.35,
        "fallback_delay_ms": 200,
        "deadlines__backends__qmd:query": 900,
    }
    promoted = store.promote(cycle(**changes))
    assert load(str(own)).deadlines.backends == {"qmd:query": 900}
    for one in promoted:
        assert store.is_in_force(one)
        assert store.revert(one.id).reverted_at == NOW
        assert not store.is_in_force(one)
    assert own.read_text() == Path(BUNDLED).read_text()
    with pytest.raises(AmendmentError, match="was reverted at"):
        store.revert(promoted[0].id)
    with pytest.raises(AmendmentError, match="no amendment 'x'"):
        store.revert("x")


def test_revert_is_refused_after_a_change(store: AmendmentStore, own: Path) -> None:
    """A value that somebody changed since is left alone, and the message says both values and what to do."""
    (first,) = store.promote(cycle(fallback_threshold=0.35))
    own.write_text(own.read_text().replace("0.35", "0.5"))
    with pytest.raises(AmendmentError, match=r"it is 0\.5, and .* made it 0\.35\. .*write 0\.4 yourself"):
        store.revert(first.id)
    assert load(str(own)).fallback_threshold == 0.5


def test_file_before_is_kept(database: Database, own: Path) -> None:
    """The file as it was stays beside the new one, and a linked file stays a link."""
    real = own.parent.parent / "dotfiles.json"
    real.write_text(Path(BUNDLED).read_text())
    own.parent.mkdir()
    own.symlink_to(real)
    linked = AmendmentStore(database, str(own), BUNDLED, "katie")
    (one,) = linked.promote(cycle(fallback_threshold=0.35))
    assert own.is_symlink()
    assert load(str(real)).fallback_threshold == 0.35
    assert Path(f"{real}.before-{one.cycle_id}").read_text() == Path(BUNDLED).read_text()


def test_teams_see_their_own(store: AmendmentStore, database: Database, own: Path) -> None:
    """In one database, nobody sees or reverts what was amended in somebody else's configuration."""
    (one,) = store.promote(cycle(fallback_threshold=0.35))
    other = AmendmentStore(database, str(own), BUNDLED, "preston")
    assert other.all() == []
    with pytest.raises(AmendmentError, match="no amendment"):
        other.revert(one.id)


def test_what_is_not_to_be_promoted_is_not(store: AmendmentStore, own: Path) -> None:
    """A cycle that failed its test changes nothing."""
    with pytest.raises(AmendmentError, match="not to be promoted"):
        store.promote(cycle(promote=False, fallback_threshold=0.35))
    assert not own.exists()
    assert store.all() == []


def test_invalid_values_change_nothing(store: AmendmentStore, own: Path) -> None:
    """A value that the schema refuses is never written, and no amendment is recorded."""
    with pytest.raises(ConfigError, match="fallback_threshold"):
        store.promote(cycle(fallback_threshold=2))
    assert not own.exists()
    assert store.all() == []


def test_member_that_stands_twice_is_refused(store: AmendmentStore, own: Path) -> None:
    """A file in which the changed member would not count is left alone."""
    own.parent.mkdir()
    own.write_text(Path(BUNDLED).read_text().replace("{", '{"fallback_threshold": 0.1,', 1))
    with pytest.raises(AmendmentError, match="stands twice"):
        store.promote(cycle(fallback_threshold=0.35))
    assert store.all() == []


def test_full_disk_changes_nothing(store: AmendmentStore, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file cannot be written, nothing was changed, nothing is recorded, and no draft is left."""
    own.parent.mkdir()
    own.write_text(Path(BUNDLED).read_text())

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(AmendmentError, match="No space left"):
        store.promote(cycle(fallback_threshold=0.35))
    assert [file.name for file in own.parent.iterdir()] == ["router-config.json"]
    assert own.read_text() == Path(BUNDLED).read_text()
    assert store.all() == []


def test_amended_file_is_private_like_its_folder(store: AmendmentStore, own: Path) -> None:
    """The folder of a new configuration is the user's alone."""
    store.promote(cycle(fallback_threshold=0.35))
    assert stat.S_IMODE(own.parent.stat().st_mode) == 0o700


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=4)
KEYS = st.sampled_from(["a", "b", 'c"{', "d:e", "é"])
OBJECTS = st.recursive(
    st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=2), max_size=4),
    lambda inner: st.dictionaries(KEYS, inner | SCALARS, max_size=4),
    max_leaves=6,
)


@given(
    OBJECTS,
    st.lists(KEYS, min_size=1, max_size=3),
    st.booleans() | st.none() | st.integers() | st.text(max_size=3),
    st.none() | st.integers(0, 4),
    st.booleans(),
)
def test_any_member_of_any_object_can_be_changed(
    body: Any, place: list[str], value: Any, indent: int | None, compact: bool
) -> None:
    """Whatever an object holds and however it is written, one member is set or removed and the others stay."""
    inner: Any = body
    for key in place[:-1]:
        if key in inner and not isinstance(inner[key], dict):
            return
        inner = inner.get(key, {})
    text = json.dumps(body, indent=indent, separators=(",", ":") if compact else None, ensure_ascii=compact)
    assert value_at(json.loads(changed(text, place, value)), place) == value
    expected = target = json.loads(text)
    for key in place[:-1]:
        target = target.setdefault(key, {})
    target[place[-1]] = value
    assert json.loads(changed(text, place, value)) == expected
    del target[place[-1]]
    assert json.loads(removed(changed(text, place, value), place)) == expected
    if value_at(body, place) is None:
        assert removed(text, place) == text or place[-1] in value_at(body, place[:-1])


def test_promoting_a_dream_again_records_it_anew(store: AmendmentStore, own: Path) -> None:
    """A dream that was reverted may be promoted once more, and be reverted again."""
    for _ in range(2):
        (one,) = store.promote(cycle(fallback_threshold=0.35))
        assert store.is_in_force(store.all()[0])
        assert store.revert(one.id).reverted_at == NOW
    assert not own.exists()


def test_members_of_lists_are_named() -> None:
    """In a list a member is found by its `id` or `name`, and only its value is rewritten."""
    text = '{"rules": [ {"id": "a", "to": ["x"]}, {"name": "b",  "to": ["y", "z"]} ], "n": [1]}'
    assert value_at(json.loads(text), ["rules", "b", "to"]) == ["y", "z"]
    assert value_at(json.loads(text), ["rules", "c", "to"]) is None
    assert value_at(json.loads(text), ["n", "a"]) is None
    assert changed(text, ["rules", "b", "to"], ["z"]) == text.replace('["y", "z"]', '["z"]')


def test_what_somebody_wrote_meanwhile_stands(store: AmendmentStore, own: Path) -> None:
    """A setting that changed between the decision and the writing is left as it is, and nothing is recorded."""
    config = OwnConfig(str(own), BUNDLED)
    config.write([("fallback_threshold", 0.3)], ".before", [0.4])
    with pytest.raises(AmendmentError, match=r"changed meanwhile: it is 0\.3"):
        config.write([("fallback_threshold", 0.35)], ".before", [0.4])
    assert load(str(own)).fallback_threshold == 0.3
    assert store.all() == []


def test_one_of_two_who_promote_at_once_does(
    database: Database, own: Path, tmp_path: Path, clock: Callable[[], float]
) -> None:
    """Whoever promotes a dream that somebody else promotes at the same moment changes nothing, and hears of it."""
    first = AmendmentStore(database, str(own), BUNDLED, "katie", clock)

    class Late(AmendmentStore):
        def all(self) -> list[Amendment]:
            seen = super().all()
            first.promote(cycle(fallback_threshold=0.35))
            return seen

    elsewhere = str(tmp_path / "other" / "router-config.json")
    with pytest.raises(AmendmentError, match="Somebody else promotes"):
        Late(database, elsewhere, BUNDLED, "katie", clock).promote(cycle(fallback_threshold=0.35))
    assert not os.path.exists(elsewhere)
    (kept,) = first.all()
    assert (kept.old_value, kept.new_value, kept.revision) == (0.4, 0.35, 1)
    first.revert(kept.id)
    assert first.promote(cycle(fallback_threshold=0.35))[0].revision == 3
