"""Whatever indexes or imports, by hand, by itself or by a hook, the graph follows."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from memory_router import app
from memory_router.interfaces.hooks import session
from tests.conftest import Home


@pytest.fixture
def code(own_home: Home) -> Path:
    """Return a folder with one function that is called, in a home with all backends."""
    folder = own_home.folder / "code"
    folder.mkdir()
    (folder / "tides.py").write_text("def alpha_one():\n    return 1\n")
    app.registration.register("pro", ("qmd", "totalrecall", "cognee", "lossless"))
    app.indexing.index([str(folder)])
    return folder


def told(question: str) -> str:
    """Return what the graph answers."""
    graph = app.indexing.open_graph()
    assert graph
    try:
        return " ".join(finding.content for finding in graph.ask(question).findings)
    finally:
        graph.close()


def test_the_graph_follows_an_index(code: Path) -> None:
    """A caller that was added is known after the next run, and unknown again once its file is forgotten."""
    caller = code / "caller.py"
    caller.write_text("from tides import alpha_one\n\n\ndef beta_two():\n    return alpha_one()\n")
    app.indexing.index()
    assert "beta_two" in told("what calls alpha_one")
    app.indexing.remove([str(caller)])
    assert "beta_two" not in told("what calls alpha_one")


def test_the_graph_follows_the_end_of_a_session(code: Path) -> None:
    """What was said in a session that a hook imports is in the graph."""
    message = {"role": "user", "content": "We keep alpha_one because the ferry needs it."}
    line = {
        "type": "user",
        "sessionId": "s1",
        "uuid": "u1",
        "cwd": str(code),
        "timestamp": "2026-05-04T10:00:00Z",
        "message": message,
    }
    transcript = code.parent / "session.jsonl"
    transcript.write_text(json.dumps(line) + "\n")
    assert session.import_now(str(transcript))["added"] == 1
    assert "ferry" in told("what mentions alpha_one")


def test_an_index_follows_a_checkout_that_was_moved(code: Path) -> None:
    """A repository that was renamed is indexed where it is now, and its old place is forgotten; this is told once."""
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        who = ["-c", "user.email=a@example.org", "-c", "user.name=a"]
        subprocess.run(["git", *who, "-C", str(code), *arguments], check=True, capture_output=True)
    (code / "pyproject.toml").write_text("")
    app.indexing.index([str(code)])
    moved = code.rename(code.parent / "renamed")
    (note,) = app.indexing.index().notes
    assert "was moved to" in note
    assert app.indexing.roots() == [str(moved)]
    assert app.indexing.index().notes == ()
    named = moved.rename(code.parent / "named")
    assert "was moved to" in (app.overview.take().next_step or "")[0]
    app.indexing.index([str(named)])
    assert app.indexing.roots() == [str(named)]
    shutil.rmtree(named)
    (note,) = app.indexing.index().notes
    assert "is not there" in note
    assert app.indexing.roots() == [str(named)]
    assert "is not there any more" in (app.overview.take().next_step or "")[0]
