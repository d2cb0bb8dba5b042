"""Show the progress of indexing and imports: a bar on a terminal, else a few lines for a log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from memory_router.app.indexing import ImportListener, IndexListener
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.tables import terminal

if TYPE_CHECKING:
    from rich.progress import Progress


def of_index() -> "_IndexWords":
    """Return what shows the progress of an index."""
    return _IndexBar() if sys.stderr.isatty() else _IndexWords()


def of_log() -> "_IndexWords":
    """Return what only tells when another run has to be waited for."""
    return _IndexWords()


def of_import() -> "_ImportWords":
    """Return what shows the progress of an import of conversations."""
    return _ImportBar() if sys.stderr.isatty() else _ImportWords()


@contextmanager
def of_count() -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how many of how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with _bars("") as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class _IndexWords(IndexListener):
    """Print only what a reader of a log has to know."""

    shown: AbstractContextManager[Any] = nullcontext()

    def waiting(self) -> None:
        output.note("Another run is indexing; waiting until it is done.")


class _IndexBar(_IndexWords):
    """Draw a progress bar on stderr."""

    def __init__(self) -> None:
        self.shown = self._progress = _bars("{task.description}")
        self._task = self._progress.add_task("looking around", total=None)

    def surveyed(self, root: str, files: int) -> None:
        from rich.markup import escape

        self._progress.update(self._task, description=escape(output.visible(root)), total=files, completed=0)

    def advanced(self, files: int) -> None:
        self._progress.advance(self._task, files)


class _ImportWords(ImportListener):
    """Print only what a reader of a log has to know."""

    shown: AbstractContextManager[Any] = nullcontext()

    def waiting(self) -> None:
        output.note("Another run is importing; waiting until it is done.")


class _ImportBar(_ImportWords):
    """Draw progress bars on stderr: the import in bytes, then the vectors in turns."""

    def __init__(self) -> None:
        self.shown = self._bars = ExitStack()
        self._bytes = self._bars.enter_context(_bars("transcripts", in_bytes=True))
        self._turns: Progress | None = None
        self._task = self._bytes.add_task("", total=None)

    def surveyed(self, size: int) -> None:
        self._bytes.update(self._task, total=size)

    def advanced(self, size: int) -> None:
        self._bytes.advance(self._task, size)

    def embedded(self, turns: int, total: int) -> None:
        if self._turns is None:
            self._bytes.stop()
            self._turns = self._bars.enter_context(_bars("vectors"))
            self._task = self._turns.add_task("", total=total)
        self._turns.update(self._task, completed=turns)


def _bars(title: str, *, in_bytes: bool = False) -> "Progress":
    """Return progress bars on stderr, each after a title, which go when they are done."""
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    count = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn(title), BarColumn(), count, TimeRemainingColumn())
    return Progress(*columns, console=terminal(stderr=True), transient=True)
