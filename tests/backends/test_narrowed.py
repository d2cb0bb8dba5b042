"""Laws of `--since`, `--until` and `--project`, which every bundled backend keeps."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from memory_router import Router
from tests.conftest import Home
from tests.engines.qmd.conftest import Indexed
from tests.engines.transcripts.speech import talk, write

OLD, NEW = "2024-06-03", "2026-02-02"
CODE = "class Ferry:\n    pass\n\n\nclass {name}Ferry(Ferry):\n    pass\n"
BACKENDS = ["qmd:search", "qmd:query", "totalrecall", "lossless", "cognee"]


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a home in which every backend knows of a ferry, in two projects, an old and a new one."""
    home = Home(tmp_path_factory.mktemp("harbour"))
    assert home.run("init", "--tier", "pro").code == 0
    for project, day in (("old-pier", OLD), ("new-pier", NEW)):
        folder = home.folder / project
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        (folder / "go.mod").touch()
        (folder / "ferry.py").write_text(CODE.format(name=project.partition("-")[0].title()))
        (folder / "ferry.md").write_text(f"# Ferry\n\nThe ferry of {project} is painted in spring.\n")
        moment = time.mktime(time.strptime(f"{day} 12", "%Y-%m-%d %H"))
        for file in folder.glob("ferry.*"):
            os.utime(file, (moment, moment))
        fact = {
            "text": f"The ferry of {project} is painted in spring",
            "project": project,
            "timestamp": f"{day}T12:00:00Z",
        }
        assert home.run("import", "-", stdin=json.dumps(fact)).code == 0
        said = talk(f"When is the ferry of {project} painted?", "In spring.", session=project, day=day, prefix=project)
        write(home.folder / "in" / f"{project}.jsonl", [{**one, "cwd": str(home.folder / project)} for one in said])
    assert home.run("index", "--transcripts", str(home.folder / "in")).code == 0
    assert home.run("index", *(str(home.folder / project) for project in ("old-pier", "new-pier"))).code == 0
    return home


def question(backend: str) -> str:
    """Return a question that everything in a backend answers."""
    return "what depends on Ferry" if backend == "cognee" else "when is the ferry painted"


def found(home: Home, backend: str, *options: str) -> set[str]:
    """Return the projects of what is found."""
    answer = home.run("query", question(backend), "--backend", backend, "--limit", "30", *options).json
    assert answer["status"] != "error", answer
    return {result["metadata"]["project"] for result in answer["results"]}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_keeps_to_a_project(harbour: Home, backend: str) -> None:
    """Each result says its project; with one given, nothing of another is returned."""
    assert found(harbour, backend) == {"old-pier", "new-pier"}
    assert found(harbour, backend, "--project", "new-pier") == {"new-pier"}
    assert found(harbour, backend, "--project", "no such pier") == set()


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_keeps_to_a_span_of_time(harbour: Home, backend: str) -> None:
    """Dates, months and years limit the answer; a day counts to its end, and both ends may be given."""
    assert found(harbour, backend, "--since", "2025") == {"new-pier"}
    assert found(harbour, backend, "--until", "June 2024") == {"old-pier"}
    assert found(harbour, backend, "--since", OLD, "--until", OLD) == {"old-pier"}
    assert found(harbour, backend, "--since", "2024-06-04", "--until", "2026-02-01T12:00Z") == set()
    assert found(harbour, backend, "--since", "2024-06-04", "--project", "old-pier") == set()


def test_what_is_no_time_is_told(harbour: Home) -> None:
    """An envelope names the words that are no time, or the ends that hold nothing between them."""
    outcome = harbour.run("query", "ferry", "--since", "the other day")
    assert (outcome.code, outcome.json["error_code"]) == (1, "INVALID_TIME")
    assert "the other day" in outcome.json["error_message"]
    outcome = harbour.run("query", "ferry", "--since", "2026", "--until", "2025")
    assert (outcome.code, outcome.json["error_code"]) == (1, "INVALID_TIME")


def test_the_quick_and_the_full_command_line_agree(harbour: Home) -> None:
    """The options mean the same whichever way the command line is read."""
    quick = harbour.run("query", "ferry", "--project=new-pier", "--since", "last year")
    full = harbour.run("query", "--since", "last year", "--project", "new-pier", "--limit", "+10", "ferry")
    assert quick.json["results"] == full.json["results"] != []


def test_the_library_takes_them(harbour: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Router.query` takes the same words."""
    monkeypatch.setenv("MEMORY_ROUTER_HOME", str(harbour.folder))
    envelope: Any = Router().query("when is the ferry painted", until="2024-12", project="old-pier")
    assert {result["metadata"]["project"] for result in envelope.results} == {"old-pier"}
    assert Router().query("ferry", since="whenever").error_code == "INVALID_TIME"


def test_the_real_qmd_keeps_to_them(harbour: Home, tmp_path: Path) -> None:
    """What QMD indexed is chosen likewise: by repository and by date; notes outside of them belong to all."""
    indexed = Indexed(tmp_path)
    indexed.add("2026-02-02-ferry.md", "# Ferry\n\nThe ferry is painted by hand.\n")
    indexed.add("ferry.md", "# Ferry\n\nThe ferry is painted once more.\n")
    harbour.environment["INDEX_PATH"] = indexed.close()
    try:
        assert found(harbour, "qmd:search") == {"old-pier", "new-pier", ""}
        assert found(harbour, "qmd:search", "--project", "old-pier") == {"old-pier", ""}
        answer = harbour.run(
            "query", "ferry painted", "--backend", "qmd", "--since", "2026", "--project", "vineyard"
        ).json
        (result,) = answer["results"]
        assert result["path"].endswith("2026-02-02-ferry.md")
        (again,) = harbour.run("get", result["id"], "--layer", "timeline").json["results"]
        assert again["content"] == result["content"]
        assert again["id"] == result["id"]
        missing = harbour.run("get", "qmd:qmd://notes/gone.md:1")
        assert (missing.code, missing.json["missing"][0]["error_code"]) == (1, "NOT_FOUND")
    finally:
        del harbour.environment["INDEX_PATH"]
