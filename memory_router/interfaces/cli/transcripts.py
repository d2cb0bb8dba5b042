"""Import conversations: `memory-router index --transcripts`."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

from memory_router import installation
from memory_router.engines.transcripts import importing
from memory_router.engines.transcripts.files import standard_places
from memory_router.engines.transcripts.importing import Report
from memory_router.errors import MemoryRouterError
from memory_router.interfaces.cli import output
from memory_router.interfaces.cli.graph import follow_index


def import_transcripts(paths: Sequence[str], as_json: bool) -> None:
    """Import transcripts of Claude Code and OpenClaw, and print what was new.

    Args:
        paths: folders or files; none looks where these programs keep them.
        as_json: print JSON also on a terminal.
    """
    report = _import(paths)
    if as_json or not output.is_terminal():
        output.print_json(report._asdict())
        return
    _print_report(report)


def import_what_hosts_keep() -> None:
    """Import the transcripts that lie in the standard places, if there are any, and say how many messages they hold."""
    if not standard_places():
        return
    try:
        report = _import(())
    except MemoryRouterError as error:  # what is in the way of an import is in nobody else's way
        output.note(f"Conversations were not imported: {error}")
        return
    if report.added:
        output.note(f"{report.added:,} messages of {report.sessions:,} sessions were imported.")


def _import(paths: Sequence[str]) -> Report:
    listener = _Bar() if sys.stderr.isatty() else _Words()
    try:
        with listener.shown:
            report = importing.import_transcripts(paths, listener=listener)
        follow_index()
    except KeyboardInterrupt:
        output.note("Interrupted. What was imported stays; run it again to go on from there.")
        sys.exit(130)
    installation.refresh("lossless")
    return report


class _Words(importing.Listener):
    """Tell only what a reader of a log has to know."""

    shown: AbstractContextManager[Any] = nullcontext()

    def waiting(self) -> None:
        output.note("Another run is importing; waiting until it is done.")


class _Bar(_Words):
    """Draw progress bars on stderr: the import in bytes, then the vectors in turns."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self.shown = self._bars = ExitStack()
        columns = (TextColumn("transcripts"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bytes = self._bars.enter_context(Progress(*columns, console=self._console, transient=True))
        self._turns: Progress | None = None
        self._task = self._bytes.add_task("", total=None)

    def surveyed(self, size: int) -> None:
        self._bytes.update(self._task, total=size)

    def advanced(self, size: int) -> None:
        self._bytes.advance(self._task, size)

    def embedded(self, turns: int, total: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._turns is None:
            self._bytes.stop()
            columns = (TextColumn("vectors"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._turns = self._bars.enter_context(Progress(*columns, console=self._console, transient=True))
            self._task = self._turns.add_task("", total=total)
        self._turns.update(self._task, completed=turns)


def _print_report(report: Report) -> None:
    from memory_router.interfaces.cli.tables import print_table

    counts = [(name.replace("_", " "), f"{getattr(report, name):,}") for name in
              ("files", "read", "added", "repeated", "unreadable_lines")]  # fmt: skip
    skipped = [(f"skipped: {reason}", f"{count:,}") for reason, count in report.skipped.items()]
    unreadable = [(f"cannot be read: {path}", reason) for path, reason in report.unreadable.items()]
    print_table(("transcripts", ""), [*counts, *skipped, *unreadable])
    for note in report.notes:
        print(output.visible(note))
    print(f"{report.messages:,} messages of {report.sessions:,} sessions can be searched.")
    print(f"{report.added:,} were added; {_rate(report.added, report.seconds)}.")
    if report.embedded:
        print(f"{report.embedded:,} vectors were made; {_rate(report.embedded, report.embedding_seconds)}.")
    if not report.places:
        print("No transcripts were found. Name their folder: memory-router index --transcripts PATH")


def _rate(count: int, seconds: float) -> str:
    return f"{seconds:.2f} s, {count / max(seconds, 0.01):,.0f} a second"
