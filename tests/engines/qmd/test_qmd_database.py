"""Laws of reading a database that belongs to another program."""

import os
from pathlib import Path

import apsw
import pytest

from memory_router.engines.qmd import search
from memory_router.engines.qmd.answering import find
from memory_router.engines.qmd.database import QmdDatabase, read
from memory_router.engines.qmd.state import examine
from memory_router.errors import CorruptStoreError, NewerStoreError, StoreError
from tests.engines.qmd.conftest import Indexed


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return what stands in a folder, with times and contents."""
    return {
        file.name: (file.stat().st_mtime_ns, file.stat().st_ino, file.read_bytes())
        for file in folder.iterdir()
        if file.is_file()
    }


def test_nothing_is_created_or_touched(indexed: Indexed, tmp_path: Path) -> None:
    """Asking leaves the folder as it was, to the byte and the nanosecond."""
    indexed.add("a.md", "tide tables")
    indexed.close()
    before = everything(tmp_path)
    assert search.search(indexed.path, "tide").hits
    examine(indexed.path)
    assert everything(tmp_path) == before
    assert list(before) == ["index.sqlite"]


def test_what_a_writer_committed_is_seen_at_once(indexed: Indexed) -> None:
    """While QMD writes, committed documents are found, uncommitted ones are not, and nobody waits."""
    indexed.add("a.md", "tide tables")
    assert len(search.search(indexed.path, "tide").hits) == 1
    indexed.connection.execute("BEGIN EXCLUSIVE")
    indexed.connection.execute("DELETE FROM documents_fts")
    assert len(search.search(indexed.path, "tide").hits) == 1
    indexed.connection.execute("COMMIT")
    assert search.as_qmd(indexed.path, "tide") == []


def test_a_change_in_the_midst_of_reading_is_noticed(indexed: Indexed) -> None:
    """If a writer appears while the quiet file is read, it is read again as one that others write to."""
    indexed.add("a.md", "tide tables")
    indexed.close()
    counts: list[int] = []

    def work(opened: QmdDatabase) -> int:
        count = int(opened.connection.execute("SELECT count(*) FROM documents").get)
        if not counts:
            indexed.connection = apsw.Connection(indexed.path)
            indexed.add("b.md", "tide offsets")
        counts.append(count)
        return count

    assert (read(indexed.path, work), counts) == (2, [1, 2])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_read(indexed: Indexed, tmp_path: Path) -> None:
    """In a read-only folder the quiet index answers fully, and one with a log is told to lag."""
    indexed.add("a.md", "tide tables")
    log = Path(f"{indexed.path}-wal").read_bytes()
    indexed.close()
    tmp_path.chmod(0o500)
    try:
        assert find(indexed.path, "tide", "search", 5, 1.0).notes == {}
        tmp_path.chmod(0o700)
        Path(f"{indexed.path}-wal").write_bytes(log)
        tmp_path.chmod(0o500)
        assert "may_lag" in find(indexed.path, "tide", "search", 5, 1.0).notes
    finally:
        tmp_path.chmod(0o700)


def test_damage_and_other_tables_are_named(indexed: Indexed, tmp_path: Path) -> None:
    """Damaged, foreign and vanished databases are different errors, each with a fix."""
    damaged, foreign = tmp_path / "damaged", tmp_path / "foreign"
    damaged.write_bytes(b"damage" * 1000)
    foreign.write_bytes(b"")
    for path, kind in ((damaged, CorruptStoreError), (foreign, NewerStoreError), (tmp_path / "gone", StoreError)):
        with pytest.raises(kind) as caught:
            search.search(str(path), "tide")
        assert caught.value.fix
        state = examine(str(path))
        assert state
        assert (state.kind, state.reason) == ("unusable", caught.value.cause)
    pages = Path(indexed.close()).read_bytes()
    Path(indexed.path).write_bytes(pages[:4096] + b"\xff" * (len(pages) - 4096))
    with pytest.raises(CorruptStoreError):
        search.search(indexed.path, "tide")


def test_the_schema_of_a_strange_file_is_not_trusted(indexed: Indexed) -> None:
    """Nothing that a stranger's schema asks for is run but plain reading."""
    indexed.add("a.md", "tide tables")
    indexed.close()
    assert read(indexed.path, lambda opened: opened.connection.pragma("trusted_schema")) == 0
    with pytest.raises(StoreError):
        read(indexed.path, lambda opened: opened.connection.execute("DELETE FROM documents").get)
