"""Laws of the qmd backend, asked as the router asks it: as a process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from memory_router.contract import Request, encode_request
from memory_router.routing.response import decode_health, decode_response
from tests.conftest import Home

ADAPTER = Path(__file__).parents[2] / "backends" / "qmd" / "adapter.py"
NOTE = "# Tides\n\n## Source\nTide tables come from Tidewell."


def talk(home: Home, *requests: Request) -> list[bytes]:
    """Send requests to one adapter process and return its answers."""
    finished = subprocess.run(
        [sys.executable, str(ADAPTER)],
        input=b"".join(map(encode_request, requests)),
        capture_output=True,
        env=home.environment,
        check=True,
    )
    return finished.stdout.splitlines()


def ask(home: Home, text: str, mode: str = "search", limit: int = 10) -> Any:
    """Ask one question."""
    (line,) = talk(home, Request("query", text, mode, limit))
    return decode_response(line)


@pytest.fixture
def indexed(home: Home) -> Home:
    """Return a home with one indexed note."""
    (home.folder / "notes").mkdir()
    (home.folder / "notes/tides.md").write_text(NOTE)
    assert home.run("index", str(home.folder / "notes")).code == 0
    return home


@pytest.mark.parametrize("mode", ["search", "vsearch", "query"])
def test_every_mode_answers_and_says_by_what(indexed: Home, mode: str) -> None:
    """Results carry their place; the answer names the engine and the mode that really ran."""
    body = ask(indexed, "where do the tide tables come from", mode)
    assert body["status"] == "success"
    assert body["metadata"].items() >= {"engine": "embedded", "files_changed": 0}.items()
    assert 0 <= body["metadata"]["index_age"] < 600
    (result, *_) = body["results"]
    assert result["path"] == str(indexed.folder / "notes/tides.md")
    assert (result["line"], result["title"]) == (1, "Tides")
    assert result["metadata"]["lines"] == [1, 4]
    assert result["metadata"]["heading"] == "Tides > Source"
    assert result["metadata"]["root"] == str(indexed.folder / "notes")
    assert result["metadata"]["engine"] == "embedded"
    assert result["timestamp"].endswith("Z")
    assert body["normalized_relevance"] == result["relevance"] > 0.4


def test_without_an_index_the_fix_is_told(home: Home) -> None:
    """No index, and an index of nothing, are different from no match."""
    body = ask(home, "tide tables")
    assert (body["status"], body["error_code"]) == ("error", "NOT_INDEXED")
    assert "memory-router index PATH" in body["error_message"]
    (home.folder / "empty").mkdir()
    home.run("index", str(home.folder / "empty"))
    assert ask(home, "tide tables")["error_code"] == "NOT_INDEXED"


def test_no_match_is_empty_with_a_reason(indexed: Home) -> None:
    """A question that shares no word gets an empty answer that says so."""
    body = ask(indexed, "penguin zoology")
    assert (body["status"], body["error_code"]) == ("empty", "NO_MATCH")


def test_a_damaged_or_newer_index_is_named(indexed: Home) -> None:
    """The store's own codes come through, and health says what to do."""
    database = indexed.folder / "cache" / "documents.db"
    database.write_bytes(b"damage" * 1000)
    assert ask(indexed, "tide")["error_code"] == "STORE_CORRUPT"
    (line,) = talk(indexed, Request("health"))
    health = decode_health(line)
    assert health.status == "unavailable"
    assert "memory-router index" in health.fix


def test_health_tells_nothing_indexed_from_ready(home: Home) -> None:
    """`installed` until something is indexed, then `ready` with counts."""
    (line,) = talk(home, Request("health"))
    assert decode_health(line)[:1] == ("installed",)
    assert decode_health(line).fix == "Run: memory-router index PATH"
    (home.folder / "a.md").write_text("text")
    home.run("index", str(home.folder / "a.md"))
    (line,) = talk(home, Request("health"))
    assert decode_health(line)[:2] == ("ready", "Indexed: 1 file in 1 passage, from 1 folder.")


