"""Files are written whole, locked between processes, and put out of the way with all that belongs to them."""

import os
import queue
import stat
import threading
from pathlib import Path

import pytest

from memory_router.errors import StoreError
from memory_router.storage.files import copy_aside, exclusive, make_file_private, quarantine, write_whole


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_for_this_user_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    """A file gets 0600 when it is made; the mode that somebody gave it since stays."""
    file = tmp_path / "folder" / "file"
    write_whole(str(file), b"one")
    assert (file.read_bytes(), mode(file), mode(file.parent)) == (b"one", 0o600, 0o700)
    file.chmod(0o640)
    write_whole(str(file), b"two")
    assert (file.read_bytes(), mode(file)) == (b"two", 0o640)
    assert os.listdir(file.parent) == ["file"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What a link points to is replaced, not the link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk refuses the last step, the file is as it was."""
    file = tmp_path / "file"
    write_whole(str(file), b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        write_whole(str(file), b"new")
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_quarantine_takes_the_log_along_and_never_overwrites_another(tmp_path: Path) -> None:
    """A damaged database goes with what was committed to its log; a second one gets a name of its own."""
    database = tmp_path / "x.db"
    for content in (b"first", b"second"):
        database.write_bytes(content)
        (tmp_path / "x.db-wal").write_bytes(content + b" log")
        quarantine(str(database))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "x.db.damaged": b"first",
        "x.db.damaged-wal": b"first log",
        "x.db.damaged-2": b"second",
        "x.db.damaged-2-wal": b"second log",
    }


def test_a_copy_aside_is_kept_beside_earlier_ones(tmp_path: Path) -> None:
    """Each copy gets a free name."""
    (tmp_path / "f").write_bytes(b"x")
    assert [os.path.basename(copy_aside(str(tmp_path / "f"), "bak")) for _ in range(2)] == ["f.bak", "f.bak-2"]


def test_an_exclusive_lock_says_when_it_waits_and_ends_with_its_holder(tmp_path: Path) -> None:
    """One holder at a time: another that tries hears that it waits, and gets in once the first is gone."""
    file = str(tmp_path / "x.db")
    told: queue.Queue[str] = queue.Queue()

    def enter() -> None:
        with exclusive(file, lambda: told.put("waiting")):
            told.put("in")

    with exclusive(file):
        second = threading.Thread(target=enter)
        second.start()
        assert told.get(timeout=30) == "waiting"
        assert told.empty()
    second.join(30)
    assert told.get(timeout=30) == "in"


def test_a_folder_that_cannot_be_locked_is_an_error_with_a_fix(tmp_path: Path) -> None:
    """Where a file stands in the way of the folder, the error names the way out."""
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(StoreError, match="MEMORY_ROUTER_HOME"), exclusive(str(tmp_path / "data" / "x.db")):
        pass


def test_files_that_others_may_read_are_taken_from_them(tmp_path: Path) -> None:
    """An existing file loses what group and others may do; a missing one is made for its owner alone."""
    (tmp_path / "old").write_bytes(b"x")
    (tmp_path / "old").chmod(0o644)
    for name in ("old", "new"):
        make_file_private(str(tmp_path / name))
        assert mode(tmp_path / name) == 0o600
    assert (tmp_path / "old").read_bytes() == b"x"
