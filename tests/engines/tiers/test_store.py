"""What must hold when something is remembered."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memory_router.engines.tiers.schema import SCHEMA
from memory_router.engines.tiers.store import LONGEST_TEXT, MemoryStore
from memory_router.errors import CorruptStoreError, NewerStoreError, RefusedMemoryError, StoreError
from memory_router.storage.fulltext import TOKENIZER
from memory_router.storage.sqlite import open_database

NOON = 1_760_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return where a store may be made."""
    return str(tmp_path / "data" / "memory.db")


def test_what_is_remembered_comes_back_as_it_was(path: str) -> None:
    """Text, time, tags and project survive closing and opening; the tier is the lasting one."""
    store = MemoryStore.open(path)
    said = store.remember("Déjà vu:\n\tthe café moved 東京", ["move", "café", "move"], "harbor", NOON)
    store.close()
    again = MemoryStore.open_read_only(path)
    assert again
    (found,) = again.recall("cafe", now=NOON)
    assert found.memory == said.memory
    assert found.memory[1:6] == ("Déjà vu:\n\tthe café moved 東京", NOON, ("move", "café"), "harbor", "persistent")


def test_the_same_text_in_the_same_project_is_one_memory(path: str) -> None:
    """A second time changes nothing, neither time nor tags, and is told apart from the first."""
    store = MemoryStore.open(path)
    first = store.remember("The berth is 12", ["yard"], created=NOON)
    second = store.remember("  The berth is 12\n", ["other"], created=NOON + 9)
    assert (first.is_new, second.is_new) == (True, False)
    assert second.memory == first.memory
    assert store.count() == 1


def test_the_same_text_in_another_project_is_another_memory(path: str) -> None:
    """Projects do not share memories; no project is a place of its own."""
    store = MemoryStore.open(path)
    ids = {store.remember("The berth is 12", project=project).memory.id for project in (None, "a", "b", "  ", "a ")}
    assert len(ids) == store.count() == 3


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\x1b\x07"])
def test_a_text_that_says_nothing_is_refused(path: str, text: str) -> None:
    """Nothing visible, nothing stored, and the error says what to do."""
    store = MemoryStore.open(path)
    with pytest.raises(RefusedMemoryError, match="memory-router remember TEXT"):
        store.remember(text)
    assert store.count() == 0


def test_a_text_may_be_long_but_not_longer(path: str) -> None:
    """100,000 characters are kept whole; one more is refused."""
    store = MemoryStore.open(path)
    longest = ("word " * LONGEST_TEXT)[: LONGEST_TEXT - 1] + "x"
    assert store.remember(longest).memory.text == longest
    with pytest.raises(RefusedMemoryError, match="100,001"):
        store.remember(longest + "x")
    assert store.count() == 1


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), 1e300])
def test_what_is_no_time_is_refused(path: str, moment: float) -> None:
    """A memory has a time on the calendar."""
    with pytest.raises(RefusedMemoryError):
        MemoryStore.open(path).remember("text", created=moment)


def test_secrets_never_reach_the_disk(path: str) -> None:
    """Neither text nor tags hold a secret in any file of the store; what was taken out is told."""
    store = MemoryStore.open(path)
    secret = "hunter2" + "x9" * 9
    remembered = store.remember(f"login with password={secret} please", [f"password={secret}"])
    assert remembered.redacted == ("password",)
    assert remembered.memory.text == "login with password=[redacted:password] please"
    files = list(Path(path).parent.iterdir())
    assert files
    assert not any(secret.encode() in file.read_bytes() for file in files)


def test_control_characters_are_left_out(path: str) -> None:
    """No escape sequence, NUL or lone surrogate is stored; lines and tabs are."""
    stored = MemoryStore.open(path).remember("a\x1b[31mb\x00c\td\ne\ud800f", ["t\x07ag"], "p\x00").memory
    assert (stored.text, stored.tags, stored.project) == ("a[31mbc\td\ne?f", ("tag",), "p")


def test_a_store_that_is_not_there_is_not_made_by_reading(path: str) -> None:
    """Reading creates no file."""
    assert MemoryStore.open_read_only(path) is None
    assert not Path(path).exists()


def test_the_folder_is_private(path: str) -> None:
    """Nobody else reads the memories."""
    MemoryStore.open(path)
    assert Path(path).parent.stat().st_mode & 0o077 == 0


def test_a_reader_sees_what_is_written_meanwhile(path: str) -> None:
    """A reader opened before a write recalls it."""
    writer = MemoryStore.open(path)
    reader = MemoryStore.open_read_only(path)
    assert reader
    assert reader.count() == 0
    writer.remember("fresh fish", created=NOON)
    assert reader.recall("fish", now=NOON)[0].memory.text == "fresh fish"


