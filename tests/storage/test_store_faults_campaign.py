"""A short form of the campaign `benchmarks/faults.py`: each kind of fault once or twice, nothing lost."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def campaign() -> Any:
    """Load the campaign, which lies beside the package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("faults", BENCHMARKS / "faults.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["faults"] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(BENCHMARKS))


FAULTS = campaign()
KINDS: dict[str, Callable[[int, int], Any]] = FAULTS.kinds()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "kill -9 of 16" not in kind])
def test_nothing_acknowledged_is_lost_and_the_file_is_whole(kind: str) -> None:
    """Whatever fails, what was acknowledged is there when the store is opened again, and SQLite finds it whole."""
    for number in (0, 3):
        outcome = KINDS[kind](number, 7 + number)
        assert outcome is None or outcome == FAULTS.Outcome()
