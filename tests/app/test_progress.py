"""A run of the index lets others see how far it is."""

import os

import pytest

from memory_router import app, paths
from memory_router.app import progress
from memory_router.engines.documents.indexing import IndexListener
from memory_router.storage.files import exclusive
from tests.conftest import Home


def test_others_see_how_far_a_run_is(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a run holds the index its progress can be read; before, afterwards, and when it was killed it cannot."""
    monkeypatch.setattr(progress, "_SECONDS", 0.0)
    noting = progress.Noting(IndexListener())
    assert progress.progress() is None
    with exclusive(paths.documents_db()):
        assert progress.progress() is None
        noting.surveyed("/notes", 10)
        noting.advanced(3)
        noting.advanced(4)
        assert progress.progress() == progress.Progress("/notes", 10, 7)
    assert progress.progress() is None
    noting.ended()
    assert not os.path.exists(paths.index_progress())


def test_a_run_leaves_no_progress_behind(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a run nothing is left of what it wrote down, and each file was counted once."""
    monkeypatch.setattr(progress, "_SECONDS", 0.0)
    told: list[progress.Progress | None] = []

    class Watching(IndexListener):
        def advanced(self, files: int) -> None:
            told.append(progress.progress())

    for name in ("a.md", "b.md"):
        (own_home.folder / name).write_text("# Tides\n\nThe tide turns at noon.\n")
    app.indexing.index([str(own_home.folder)], Watching())
    assert told
    assert not os.path.exists(paths.index_progress())