@pytest.mark.parametrize("opener", [MemoryStore.open, MemoryStore.open_read_only])
def test_a_file_that_is_no_database_is_named_and_left_alone(path: str, opener: Callable[[str], object]) -> None:
    """Damage is an error with its code and a fix; the file is not touched."""
    Path(path).parent.mkdir()
    Path(path).write_bytes(b"these are not the pages " * 500)
    with pytest.raises(CorruptStoreError, match="db repair"):
        opener(path)
    assert Path(path).read_bytes() == b"these are not the pages " * 500


def test_pages_damaged_later_are_an_error_too(path: str) -> None:
    """A store whose pages are overwritten after the first one says that it is damaged, not something else."""
    store = MemoryStore.open(path)
    for number in range(200):
        store.remember(f"memory {number} " + "padding words " * 50)
    store.close()
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(CorruptStoreError):
        MemoryStore.open_read_only(path)


def test_a_newer_store_is_refused(path: str) -> None:
    """A schema of a later version is never touched."""
    open_database(path, SCHEMA).execute("UPDATE schema_versions SET version = 99")
    with pytest.raises(NewerStoreError):
        MemoryStore.open(path)
    with pytest.raises(NewerStoreError):
        MemoryStore.open_read_only(path)


def test_a_folder_that_cannot_be_is_an_error_with_a_fix(tmp_path: Path) -> None:
    """Where a file stands in the way of the folder, the error says so."""
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(StoreError, match="MEMORY_ROUTER_HOME"):
        MemoryStore.open(str(tmp_path / "data" / "memory.db"))


def test_the_index_cuts_words_as_relevance_does(path: str) -> None:
    """Relevance compares stems of its own with those in the index: both come from one tokenizer."""
    sql = open_database(path, SCHEMA).execute("SELECT sql FROM sqlite_schema WHERE name = 'memory_text'").get
    assert f"tokenize = '{TOKENIZER}'" in sql


words = st.sampled_from(["berth", "crane", "tide", "Postgres", "parseAuthToken", "naïve", '"', "OR", "*", "东", "\x00"])
texts = st.lists(words, min_size=1, max_size=5).map(" ".join)


class Remembering(RuleBasedStateMachine):
    """Compare the store with a dictionary while texts are remembered and recalled in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name + "/memory.db"
        self.store = MemoryStore.open(self.path)
        self.known: dict[tuple[str, str | None], float] = {}
        self.clock = NOON

    @rule(text=texts, project=st.sampled_from([None, "a", "b"]), step=st.floats(-1e6, 1e6))
    def remember(self, text: str, project: str | None, step: float) -> None:
        """A text is new exactly when it was not there."""
        self.clock += step
        clean = text.replace("\x00", "").strip()
        if not clean:
            return
        remembered = self.store.remember(text, project=project, created=self.clock)
        assert remembered.is_new == ((clean, project) not in self.known)
        created = self.known.setdefault((clean, project), self.clock)
        assert remembered.memory.created == created

    @rule(query=texts, limit=st.integers(0, 5), project=st.sampled_from([None, "a"]))
    def recall(self, query: str, limit: int, project: str | None) -> None:
        """What is recalled is stored, in the project asked for, ranked, within limits, and repeats nothing."""
        found = self.store.recall(query, limit, project, now=self.clock)
        assert len(found) <= limit
        assert len({one.memory.id for one in found}) == len(found)
        assert [one.relevance for one in found] == sorted((one.relevance for one in found), reverse=True)
        for one in found:
            assert self.known[one.memory.text, one.memory.project] == one.memory.created
            assert project in (None, one.memory.project)
            assert 0 < one.relevance <= 1

    @rule()
    def newest(self) -> None:
        """A question for the last thing gives the memories by time, all above the gate."""
        found = self.store.recall("what was the last thing we changed", 100, now=self.clock)
        assert [one.memory.created for one in found] == sorted(self.known.values(), reverse=True)
        assert all(0.4 <= one.relevance <= 0.9 for one in found)

    @rule()
    def reopen(self) -> None:
        """Nothing depends on the open connection."""
        self.store.close()
        self.store = MemoryStore.open(self.path)

    @invariant()
    def counts(self) -> None:
        """Every text is there once."""
        assert self.store.count() == len(self.known)

    def teardown(self) -> None:
        """Remove the files."""
        self.store.close()
        self.folder.cleanup()


TestRemembering = Remembering.TestCase
TestRemembering.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60), st.text(max_size=40))
def test_any_text_can_be_remembered_and_any_question_asked(text: str, question: str) -> None:
    """No character breaks the store or the question, and what comes back fits into JSON."""
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore.open(folder + "/memory.db")
        try:
            stored = store.remember(text, [text], text).memory
        except RefusedMemoryError:
            return
        assert json.loads(json.dumps(stored))[:6] == [*stored[:3], list(stored.tags), *stored[4:6]]
        store.recall(question, now=NOON)
        store.recall(text, project=text, now=NOON)
        store.close()
