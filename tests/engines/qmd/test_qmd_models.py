"""Laws of asking QMD's models, with a stand-in for its program: in time, or not at all."""

import json
import os
from pathlib import Path

import pytest

from memory_router.engines.qmd.answering import find
from memory_router.engines.qmd.program import program
from memory_router.engines.qmd.semantic import meant
from memory_router.engines.qmd.state import examine
from tests.conftest import ends
from tests.engines.qmd.conftest import Indexed

MODELS = ("embeddinggemma-300M-Q8_0", "qmd-query-expansion-1.7B-q4_k_m", "qwen3-reranker-0.6b-q8_0")


@pytest.fixture
def embedded(indexed: Indexed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Indexed:
    """Return an embedded index, its models, and a program that is yet to be written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "QMD_CONFIG_DIR", "INDEX_PATH", "QMD_EMBED_MODEL"):
        monkeypatch.delenv(name, raising=False)
    indexed.add("tides.md", "tide tables")
    indexed.add("sea.md", "water levels by the hour")
    indexed.connection.execute("CREATE TABLE vectors_vec (a); INSERT INTO content_vectors(hash) VALUES ('x')")
    (tmp_path / ".cache/qmd/models").mkdir(parents=True)
    for model in MODELS:
        (tmp_path / f".cache/qmd/models/hf_somebody_{model}.gguf").write_text("GGUF")
    for place in ("bin", "dist/cli"):
        (tmp_path / place).mkdir(parents=True)
    install(tmp_path, "exit 0")
    return indexed


def install(folder: Path, script: str, version: str = "v22.1.0") -> None:
    """Write a Node.js that tells a version, and a QMD that does as told."""
    node = f'#!/bin/sh\n[ "$1" = --version ] && echo {version} && exit 0\nexec /bin/sh "$@"\n'
    for name, text in (("bin/node", node), ("bin/qmd", "#!/bin/sh\n"), ("dist/cli/qmd.js", script)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o700)


def test_what_the_models_choose_is_believed_with_care(embedded: Indexed, tmp_path: Path) -> None:
    """A document that shares no word with the question is found, below the gate of 0.4."""
    install(tmp_path, "echo '" + json.dumps([{"file": "qmd://notes/sea.md", "score": 0.9}]) + "'")
    found = find(embedded.close(), "tide", "vsearch", 5, 10.0)
    relevances = {hit.uri.split("/")[-1].split(":")[0]: hit.relevance for hit in found.hits}
    assert found.answered_by == "vsearch"
    assert 0 < relevances["sea.md"] < 0.4 < relevances["tides.md"]


def test_the_deadline_ends_the_program_and_its_children(embedded: Indexed, tmp_path: Path) -> None:
    """Full text answers when the models do not; nothing of them is left running."""
    install(tmp_path, "sleep 1000 & echo $! > $HOME/child\nsleep 1000\n")
    found = find(embedded.close(), "tide", "query", 5, 3.0)
    assert (found.answered_by, len(found.hits)) == ("search", 1)
    assert "did not answer" in str(found.notes["no_models"])
    assert ends(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize(
    "script", ["exit 3", "kill -SEGV $$", "echo garbage", "echo 7", "echo '[{\"file\": 7}, null]'"]
)
def test_a_program_that_fails_costs_nothing(embedded: Indexed, tmp_path: Path, script: str) -> None:
    """Crashes and garbage leave the full-text answer, with a reason unless there was an answer of nothing."""
    install(tmp_path, script)
    assert find(embedded.close(), "tide", "query", 5, 10.0).hits[0].content == "tide tables"


def test_each_thing_that_is_missing_has_its_own_reason(embedded: Indexed, tmp_path: Path) -> None:
    """Daemon, Node.js, program, models and embeddings are told apart, and QMD is not started to find out."""
    index = embedded.path

    def told() -> str:
        state = examine(index)
        assert state
        assert state.kind == "ready"
        assert state.fix
        return state.reason

    assert "daemon is not running" in told()
    install(tmp_path, "touch $HOME/started", version="v20.20.2")
    assert "version 20" in told()
    refused = meant(index, "query", "tide", 5, 5.0)
    assert "version 20" in refused[0]
    assert not (tmp_path / "started").exists()
    (tmp_path / "dist/cli/qmd.js").unlink()
    assert "not the QMD" in told()
    for file in (tmp_path / ".cache/qmd/models").iterdir():
        file.unlink()
    assert "models are not on this machine" in told()
    embedded.connection.execute("DELETE FROM content_vectors")
    assert "Nothing in QMD's index is embedded" in told()


def test_without_any_qmd_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No program and no index: QMD is not mentioned. A named index that is not there is."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("INDEX_PATH", raising=False)
    assert examine(None) is None
    assert isinstance(program()[0], str)
    monkeypatch.setenv("INDEX_PATH", str(tmp_path / "nowhere"))
    state = examine(None)
    assert state
    assert state.kind == "missing"
