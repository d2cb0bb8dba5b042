"""The lossless backend as a process, and through the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Home
from tests.engines.transcripts.speech import add, lcm, talk, write

SAID = (
    "How do we water the beds?",
    "Options: a drip line, which costs more, or a hose, which needs somebody every day.",
    "Let's go with the hose, because we are here every day anyway.",
    "The hose then, I'll hang it at the door.",
)
LATER = (
    "Nobody waters the beds at weekends.",
    "A drip line with a timer would do that, or a neighbour.",
    "Then scrap the hose. We go with a drip line and a timer.",
    "A drip line with a timer, understood.",
)


@pytest.fixture
def garden(home: Home) -> Home:
    """Return a home in which two sessions were imported; the second one reverses the first."""
    write(home.folder / "in" / "a.jsonl", talk(*SAID, session="a", day="2026-10-05", prefix="a"))
    write(home.folder / "in" / "b.jsonl", talk(*LATER, session="b", day="2026-10-12", prefix="b"))
    assert home.run("init", "--tier", "pro").code == 0
    assert home.run("index", "--transcripts", str(home.folder / "in")).json["added"] == 8
    return home


def ask(home: Home, question: str) -> Any:
    """Return the backend's answer through the router."""
    return home.run("query", question, "--backend", "lossless").json


def test_the_decision_in_force_comes_first(garden: Home) -> None:
    """A reversed decision comes after the one that reversed it, and says so; the chain has ids and times."""
    answer = ask(garden, "what did we decide about watering the beds")
    assert answer["status"] == "success"
    first, second = answer["results"][:2]
    assert "drip line and a timer" in first["content"]
    assert first["metadata"]["status"] == "in force"
    assert second["metadata"]["status"] == "superseded"
    assert second["metadata"]["superseded_by"] == "b2"
    chain = {step["step"]: step for step in second["metadata"]["chain"]}
    assert [chain[name]["id"] for name in ("question", "option", "decision", "change")] == ["a0", "a1", "a2", "b2"]
    assert chain["decision"]["time"] == "2026-10-05T09:02:00Z"
    assert "because we are here every day" in second["content"]


def test_results_can_be_expanded(garden: Home) -> None:
    """An id leads to the turn, to the turns around it, and to the whole branch."""
    (name, *_) = [result["id"] for result in ask(garden, "what did we decide about the hose")["results"]]
    assert name.startswith("lossless:")
    snippet, around, everything = (
        garden.run("get", name, "--layer", layer).json["results"][0] for layer in ("search", "timeline", "detail")
    )
    assert len(snippet["content"]) < len(around["content"]) <= len(everything["content"])
    assert len(around["metadata"]["around"]) == 4
    missing = garden.run("get", "lossless:gone")
    assert (missing.code, missing.json["missing"][0]["error_code"]) == (1, "NOT_FOUND")


def test_times_narrow_an_answer(garden: Home) -> None:
    """The last session is what "in this conversation" means; "yesterday" counts from the newest message if need be."""
    answer = ask(garden, "what did we decide about the hose earlier in this conversation")
    assert {result["metadata"]["session"] for result in answer["results"]} == {"b"}
    answer = ask(garden, "what did we decide about the hose today")
    assert answer["results"][0]["timestamp"].startswith("2026-10-12")


def test_a_span_and_a_project_of_the_request_narrow_an_answer(garden: Home) -> None:
    """Nothing older or newer than asked, and nothing of another project, comes back from the process."""

    def sessions(*options: str) -> set[str]:
        answer = garden.run("query", "watering the beds with a hose", "--backend", "lossless", *options).json
        return {result["metadata"]["session"] for result in answer["results"]}

    assert sessions() == {"a", "b"}
    assert sessions("--since", "2026-10-10") == {"b"}
    assert sessions("--until", "2026-10-10") == {"a"}
    assert sessions("--since", "2026-10-05T11:02:30+02:00", "--until", "2026-10-05T09:03:30Z") == {"a"}
    assert sessions("--project", "garden") == sessions("--project", "/srv/garden") == {"a", "b"}
    assert sessions("--project", "kitchen") == set()


