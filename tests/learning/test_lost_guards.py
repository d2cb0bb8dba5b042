"""A rule that needs approval is never lost silently with its database: the gate stays closed and says so."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from memory_router.errors import GateClosedError, MemoryRouterError
from memory_router.learning.gate import rule_cache
from memory_router.learning.rule_cache import RuleCache
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA
from memory_router.storage.database import open_database


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the place of a database in which one rule guards questions."""
    _add(tmp_path / "memory.db", tmp_path, "payroll")
    return tmp_path / "memory.db"


def _cache(place: Path) -> RuleCache:
    """Return the cache beside a database, as a new process has it."""
    return rule_cache(str(place.parent / "routing-rules.json"), f"sqlite:{place}")


def _add(database: Path, folder: Path, pattern: str) -> str:
    with closing(open_database(f"sqlite:{database}", SCHEMA)) as opened:
        rules = RuleStore(opened, rule_cache(str(folder / "routing-rules.json"), f"sqlite:{database}"))
        return rules.add(pattern, ["qmd"], kind="regex", requires_approval=True).id


def _truncate(place: Path) -> None:
    place.write_bytes(b"")


def _remove(place: Path) -> None:
    for file in place.parent.glob("memory.db*"):
        file.unlink()


def _replace_by_empty(place: Path) -> None:
    _remove(place)
    place.touch()


def _replace_by_another(place: Path) -> None:
    _remove(place)
    open_database(f"sqlite:{place}", SCHEMA).close()


@pytest.mark.parametrize("lose", [_remove, _replace_by_empty, _replace_by_another])
def test_a_lost_database_closes_the_gate(place: Path, lose: Callable[[Path], None]) -> None:
    """Whether its database was removed, emptied or replaced, the rule closes the gate or guards on, again and again."""
    lose(place)
    for _ in range(2):
        told = ""
        try:
            # Where the new file got the number of the old one, the cache counts.
            told = " ".join(stored.rule.request_pattern for stored in _cache(place).in_force().rules)
        except GateClosedError as error:
            told = str(error)
        assert "payroll" in told or "is gone" in told


def test_another_database_in_its_place_closes_the_gate(place: Path, tmp_path: Path) -> None:
    """A database without the rule, moved to where the one with it stood, closes the gate, and the rule is named."""
    other = tmp_path / "other" / "memory.db"
    open_database(f"sqlite:{other}", SCHEMA).close()
    os.replace(other, place)
    with pytest.raises(GateClosedError, match="payroll"):
        _cache(place).in_force()


@pytest.mark.parametrize("lose", [_truncate, _remove, _replace_by_empty, _replace_by_another])
def test_no_other_rule_covers_up_the_loss(place: Path, lose: Callable[[Path], None]) -> None:
    """Nothing can be added to what is left before a person accepts the loss."""
    lose(place)
    with pytest.raises(MemoryRouterError, match="gone"):
        _add(place, place.parent, "tide tables")


def test_a_cache_of_the_truncated_file_guards_on(place: Path) -> None:
    """A file that was emptied in place is the same file: what its cache says guards on."""
    place.write_bytes(b"")
    assert [stored.rule.request_pattern for stored in _cache(place).in_force().rules] == ["payroll"]


def test_a_copy_put_back_opens_it(place: Path) -> None:
    """Another file with the same rules is no loss."""
    copy = place.with_name("copy.db")
    shutil.copy(place, copy)
    _remove(place)
    os.replace(copy, place)
    assert [stored.rule.request_pattern for stored in _cache(place).in_force().rules] == ["payroll"]


def test_a_rule_that_was_taken_back_is_no_loss(place: Path) -> None:
    """Whoever takes the rule back, removes the database or deletes the cache, may ask."""
    with closing(open_database(f"sqlite:{place}", SCHEMA)) as opened:
        rules = RuleStore(opened, _cache(place))
        (rule,) = rules.all()
        rules.set_state(rule.id, "disabled")
    _replace_by_another(place)
    assert _cache(place).in_force().rules == ()
    _add(place, place.parent, "audit")
    _remove(place)
    (place.parent / "routing-rules.json").unlink()
    assert _cache(place).in_force().rules == ()


def test_rules_of_another_place_are_no_loss(place: Path) -> None:
    """A cache of a database elsewhere says nothing about this one."""
    other = rule_cache(str(place.parent / "routing-rules.json"), f"sqlite:{place.with_name('other.db')}")
    assert other.in_force().rules == ()