def test_a_warm_adapter_sees_a_new_index(home: Home) -> None:
    """A process that started before the first `index` answers from it afterwards."""
    process = subprocess.Popen(
        [sys.executable, str(ADAPTER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home.environment
    )
    assert process.stdin
    assert process.stdout
    codes = []
    for _ in range(2):
        process.stdin.write(encode_request(Request("query", "tide tables")))
        process.stdin.flush()
        codes.append(json.loads(process.stdout.readline())["error_code"])
        (home.folder / "tides.md").write_text(NOTE)
        home.run("index", str(home.folder / "tides.md"))
    process.communicate()
    assert codes == ["NOT_INDEXED", None]


def test_the_command_prints_one_json_object(home: Home) -> None:
    """`index` in a pipe prints its report as JSON; a second run finds nothing to do; a bad path is exit code 1."""
    (home.folder / "notes").mkdir()
    (home.folder / "notes/a.md").write_text("text")
    (home.folder / "notes/.env").write_text("KEY=1")
    os.utime(home.folder / "notes/a.md", (1_700_000_000, 1_700_000_000))
    first = home.run("index", "notes")
    assert (first.json["added"], first.json["skipped"]) == (1, {"may hold secrets": 1})
    assert home.run("index").json["unchanged"] == 1
    missing = home.run("index", "nowhere")
    assert (missing.code, missing.out) == (1, "")
    assert "does not exist" in missing.err


def test_results_are_fetched_by_layer_and_changes_are_told(indexed: Home) -> None:
    """The id of an answer gives a snippet, the surroundings or the whole; it outlives the index and tells a change."""
    note = indexed.folder / "notes/tides.md"
    note.write_text("# Tides\n\n## Before\nOne.\n\n## Source\nTide tables come from Tidewell.\n\n## After\nThree.\n")
    indexed.run("index")
    identifier = ask(indexed, "where do the tide tables come from")["results"][0]["id"]

    def fetched(layer: str) -> Any:
        (line,) = talk(indexed, Request("get", id=identifier, layer=layer))
        (result,) = decode_response(line)["results"]
        return result

    assert fetched("search")["content"] == fetched("detail")["content"] == "## Source\nTide tables come from Tidewell."
    assert fetched("timeline")["metadata"]["lines"] == [1, 10]
    assert fetched("timeline")["metadata"]["section"] == [6, 7]
    assert [entry["line"] for entry in fetched("detail")["metadata"]["outline"]] == [1, 6, 9]
    (indexed.folder / "cache/documents.db").unlink()
    indexed.run("index", str(indexed.folder / "notes"))
    assert ask(indexed, "where do the tide tables come from")["results"][0]["id"] == identifier
    assert (fetched("detail")["metadata"]["file"], fetched("detail")["metadata"]["passage"]) == ("unchanged", "same")
    note.write_text("A new beginning.\n\n" + note.read_text())
    assert fetched("detail")["metadata"]["file"] == "changed"
    assert ask(indexed, "tide tables")["metadata"]["files_changed"] == 1
    indexed.run("index")
    assert (fetched("detail")["metadata"]["passage"], fetched("detail")["line"]) == ("moved", 8)
    note.write_text(note.read_text().replace("Tidewell", "Wellspring"))
    indexed.run("index")
    assert fetched("detail")["metadata"]["passage"] == "changed"
    note.unlink()
    indexed.run("index")
    (line,) = talk(indexed, Request("get", id=identifier, layer="detail"))
    assert decode_response(line)["error_code"] == "NOT_FOUND"


@pytest.mark.parametrize("identifier", ["", "12", "a-b-c", "../../etc/passwd", "x" * 5000, "ff-1-ff", "a-\u0663-b"])
def test_unknown_ids_find_nothing(indexed: Home, identifier: str) -> None:
    """An id that no answer gave is told as such, whatever it looks like."""
    (line,) = talk(indexed, Request("get", id=identifier, layer="detail"))
    assert decode_response(line)["error_code"] == "NOT_FOUND"


def test_an_answer_tells_how_old_its_index_is(home: Home) -> None:
    """Whoever asks sees, beside the results, when the index was last brought up to date and what changed since."""
    (home.folder / "notes").mkdir()
    note = home.folder / "notes" / "tide.md"
    note.write_text("# Tide\nThe tide offset is nine minutes.\n")
    home.run("init")
    home.run("index", str(home.folder / "notes"))
    assert home.run("query", "tide offset", "--backend", "qmd").json["metadata"]["files_changed"] == 0
    note.write_text("# Tide\nThe tide offset is eleven minutes, as measured again.\n")
    assert home.run("query", "tide offset", "--backend", "qmd").json["metadata"]["files_changed"] == 1


def test_what_is_gone_does_not_answer(home: Home) -> None:
    """A deleted file leaves every answer at once, also one that says the same as another, and the rest moves up."""
    notes = home.folder / "notes"
    (notes / "old").mkdir(parents=True)
    for name in ("a.md", "b.md", "old/c.md"):
        (notes / name).write_text(f"# Tides of {name}\n\nTide tables come from Tidewell, says {name}.\n")
    home.run("index", str(notes))
    (notes / "a.md").unlink()
    body = ask(home, "where do tide tables come from", limit=2)
    assert sorted(Path(result["path"]).name for result in body["results"]) == ["b.md", "c.md"]
    assert body["metadata"].items() >= {"files_changed": 1, "files_gone": 1}.items()
    assert body["normalized_relevance"] == body["results"][0]["relevance"]
    (notes / "b.md").write_text("# Tides\n\nTide tables come from the harbour office.\n")
    (notes / "old/c.md").unlink()
    (notes / "old").rmdir()
    (result,) = ask(home, "where do tide tables come from")["results"]
    assert (Path(result["path"]).name, result["metadata"]["file"]) == ("b.md", "changed")


def test_a_folder_that_is_gone_is_named(indexed: Home) -> None:
    """Where nothing that would answer is there any more, the answer says which folder is missing and what to do."""
    (indexed.folder / "notes").rename(indexed.folder / "moved")
    body = ask(indexed, "where do the tide tables come from")
    assert (body["status"], body["results"]) == ("empty", [])
    assert "notes" in body["error_message"]
    assert "memory-router index" in body["error_message"]
    assert body["metadata"].items() >= {"files_changed": 0, "files_gone": 1}.items()
    (indexed.folder / "moved").rename(indexed.folder / "notes")
    assert ask(indexed, "where do the tide tables come from")["results"]


def test_what_changed_is_indexed_after_the_answer(indexed: Home) -> None:
    """A question that meets a changed file has it indexed in the background: a later one finds what it says now."""
    indexed.run("init", "--tier", "starter")
    note = indexed.folder / "notes/tides.md"
    note.write_text("# Tides\n\nTide tables are printed by the lighthouse keeper.\n")
    until = time.monotonic() + 60
    while not indexed.run("query", "lighthouse keeper", "--backend", "qmd").json["results"]:
        indexed.run("query", "tide tables", "--backend", "qmd")
        assert time.monotonic() < until, "the change was never indexed"
