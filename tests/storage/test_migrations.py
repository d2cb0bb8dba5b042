"""One scheme of migrations serves every room of a database; a file of an earlier version opens, upgraded."""

import os
import stat
from pathlib import Path

import apsw
import pytest

from memory_router.errors import NewerStoreError
from memory_router.storage.schema import Migration, Schema
from memory_router.storage.sqlite import erase_traces, open_database, open_read_only

FIRST = Migration("CREATE TABLE notes(text TEXT) STRICT")
SECOND = Migration("ALTER TABLE notes ADD COLUMN kind TEXT")
ONE, TWO = Schema("notes", (FIRST,)), Schema("notes", (FIRST, SECOND))
OTHER = Schema("others", (Migration("CREATE TABLE others(x TEXT) STRICT"),))


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return where a database may be made."""
    return str(tmp_path / "folder" / "x.db")


def versions(path: str) -> dict[str, int]:
    """Return how many migrations of each room were done."""
    return dict(apsw.Connection(path).execute("SELECT room, version FROM schema_versions"))


def test_rooms_share_a_file_and_count_for_themselves(path: str) -> None:
    """Each room's migrations run once, whatever the others did."""
    for schema in (ONE, OTHER, TWO, OTHER):
        open_database(path, schema).close()
    assert versions(path) == {"notes": 2, "others": 1}


def test_a_precious_file_is_copied_before_it_is_migrated(path: str) -> None:
    """The copy holds what was there, is for this user alone, and a derived database gets none."""
    connection = open_database(path, ONE)
    connection.execute("INSERT INTO notes VALUES ('kept')")
    connection.close()
    open_database(path, TWO).close()
    copy = f"{path}.notes-1.bak"
    assert apsw.Connection(copy).execute("SELECT * FROM notes").get == "kept"
    assert stat.S_IMODE(os.stat(copy).st_mode) == 0o600
    derived = path + "2"
    for schema in (ONE, TWO):
        open_database(derived, schema._replace(precious=False)).close()
    assert not os.path.exists(f"{derived}.notes-1.bak")


def test_a_reader_migrates_an_older_file_and_passes_over_one_without_its_room(path: str) -> None:
    """Opening for reading upgrades what an earlier version wrote; a file of other rooms holds nothing for it."""
    assert open_read_only(path, TWO) is None
    open_database(path, OTHER).close()
    assert open_read_only(path, TWO) is None
    open_database(path, ONE).close()
    connection = open_read_only(path, TWO)
    assert connection
    assert connection.execute("SELECT count(kind) FROM notes").get == 0


def test_a_failed_migration_changes_nothing(path: str) -> None:
    """All steps of an upgrade are one transaction."""
    open_database(path, ONE).close()
    broken = Schema("notes", (FIRST, SECOND, Migration("CREATE TABLE notes(again TEXT)")))
    with pytest.raises(apsw.SQLError):
        open_database(path, broken)
    assert versions(path) == {"notes": 1}


def test_a_newer_file_is_refused_by_readers_and_writers(path: str) -> None:
    """Tables that a later version wrote are never touched."""
    open_database(path, TWO).close()
    for opener in (open_database, open_read_only):
        with pytest.raises(NewerStoreError, match="have schema 2"):
            opener(path, ONE)


def test_versions_counted_in_the_file_are_taken_over(path: str) -> None:
    """A file whose migrations stand in `user_version` goes on from there; programs that count so refuse it then."""
    os.makedirs(os.path.dirname(path))
    connection = apsw.Connection(path)
    connection.execute("CREATE TABLE notes(text TEXT) STRICT; PRAGMA user_version = 1")
    connection.close()
    open_database(path, TWO._replace(counted_by_file=True)).close()
    assert versions(path) == {"notes": 2}
    assert apsw.Connection(path).pragma("user_version") > 100


def test_files_are_for_this_user_alone(path: str) -> None:
    """A database and its log are made with mode 0600."""
    connection = open_database(path, ONE)
    connection.execute("INSERT INTO notes VALUES ('x')")
    folder = os.path.dirname(path)
    assert {stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) for name in os.listdir(folder)} == {0o600}


def test_no_byte_of_what_was_deleted_stays(path: str) -> None:
    """After the traces are erased, no file, log, copy or full-text index holds a deleted word."""
    full_text = Migration("CREATE VIRTUAL TABLE words USING fts5(text)")
    connection = open_database(path, ONE)
    connection.executemany("INSERT INTO notes VALUES (?)", ((f"zanzibar {number}",) for number in range(300)))
    connection.close()
    connection = open_database(path, Schema("notes", (FIRST, full_text)))
    connection.execute("INSERT INTO words SELECT text FROM notes")
    connection.execute("DELETE FROM notes; DELETE FROM words")
    erase_traces(connection, path)
    folder = Path(path).parent
    assert not [file.name for file in folder.iterdir() if b"zanzibar" in file.read_bytes()]
