"""A precious database without a byte has lost everything, and is never taken for a new one."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from memory_router.errors import CorruptStoreError
from memory_router.storage.salvage import is_whole, salvage
from memory_router.storage.schema import Migration, Schema
from memory_router.storage.sqlite import connect, open_database, open_read_only

SCHEMA = Schema("things", (Migration("CREATE TABLE things(name TEXT) STRICT"),), precious=True)


def test_an_empty_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    """Readers and writers refuse it, and leave it and its log as they are: the log may hold what was written last."""
    path = tmp_path / "memory.db"
    path.touch()
    log = tmp_path / "memory.db-wal"
    log.write_bytes(b"the last words")
    with pytest.raises(CorruptStoreError, match="empty"):
        open_database(str(path), SCHEMA)
    with pytest.raises(CorruptStoreError, match="empty"):
        open_read_only(str(path), SCHEMA)
    assert (path.read_bytes(), log.read_bytes()) == (b"", b"the last words")
    assert not is_whole(str(path))


def test_repairing_keeps_it_and_begins_anew(tmp_path: Path) -> None:
    """The empty file and its log are kept under another name, and the new database can be used."""
    path = tmp_path / "memory.db"
    path.touch()
    (tmp_path / "memory.db-wal").write_bytes(b"the last words")
    salvaged = salvage(str(path))
    assert salvaged.aside
    assert Path(f"{salvaged.aside}-wal").read_bytes() == b"the last words"
    assert is_whole(str(path))
    open_database(str(path), SCHEMA).close()


def test_a_new_database_is_never_seen_empty(tmp_path: Path) -> None:
    """Whoever looks while 16 threads create one sees no file or a whole one, and all of them get the same."""
    path = tmp_path / "memory.db"
    start, sizes, failed = threading.Barrier(17), set[int](), list[BaseException]()

    def create() -> None:
        start.wait()
        try:
            connect(str(path), precious=True).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=create) for _ in range(16)]
    for thread in threads:
        thread.start()
    start.wait()
    while any(thread.is_alive() for thread in threads):
        sizes |= {path.stat().st_size} if path.exists() else set()
    for thread in threads:
        thread.join()
    assert (failed, 0 in sizes) == ([], False)
    assert [file.name for file in tmp_path.iterdir() if ".db." in file.name] == []
    with closing(open_database(str(path), SCHEMA)) as connection:
        assert connection.execute("SELECT count(*) FROM things").get == 0
