"""Databases that an earlier version wrote open, upgraded, with everything that is in them."""

import gzip
from pathlib import Path

from memory_router.engines.tiers.store import MemoryStore
from tests.conftest import Home

EARLIER = Path(__file__).parent / "earlier"


def unpack(name: str, target: Path) -> str:
    """Write a database of an earlier version, and return its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.decompress((EARLIER / f"{name}.db.gz").read_bytes()))
    return str(target)


def test_memories_of_an_earlier_version_are_all_there(tmp_path: Path) -> None:
    """They are found by words, keep their id and tags, and can be added to; a copy is kept."""
    path = unpack("memory", tmp_path / "memory.db")
    reader = MemoryStore.open_read_only(path)
    assert reader
    (found,) = reader.recall("why Postgres", now=2e9)
    assert (found.memory.tags, found.memory.project) == (("decision",), "harbour")
    reader.close()
    store = MemoryStore.open(path)
    store.remember("The crane is green")
    assert store.count() == 2
    assert list(tmp_path.glob("*.bak"))


def test_an_archive_of_an_earlier_version_is_moved_to_what_is_precious(home: Home) -> None:
    """Conversations that lay among the caches answer from the data folder, without an import."""
    unpack("transcripts", home.folder / "cache" / "transcripts.db")
    home.run("init", "--tier", "pro")
    found = home.run("query", "when is the tide gauge read", "--backend", "lossless").json["results"]
    assert any("noon" in str(one) for one in found)
    assert (home.folder / "data" / "conversations.db").exists()
    assert not (home.folder / "cache" / "transcripts.db").exists()
