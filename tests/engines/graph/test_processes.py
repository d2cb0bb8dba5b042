"""Laws of reading in several processes: the same result, and nothing that runs on."""

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from memory_router.engines.graph.building import bring_up_to_date
from memory_router.engines.graph.extraction import processes
from memory_router.engines.graph.facts import Source

BUILD = """
import subprocess, sys
from pathlib import Path
from memory_router.engines.graph import building
from memory_router.engines.graph.facts import Source

class Told(subprocess.Popen):
    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        print(self.pid, flush=True)

subprocess.Popen = Told
building.processes.read = lambda texts, read=building.processes.read: read(texts, 2)
building._put = lambda *_: input()
folder = sys.argv[1]
paths = sorted(map(str, Path(folder).glob("*.*")))
building.bring_up_to_date([Source(path, folder, "python", "1", 1.0) for path in paths], database=sys.argv[2])
"""


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """Return many small files of several sorts, one of which is gone and one no Python."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(260):
        (folder / f"m{number:03}.py").write_text(
            f"from m{number // 2:03} import f{number // 2} as ä\n\ndef f{number}():\n"
            "    'Döc \\ud800.'\n    return ä()\n"
        )
    (folder / "m007.py").write_text("def broken(:\n")
    (folder / "note.md").write_text("# Note\n\nUse `f3` of [m](m003.py).\n")
    found = [Source(str(path), str(folder), "python", "1", 1.0) for path in sorted(folder.glob("*.py"))]
    found.append(Source(str(folder / "note.md"), str(folder), "markdown", "1", 1.0))
    found.append(Source("memory:1", "", "memory", "1", 1.0, "Anna said that `f5` is slow."))
    found.insert(60, Source(str(folder / "gone.py"), str(folder), "python", "1", 1.0))
    return found


def stated(sources: list[Source], count: int) -> list[tuple[Source, object]]:
    """Return texts with what they state, read by so many processes."""
    read = [one for batch in processes.read(sources, count) for one in batch]
    return [(source, facts and [*map(list, facts[:2]), dict(facts[2]), facts[3]]) for source, facts in read]


def tables(database: Path) -> list[list[tuple[object, ...]]]:
    """Return everything that a graph holds."""
    connection = apsw.Connection(str(database))
    return [
        list(connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3"))
        for name in ("files", "nodes", "edges", "refs", "bindings", "node_text")
    ]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_number_of_processes_does_not_matter(sources: list[Source], count: int) -> None:
    """However many read, texts come in order and state the same."""
    assert [source for source, _ in stated(sources, count)] == sources
    assert stated(sources, count) == stated(sources, 0)


def test_the_graph_is_the_same(sources: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph read by several processes equals, number by number, one that was read by none."""
    read = processes.read
    for count in (0, 3):
        monkeypatch.setattr(processes, "read", lambda texts, count=count: read(texts, count))
        bring_up_to_date(sources, database=str(tmp_path / f"{count}.db"))
    assert tables(tmp_path / "0.db") == tables(tmp_path / "3.db")


def test_a_few_texts_start_no_process(sources: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read in a moment is read here."""
    monkeypatch.setattr(subprocess, "Popen", None)
    assert len([*processes.read(sources[:100])]) == 2


@pytest.mark.parametrize("program", [shutil.which("false"), "/nowhere/python"])
def test_processes_that_die_cost_nothing(sources: list[Source], program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dead process was to read is read all the same, and so where none can be started."""
    here = stated(sources, 0)
    monkeypatch.setattr(sys, "executable", program)
    assert stated(sources, 2) == here


def test_the_current_folder_is_not_trusted(
    sources: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules that lie where the program is started are never run."""
    for name in ("ast", "memory_router", "tomllib"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    assert len(list(processes.read(sources, 1))) == 6
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="this system cannot tell when another's process ends")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_runs_on(sources: list[Source], tmp_path: Path, end: signal.Signals) -> None:
    """However the one who builds ends, those who read for it end too, and the next run finds its place."""
    database = tmp_path / "graph.db"
    command = [sys.executable, "-c", BUILD, str(tmp_path / "files"), str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as builder:
        assert builder.stdout
        waited = [os.pidfd_open(int(builder.stdout.readline())) for _ in range(2)]
        builder.send_signal(end)
        for process in waited:
            assert select.select([process], [], [], 60)[0]
            os.close(process)
    assert bring_up_to_date(sources[:3], database=str(database)).changed == 3