def test_a_locked_database_leaves_the_rest_answering(garden: Home) -> None:
    """Where lossless-claw keeps its database locked for longer than anybody waits, imported conversations answer."""
    folder = garden.folder / ".openclaw"
    folder.mkdir()
    writer = lcm(folder / "lcm.db", "0.15", SAID)
    writer.pragma("journal_mode", "delete")
    writer.execute("BEGIN EXCLUSIVE")
    answer = ask(garden, "what did we decide about watering the beds")
    assert answer["status"] == "success"
    assert {result["metadata"]["engine"] for result in answer["results"]} == {"embedded"}
    writer.close()


def test_nothing_is_imported_yet(home: Home) -> None:
    """Without any conversation the backend is installed, not ready, and says what to run; an import makes it ready."""
    home.run("init", "--tier", "pro")
    state = json.loads((home.state / "backends.json").read_text())["backends"]["lossless"]
    assert state["status"] == "installed"
    assert "memory-router index --transcripts" in state["message"]
    write(home.folder / ".claude" / "projects" / "-work" / "s.jsonl", talk(*SAID))
    assert home.run("index", "--transcripts").json["added"] == 4
    assert json.loads((home.state / "backends.json").read_text())["backends"]["lossless"]["status"] == "ready"


def test_init_imports_what_lies_there(home: Home) -> None:
    """Conversations in the standard places are imported by `init`, and the backend is ready at once."""
    write(home.folder / ".claude" / "projects" / "-work" / "s.jsonl", talk(*SAID))
    done = home.run("init", "--tier", "pro")
    assert done.json["backends"]["lossless"]["status"] == "ready"
    assert "4 messages" in done.err
    assert ask(home, "what did we decide about watering the beds")["status"] == "success"


def test_the_doctor_warns_of_deletion(home: Home) -> None:
    """Where Claude Code keeps transcripts, `doctor` says after how many days it deletes them."""
    projects = home.folder / ".claude" / "projects"
    projects.mkdir(parents=True)
    (home.folder / ".claude" / "settings.json").write_text('{"cleanupPeriodDays": 14}')
    checks = {check["layer"]: check for check in home.run("doctor").json["checks"]}
    assert "after 14 days" in checks["transcripts"]["finding"]


def test_a_live_database_of_lossless_claw(home: Home) -> None:
    """An lcm.db is read while another process is in the middle of writing it; both sources answer together."""
    state = home.folder / ".openclaw"
    state.mkdir()
    writer = lcm(state / "lcm.db", "0.15", SAID)
    writer.execute("BEGIN IMMEDIATE")
    add(writer, "Let's go with rain barrels.")
    home.run("init", "--tier", "pro")
    answer = ask(home, "what did we decide about watering the beds")
    assert answer["results"][0]["id"] == "lossless:lcm:3"
    assert answer["results"][0]["metadata"]["engine"] == "lossless-claw"
    writer.execute("COMMIT")
    assert "rain barrels" in json.dumps(ask(home, "what did we decide about rain barrels"))
    assert sorted(path.name for path in state.iterdir() if path.name.startswith("lcm.db.")) == []
    writer.close()


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00" + b"\x01" * 200, b"nothing of the kind" * 300])
def test_a_database_that_cannot_be_read(garden: Home, content: bytes) -> None:
    """A damaged, truncated or foreign lcm.db leaves the imported conversations answering, and the health says why."""
    folder: Path = garden.folder / ".openclaw"
    folder.mkdir()
    (folder / "lcm.db").write_bytes(content)
    assert ask(garden, "what did we decide about watering the beds")["status"] == "success"
    state = {check["layer"]: check for check in garden.run("doctor").json["checks"]}["lossless"]
    assert "degraded" in state["finding"]
