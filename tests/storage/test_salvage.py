"""Of a damaged database everything that can be read comes back, and the damaged file stays."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memory_router.engines.tiers.store import MemoryStore
from memory_router.errors import StoreError
from memory_router.storage.salvage import is_whole, salvage
from memory_router.storage.sqlite import erase_traces

COUNT = 300


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database of memories that nothing is wrong with."""
    path = tmp_path_factory.mktemp("salvage") / "memory.db"
    store = MemoryStore.open(str(path))
    for number in range(COUNT):
        store.remember(f"memory {number} " + "of many words " * 30)
    store.close()
    return path


def test_a_damaged_index_loses_nothing(whole: Path, tmp_path: Path) -> None:
    """Where only an index is damaged, it is built anew in place."""
    path = tmp_path / "memory.db"
    path.write_bytes(whole.read_bytes())
    connection = apsw.Connection(str(path))
    root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'memories_by_time'").get
    size = connection.pragma("page_size")
    connection.close()
    damaged = bytearray(whole.read_bytes())
    damaged[(root - 1) * size : root * size] = b"\xa5" * size
    path.write_bytes(damaged)
    assert not is_whole(str(path))
    salvage(str(path))
    assert is_whole(str(path))
    store = MemoryStore.open(str(path))
    assert store.count() == COUNT


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(where=0)  # the page with the header
@example(where=0.15625)
@example(where=0.203125)
@example(where=0.009)  # the page that leads to all rows
@given(where=st.floats(0, 0.99))
def test_one_damaged_page_costs_no_more_than_what_stood_on_it(whole: Path, tmp_path: Path, where: float) -> None:
    """Whichever page is overwritten, the rest comes back, searchable, and the damaged file is kept as it was."""
    path = tmp_path / "memory.db"
    for old in tmp_path.iterdir():
        old.unlink()
    content = whole.read_bytes()
    page = int(where * len(content)) // 4096
    damaged = content[: page * 4096] + b"\xa5" * 4096 + content[(page + 1) * 4096 :]
    path.write_bytes(damaged)
    if is_whole(str(path)):
        return
    told = salvage(str(path))
    assert is_whole(str(path))
    if told.aside:
        assert Path(told.aside).read_bytes() == damaged
    store = MemoryStore.open(str(path))
    assert store.count() >= COUNT - 20
    assert store.recall("memory of many words", now=2e9)
    store.close()


def test_the_page_that_leads_to_all_rows_costs_nothing(tmp_path: Path) -> None:
    """Of each table the first page may be lost, where more than it holds the rows; what was deleted stays deleted."""
    path = tmp_path / "memory.db"
    with closing(apsw.Connection(str(path))) as origin:
        origin.execute("CREATE TABLE many(text); CREATE TABLE few(text)")
        for table, last in (("many", 150_000), ("few", 1000)):
            numbers = "WITH RECURSIVE n(v) AS (VALUES (-50) UNION ALL SELECT v + 1 FROM n WHERE v < ?)"
            origin.execute(f"{numbers} INSERT INTO {table}(rowid, text) SELECT v, 'text ' || v FROM n", (last,))
        origin.execute("DELETE FROM many WHERE rowid BETWEEN 1000 AND 90000")
        roots = dict(origin.execute("SELECT name, rootpage FROM sqlite_schema"))
    content = path.read_bytes()
    for table, count in (("many", 61_050), ("few", 1051)):
        start = (int(str(roots[table])) - 1) * 4096
        path.write_bytes(content[:start] + bytes(4096) + content[start + 4096 :])
        assert salvage(str(path)).damaged_tables == ()
        with closing(apsw.Connection(str(path))) as saved:
            assert saved.execute(f"SELECT count(*), count(DISTINCT text) FROM {table}").get == (count, count)
        for file in tmp_path.glob("memory.db*"):
            file.unlink()


