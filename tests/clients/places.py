"""Say where scripts/clients.sh put a real program, or why it is not there."""

import os
from pathlib import Path

import pytest

_CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
CLIENTS = Path(os.environ.get("MEMORY_ROUTER_CLIENTS") or Path(_CACHE, "memory-router-clients"))


def modules(name: str) -> Path:
    """Return the folder of a program's packages."""
    return CLIENTS / name / "node_modules"


def needs(name: str) -> list[pytest.MarkDecorator]:
    """Return the marks of tests that need a program: skipped with the reason without it, and run by one worker."""
    skipped = CLIENTS / name / "skipped"
    missing = f"{name} is not installed; run: bash scripts/clients.sh {name}"
    reason = skipped.read_text() if skipped.exists() else missing
    return [
        pytest.mark.skipif(not (CLIENTS / name / "installed").exists(), reason=reason),
        pytest.mark.xdist_group(name),
        pytest.mark.timeout(300),
    ]
