"""Laws of reading Cognee's graph files: never written, never waited for, each fault with its fix."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from memory_router.engines.cognee import place as places
from memory_router.engines.cognee.answering import find
from memory_router.engines.cognee.files import GraphFiles
from memory_router.engines.cognee.place import CogneePlace, place
from memory_router.engines.cognee.state import examine
from memory_router.errors import StoreError
from tests.engines.cognee.conftest import Api, Machine, titles

QUESTION = "what depends on SessionStore"


def there() -> CogneePlace:
    """Return where Cognee is."""
    found = place()
    assert found
    return found


def test_without_cognee_there_is_nothing() -> None:
    """Neither a place nor a state, so that nothing is told of a program that nobody has."""
    assert place() is None
    assert examine(None) is None


def test_nothing_is_written(machine: Machine) -> None:
    """The folder and the file are as before, to the byte."""
    path = machine.with_file()
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent))
    assert titles(find(there(), QUESTION, 5, 20.0).hits)[0] == "authmiddleware"
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent))) == before


def test_graphs_of_several_datasets_are_one(machine: Machine) -> None:
    """The same thing in two datasets is one thing, and no answer is given twice."""
    machine.with_file("one/a.lbug")
    machine.with_file("two/b.lbug")
    machine.with_file("cognee_graph_ladybug")
    assert len(there().files) == 3
    hits = find(there(), "what depends on Redis", 10, 20.0).hits
    assert len({hit.content for hit in hits}) == len(hits)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"LBUG" + bytes(5000)])
def test_a_damaged_file_is_told_and_costs_no_other(machine: Machine, content: bytes) -> None:
    """Alone it is an error with a fix; beside a good one it is left out, and that is said."""
    machine.with_file("one/a.lbug").write_bytes(content)
    with pytest.raises(StoreError, match=r"a\.lbug"):
        find(there(), QUESTION, 5, 20.0)
    state = examine(there())
    assert state
    assert state.kind == "unusable"
    machine.with_file("two/b.lbug")
    found = find(there(), QUESTION, 5, 20.0)
    assert titles(found.hits)[0] == "authmiddleware"
    assert "a.lbug" in found.notes["left_out"]


def test_another_graph_than_cognees_is_told(machine: Machine, tmp_path: Path) -> None:
    """A graph without Cognee's tables is an error that names the file."""
    import ladybug

    path = machine.with_file("one/a.lbug")
    path.unlink()
    ladybug.Database(str(path)).close()
    with pytest.raises(StoreError, match="Node"):
        find(there(), QUESTION, 5, 20.0)


def test_the_deadline_is_kept_and_the_reading_process_ended(machine: Machine) -> None:
    """With no time left there is no answer, and no process stays."""
    machine.with_file()
    with pytest.raises(StoreError, match="in time"):
        find(there(), QUESTION, 5, 0.0)
    with GraphFiles(there(), time.monotonic() + 20) as graph:
        process = graph._process.pid
        assert graph.sizes().passages == 7
    assert not Path(f"/proc/{process}/cmdline").exists()


@pytest.mark.parametrize("script", ["exit 1", "echo garbage", "cat > /dev/null", "kill -9 $$", "echo '{\"error\": 7}'"])
def test_a_python_that_fails_is_told(
    machine: Machine, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever Cognee's own Python does, it is an error with a fix, in time."""
    machine.with_file()
    binaries = tmp_path / "venv/bin"
    binaries.mkdir(parents=True)
    for name in ("python", "cognee-cli"):
        (binaries / name).write_text(f"#!/bin/sh\n{script}\n")
        (binaries / name).chmod(0o700)
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
    assert there().reader == str(binaries / "python")
    with pytest.raises(StoreError) as raised:
        find(there(), QUESTION, 5, 1.0)
    assert raised.value.fix


def test_without_the_library_the_fix_is_told(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without it says so; a machine without Python is told how to get one."""
    machine.with_file()
    bare = tmp_path / "venv/bin"
    bare.mkdir(parents=True)
    (bare / "cognee-cli").write_text("")
    (bare / "cognee-cli").chmod(0o700)
    (bare / "python").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    (bare / "python").chmod(0o700)
    with monkeypatch.context() as path:
        path.setenv("PATH", f"{bare}{os.pathsep}{os.environ['PATH']}")
        state = examine(there())
        assert state
        assert (state.kind, "cognee]" in state.fix) == ("unusable", True), state.fix
    monkeypatch.setattr(places, "_reader", lambda _program: None)
    with pytest.raises(StoreError, match="library") as raised:
        find(there(), QUESTION, 5, 5.0)
    assert "cognee]" in raised.value.fix


def test_data_inside_the_package_is_found(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Cognee keeps its data unless it is told otherwise: in its own package, behind a link on the PATH."""
    path = machine.with_file()
    monkeypatch.delenv("SYSTEM_ROOT_DIRECTORY")
    assert place() is None
    environment = tmp_path / "tool"
    inside = environment / "lib/python3.12/site-packages/cognee/.cognee_system"
    inside.parent.mkdir(parents=True)
    (path.parents[2]).rename(inside)
    for name in ("cognee-cli", "python"):
        (environment / "bin").mkdir(exist_ok=True)
        (environment / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (environment / "bin" / name).chmod(0o700)
    (tmp_path / "links").mkdir()
    (tmp_path / "links/cognee-cli").symlink_to(environment / "bin/cognee-cli")
    monkeypatch.setenv("PATH", f"{tmp_path}/links{os.pathsep}{os.environ['PATH']}")
    assert titles(find(there(), QUESTION, 5, 20.0).hits)[0] == "authmiddleware"


def test_every_state_has_its_reason_and_fix(machine: Machine, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, without data, empty, and ready by either way."""
    monkeypatch.setenv("COGNEE_API_KEY", "wrong")
    state = examine(place())
    assert state
    assert state.kind == "missing"
    assert "SYSTEM_ROOT_DIRECTORY" in state.fix
    machine.with_server(api, "wrong")
    refused = examine(place())
    assert refused
    assert (refused.kind, "COGNEE_API_KEY" in refused.fix) == ("unusable", True)
    machine.with_file()
    by_file = examine(place())
    assert by_file
    assert (by_file.kind, by_file.fix) == ("ready", refused.fix)
    assert "7 passages" in by_file.reason
    machine.with_server(api)
    by_server = examine(place())
    assert by_server
    assert by_server[::2] == ("ready", "")
    assert "1 dataset" in by_server.reason


def test_an_empty_server_is_empty(machine: Machine, api: Api) -> None:
    """No dataset, or one that holds nothing, is told with what would fill it."""
    machine.with_server(api)
    for told in ([], [{"id": "d1", "name": "x"}]):
        api.faults["/api/v1/datasets"] = 200, told
        api.faults["/api/v1/datasets/graph-summary"] = 200, [{"datasetId": "d1", "numNodes": 0, "numEdges": 0}]
        state = examine(place())
        assert state
        assert (state.kind, "cognify" in state.fix) == ("empty", True)
        assert find(there(), QUESTION, 5, 5.0).is_empty


def test_requests_of_any_size_reach_the_reader(machine: Machine) -> None:
    """Thousands of ids are asked for in one request, longer than what a socket holds."""
    machine.with_file()
    with GraphFiles(there(), time.monotonic() + 20) as graph:
        ids = [f"{number:0100d}" for number in range(5000)]
        assert len(json.dumps(ids)) > 2**18
        assert graph.nodes(ids) == {}
        assert graph.edges(ids) == []