@pytest.mark.parametrize("is_vacuumed", [False, True])
def test_a_page_that_names_tables_costs_nothing(whole: Path, tmp_path: Path, is_vacuumed: bool) -> None:
    """Each page of the schema may be lost, also while the log holds rows, and after the tables moved: all rows stay."""
    origin = tmp_path / "origin.db"
    origin.write_bytes(whole.read_bytes())
    with closing(MemoryStore.open(str(origin))) as store, closing(apsw.Connection(str(origin))) as other:
        if is_vacuumed:
            erase_traces(other, str(origin))
        store.remember("the last one, which stands in the log alone")
        sql = "SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'"
        pages = [int(page) for (page,) in other.execute(sql)]
        content, log = origin.read_bytes(), Path(f"{origin}-wal").read_bytes()
    path = tmp_path / "memory.db"
    assert len(pages) > 1
    for page in pages:
        path.write_bytes(content[: (page - 1) * 4096] + b"\xa5" * 4096 + content[page * 4096 :])
        Path(f"{path}-wal").write_bytes(log)
        told = salvage(str(path))
        assert told.damaged_tables == ()
        with closing(MemoryStore.open(str(path))) as store:
            assert store.count() == COUNT + 1
        assert is_whole(str(path))
        for file in tmp_path.glob("memory.db*"):
            file.unlink()


def test_a_copy_of_another_schema_is_not_taken(whole: Path, tmp_path: Path) -> None:
    """Where the tables moved to other pages after the copy was made, nothing is read from wrong pages."""
    path = tmp_path / "memory.db"
    path.write_bytes(whole.read_bytes())
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("DROP INDEX memories_by_time; VACUUM")
        page = connection.execute("SELECT max(pageno) FROM dbstat WHERE name = 'sqlite_schema'").get
    content = path.read_bytes()
    path.write_bytes(content[: (page - 1) * 4096] + b"\xa5" * 4096 + content[page * 4096 :])
    assert salvage(str(path)).rows == 0
    assert is_whole(str(path))


def test_rows_of_any_number_come_back(tmp_path: Path) -> None:
    """Numbers that lie anywhere in 64 bits, also below 0: two damaged pages cost no more than what stood on them."""
    path = tmp_path / "sparse.db"
    numbers = [((number * 0x9E3779B97F4A7C15 + 2**63) % 2**64) - 2**63 for number in range(3000)]
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE names(id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO names VALUES (?, ?)", ((number, "x" * 40) for number in numbers))
        pages = list(connection.execute("SELECT pageno, ncell FROM dbstat WHERE name = 'names' AND pagetype = 'leaf'"))
    content = bytearray(path.read_bytes())
    doomed = pages[0], pages[len(pages) // 2]
    for page, _ in doomed:
        content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    told = salvage(str(path))
    assert told.damaged_tables == ("names",)
    assert told.rows == len(numbers) - sum(count for _, count in doomed)


def test_a_salvage_that_cannot_be_written_moves_nothing(whole: Path, tmp_path: Path) -> None:
    """Where the new database cannot be written, the damaged one stays in its place, and nothing else is left."""
    path = tmp_path / "memory.db"
    content = whole.read_bytes()
    damaged = content[: 4096 * 60] + b"\xa5" * 4096 + content[4096 * 61 :]
    path.write_bytes(damaged)
    hindrance = tmp_path / f"memory.db.{os.getpid()}.part-journal"
    hindrance.mkdir()
    with pytest.raises(StoreError):
        salvage(str(path))
    hindrance.rmdir()
    assert path.read_bytes() == damaged
    assert [file.name for file in tmp_path.iterdir() if "damaged" in file.name or "part" in file.name] == []
    assert salvage(str(path)).aside


def test_a_full_disk_is_no_damage(whole: Path, tmp_path: Path) -> None:
    """A database that cannot be looked at, as no file may grow, is told as such and not repaired."""
    path = tmp_path / "memory.db"
    path.write_bytes(whole.read_bytes())
    script = (
        "import resource, signal, sys; from memory_router.errors import StoreError;"
        "from memory_router.storage.salvage import is_whole;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "try: sys.exit(int(is_whole(sys.argv[1])))\n"
        "except StoreError: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 7
