"""What must hold of the backends that answer from memory, or say that they cannot, as real processes."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memory_router.engines.tiers.schema import SCHEMA
from memory_router.engines.tiers.store import MemoryStore
from memory_router.routing.response import decode_health, decode_response
from memory_router.routing.sanitising import clean
from memory_router.storage.sqlite import open_database
from tests.conftest import Home

BACKENDS = Path(__file__).parents[2] / "backends"


class Adapter:
    """Run an adapter and keep it running from one request to the next."""

    def __init__(self, name: str, home: Path, cwd: Path | None = None) -> None:
        folder = BACKENDS / name
        manifest = json.loads((folder / "backend.json").read_text())
        command = [sys.executable if part == "{python}" else str(folder / part) for part in manifest["command"]]
        self.process = subprocess.Popen(
            command,
            cwd=cwd or folder,
            env={"MEMORY_ROUTER_HOME": str(home), "PYTHONPATH": str(BACKENDS.parent)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def send(self, **request: Any) -> bytes:
        """Send one request and return the line that answers it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"contract": 1, **request}).encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def query(self, text: str, **members: Any) -> dict[str, Any]:
        """Ask a question; the answer has passed the router's check of the contract."""
        return decode_response(self.send(verb="query", query=text, **members))

    def close(self) -> int:
        """Close its stdin and return its exit code."""
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def totalrecall(tmp_path: Path) -> Iterator[Adapter]:
    """Return the adapter of an empty home."""
    adapter = Adapter("totalrecall", tmp_path)
    yield adapter
    assert adapter.close() == 0


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Return where that home keeps its memories."""
    return str(tmp_path / "data" / "memory.db")


def test_nothing_stored_is_an_empty_answer_with_what_to_do(totalrecall: Adapter, database: str) -> None:
    """Neither a missing nor an empty store is an error, and the answer says how to fill it."""
    for _ in range(2):
        answer = totalrecall.query("why did we choose Postgres")
        assert (answer["status"], answer["error_code"]) == ("empty", "NOTHING_STORED")
        assert 'memory-router remember "TEXT"' in answer["error_message"]
        MemoryStore.open(database).close()


def test_a_memory_written_meanwhile_is_found(totalrecall: Adapter, database: str) -> None:
    """One process, asked before the store is there, after the first memory and after the next."""
    assert totalrecall.query("tide")["status"] == "empty"
    store = MemoryStore.open(database)
    for count in (1, 2, 3):
        store.remember(f"tide table {count}")
        assert totalrecall.query("tide")["result_count"] == count


def test_a_result_says_what_it_is(totalrecall: Adapter, database: str) -> None:
    """Text, time in UTC, id, source, calibrated relevance and metadata are those of the memory."""
    store = MemoryStore.open(database)
    memory = store.remember("Postgres was chosen for row-level security", ["db"], "harbor", 1_760_000_000.5).memory
    answer = totalrecall.query("why did we choose Postgres", scope="harbor")
    assert answer["status"] == "success"
    assert answer["normalized_relevance"] == answer["results"][0]["relevance"] >= 0.4
    result = answer["results"][0]
    assert {name: result[name] for name in ("content", "source", "timestamp", "id", "metadata")} == {
        "content": "Postgres was chosen for row-level security",
        "source": "totalrecall",
        "timestamp": "2025-10-09T08:53:20Z",
        "id": memory.id,
        "metadata": {
            "engine": "embedded",
            "tags": ["db"],
            "project": "harbor",
            "tier": "persistent",
            "author": {"kind": "unknown"},
        },
    }


def test_the_last_thing_is_the_newest_memory(totalrecall: Adapter, database: str) -> None:
    """A recent question passes the gate with the newest memory first."""
    store = MemoryStore.open(database)
    for hours in (1, 3, 2):
        store.remember(f"changed {hours} h ago", created=time.time() - hours * 3600)
    answer = totalrecall.query("what was the last thing we changed", limit=2)
    assert [result["content"] for result in answer["results"]] == ["changed 1 h ago", "changed 2 h ago"]
    assert answer["normalized_relevance"] >= 0.4


def test_no_shared_word_is_told_from_nothing_stored(totalrecall: Adapter, database: str) -> None:
    """A store that holds something else says so."""
    MemoryStore.open(database).remember("tide table", project="harbour")
    assert totalrecall.query("zebra")["error_code"] == "NO_MATCH"
    assert totalrecall.query("tide", scope="other project")["error_code"] == "NO_MATCH"


def test_a_window_of_time_is_kept(totalrecall: Adapter, database: str) -> None:
    """`since` and `until` limit the answer; what is no time is an error that says so."""
    store = MemoryStore.open(database)
    for day in range(1, 6):
        store.remember(f"tide {day}", created=1_760_000_000 + day * 86_400)
    found = totalrecall.query("tide", since="2025-10-11", until="2025-10-13T00:00:00+02:00")["results"]
    assert sorted(result["content"] for result in found) == ["tide 2", "tide 3"]
    assert totalrecall.query("tide", since="tomorrow")["error_code"] == "BAD_REQUEST"


def test_project_and_time_limit_together(totalrecall: Adapter, database: str) -> None:
    """The scope and both ends of the window hold at once, for questions of words and for the newest alike."""
    store = MemoryStore.open(database)
    for day in range(1, 6):
        for project in ("harbor", "yard"):
            store.remember(f"tide {day}", project=project, created=1_760_000_000 + day * 86_400)
    window = {"scope": "harbor", "since": "2025-10-11T00:00:00Z", "until": "2025-10-13T00:00:00Z"}
    for question in ("tide", "what was the last thing we noted"):
        found = totalrecall.query(question, **window)["results"]
        assert sorted(result["content"] for result in found) == ["tide 2", "tide 3"]
        assert {result["metadata"]["project"] for result in found} == {"harbor"}
    assert totalrecall.query("tide", scope="harbor", since="2030-01-01")["result_count"] == 0


def test_earlier_layouts_are_read_through_the_process(tmp_path: Path) -> None:
    """Inside a project with registers or a memory branch, their entries answer, and nothing of it is changed."""
    project = tmp_path / "project"
    files = {
        "memory/SCHEMA.md": "# Total Recall schema\n",
        "memory/daily/2026-02-03.md": "# 2026-02-03\n\n## Notes\n[09:30] The crane was repaired.\n",
        "_memory/2026-01-02T10-00-00_db.md": "---\nkey: db\n---\n# Database\nWe use JWT.\n",
    }
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(project)]
    for arguments in (
        ("init", "-q", "-b", "openclaw-memory"),
        ("add", "_memory"),
        ("commit", "-q", "-m", "memory: db"),
        ("checkout", "-q", "--orphan", "main"),
        ("rm", "-rfq", "_memory"),
        ("commit", "-q", "--allow-empty", "-m", "start"),
    ):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*") if path.is_file()}
    adapter = Adapter("totalrecall", tmp_path / "home", project)
    for question, text in (
        ("who repaired the crane", "[09:30] The crane was repaired."),
        ("JWT", "# Database\nWe use JWT."),
    ):
        (found,) = adapter.query(question)["results"]
        assert (found["content"], found["metadata"]["engine"]) == (text, "total-recall")
    assert adapter.close() == 0
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*") if path.is_file()} == before


def test_health_tells_how_much_is_stored(totalrecall: Adapter, database: str) -> None:
    """An empty store is ready, since it can be written; a filled one says with how much."""
    assert decode_health(totalrecall.send(verb="health")).status == "ready"
    MemoryStore.open(database).remember("tide table", project="harbour")
    health = decode_health(totalrecall.send(verb="health"))
    assert (health.status, health.reason, health.engine) == ("ready", "1 memory is stored.", "embedded")


def test_a_damaged_store_is_unavailable(totalrecall: Adapter, database: str) -> None:
    """Health and answer name the damage and what to do."""
    Path(database).parent.mkdir()
    Path(database).write_bytes(b"no pages here " * 1000)
    health = decode_health(totalrecall.send(verb="health"))
    assert health.status == "unavailable"
    assert "damaged" in health.reason
    assert health.fix
    answer = totalrecall.query("tide")
    assert (answer["status"], answer["error_code"]) == ("error", "STORE_CORRUPT")


def test_a_newer_store_is_unavailable(totalrecall: Adapter, database: str) -> None:
    """A store of a later version is refused with the advice to update."""
    open_database(database, SCHEMA).execute("UPDATE schema_versions SET version = 99")
    assert "Update" in decode_health(totalrecall.send(verb="health")).fix
    assert totalrecall.query("tide")["error_code"] == "STORE_NEWER"


@pytest.mark.parametrize(
    "question", ["", "\x00", "\ud800", "'; DROP TABLE memories; --", '"tide" NEAR(', "$(rm -rf /)"]
)
def test_a_hostile_question_is_a_question(totalrecall: Adapter, database: str, question: str) -> None:
    """Whatever is asked, the adapter answers it, echoes what of it can be shown, and goes on."""
    MemoryStore.open(database).remember("tide table", project="harbour")
    assert totalrecall.query(question)["query_echo"] == clean(question)
    assert totalrecall.query("tide")["result_count"] == 1


def test_a_memory_is_fetched_by_its_id(totalrecall: Adapter, database: str) -> None:
    """`get` returns what the id names, and an empty answer with a code for any other."""
    memory = MemoryStore.open(database).remember("tide table").memory
    found = decode_response(totalrecall.send(verb="get", id=memory.id))
    assert [result["content"] for result in found["results"]] == ["tide table"]
    assert decode_response(totalrecall.send(verb="get", id="nobody"))["error_code"] == "NOT_FOUND"


def test_a_cold_start_loads_nothing_heavy(tmp_path: Path) -> None:
    """What the adapter imports is bounded: neither the command line's nor the indexes' libraries."""
    code = (
        "import runpy, sys; sys.stdin.close(); sys.stdin = open('/dev/null')\n"
        f"import memory_router.contract as c; c.serve = lambda *a, **k: None\n"
        f"runpy.run_path({str(BACKENDS / 'totalrecall' / 'adapter.py')!r}, run_name='__main__')\n"
        "heavy = {'typer', 'rich', 'numpy', 'msgspec', 'orjson', 'dataclasses', 'pathlib', 'asyncio', 'hashlib',\n"
        "         'datetime', 'sqlite3', 'regex', 'inspect', 'logging'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, env=_path())
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize(("name", "tier"), [("totalrecall", "starter"), ("cognee", "pro"), ("lossless", "pro")])
def test_a_manifest_names_its_folder_and_tier(name: str, tier: str) -> None:
    """What the router reads of a backend agrees with where it lies."""
    manifest = json.loads((BACKENDS / name / "backend.json").read_text())
    assert (manifest["name"], manifest["tier"], manifest["contract"]) == (name, tier, 1)
    assert (BACKENDS / name / "README.md").is_file()


def _path() -> dict[str, str]:
    site = [folder for folder in sys.path if folder.endswith("site-packages")]
    return {"PYTHONPATH": ":".join([str(BACKENDS.parent), *site])}


def test_a_replaced_store_is_opened_anew(home: Home) -> None:
    """A process that is kept running answers from the store that is there now, also where another took its place."""
    home.run("init")
    home.run("remember", "The quay is painted green")
    store = home.folder / "data" / "memory.db"
    asked = subprocess.Popen(
        [sys.executable, "-m", "memory_router", "query", "-", "--backend", "totalrecall"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home.environment, text=True,
    )  # fmt: skip
    assert asked.stdin
    assert asked.stdout
    asked.stdin.write("which colour has the quay\n")
    asked.stdin.flush()
    assert "green" in asked.stdout.readline()
    for file in store.parent.glob("memory.db*"):
        file.unlink()
    home.run("remember", "The quay is painted purple")
    answer, _ = asked.communicate("which colour has the quay\n")
    assert "purple" in answer
    assert "green" not in answer
