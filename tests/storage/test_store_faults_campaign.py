"""A short form of the campaign `benchmarks/faults.py`: each kind of fault once."""

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
def test_nothing_is_lost_leaked_or_wrong(kind: str) -> None:
    """Whatever fails, acknowledged writes stay, no child or secret gets out, and no gate opens."""
    if kind.startswith("backend:") and not sys.platform.startswith("linux"):
        pytest.skip("processes are found by /proc")
    # How long it took says something about this machine alone.
    assert KINDS[kind](0, 7)._replace(hung=False) == FAULTS.Outcome()
