"""The contract suite that ships: every bundled backend passes it, and each broken promise is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from memory_router import paths
from memory_router.routing.contract_suite import check_backend
from memory_router.routing.registry import read_manifests
from memory_router.testing import Behaviour
from tests.conftest import GOOD, Home


@pytest.mark.parametrize("name", ["qmd", "totalrecall", "lossless", "cognee"])
def test_bundled_backends_keep_the_contract(own_home: Home, name: str) -> None:
    """A bundled backend of a fresh installation keeps every promise."""
    manifests, _ = read_manifests(paths.backend_folders())
    own_home.run("remember", "The sky is blue and the sea is in it")
    assert [check for check in check_backend(manifests[name], 20_000) if not check.is_kept] == []


def test_a_backend_is_tested_by_its_name(home: Home) -> None:
    """`backends test` prints every promise, and exits with 1 if one is broken."""
    home.fake("kept", GOOD, verbs=["query", "health"])
    outcome = home.run("backends", "test", "kept", "--json")
    assert outcome.code == 0, outcome.out
    assert all(check["is_kept"] for check in outcome.json["checks"])
    assert home.run("backends", "test", "nobody").code == 1
    assert "backends" in home.run("backends", "--json").json


BROKEN_PROMISES: dict[str, tuple[str, dict[str, Any]]] = {
    "says nothing": ("pass", {}),
    "garbles the question": ("print(json.dumps({**ANSWER, 'query_echo': 'x'}))", {}),
    "has another name": ("print(json.dumps({**ANSWER, 'backend': 'x'}))", {}),
    "knows every verb": ("print(json.dumps(ANSWER))", {}),
}


@pytest.mark.parametrize("promise", BROKEN_PROMISES)
def test_broken_promises_are_seen(home: Home, tmp_path: Path, promise: str) -> None:
    """What a backend does against the contract is found, whatever else it does right."""
    body, manifest = BROKEN_PROMISES[promise]
    folder = home.backends / "odd"
    folder.mkdir(parents=True)
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    (folder / "adapter.py").write_text(
        "import json, sys\nfor line in sys.stdin:\n    asked = json.loads(line)\n"
        "    ANSWER = {'query_echo': asked['query'], 'results': [], 'result_count': 0, 'status': 'empty',\n"
        "        'error_message': None, 'error_code': None, 'backend_duration_ms': 0, 'normalized_relevance': 0,\n"
        f"        'backend': 'odd'}}\n{lines}\n"
    )
    declared = {"name": "odd", "contract": 1, "command": ["{python}", "adapter.py"], "verbs": ["query"], **manifest}
    (folder / "backend.json").write_text(json.dumps(declared))
    outcome = home.run("backends", "test", "odd", "--json")
    assert outcome.code == 1
    assert [check["observation"] for check in outcome.json["checks"] if not check["is_kept"]]


def test_a_backend_that_hangs_fails_soon(home: Home) -> None:
    """The deadline holds for every check."""
    home.fake("stuck", Behaviour(hangs=True), deadline_ms=200)
    outcome = home.run("backends", "test", "stuck", "--json")
    assert outcome.code == 1
    assert any("within 200 ms" in check["observation"] for check in outcome.json["checks"])
