"""Of a damaged database everything that can be read comes back, and the damaged file stays."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memory_router.engines.tiers.store import MemoryStore
from memory_router.storage.salvage import is_whole, salvage

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


def names_tables(database: Path) -> set[int]:
    """Return the pages that hold the schema of a database."""
    with closing(apsw.Connection(str(database))) as connection:
        return {int(page) for (page,) in connection.execute("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'")}


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
@example(where=0.15625)
@example(where=0.203125)
@given(where=st.floats(0.1, 0.99))
def test_one_damaged_page_costs_no_more_than_what_stood_on_it(whole: Path, tmp_path: Path, where: float) -> None:
    """Whichever page is overwritten, the rest comes back, searchable, and the damaged file is kept as it was.

    Only the pages that name the tables take everything with them; a new database stands in their place then.
    """
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
    if page + 1 in names_tables(whole):
        assert told.aside
    else:
        assert store.count() >= COUNT - 20
        assert store.recall("memory of many words", now=2e9)
    store.close()
