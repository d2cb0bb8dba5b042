"""Work that nobody waits for."""

import json
import os
from pathlib import Path

import pytest

from memory_router.learning import background
from memory_router.routing.journal import BACKGROUND, entries
from tests.conftest import Home


def test_errors_reach_the_journal(home: Home) -> None:
    """What ends in an error where nobody reads stderr is a line of the log, with the command, the code and the fix."""
    (home.folder / "data").mkdir(parents=True)
    (home.folder / "data" / "memory.db").write_bytes(b"no database" * 1000)
    home.environment[BACKGROUND] = "learn --quiet"
    assert home.run("learn", "--quiet").code == 1
    (entry,) = entries(str(home.folder / "state" / "router.log"))
    assert (entry["event"], entry["command"], entry["error_code"]) == ("BACKGROUND", "learn --quiet", "STORE_CORRUPT")
    assert "db repair" in entry["error_message"]


@pytest.mark.parametrize("command", [["learn", "--quiet"], ["resident", "run"], ["index", "--transcripts"]])
def test_a_home_that_was_removed_stays_removed(home: Home, command: list[str]) -> None:
    """Work that begins after its home is gone writes nothing."""
    home.environment |= {BACKGROUND: " ".join(command), "HOME": str(home.folder / "gone")}
    home.environment["MEMORY_ROUTER_HOME"] = home.environment["HOME"]
    assert home.run(*command).code == 0
    assert not (home.folder / "gone").exists()


def test_in_front_nothing_is_logged(home: Home) -> None:
    """An error that somebody sees is no line of the log."""
    assert home.run("rules", "show", "nothing").code == 1
    assert not (home.folder / "state" / "router.log").exists()


def test_what_is_started_knows_that_nobody_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command in the background has its own words in its environment."""
    told = tmp_path / "told"
    os.mkfifo(told)
    (tmp_path / "memory_router").mkdir()
    (tmp_path / "memory_router" / "__main__.py").write_text(
        f"import json, os, sys\njson.dump([sys.argv[1:], os.environ.get({BACKGROUND!r})], open({str(told)!r}, 'w'))\n"
    )
    (tmp_path / "memory_router" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = background.start("learn", "--quiet")
    with told.open() as pipe:
        assert json.load(pipe) == [["learn", "--quiet"], "learn --quiet"]
    assert process.wait() == 0
