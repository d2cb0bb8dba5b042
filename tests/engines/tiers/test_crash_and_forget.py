"""What was acknowledged outlives crashes and failing disks, and what was forgotten never comes back, in any order."""

import importlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from memory_router.engines.tiers.memory import Selection
from memory_router.engines.tiers.store import MemoryStore
from memory_router.engines.tiers.traces import erase
from memory_router.errors import MemoryRouterError
from memory_router.storage.salvage import is_whole

NOW = 1_790_000_000.0
_ALL = Selection()
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


def _stores() -> Any:
    """Load the disks that fail, which lie beside the package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("fault_stores")
    finally:
        sys.path.remove(str(BENCHMARKS))


FAULTS = _stores()
TEXTS = st.integers(0, 7).map(lambda number: f"zq{number}xv fact about the harbour")


class Crashing(RuleBasedStateMachine):
    """Compare the store with a dictionary while processes die and disks fail at any write."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/memory.db"
        MemoryStore.open(self.path).close()
        self.held: set[str] = set()
        self.unsure: set[str] = set()  # texts whose writing or forgetting was cut off

    def do(self, text: str, act: Any, *, holds: bool) -> None:
        """Act, and say what is known of a text afterwards."""
        try:
            store = MemoryStore.open(self.path)
            try:
                act(store)
            finally:
                store.close()
        except (MemoryRouterError, apsw.Error):
            self.held.discard(text)
            self.unsure.add(text)
            return
        self.unsure.discard(text)
        (self.held.add if holds else self.held.discard)(text)

    @rule(text=TEXTS)
    def remember(self, text: str) -> None:
        """A text is stored."""
        self.do(text, lambda store: store.remember(text, created=NOW), holds=True)

    @rule(text=TEXTS)
    def forget(self, text: str) -> None:
        """A text is forgotten, with every byte of it."""
        self.do(text, lambda store: _remove(store, text), holds=False)
        erase(self.path)
        word = text.split(maxsplit=1)[0].encode()
        files = Path(self.folder.name).iterdir()
        assert [file.name for file in files if word in file.read_bytes().lower()] == []

    @rule(
        text=TEXTS,
        operation=st.sampled_from(FAULTS.OPERATIONS),
        at=st.integers(1, 12),
        for_good=st.booleans(),
        is_forgotten=st.booleans(),
    )
    def fail(self, text: str, operation: str, at: int, for_good: bool, is_forgotten: bool) -> None:
        """A text is stored or forgotten on a disk that fails once or from then on."""
        with FAULTS.default_vfs(operation, at, for_good=for_good):
            if is_forgotten:
                self.do(text, lambda store: _remove(store, text), holds=False)
            else:
                self.do(text, lambda store: store.remember(text, created=NOW), holds=True)

    @rule(text=TEXTS, is_forgotten=st.booleans())
    def die(self, text: str, is_forgotten: bool) -> None:
        """A process dies right after it was told that a text is stored or forgotten, and closes nothing."""
        if not (child := os.fork()):
            with suppress(BaseException):
                store = MemoryStore.open(self.path)
                if is_forgotten:
                    _remove(store, text)
                else:
                    store.remember(text, created=NOW)
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        self.unsure.discard(text)
        (self.held.discard if is_forgotten else self.held.add)(text)

    @invariant()
    def nothing_is_lost_and_nothing_comes_back(self) -> None:
        """The store holds what was acknowledged, once, and beside it at most what was cut off; the file is whole."""
        store = MemoryStore.open(self.path)
        texts = [memory.text for memory in store.find(_ALL, NOW)]
        store.close()
        assert len(texts) == len(set(texts))
        assert self.held <= set(texts) <= self.held | self.unsure
        assert is_whole(self.path)

    def teardown(self) -> None:
        """Remove the files."""
        self.folder.cleanup()


def _remove(store: MemoryStore, text: str) -> None:
    ids = [memory.id for memory in store.find(_ALL, NOW) if memory.text == text]
    store.remove(ids, NOW, "forgotten")


TestCrashing = Crashing.TestCase
TestCrashing.settings = settings(max_examples=25, stateful_step_count=25, derandomize=True)
